#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Each workload on this machine, for a moment: it ends by itself, with one line of JSON. test_workloads.sh KTSTR-WORKLOAD
set -euo pipefail
workload=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
truncate -s 1M "$dir/disk"
failed=0

runs() { # WORD PATTERN...
	local word=$1 pattern duration
	shift
	# A starved machine may not get to a first sample in ten times 50 ms.
	for duration in 50ms 500ms 5s; do
		if ! timeout 100 "$workload" --duration $duration --seed 3 "$word" >"$dir/out" 2>"$dir/err"; then
			echo "$word: failed: $(tail -1 "$dir/err")"
			failed=1
			return
		fi
		! grep -q '"histogram":{"count":0' "$dir/out" || continue
		break
	done
	for pattern in "^{\"workload\":\"${word%%[:+]*}\",\"metric\":\"[a-z_]*\",\"unit\":\"ns\",\"seed\":3,\"config\":{" \
		'"run_ns"' '"histogram":{"count":[1-9]' '"workers":\[{"iterations":' '"workers_sum":{"run_ns":' \
		'"operations":{"seed":3,"hash":"[0-9a-f]*"}' '"measuring_cost":{"clock_ns":[0-9.]*,' "$@"; do
		grep -q -- "$pattern" "$dir/out" || { echo "$word: no $pattern in: $(cut -c1-600 "$dir/out")" && failed=1; }
	done
	[ "$(wc -l <"$dir/out")" -eq 1 ] || { echo "$word: not one line" && failed=1; }
}

runs wakeup '"messengers":0,"workers":0,"operations":5,"rate":0,"sleep":0,"footprint":24576,"lock":0}' \
	'"second":{"metric":"request_latency","histogram":{"count":[1-9]'
runs wakeup:sleep=100us,footprint=64k,lock=1 '"sleep":100000,"footprint":65536,"lock":1'
runs wakeup:rate=2000 '"rate":2000'
runs messaging '"rate_of":"messages"'
runs messaging:pipe=1,groups=2,size=4k '"size":4096'
runs pipe:pairs=2
runs futex:pairs=2
runs fork
runs yield:threads=2
runs affinity-churn:threads=2
runs fair '"jain_index","unit":"","more_is_better":true' '"max_gap_ns"'
runs fair:threads=4,nice=5 '"nice":5' '"share_error_max"' '"max_gap_ms","unit":"ms"' '"not_starved"' '"max_gap_ns":[1-9]'
runs fair:threads=3,idle=1 '"idle":1'
runs compute:set=64k '"migrations_seen"' '"migrations_smt"' '"migrations_llc"' '"migrations_node"' '"migrations_far"'
runs periodic:period=2ms,run=100us '"deadlines_missed"' '"mean_slack_ns"'
runs io-tmpfs:threads=2 '"write":0'
runs io-tmpfs:size=1M,write=1 '"size":1048576'
for io in io-randread io-randwrite io-fsync; do
	if dd if="$dir/disk" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null; then
		runs "$io:file=$dir/disk" "\"file\":\"$dir/disk\""
		runs "$io:file=$dir/disk,depth=16,threads=2" '"depth":16'
		runs "$io:file=$dir/disk,depth=4,rate=500" '"rate":500'
	else
		echo "skipped: $io: no O_DIRECT in $dir"
	fi
done

# BEN-15: the window begins once the mark was answered, however long that takes, and lasts as long as was asked; the warm-up
# is outside. The line of the end comes before the result.
coproc marked { "$workload" --marks --warmup 10ms --duration 100ms pipe 2>"$dir/err"; }
exec 3<&"${marked[0]}" 4>&"${marked[1]}"
read -r begin <&3
sleep 0.3
echo >&4
read -r end <&3
echo >&4
read -r result <&3
exec 3<&- 4>&-
wait
[[ $begin == '{"ktstr_window":"begin","workload":"pipe","index":0,"ns":'* && $end == '{"ktstr_window":"end",'* ]] ||
	{ echo "no marks: $begin $end" && failed=1; }
python3 - "$begin" "$end" "$result" <<'PYTHON' || failed=1
import json, sys
begin, end, result = map(json.loads, sys.argv[1:])
window = result["window"]
assert window["marked"], window
assert window["begin_ns"] >= begin["ns"] + 300_000_000, "the window began before the answer"
assert window["end_ns"] <= end["ns"], "the mark came before the end"
assert window["end_ns"] - window["begin_ns"] == result["measured_ns"] >= 100_000_000
PYTHON
# Without a host that answers it says so, and ends all the same.
"$workload" --marks --duration 50ms pipe </dev/null 2>/dev/null | grep -q '"marked":false' ||
	{ echo "unanswered marks count as answered" && failed=1; }

