package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// road is the files that a request and its reply pass.
var road = []string{
	"codec/resp/command.go", "codec/resp/decide.go", "codec/resp/reply.go",
	"codec/memcached/command.go", "codec/memcached/words.go", "codec/memcached/retrieve.go", "codec/memcached/store.go",
	"codec/memcached/other.go", "codec/memcached/reply.go",
	"session/session.go", "session/wait.go", "session/route.go", "session/scatter.go", "session/reply.go", "session/local.go", "session/shard.go",
	"session/list.go", "session/budget.go", "session/lifetime.go", "session/parting.go",
	"loop/loop.go", "loop/flush.go", "loop/link.go", "loop/out.go",
	"backend/local.go", "backend/group.go", "backend/conn.go", "backend/handshake.go", "backend/answer.go", "backend/ending.go",
	"backend/expiry.go", "backend/request.go", "backend/canary.go", "backend/doubt.go",
	"backend/change.go", "topology/router.go", "topology/server.go", "topology/health.go", "topology/successor.go",
}

// drivers are packages whose tests drive another one, too.
var drivers = map[string][]string{
	"loop": {"engine", "tests/sim"}, "backend": {"engine", "tests/sim"}, "session": {"engine", "tests/sim"}, "topology": {"backend"},
}

// slow are tests that wait for real time, or that measure.
const slow = "^Test(NeverReads|ManyNeverRead|BusyServerKeepsItsConnection|Silence|ChangeOfHost.*|Allocs.*|Pause|HandOverLimited|" +
	"ReloadChanges|ReloadUnderLoad|DrainUnderLoad|ReportsUnderTraffic|StuckLoop|Resolve.*|FollowNames.*)$"

// patience is how long the tests of a package may take; a mistake that has them hang is noticed.
const patience = time.Minute

// trial counts what became of mistakes.
type trial struct {
	dir   string
	out   io.Writer
	known map[string]string // why a survivor can't be noticed

	own      int // noticed by the package's own tests
	driven   int // by those of its driver
	survived int
	read     int // of those, known
	broken   int // did not compile
}

func (t *trial) tried() int { return t.own + t.driven + t.survived }

// unchanged runs the tests without any mistake.
func (t *trial) unchanged(ctx context.Context) error {
	var pkgs []string
	for _, file := range road {
		pkgs = append(pkgs, filepath.Dir(file))
	}
	for _, pkg := range slices.Compact(pkgs) {
		v, err := t.test(ctx, pkg, nil)
		if err != nil {
			return err
		}
		if v.outcome != passed {
			return fmt.Errorf("%s fails as it is: %s", pkg, v.by)
		}
	}
	return nil
}

// try makes one mistake and prints what became of it.
func (t *trial) try(ctx context.Context, m *mutant) error {
	own := filepath.Dir(m.file)
	for i, pkg := range append([]string{own}, drivers[own]...) {
		v, err := t.test(ctx, pkg, m)
		switch {
		case err != nil:
			return err
		case v.outcome == passed:
			continue
		case v.outcome == uncompiled:
			t.broken++
			return nil
		case i == 0:
			t.own++
			t.print("killed", m, v.by)
		default:
			t.driven++
			t.print("killed by "+pkg, m, v.by)
		}
		return nil
	}
	t.survived++
	before, after := m.diff()
	if why, ok := t.known[strings.Join([]string{m.file, before, after}, "\t")]; ok {
		t.read++
		t.print("survived, read", m, why)
	} else {
		t.print("SURVIVED", m, "")
	}
	return nil
}

func (t *trial) print(what string, m *mutant, by string) {
	before, after := m.diff()
	fmt.Fprintf(t.out, "%s %s: %s %s\n  - %s\n  + %s\n", what, m.place(), m.kind, by, before, after)
}

// sum prints the figures and says whether they are good enough.
func (t *trial) sum() error {
	fmt.Fprintf(t.out, "\n%d mistakes: %d killed by their own package's tests, %d by its driver's; %d survived, of which %d were read; "+
		"%d more did not compile\n", t.tried(), t.own, t.driven, t.survived, t.read, t.broken)
	if killed := t.own + t.driven; float64(killed) < goal*float64(t.tried()) {
		return fmt.Errorf("%d of %d mistakes were noticed", killed, t.tried())
	}
	return nil
}

type outcome int

const (
	passed outcome = iota
	failed
	uncompiled
)

type verdict struct {
	outcome
	by string // which test failed
}

// test builds and runs the tests of pkg with m in place of the file that it changes; nil: with nothing changed.
func (t *trial) test(ctx context.Context, pkg string, m *mutant) (verdict, error) {
	binary := filepath.Join(t.dir, "test")
	build := []string{"test", "-c", "-vet=off", "-o", binary}
	if m != nil {
		overlay, err := t.overlay(m)
		if err != nil {
			return verdict{}, err
		}
		build = append(build, "-overlay="+overlay)
	}
	if text, err := exec.CommandContext(ctx, "go", append(build, "./"+pkg)...).CombinedOutput(); err != nil {
		return verdict{uncompiled, string(text)}, ctx.Err()
	}
	// A mistake may have a loop without end take memory; where the shell knows no such limit there is none.
	run := exec.CommandContext(ctx, "sh", "-c", `ulimit -v 6000000 2>/dev/null; exec "$0" "$@"`, binary,
		"-test.short", "-test.failfast", "-test.timeout="+patience.String(), "-test.skip="+slow)
	run.Dir, run.WaitDelay = pkg, time.Second
	text, err := run.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return verdict{outcome: passed}, nil
	case ctx.Err() != nil || !errors.As(err, &exit):
		return verdict{}, errors.Join(err, ctx.Err())
	}
	return verdict{failed, culprit(text)}, nil
}

// overlay writes the changed file, and what has the compiler take it.
func (t *trial) overlay(m *mutant) (path string, err error) {
	changed := filepath.Join(t.dir, "changed.go")
	if err := os.WriteFile(changed, m.mutated(), 0o600); err != nil {
		return "", err
	}
	file, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		return "", err
	}
	path = filepath.Join(t.dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}

var failedTest = regexp.MustCompile(`--- FAIL: (\S+)`)

// culprit is the test that noticed: the innermost that is named, else the first line of a panic.
func culprit(text []byte) string {
	name := ""
	for _, f := range failedTest.FindAllSubmatch(text, -1) {
		if n := string(f[1]); strings.HasPrefix(n, name) {
			name = n
		}
	}
	if name != "" {
		return name
	}
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte("panic: ")) || bytes.HasPrefix(line, []byte("fatal error: ")) {
			return string(bytes.TrimSpace(line))
		}
	}
	return "no test named"
}
