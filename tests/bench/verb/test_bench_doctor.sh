#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# HST-05: ktstr bench doctor lists what disturbs, each with its remedy, and says the smallest difference that can be
# shown. usage: test_bench_doctor.sh KTSTR
set -euo pipefail
ktstr=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export KTSTR_CACHE_DIR=$dir/cache KTSTR_LOCK_DIR=$dir
failed=0

check() { # NAME COMMAND...
	local name=$1
	shift
	"$@" >"$dir/said" 2>&1 && return
	echo "not ok: $name"
	cat "$dir/said" "$dir/out" "$dir/err"
	failed=1
}
run() { # CODE WORDS...
	local code=$1 got=0
	shift
	"$ktstr" bench doctor "$@" >"$dir/out" 2>"$dir/err" </dev/null || got=$?
	check "ktstr bench doctor $*: exit code $got, not $code" [ "$got" = "$code" ]
}
# One boot: FILE P50-NS
plant() {
	cat >"$1" <<-END
		{"schema":"ktstr-bench/1","results":[{"workload":"wakeup","metric":"wakeup_latency","unit":"ns","rate_per_s":1000,
		"histogram":{"count":2000,"min":$2,"max":$2,"sum":$(($2 * 2000)),"buckets":[[$2,2000]]}}],
		"machine":{"guest":{"environment":{"kernel":"7.3","sched_ext":null}}}}
	END
}

# --- the list
run 0 --no-boots
check "a remedy for each" awk '/^  [^ ]/ { n++ } /remedy: ./ { r++ } END { exit n != r }' "$dir/out"
kind=$("$ktstr" doctor --kvm-kind)
[ "$kind" = hardware ] || check "nested is named" grep -q '^  nested host .*nested host (QEMU, TCG)' "$dir/out"
[ "$kind" != software ] || check "emulated is named" grep -q '^  emulated KVM' "$dir/out"
check "no boots" sh -c "! grep -q A/A '$dir/out'"
run 0 --no-boots --json
check "JSON" grep -q '"schema": "ktstr-bench-doctor/1"' "$dir/out"
check "settings" grep -q '"clocksource": ' "$dir/out"
# Another machine: its lock is a neighbour's.
exec 9>"$dir/ktstr-cpu-0.lock"
flock 9
run 0 --no-boots
check "contention" grep -q '^  other machines .*1 other ktstr machine' "$dir/out"
exec 9>&-

# --- the figure: boots with a CV of 2 % show 5 %
mkdir "$dir/r" "$dir/few"
i=0
for p50 in 1000 1020 980 1010 990 1030 970 1000 1020 980; do
	i=$((i + 1))
	plant "$dir/r/run-$i.json" "$p50"
done
cp "$dir"/r/run-[123].json "$dir/few"
run 0 --results "$dir/r"
check "A/A" grep -q '^A/A: 10 boots of one and the same guest, scheduler EEVDF, kernel 7.3' "$dir/out"
check "its CV and the difference" grep -qE 'wakeup.wakeup_latency.p50 +2.0 % +[-+][0-9.]+ % +[3-6]\.[0-9] %' "$dir/out"
check "a rate that is always the same" grep -qE 'wakeup.rate +0.0 % +\+0.0 % +[0-3]\.[0-9] %' "$dir/out"
run 0 --results "$dir/r" --json
check "the difference in JSON" grep -q '"smallest_difference": 0.0[3-6]' "$dir/out"
run 1 --results "$dir/few"
check "too few" grep -q '3 boots gave figures, and 4 are needed; ' "$dir/err"
run 1 --results "$dir/nothing"
run 64 --boots 3
check "a number that says nothing" grep -q -- '--boots 3: not a number from 4' "$dir/err"
exit $failed
