#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# BEN-12: ktstr-workload --command on this machine. test_command.sh KTSTR-WORKLOAD
set -euo pipefail
workload=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# Any program: its times, its outputs also for ours, its files, its exit code; a descendant that goes on holds nobody.
code=0
echo 'score 7' >"$dir/figures.txt"
"$workload" --command --parse "$dir/fig*.txt" -- sh -c 'echo "a \"quoted\" line"; printf "\377\n" >&2; sleep 5 & exit 3' \
	>"$dir/out" 2>"$dir/err" || code=$?
[ "$code" = 3 ] || { echo "not the command's exit code" && failed=1; }
grep -q 'a "quoted" line' "$dir/out" || { echo "the command's output is not handed on" && failed=1; }
python3 - "$dir/out" <<'PYTHON' || failed=1
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1]) if line.startswith("{")]
texts = {line["ktstr_output"]: line["text"] for line in lines[:-1]}
assert texts == {"stdout": 'a "quoted" line\n', "stderr": "?\n", "file": "score 7\n"}, texts
end = lines[-1]
assert end["ktstr_command"][0] == "sh" and end["exit_code"] == 3 and end["signal"] == 0, end
assert end["wall_ns"] == end["window"]["end_ns"] - end["window"]["begin_ns"] > 0 and end["max_rss_bytes"] > 0, end
PYTHON
"$workload" --command -- sh -c 'kill -9 $$' >"$dir/out" || code=$?
grep -q '"exit_code":137,"signal":9' "$dir/out" || code=0
[ "$code" = 137 ] || { echo "a killed command is not told" && failed=1; }
"$workload" --command -- "$dir/nonesuch" >/dev/null 2>&1 || code=$?
[ "$code" = 127 ] || { echo "a missing command is not 127" && failed=1; }
# More than is kept is counted, and handed on whole.
"$workload" --command -- head -c 5000000 /dev/zero | tr -d '\0' | tail -n 1 | grep -q '"stdout_bytes":5000000,.*"truncated":true' ||
	{ echo "output beyond what is kept is not counted" && failed=1; }
exit $failed
