#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ktstr-frames: every way brings each frame back (the guest checks), by the exits that it is meant to take, and nothing
# is allocated for one. test_frames.sh KTSTR-FRAMES GUEST. No figure of speed is looked at.
set -uo pipefail

frames=$1 guest=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

expect() { # WHAT WANTED GOT
	[ "$2" = "$3" ] && return
	echo "$1: wanted $2, got $3" >&2
	failures=$((failures + 1))
}

# The figure NAME of each round: its cell is known by the lines before.
figures() { # WAY WINDOW NAME
	awk -v way="$1" -v window="$2" -v name="\"$3\":" '
		/"window":/ { w = $2 + 0 }
		/"way":/ { sub(/^[^:]*: "/, ""); sub(/".*/, ""); at = $0 }
		$1 == name && w == window && at == way { print $2 + 0 }' "$dir/json"
}

if ! [ -w /dev/kvm ]; then
	echo "skipped: /dev/kvm can't be opened"
	exit 77
fi

"$frames" --seconds=100ms --rounds=1 --json="$dir/json" "$guest" >"$dir/out" 2>"$dir/err"
expect "exit code" 0 $?
cat "$dir/err" >&2
expect "cells that were measured" 25 "$(grep -c '"allocations": ' "$dir/json")"
expect "runs without an allocation" 25 "$(grep -c '"allocations": 0,\?$' "$dir/json")"
# The kick and two interrupt registers; InterruptStatus alone; none. A guest may be between two exits when the time is over.
for exits in "on the exit:3" "reactor:1" "reactor, page:0" "reactor, poll:1" "reactor, page, poll:0"; do
	paste <(figures "${exits%:*}" 1 exits) <(figures "${exits%:*}" 1 frames) >"$dir/exits"
	expect "frame sizes, ${exits%:*}" 2 "$(wc -l <"$dir/exits")"
	expect "exits a round trip, ${exits%:*}" "" "$(awk -v wanted="${exits#*:}" '
		{ off = ($1 - wanted) * $2 }
		off < -4 || off > 4' "$dir/exits")"
done
expect "busy-wait" 1 "$(grep -c '"busy_wait_ns": 2000000' "$dir/json")"

"$frames" --seconds=1ms --rounds=0 "$guest" 2>"$dir/err"
expect "bad --rounds" 64 $?
"$frames" 2>"$dir/err"
expect "no guest" 64 $?
"$frames" --rounds=1 /nonexistent 2>"$dir/err"
expect "no such guest" 69 $?
expect "its message" 1 "$(grep -c '/nonexistent' "$dir/err")"

[ "$failures" -eq 0 ] || exit 1
echo "all ways measured"
