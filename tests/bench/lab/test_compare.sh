#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bench/lab/compare's tables: medians, ratios by round, what is missing, what was lost. test_compare.sh BENCH/COMPARE
set -uo pipefail

compare=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

expect() { # WHAT WANTED GOT
	[ "$2" = "$3" ] && return
	echo "$1: wanted \"$2\", got \"$3\"" >&2
	failures=$((failures + 1))
}

# The columns of the row that begins with these words.
row() { # WORDS... COLUMNS-FROM
	local from=${*: -1}
	set -- "${@:1:$#-1}"
	grep -E "^ *$(printf '%s +' "$@")" "$dir/out" | awk -v from="$from" '{ for (i = from; i <= NF; i++) printf "%s%s", $i, i < NF ? " " : "\n" }'
}

cat >"$dir/rows" <<'ROWS'
block ktstr randread-1 1 100 400 10 20 30 200 600 1
block qemu-io_uring randread-1 1 100 100 40 50 60 200 700 2
block qemu-threads randread-1 1 100 50 80 90 99 200 700 2
block ktstr randread-1 2 100 300 10 20 30 100 600 1
block qemu-io_uring randread-1 2 100 300 40 50 60 200 700 2
block ktstr randread-1 3 100 600 10 20 30 150 none 1
block qemu-io_uring randread-1 3 100 200 40 50 60 200 700 2
console ktstr-bulk to-host 1 33554432 2 64 320 32
console qemu to-host 1 33554432 4.0 128 640 64
console qemu to-guest 1 33554432 0 1 2 3
bare ktstr read-1 1 20000 2.0 20000 40000 20000
bare qemu-io_uring read-1 1 20000 4.0 none none none
bare ktstr-bulk to-host 1 1000 1.0 none none none
start ktstr 1 1 first_run 5000
start qemu 1 1 first_run 20000
start ktstr 1 1 own 2097152
lost qemu 1 2
fact ktstr_engine inline "auto"
ROWS
"$compare" --from "$dir/rows" --json "$dir/json" >"$dir/out" 2>"$dir/err"
expect "exit code" 0 $?
expect "block, ktstr" "400 10 20 30 1.500 6.00 0.010 3.00 (1.00 .. 4.00)" "$(row randread-1 ktstr 3)"
expect "block, the better QEMU" "200 40 50 60 2.000 7.00 0.020" "$(row randread-1 qemu-io_uring 3)"
expect "block, the other" "50 80 90 99 2.000 7.00 0.020" "$(row randread-1 qemu-threads 3)"
expect "console" "16.0 2.00 10.0 1.0 2.00 (2.00 .. 2.00)" "$(row to-host ktstr-bulk 3 | head -n 1)"
expect "a stream that took no time is none" "" "$(row to-guest qemu 3)"
expect "bare" "10000 1.000 2.00 1.000 2.00 (2.00 .. 2.00)" "$(row read-1 ktstr 3)"
expect "bare, not counted" "5000 - - -" "$(row read-1 qemu-io_uring 3)"
expect "first run" "5.0 20.0 ms 0.25 (0.25 .. 0.25)" "$(row 1 start to first KVM_RUN 6)"
expect "memory of one alone" "2.0 - MiB -" "$(row 1 resident beside "guest's" 5)"
expect "rows of figures that nobody brought" 0 "$(grep -c "guest's init" "$dir/out")"
expect "lost" "lost: qemu, 1 vCPUs: 1 starts whose guest never got to its command" "$(grep ^lost "$dir/out")"
expect "JSON" '  "block.randread-1.ktstr.iops": {"median": 400, "rounds": [400, 300, 600]},' "$(grep 'ktstr.iops' "$dir/json")"
expect "a fact's quotes" '  "ktstr_engine": "inline auto",' "$(grep ktstr_engine "$dir/json")"

for bad in "--rounds 0" "--seconds 1.5" "--mib 08" "--cpus 1,,2" "--rounds" "--host other" "--fio sync;id" nonsense; do
	# shellcheck disable=SC2086 # an option and its value
	"$compare" $bad >"$dir/out" 2>"$dir/err"
	expect "exit code of $bad" 64 $?
done

# The nested host of Debian's packages: what was not fetched is said, with the remedy.
debian_host=$(dirname "$compare")/debian-host
for bad in "" "true" "--cpus two -- true" "--memory"; do
	# shellcheck disable=SC2086 # words
	"$debian_host" $bad >"$dir/out" 2>"$dir/err"
	expect "exit code of debian-host $bad" 64 $?
done
KTSTR_CACHE_DIR=$dir "$debian_host" -- true >"$dir/out" 2>"$dir/err"
expect "exit code with nothing fetched" 69 $?
expect "the remedy" 1 "$(grep -c 'run bench/kernel/fetch debian-host$' "$dir/err")"

[ "$failures" -eq 0 ] || exit 1
echo "tables as they should be"
