#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What `ktstr run --stats` tells of the reactor and the disks, and that a guest runs without io_uring too.
# test_run_stats.sh KTSTR GUEST: a guest of our own, for any /dev/kvm.
set -uo pipefail

ktstr=$1 guest=$2
unset MALLOC_PERTURB_
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
for name in reads_completed writes_completed flushes_completed bytes_read bytes_written io_errors throttled_count \
	currently_throttled_gauge; do
	expect "$name" "\"$name\": 0[,} ]"
done
expect "in flight" '"in_flight": 0, "in_flight_max": 0'
expect "operations by their way" '"engine_operations": { "at_once": 0, "on_ring": 0, "bounced": 0, "bounce_waits": 0 }'
run --poll off --net
# With all devices, beside the guest's memory; a sanitizer has its own, and what perturbs memory touches all of it.
own=$(sed -n 's/.*"own_resident_bytes": \([0-9]*\).*/\1/p' "$dir/stats")
if ! grep -qE '__(asan|tsan|ubsan)_' "$ktstr" && [ "${own:-9999999}" -gt $((2 << 20)) ]; then
	echo "the VMM takes ${own:-no word how many} bytes" >&2
	failures=$((failures + 1))
fi
expect "no busy-wait" '"poll": { "max_ns": 0, "reason": "asked for"'

# The registers' page: as asked for, or as measured; what was measured is remembered, a refusal too.
export KTSTR_CACHE_DIR=$dir/cache
mkdir "$KTSTR_CACHE_DIR"
run --register-page on
expect "page, asked for" '"register_page": { "used": true, "why": "asked for", "exits_round_trip_ns": [1-9][0-9]*, "page_round_trip_ns": [1-9n]'
[ -e "$KTSTR_CACHE_DIR/kvm-probe-page" ] || { echo "what was measured is not remembered" >&2; failures=$((failures + 1)); }
run --register-page off
expect "no page, asked for" '"register_page": { "used": false, "why": "asked for", '
run
expect "page, measured" '"register_page": { "used": [a-z]*, "why": "auto: .*", "exits_round_trip_ns": [1-9][0-9]*, "page_round_trip_ns": [1-9n]'
# answer LINE2 LINE3: what is remembered from now on
answer() {
	{ head -n 1 "$KTSTR_CACHE_DIR/kvm-probe-page" && printf '%s\n%s\n' "$1" "$2"; } >"$dir/answer"
	cp "$dir/answer" "$KTSTR_CACHE_DIR/kvm-probe-page"
}
answer "1 2000 1000" ""
run
expect "remembered: faster" '"used": true, "why": "auto: a round trip takes 1.0 us from memory, 2.0 us by exits", "exits_round_trip_ns": 2000, "page_round_trip_ns": 1000 '
answer "1 2000 3000" ""
run
expect "remembered: slower" '"used": false, "why": "auto: a round trip takes 3.0 us from memory, 2.0 us by exits"'
expect "cheap exits: as the files have them" '"guest_images": "mapped"'
answer "1 200000 300000" ""
run
expect "dear exits: huge pages" '"guest_images": "copied"'
forbid=(strace -f -o /dev/null -P "$0" -e trace=pread64 -e inject=pread64:error=EIO)
if "${forbid[@]}" true 2>/dev/null; then
	"${forbid[@]}" "$ktstr" run --host try --bypass-llc-locks --cpus 1 --kernel "$guest" --initrd "$0" </dev/null 2>"$dir/err" &&
		failures=$((failures + 1))
	grep -qF "$0: Input/output error" "$dir/err" || { cat "$dir/err" >&2; failures=$((failures + 1)); }
fi
forbid=()
answer "0 2000 0" "this KVM, as remembered"
run
expect "remembered: refused" '"used": false, "why": "auto: this KVM, as remembered", "exits_round_trip_ns": 2000, "page_round_trip_ns": null '
answer "0 0 0" "this KVM, either way"
run
expect "remembered: either way refused" '"used": false, "why": "auto: this KVM, either way", "exits_round_trip_ns": null, "page_round_trip_ns": null '
answer "1 0 1000" "works, in no time at all"
run
expect "nonsense: measured anew" '"why": "auto: \(a round trip takes\|this KVM refuses\)'
sed -i '1s/^..../0000/' "$KTSTR_CACHE_DIR/kvm-probe-page"
run
expect "remembered in another boot" '"why": "auto: \(a round trip takes\|this KVM refuses\)'

forbid=(strace -f -o /dev/null -e trace=io_uring_setup -e inject=io_uring_setup:error=EPERM)
if "${forbid[@]}" true 2>/dev/null; then
	run --poll 70
	grep -q '^ktstr: io_uring is not available (Operation not permitted): devices use epoll' "$dir/err" || failures=$((failures + 1))
	expect "no ring" '"epoll": true'
	expect "no busy-wait without a ring" '"poll": { "max_ns": 0, "reason": "there is no ring'
	expect "engine without a ring" '"engine": "sync", "engine_reason": "auto: there is no io_uring here"'
else
	echo "strace can't forbid a system call here: not tried without io_uring"
fi
[ "$failures" -eq 0 ]
