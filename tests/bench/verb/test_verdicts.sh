#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ktstr bench compare on planted results, and ktstr bench run with a boot that costs nothing. test_verdicts.sh KTSTR
set -euo pipefail
ktstr=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# One boot's result: FILE P50-NS KERNEL SCHEDULER. 2000 samples, a hundredth of them ten times as long.
plant() {
	awk -v p50="$2" -v kernel="$3" -v scheduler="$4" 'BEGIN {
		slow = p50 * 10
		printf "{\"schema\":\"ktstr-bench/1\",\"ktstr\":\"0\",\"results\":[{\"workload\":\"wakeup\",\"metric\":\"wakeup_latency\","
		printf "\"unit\":\"ns\",\"rate_per_s\":%d,\"figures\":[{\"name\":\"jain_index\",\"unit\":\"\",\"more_is_better\":true,", 1e9 / p50
		printf "\"value\":0.5}],\"histogram\":{\"count\":2000,\"min\":%d,\"max\":%d,\"sum\":%d,", p50, slow, p50 * 1900 + slow * 100
		printf "\"buckets\":[[%d,1900],[%d,100]]}}],", p50, slow
		printf "\"machine\":{\"ktstr\":\"0\",\"host\":{\"kind\":\"k\",\"cpu\":\"c\",\"kernel\":\"h\",\"resources\":{\"mode\":\"default\"}},"
		printf "\"guest\":{\"memory_bytes\":1,\"topology\":{\"shape\":\"1n1l2c1t\"},\"environment\":{\"kernel\":\"%s\",\"sched_ext\":%s}}}}\n",
			kernel, scheduler
	}' >"$1"
}
side() { # NAME MEDIAN STEP BOOTS KERNEL SCHEDULER: boots around the median, in an order without a trend
	local i
	mkdir -p "$dir/$1"
	for ((i = 0; i < $4; i++)); do
		plant "$dir/$1/run-$((i + 1)).json" $(($2 + (i * 7 % 10 - 5) * $3)) "$5" "$6"
	done
}
expect() { # NAME CODE STDOUT-PATTERN STDERR-PATTERN COMMAND...
	local name=$1 code=$2 out=$3 err=$4 got=0
	shift 4
	"$@" >"$dir/out" 2>"$dir/err" </dev/null || got=$?
	if [ "$got" != "$code" ] || ! grep -qE -- "$out" <<<"$(<"$dir/out")" || ! grep -qE -- "$err" <<<"$(<"$dir/err")"; then
		echo "not ok: $name: exit code $got"
		cat "$dir/out" "$dir/err"
		failed=1
	fi
}
# shellcheck disable=SC2317 # called by expect
compare() { "$ktstr" bench compare "$@"; }

# Values below 2048 have a bucket each, so nothing is rounded.
side base 1000 2 10 7.3 null
side again 1001 2 10 7.3 null
side slow 1700 2 10 7.3 '"slow"'
side few 1700 2 3 7.3 '"slow"'
side noisy 1040 45 10 7.3 '"slow"'
side old 1700 2 10 7.2 null
: >"$dir/err"
expect "worse" 1 '^wakeup_latency p50 +999 ns \(1%\) +1.70 us \(0%\) +\+70.1 \[\+69, \+71\]%  worse$' '' compare "$dir/base" "$dir/slow"
expect "its rate is worse" 1 '^rate .*-41.* worse$' '' compare "$dir/base" "$dir/slow"
expect "better" 0 'p50 .*-41.* better$' '' compare "$dir/slow" "$dir/base"
expect "same" 0 'p50 .* same$' '' compare "$dir/base" "$dir/again"
expect "three boots" 2 'inconclusive: n=3 can.t reach 0.05' '' compare "$dir/base" "$dir/few"
expect "noisy" 2 'inconclusive: (p 0|the interval)' '' compare "$dir/base" "$dir/noisy" --metric '*p50'
expect "what these boots can find" 2 'These runs find, 95 times of 100, changes from [0-9.]+% \(wakeup_latency p50\)\.$' '' compare "$dir/base" "$dir/noisy" --metric '*p50'
cp "$dir/out" "$dir/table"
expect "80 columns" 0 '^$' '' awk 'length > 80 { print; bad = 1 } END { exit bad }' "$dir/table"
expect "a threshold that covers it" 0 'same$' '' compare "$dir/base" "$dir/slow" --threshold 90% --metric '*p50'
expect "fail-on none" 0 'worse' '' compare "$dir/base" "$dir/slow" --fail-on none
expect "fail-on inconclusive" 1 'inconclusive' '' compare "$dir/base" "$dir/few" --fail-on inconclusive
expect "another kernel" 2 '^$|^' 'kernel: 7.3 in base, 7.2 in old' compare "$dir/base" "$dir/old"
expect "nothing on stdout then" 0 '^0$' '' sh -c "\"$ktstr\" bench compare '$dir/base' '$dir/old' 2>/dev/null | wc -c"
expect "across" 1 'worse' 'kernel: 7.3 in base' compare "$dir/base" "$dir/old" --across
expect "markdown" 1 '^\| wakeup.wakeup_latency.p50 \|.* worse \|$' '' compare "$dir/base" "$dir/slow" --format markdown
expect "JSON" 1 '"schema": "ktstr-compare/1"' '' compare "$dir/base" "$dir/slow" --format json
expect "a figure by name" 0 '^jain_index +0.5 ' '' compare "$dir/base" "$dir/slow" --metric '*jain*'
expect "one file a side" 2 'n=1 can.t reach' '' compare "$dir/base/run-1.json" "$dir/slow/run-1.json"
expect "no such directory" 69 '^$|^' 'nowhere: No such file' compare "$dir/base" "$dir/nowhere"
mkdir "$dir/empty" "$dir/bad"
echo '{"schema":"other"}' >"$dir/bad/x.json"
expect "no results" 69 '' 'empty: no results' compare "$dir/base" "$dir/empty"
expect "not a result" 69 '' 'x.json: not a result' compare "$dir/base" "$dir/bad"
head -c 100 "$dir/base/run-1.json" >"$dir/bad/x.json"
expect "torn" 69 '' 'x.json: line 1' compare "$dir/base" "$dir/bad"
expect "one side" 64 '' 'or two sides' compare "$dir/base"
expect "three sides" 1 'new again \(EEVDF\);' '' compare "$dir/base" "$dir/again" "$dir/slow"
expect "bad alpha" 64 '' '--alpha 2: not a part' compare "$dir/base" "$dir/slow" --alpha 2
expect "bad format" 64 '' '--format x: unknown' compare "$dir/base" "$dir/slow" --format x

