# Everything a developer types. `make help` lists it. What the tests compare with is installed by scripts/servers.sh.

# What the last tag says, v1.2.0 or v1.2.0-3-g0123abc, and in a tree without one that it is no release.
VERSION ?= $(or $(patsubst v%,%,$(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null)),0.1.0-dev)
GO      ?= go

# Tools run from source, at pinned versions.
GOLANGCI    = $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOFUMPT     = $(GO) run mvdan.cc/gofumpt@v0.12.0
GOSEC       = $(GO) run github.com/securego/gosec/v2/cmd/gosec@v2.30.0
NFPM        = $(GO) run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4
GOVULNCHECK = $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0

# Modules of their own, whose libraries the program has not; go.work has them all.
MODULES = ./bench/plot ./tests/difftest ./tests/ui

# What builds the program and starts it before real servers takes all processors it can have: one such package at a time.
# The go command does not know that these tests depend on the program, so their results must not come from its cache.
REAL = ./bench ./tests/compat ./tests/difftest ./tests/faults
# These wait for servers most of the time, and do so together.
WAITS = ./tests/cluster ./tests/discovery ./tests/dist ./tests/near ./tests/replicas ./tests/sentinel
FAST  = $(filter-out $(patsubst ./%,cashew/%,$(REAL) $(WAITS)),$(shell $(GO) list ./... $(MODULES)))

BINARY   ?= bin/cashew
LDFLAGS   = $(if $(STRIP),-s -w )-X main.version=$(VERSION)
PLATFORMS = linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 freebsd/amd64 freebsd/arm64
ARCHITECTURES = amd64 arm64
FUZZTIME ?= 30s

# Where make install puts things; a package is made with DESTDIR.
PREFIX  ?= /usr/local
BINDIR   = $(DESTDIR)$(PREFIX)/bin
MANDIR   = $(DESTDIR)$(PREFIX)/share/man/man1
BASHDIR  = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(DESTDIR)$(PREFIX)/share/zsh/site-functions
FISHDIR  = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
UNITDIR  = $(DESTDIR)$(PREFIX)/lib/systemd/system
USERDIR  = $(DESTDIR)$(PREFIX)/lib/sysusers.d
DOCDIR   = $(DESTDIR)$(PREFIX)/share/doc/cashew
INSTALLED = $(BINDIR)/cashew $(MANDIR)/cashew.1 $(BASHDIR)/cashew $(ZSHDIR)/_cashew $(FISHDIR)/cashew.fish $(UNITDIR)/cashew.service $(USERDIR)/cashew.conf

# Debian keeps nutcracker in /usr/sbin, which is not in everyone's PATH.
export PATH := $(PATH):/usr/sbin

.DEFAULT_GOAL := build
.PHONY: build run fmt lint servers vet test test-ui race fuzz diff compat faults cluster sim plants mutate bench benchcmp count plots vuln cover cross ci dist install install-files release packages uninstall clean help

build: ## bin/cashew, one static binary
	CGO_ENABLED=0 GOWORK=off $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BINARY) .

run: build ## cashew demo; PORT=22131 moves all its ports, CONF=configs/redis.yml runs a file
	bin/cashew $(if $(CONF),-c $(CONF) $(if $(PORT),-s $$(($(PORT) + 101))),demo $(if $(PORT),--embedded-port=$(PORT))) $(ARGS)

fmt: ## format all Go files
	$(GOFUMPT) -w .

lint: ## format, comments, common mistakes, and which package may import which
	@unformatted=$$($(GOFUMPT) -l .); test -z "$$unformatted" || { echo "make fmt would change:"; echo "$$unformatted"; exit 1; }
	$(GOLANGCI) run ./... $(MODULES)

servers: ## install redis-server, memcached, nutcracker and valgrind where that needs no password
	@scripts/servers.sh

vet:
	$(GO) vet ./... $(MODULES)

test: servers build vet ## all tests, and which were skipped and why
	GO='$(GO)' scripts/test.sh $(FAST)
	GO='$(GO)' scripts/test.sh -tags invariants -run Copies ./engine
	GO='$(GO)' scripts/test.sh -tags invariants -run 'TestSim$$' ./tests/sim -sim.duration=20s
	GO='$(GO)' scripts/test.sh -count=1 $(WAITS)
	GO='$(GO)' scripts/test.sh -count=1 -p 1 $(REAL)

test-ui: ## the dashboard in a headless Chromium, where there is one; pictures go below bin/ui
	@mkdir -p bin/ui
	$(GO) test -count=1 -v -run UI -artifacts -outputdir=$(CURDIR)/bin/ui ./tests/ui

race: ## the product's tests under the race detector, consumed bytes and free buffers overwritten
	$(GO) test -race -tags invariants $(filter-out cashew/bench/% cashew/tests/house cashew/tests/plant cashew/tests/mutate,$(FAST))
	$(GO) test -count=1 -race -tags invariants ./tests/difftest

fuzz: ## each fuzz target for FUZZTIME=30s
	@scripts/fuzz.sh $(FUZZTIME) ./... $(MODULES)

diff: servers ## the same bytes to redis-server and nutcracker and through us
	$(GO) test -count=1 ./tests/difftest $(ARGS)

compat: servers ## client libraries and frameworks, directly and through us, and docs/compatibility.md; ARGS='-run Libraries/ioredis'
	@scripts/servers.sh compat
	$(GO) test -count=1 -timeout=0 ./tests/compat -full $(ARGS)

