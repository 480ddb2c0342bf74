#!/bin/sh
# Compare the Go benchmarks of two revisions: both sides' test binaries run in turn, then benchstat tells them apart.
#
#	bench/compare.sh BASE [HEAD]     make benchcmp BASE=main
#
# Without HEAD, the other side is the tree as it is now, changes that are not committed included. Environment:
#
#	BENCH      benchmarks to run, a regexp (default .)
#	PKG        packages, as go list takes them (default ./...)
#	COUNT      runs of each side (default 10)
#	BENCHTIME  as -test.benchtime (default 200ms)
#	TAGS       build tags
#	CPU        CPU for taskset to run both sides on (default: none, any CPU)
#	OUT        directory that keeps base.txt and head.txt (default: none, they are removed)
set -eu

benchstat=golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

if [ $# -lt 1 ] || [ $# -gt 2 ] || [ -z "$1" ]; then
	echo "usage: bench/compare.sh BASE [HEAD]      (make benchcmp BASE=main)" >&2
	exit 2
fi
cd "$(dirname "$0")"
root=$(git rev-parse --show-toplevel) # of the repository; the module may lie deeper
sub=$(cd .. && git rev-parse --show-prefix)
cd "$root/$sub"
base=$(git rev-parse --verify --quiet "$1^{commit}") || { echo "compare.sh: no revision $1" >&2; exit 2; }
head=
if [ $# -eq 2 ]; then
	head=$(git rev-parse --verify --quiet "$2^{commit}") || { echo "compare.sh: no revision $2" >&2; exit 2; }
fi
bench=${BENCH:-.} pkgs=${PKG:-./...} count=${COUNT:-10} benchtime=${BENCHTIME:-200ms} tags=${TAGS:-}
case $count in
'' | *[!0-9]* | 0) echo "compare.sh: COUNT=$count: want a number of runs" >&2; exit 2 ;;
esac
pin=
if [ -n "${CPU:-}" ]; then
	pin="taskset -c $CPU"
fi

tmp=$(mktemp -d)
child=
cleanup() {
	status=$?
	trap - EXIT INT TERM HUP
	[ -z "$child" ] || kill "$child" 2>/dev/null || :
	for side in base head; do
		[ ! -d "$tmp/$side" ] || git -C "$root" worktree remove --force "$tmp/$side" || :
	done
	rm -rf "$tmp"
	exit $status
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# build SIDE TREE: one test binary for each package of TREE that has benchmarks, in tmp/SIDE.bin, and a list of
# "directory binary" lines in tmp/SIDE.list.
build() {
	mkdir "$tmp/$1.bin"
	: >"$tmp/$1.list"
	(
		cd "$2/$sub"
		# shellcheck disable=SC2086 # PKG may name several
		go list -tags "$tags" -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}' $pkgs | while read -r dir; do
			grep -qs '^func Benchmark' "$dir"/*_test.go || continue
			n=$(wc -l <"$tmp/$1.list")
			bin=$tmp/$1.bin/$((n + 1)).test
			(cd "$dir" && go test -c -tags "$tags" -o "$bin" .)
			[ ! -f "$bin" ] || echo "$dir $bin" >>"$tmp/$1.list"
		done
	)
}

# run SIDE: every benchmark of a side once, appended to tmp/SIDE.txt.
run() {
	while read -r dir bin; do
		# In the background, so that a signal ends the benchmark and not only this script.
		(cd "$dir" && exec $pin "$bin" -test.run '^$' -test.bench "$bench" -test.benchmem \
			-test.benchtime "$benchtime" -test.count 1 -test.timeout 10m) >"$tmp/run.txt" 2>&1 </dev/null &
		child=$!
		if ! wait "$child"; then
			child=
			cat "$tmp/run.txt" >&2
			echo "compare.sh: the benchmarks in $dir failed" >&2
			exit 1
		fi
		child=
		cat "$tmp/run.txt" >>"$tmp/$1.txt"
	done <"$tmp/$1.list"
}

echo "compare.sh: building" >&2
git -C "$root" worktree add --quiet --detach "$tmp/base" "$base"
tree=$root
if [ -n "$head" ]; then
	git -C "$root" worktree add --quiet --detach "$tmp/head" "$head"
	tree=$tmp/head
fi
build base "$tmp/base"
build head "$tree"
for side in base head; do
	if [ ! -s "$tmp/$side.list" ]; then
		echo "compare.sh: no benchmarks on the $side side in $pkgs" >&2
		exit 1
	fi
done

i=1
while [ "$i" -le "$count" ]; do
	echo "compare.sh: round $i of $count" >&2
	if [ $((i % 2)) -eq 1 ]; then # who goes first takes turns as well
		run base
		run head
	else
		run head
		run base
	fi
	i=$((i + 1))
done
if [ -n "${OUT:-}" ]; then
	mkdir -p "$OUT"
	cp "$tmp/base.txt" "$tmp/head.txt" "$OUT"
fi
cd "$tmp" && go run "$benchstat" "base=base.txt" "head=head.txt"
