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

# Without fio: four devices on six cells, fio's two each skipped with the reason.
PATH=/nonexistent run --only=tmpfs
expect "exit code" 0 $?
expect "engines measured" 24 "$(count '"in_flight_max"')"
expect "runs without an allocation" 24 "$(count '"allocations": 0,\?$')"
expect "depth 32 on the ring" 2 "$(count '"in_flight_max": 32,\?$')"
expect "depth 8 on the ring" 2 "$(count '"in_flight_max": 8,\?$')"
expect "inline where it can't block" 12 "$(count '"engine": "inline"')"
expect "fio skipped, in JSON" 12 "$(count 'fio is not installed')"
expect "fio skipped, in the table" 12 "$(grep -c '^skipped: .*fio is not installed$' "$dir/out")"

# Where a busy-wait was asked for it is there, but not of sync and of the contender without; and off is off.
PATH=/nonexistent run --only=tmpfs --poll=1000
expect "exit code with --poll" 0 $?
expect "its bound" 1 "$(count '"poll_ns": 1000000,')"
n=$(grep '"poll_us"' "$dir/json" | grep -vc '"poll_us": 0.0,')
expect "auto and uring busy-waited" yes "$([ "$n" -ge 1 ] && [ "$n" -le 12 ] && echo yes)"
PATH=/nonexistent run --only=tmpfs --poll=off
expect "runs that busy-waited, off" 0 "$(grep '"poll_us"' "$dir/json" | grep -vc '"poll_us": 0.0,')"

# What can't be measured there says so.
run --only=tmpfs --tmpfs=/proc
expect "exit code without a file" 69 $?
expect "its reason" 36 "$(grep -c '^skipped: tmpfs .*: no file in /proc: ' "$dir/out")"

for bad in --seconds=0 --rounds=0 --rounds=100 --size=4097 --only=floppy --poll=1s --poll=1000001 --nonsense word; do
	run "$bad"
	expect "exit code of $bad" 64 $?
done

# The throttle's cases each give a row, and nothing stands still.
"$plane" throttle --seconds=20ms --json="$dir/json" >"$dir/out" 2>"$dir/err"
expect "exit code of throttle" 0 $?
expect "limits measured" 7 "$(count '"late_p999_ns"')"
expect "rows" 7 "$(grep -cE '^(iops|bps)=' "$dir/out")"
expect "no limit without a grant" 0 "$(count '"grants": 0,')"
"$plane" throttle --seconds=0 >"$dir/out" 2>"$dir/err"
expect "exit code of throttle --seconds=0" 64 $?

[ "$failures" -eq 0 ]
