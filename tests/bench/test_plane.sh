#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ktstr-plane: every contender is measured or says why not, nothing is allocated after DRIVER_OK, the queue is filled as
# deep as was asked. test_plane.sh KTSTR-PLANE. No figure of speed is looked at.
set -uo pipefail

plane=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

expect() { # WHAT WANTED GOT
	[ "$2" = "$3" ] && return
	echo "$1: wanted $2, got $3" >&2
	failures=$((failures + 1))
}

count() { grep -c "$1" "$dir/json"; }

run() { # ARGS: tiny runs, and what they left
	"$plane" --seconds=5ms --rounds=1 --size=1M --json="$dir/json" "$@" >"$dir/out" 2>"$dir/err"
}

if ! [ "$(stat -f -c %T /dev/shm 2>/dev/null)" = tmpfs ]; then
	echo "skipped: /dev/shm is no tmpfs"
	exit 77
fi

# Without fio: three engines on six cells, fio's two each skipped with the reason.
PATH=/nonexistent run --only=tmpfs
expect "exit code" 0 $?
expect "engines measured" 18 "$(count '"in_flight_max"')"
expect "runs without an allocation" 18 "$(count '"allocations": 0,\?$')"
expect "depth 32 on the ring" 2 "$(count '"in_flight_max": 32,\?$')"
expect "depth 8 on the ring" 2 "$(count '"in_flight_max": 8,\?$')"
expect "inline where it can't block" 6 "$(count '"engine": "inline"')"
expect "fio skipped, in JSON" 12 "$(count 'fio is not installed')"
expect "fio skipped, in the table" 12 "$(grep -c '^skipped: .*fio is not installed$' "$dir/out")"

# What can't be measured there says so.
run --only=tmpfs --tmpfs=/proc
expect "exit code without a file" 69 $?
expect "its reason" 30 "$(grep -c '^skipped: tmpfs .*: no file in /proc: ' "$dir/out")"

for bad in --seconds=0 --rounds=0 --rounds=100 --size=4097 --only=floppy --nonsense word; do
	run "$bad"
	expect "exit code of $bad" 64 $?
done

[ "$failures" -eq 0 ]
