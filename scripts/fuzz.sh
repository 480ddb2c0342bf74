#!/usr/bin/env bash
# Runs every fuzz target of the packages for the given time, one after the other; the Go tool takes only one at once.
set -euo pipefail
time=${1:?usage: fuzz.sh TIME PACKAGE...}
shift

for package in $(go list "$@"); do
	# grep finds nothing in most packages
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "$package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package"
	done
done
