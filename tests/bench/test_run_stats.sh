#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What `ktstr run --stats` tells of the reactor and the disks, and that a guest runs without io_uring too.
# test_run_stats.sh KTSTR GUEST: a guest of our own, for any /dev/kvm.
set -uo pipefail

ktstr=$1 guest=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

if ! [ -r /dev/kvm ] || ! [ -w /dev/kvm ]; then
	echo "skipped: no /dev/kvm"
	exit 77
fi

expect() { # WHAT GREP-PATTERN
	tr -d '\n' <"$dir/stats" | tr -s ' ' | grep -q -- "$2" && return
	echo "$1: not found: $2" >&2
	failures=$((failures + 1))
}

# run ARGS: the guest powers off at once; its stats
run() {
	"${forbid[@]}" "$ktstr" run --host try --bypass-llc-locks --cpus 1 --kernel "$guest" --initrd "$0" \
		--timeout 60s --stats "$dir/stats" --disk size=1M --disk "$dir/disk,iops=100" "$@" </dev/null 2>"$dir/err" && return
	echo "exit code of run $*: $?" >&2
	cat "$dir/err" >&2
	failures=$((failures + 1))
}

truncate -s 1M "$dir/disk"
forbid=()
run --poll 70
expect "busy-wait as asked" '"poll": { "max_ns": 70000, "reason": "asked for", "hits": [0-9]*, "misses": [0-9]*, "preempted": [0-9]*, "ns": [0-9]* }'
expect "CPU time" '"cpu_ns": [1-9]'
expect "workers" '"workers": { "bounded_max": [0-9]*, "unbounded_max": [0-9]*, "alive": [0-9]*, "alive_cpu_ns": [0-9]* }'
expect "latency of each kind" '"latency_ns": { "read": { "count": 0, .*"write": { "count": 0, .*"flush": { "count": 0, '
expect "lateness" '"throttle_late_ns": { "count": 0, '
expect "in flight" '"in_flight": 0, "in_flight_max": 0'
expect "operations by their way" '"engine_operations": { "at_once": 0, "on_ring": 0, "bounced": 0, "bounce_waits": 0 }'
run --poll off
expect "no busy-wait" '"poll": { "max_ns": 0, "reason": "asked for"'

forbid=(strace -f -o /dev/null -e trace=io_uring_setup -e inject=io_uring_setup:error=EPERM)
if "${forbid[@]}" true 2>/dev/null; then
	run --poll 70
	grep -q '^ktstr: no io_uring here (Operation not permitted): devices work by epoll' "$dir/err" || failures=$((failures + 1))
	expect "no ring" '"epoll": true'
	expect "no busy-wait without a ring" '"poll": { "max_ns": 0, "reason": "there is no ring'
	expect "engine without a ring" '"engine": "sync", "engine_reason": "auto: there is no io_uring here"'
else
	echo "strace can't forbid a system call here: not tried without io_uring"
fi
[ "$failures" -eq 0 ]