# The machine's settings are nothing to a verb without a machine.
printf 'cpus = 4\n' >"$dir/config"
expect "settings" 0 'same$' '' env KTSTR_CONFIG="$dir/config" "$ktstr" bench compare "$dir/base" "$dir/again"

# RES-09: a baseline has generations; the one to compare with is the latest, and a trend is seen over all boots.
export KTSTR_DATA_DIR=$dir/data
# shellcheck disable=SC2317 # called by expect
baseline() { "$ktstr" bench baseline "$@"; }
expect "no baselines" 0 '^$' '^$' baseline list
expect "no such baseline" 69 '^$' 'mine: no such baseline' baseline show mine
side gen1 20000 40 8 7.3 null
side gen2 21000 40 8 7.3 null
side gen3 22000 40 8 7.3 null
plant "$dir/gen1/run-9.json" 99999 7.3 null
sed -i 's/"results"/"validity":{"status":"invalid","reasons":["busy"]},&/' "$dir/gen1/run-9.json"
for i in 1 2 3; do expect "save $i" 0 '^mine [0-9]{8}-[0-9]{6}' '^$' baseline save mine "$dir/gen$i"; done
expect "three generations" 0 '^mine +3 generations, the latest [0-9]' '' baseline list
expect "only what is valid is kept" 0 '^24$' '' sh -c "find '$KTSTR_DATA_DIR' -name '*.json' | wc -l"
expect "history" 0 '^  [0-9-]+ +8 boots  2[01].[0-9] us +\+[45].[0-9]%  worse$' '' baseline show mine
expect "drift over all of it" 0 '^  drifts: tau \+0.[0-9]+ over 24 boots, p ' '' baseline show mine
expect "the latest is the base" 0 'base @mine .*new gen3' '' compare @mine "$dir/gen3"
expect "and not the first" 0 'p50 .* better$' '' compare @mine "$dir/gen1"
expect "an old one" 1 'worse' '' compare "$(find "$KTSTR_DATA_DIR/baselines/mine" -mindepth 1 -type d | sort | head -n 1)" @mine
expect "no results" 69 '^$' 'empty: no results' baseline save other "$dir/empty"
expect "then there is no baseline" 0 '^mine ' '' baseline list
expect "nothing half done" 1 '^$' '' sh -c "find '$KTSTR_DATA_DIR/baselines' -mindepth 1 -maxdepth 1 | grep -v '/mine$'"
expect "a name that leads elsewhere" 69 '^$' 'not a baseline.s name' baseline save ../x "$dir/gen1"
expect "bad words" 64 '^$' 'list, save NAME DIR' baseline keep mine
expect "rm" 0 '^$' '^$' baseline rm mine
expect "it is gone" 0 '^$' '^$' baseline list
expect "rm again" 69 '^$' 'no such baseline' baseline rm mine

# BEN-18: 0, 1, and 125 where it can't be judged.
# shellcheck disable=SC2317 # called by expect
bisect() { "$ktstr" bench bisect-step --against "$dir/base" "$@"; }
expect "bisect: good" 0 'same$' '' bisect "$dir/again"
expect "bisect: bad" 1 'worse$' '' bisect "$dir/slow"
expect "bisect: too few" 125 'inconclusive' '' bisect "$dir/few"
expect "bisect: unlike" 125 '^$' 'differs' bisect "$dir/old"
expect "bisect: no results" 125 '^$' 'no results' bisect "$dir/empty"
expect "bisect: no base" 64 '^$' 'needs --against' "$ktstr" bench bisect-step "$dir/base"

# --- bench run: what is refused before a boot, and the order
expect "no directory" 64 '' '--out is missing' "$ktstr" bench run wakeup
expect "a wrong word is ktstr bench's error" 64 '' 'wakes: no such workload' "$ktstr" bench run --out "$dir/r" wakes
expect "nothing was made" 1 '' '' test -e "$dir/r"
expect "bad runs" 64 '' '--runs 0: not a number' "$ktstr" bench run --out "$dir/r" --runs 0
expect "help" 0 'Boot again and again' '' "$ktstr" bench run --help
# What the machine's options call by the same name stays theirs.
expect "--output is the machine's" 0 '"--output"' '' "$ktstr" bench run --out "$dir/o" --dry-run=json --output "$dir/file" --host nested wakeup
exit $failed
