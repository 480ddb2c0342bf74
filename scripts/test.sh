#!/usr/bin/env bash
# go test with these arguments: what it says without -v and, below each package, which tests were skipped there and why. A test that was
# skipped is none that passed, and whoever has not installed a server should see what that costs.
set -euo pipefail
line_by_line=()
if awk -W version 2>/dev/null </dev/null | grep -qi mawk; then line_by_line=(-W interactive); fi
${GO:-go} test -v "$@" | awk "${line_by_line[@]}" '
	$1 == "===" { test = $3; kept[lines++] = $0; next }
	/^ +[a-z_0-9A-Z]+\.go:[0-9]+: / { why[test] = $0; sub(/^ +[^ ]+ /, "", why[test]) }
	$1 == "---" && $2 == "SKIP:" { if (!count[why[$3]]++) order[reasons++] = why[$3] }
	/^ok  / || /^\?   / {
		print
		for (i = 0; i < reasons; i++) print "      skipped " count[order[i]] ": " order[i]
		forget()
		next
	}
	/^FAIL\t/ {
		for (i = 0; i < lines; i++) if (kept[i] !~ /^=== |^ *--- (PASS|SKIP)|^PASS$/) print kept[i]
		print
		forget()
		next
	}
	{ kept[lines++] = $0 }
	END { for (i = 0; i < lines; i++) if (kept[i] !~ /^=== |^ *--- (PASS|SKIP)|^PASS$/) print kept[i] }
	function forget() { delete kept; delete why; delete count; delete order; lines = reasons = 0; fflush() }
'