# WRK-12: the operations of a seed are the same in each run, and others with another.
operations() { "$workload" --duration 20ms --warmup 0s --seed "$1" "$2" 2>/dev/null | grep -o '"operations":{[^}]*}'; }
for word in wakeup compute:set=64k periodic:period=1ms,run=10us affinity-churn pipe; do
	[ "$(operations 5 $word)" = "$(operations 5 $word)" ] || { echo "$word: the same seed gives other operations" && failed=1; }
	[ "$(operations 5 $word)" != "$(operations 6 $word)" ] ||
		{ echo "$word: another seed gives the same operations" && failed=1; }
done

# WRK-06: the classes of moves add up to all that were seen. WRK-11: an iteration is a sample where each is one.
"$workload" --duration 300ms compute:threads=8,set=16k >"$dir/out" 2>"$dir/err"
"$workload" --duration 300ms yield:threads=3 >"$dir/yield" 2>>"$dir/err"
python3 - "$dir/out" "$dir/yield" <<'PYTHON' || failed=1
import json, sys
compute, calls = (json.load(open(name)) for name in sys.argv[1:])
figure = {f["name"]: f["value"] for f in compute["figures"]}
assert sum(figure["migrations_" + d] for d in ("smt", "llc", "node", "far")) == figure["migrations_seen"], figure
for result, n in ((compute, 8), (calls, 3)):
    workers = result["workers"]
    assert len(workers) == n
    for key in ("run_ns", "wait_ns", "slices", "voluntary", "involuntary"):
        assert sum(w[key] for w in workers) == result["workers_sum"][key], key
    if result["workers_sum"]["slices"]:
        assert 0 < result["workers_sum"]["run_ns"] <= n * result["measured_ns"] * 2
assert abs(sum(w["iterations"] for w in calls["workers"]) - calls["histogram"]["count"]) <= 3
PYTHON

# WRK-03: a stall of the workers counts from the timetable, and in closed mode it is a sample or so of each of them. What stalls
# them all is the program's stop.
stalled() { # WORD: p50 and p99.9 in ms
	"$workload" --warmup 50ms --duration 1s "$1" >"$dir/out" 2>"$dir/err" &
	local pid=$!
	sleep 0.4
	kill -STOP $pid
	sleep 0.2
	kill -CONT $pid
	wait $pid
}
stalled wakeup:messengers=1,workers=2,rate=1000,operations=0
python3 - "$dir/out" <<'PYTHON' || failed=1
import json, sys
r = json.load(open(sys.argv[1]))
h = r["histogram"]
late = sum(n for low, n in h["buckets"] if low >= 20_000_000)
# 200 wake-ups were due in the stall; most of them are late by more than 20 ms.
assert h["max"] >= 150_000_000 and late >= 50, (h["max"], late, h["count"])
PYTHON
stalled wakeup:messengers=1,workers=2,operations=0
python3 - "$dir/out" <<'PYTHON' || failed=1
import json, sys
h = json.load(open(sys.argv[1]))["histogram"]
late = sum(n for low, n in h["buckets"] if low >= 150_000_000)
assert late * 20 <= h["count"], (late, h["count"])
PYTHON

# WRK-10: load beside a workload; what it can't have is refused before it runs.
runs pipe+bg=cpu:2,fork:1 '"background":{"cpu":2,"io":0,"fork":1}'
refused() { # WORD PATTERN
	if "$workload" --duration 50ms "$1" >"$dir/out" 2>"$dir/err" || [ -s "$dir/out" ] || ! grep -q -- "$2" "$dir/err"; then
		echo "$1: not refused: $(cat "$dir/out" "$dir/err")"
		failed=1
	fi
}
refused "pipe+bg=io:1,file:$dir/nothing" 'nothing: No such file'
: >"$dir/empty"
refused "pipe+bg=io:1,file:$dir/empty" 'ended before the workload'
[ -e /sys/fs/cgroup/cgroup.controllers ] || refused pipe+cgroup=weight:10 'no cgroup2'

# The same seed reads the same offsets; another does not.
if command -v strace >/dev/null; then
	offsets() {
		for duration in 10ms 500ms 10s; do
			strace -f -e trace=pread64 "$workload" --duration $duration --seed "$1" io-randread:file="$dir/disk" 2>&1 >/dev/null |
				grep -o '4096, [0-9]*) = 4096' | head -20 >"$dir/offsets" || true
			[ "$(wc -l <"$dir/offsets")" -lt 20 ] || break
		done
		cat "$dir/offsets"
	}
	[ "$(offsets 1)" = "$(offsets 1)" ] || { echo "the same seed gives other offsets" && failed=1; }
	[ "$(offsets 1)" != "$(offsets 2)" ] || { echo "another seed gives the same offsets" && failed=1; }
fi
exit $failed