faults: servers ## servers killed, stopped, late and cut under load; ARGS=-faults.duration=10m for the soak
	$(GO) test -count=1 -timeout=0 -v ./tests/faults $(ARGS)

cluster: servers ## a Redis Cluster whose slots move and whose masters change, die and stop under load; ARGS=-cluster.duration=5m for longer
	$(GO) test -count=1 -timeout=0 -v ./tests/cluster -cluster.duration=1m $(ARGS)

sim: ## the whole proxy in a simulated world; ARGS='-sim.duration=1h -sim.seed=7'
	$(GO) test -count=1 -timeout=0 -v -run 'TestSim$$' ./tests/sim $(ARGS)

plants: ## faults to plant, by name; PLANT=NAME plants one (PLANT=all: each) and says what finds it, and when; ARGS='-jobs 2 -wall 1m'
	@$(GO) run ./tests/plant $(ARGS) $(PLANT)

mutate: ## mistakes on a request's road, and whether the tests notice; ARGS='-n 20 -seed 7 -only session.go'
	$(GO) run ./tests/mutate $(ARGS)

bench: servers build ## what the goals ask for, bursts in turn, about an hour; ARGS='-rounds 3' for ten minutes, '-set matrix', '-set scale', -quick
	$(GO) run ./bench $(ARGS)

benchcmp: ## what this tree does to BASE=main's benchmarks, instructions and bench; WHAT=micro, count or e2e for one of them
	@$(GO) run ./bench/compare $(or $(BASE),main) $(HEAD)

plots: ## docs/plots and the tables of README.md and docs anew, from the results of the bench that git keeps
	rm -f docs/plots/*.svg
	$(GO) run ./bench/plot $(or $(RESULTS),$(shell git ls-files 'bench/results/*.json'))
	$(GO) run ./bench -show bench/results/goals.json -pages

count: servers ## instructions a request, against those recorded; ARGS=-update records them
	$(GO) run ./bench/callgrind $(ARGS)

vuln: ## known vulnerabilities, and what gosec finds of high severity; needs the network
	$(GOVULNCHECK) ./...
	$(GOSEC) -quiet -severity high -confidence high -exclude-dir tests -exclude-dir bench ./...

cover: ## coverage of all packages, by function
	$(GO) test -coverpkg=./... -coverprofile=cover.out ./... $(MODULES)
	$(GO) tool cover -func=cover.out

cross: ## everything compiles for Linux, macOS and FreeBSD
	@for p in $(PLATFORMS); do echo "$$p"; \
		CGO_ENABLED=0 GOWORK=off GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/$$p/ ./... || exit 1; done

ci: ## what a change must pass
	$(MAKE) test
	$(MAKE) lint
	$(MAKE) race
	$(MAKE) fuzz FUZZTIME=5s
	$(MAKE) cross

install: build ## to PREFIX=/usr/local, below DESTDIR; with NUTCRACKER=1 also under nutcracker's name
	@$(MAKE) --no-print-directory install-files

install-files: # of BINARY
	install -d $(BINDIR) $(MANDIR) $(BASHDIR) $(ZSHDIR) $(FISHDIR) $(UNITDIR) $(USERDIR)
	install -m 755 $(BINARY) $(BINDIR)/cashew
	install -m 644 dist/cashew.1 $(MANDIR)/cashew.1
	install -m 644 dist/cashew.bash $(BASHDIR)/cashew
	install -m 644 dist/cashew.zsh $(ZSHDIR)/_cashew
	install -m 644 dist/cashew.fish $(FISHDIR)/cashew.fish
	sed 's,/usr/local/,$(PREFIX)/,g' dist/cashew.service >$(UNITDIR)/cashew.service && chmod 644 $(UNITDIR)/cashew.service
	install -m 644 dist/cashew.sysusers $(USERDIR)/cashew.conf
	scripts/docs.sh $(DOCDIR)
	$(if $(NUTCRACKER),ln -sf cashew $(BINDIR)/nutcracker)
	$(if $(NUTCRACKER),ln -sf cashew $(BASHDIR)/nutcracker)

release: ## archives for all PLATFORMS with checksums, of the tag that the tree is at, below bin/release; VERSION=1.2.0 names another
	@$(if $(filter-out environment command line,$(origin VERSION)),git describe --tags --exact-match --match 'v[0-9]*' >/dev/null && git diff --quiet HEAD,:) || \
		{ echo "release: the tree is at no tag like v1.2.0, or has changes"; exit 1; }
	@scripts/release.sh $(VERSION) $(PLATFORMS)

dist: ## what is installed, with all that takes it: packages built, installed and removed, zsh, fish, promtool, Kubernetes and compose
	@scripts/servers.sh dist
	$(GO) test -count=1 -v ./tests/dist -full $(ARGS)
	GOWORK=off $(GO) -C tests/examples test -count=1 ./...

packages: ## deb and rpm below bin/packages
	@NFPM='$(NFPM)' scripts/packages.sh $(VERSION) $(ARCHITECTURES)

uninstall: ## remove what make install put there; configuration stays
	rm -f $(INSTALLED)
	rm -rf $(DOCDIR)
	@for l in $(BINDIR)/nutcracker $(BASHDIR)/nutcracker; do \
		if [ "$$(readlink $$l)" = cashew ]; then rm -f $$l; fi; done

clean: ## remove what was built
	rm -rf bin cover.out tests/compat/node/node_modules tests/compat/node/apps/node_modules

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
