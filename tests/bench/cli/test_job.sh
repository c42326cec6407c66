#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# BEN-13: job files of ktstr bench: options, workloads, commands; who goes before whom; what is wrong has its file and line.
# test_job.sh KTSTR
set -u
ktstr=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
unset "${!KTSTR_@}"
export KTSTR_CONFIG=$dir/config KTSTR_CACHE_DIR=$dir/cache HOME=$dir
: >"$dir/config"
touch "$dir/kernel"
job=$dir/j.job
failed=0 n=0

fail() {
	echo "FAILED: $*"
	sed 's/^/    /' "$dir/out" "$dir/err" "$job"
	failed=1
}

# plan FILTER EXPECTED JOB-LINES [VARIABLE=VALUE...] -- WORDS: what the Python expression FILTER makes of the plan d of ktstr bench --job.
plan() {
	local filter=$1 expected=$2 got
	local -a variables=()
	printf '%b' "$3" >"$job"
	shift 3
	while [ "$1" != -- ]; do
		variables+=("$1")
		shift
	done
	shift
	n=$((n + 1))
	env "${variables[@]}" "$ktstr" bench --dry-run=json --host nested --kernel "$dir/kernel" --job "$job" "$@" \
		>"$dir/out" 2>"$dir/err" </dev/null
	got=$(python3 -c 'import json, sys
d = json.load(sys.stdin)
spec = d["spec"]
print(json.dumps(eval(sys.argv[1]), separators=(",", ":")))' "$filter" <"$dir/out" 2>&1)
	[ "$got" = "$expected" ] || fail "$filter of $*: $got, not $expected"
}

wrong() { # TEXT JOB-LINES [WORDS]
	local text=$1 code
	printf '%b' "$2" >"$job"
	shift 2
	n=$((n + 1))
	"$ktstr" bench "$@" --job "$job" >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
	[ $code = 64 ] || fail "$text: exit code $code"
	[ "$(wc -l <"$dir/err")" = 1 ] || fail "$text: not one line"
	grep -qF -- "$text" "$dir/err" || fail "does not say '$text'"
	grep -qE '; |: write ' "$dir/err" || fail "$text: no remedy"
}

cpus='spec.get("cpus")'

# The precedence table: typed, environment, job file, section of the config file, its top, built in.
rank() { # EXPECTED CONFIG JOB VARIABLES... -- WORDS
	local expected=$1 config=$2
	printf '%b' "$config" >"$dir/config"
	shift 2
	plan "$cpus" "$expected" "$@"
	: >"$dir/config"
}
rank 7 'cpus = 3\n[bench]\ncpus = 4\n' 'cpus = 5\n' KTSTR_CPUS=6 -- --cpus 7
rank 6 'cpus = 3\n[bench]\ncpus = 4\n' 'cpus = 5\n' KTSTR_CPUS=6 --
rank 5 'cpus = 3\n[bench]\ncpus = 4\n' 'cpus = 5\n' --
rank 4 'cpus = 3\n[bench]\ncpus = 4\n' '# none\n' --
rank 3 'cpus = 3\n' '' --
plan "$cpus" null '' --
# What contradicts one of a higher place gives way too.
plan '[spec.get("cpus"), spec.get("topology")]' '[null,"1n1l2c1t"]' 'cpus = 5\n' -- --topology 1n1l2c1t
plan 'd["settings"]' "[{\"name\":\"cpus\",\"value\":\"5\",\"origin\":\"$job:2\"}]" '\ncpus = 5\n' --

# Workloads, each a section, in their order; typed ones take their place, and so does a command.
words='d["command"][5:]'
sections='duration = 1s\n[wakeup]\nworkers = 4\noperations = 2\n\n[load]\nworkload = messaging\ngroups = 2\n[yield]\n'
plan "$words" '["wakeup:workers=4,operations=2","messaging:groups=2","yield"]' "$sections" --
plan 'd["command"][2]' '"--duration=1000000000ns"' "$sections" --
plan "$words" '["pipe"]' "$sections" -- pipe
plan 'd["command"][4:]' '["true"]' "$sections" -- -- true
plan 'd["command"][4:]' '["sh","-c","exit 3"]' "command = sh -c 'exit 3'\n" --
plan "$words" '["pipe"]' 'command = sh -c true\n' -- pipe
# An option that may be repeated may be so here; one without a value says yes or no.
plan 'len(spec["disks"])' 2 'disk = size=1M\ndisk = size=2M\n[yield]\n' --
plan 'spec.get("console")' null 'console = no\n[yield]\n' --

j=$job
wrong "$j:2: cpu: no such option" 'cpus = 2\ncpu = 4\n'
wrong "$j:3: [wakeup]: workrs=4: wakeup has no such option" '# x\n[wakeup]\nworkrs = 4\n'
wrong "$j:3: [wakeup]: workers=many: write workers=N" '\n[wakeup]\nworkers = many\n'
wrong "$j:2: [load]: load: no such workload" '[load]\ngroups = 2\n'
wrong "$j:2: [load]: load: no such workload" '[load]\n[yield]\n'
wrong "$j:2: [load]: messagin: no such workload" '[load]\nworkload = messagin\n'
wrong "$j:3: [wakeup]: workload = pipe: the section is one already" '[wakeup]\nworkers = 2\nworkload = pipe\n'
wrong "$j:2: [wakeup]: workers = 2,rate=5: has a comma" '[wakeup]\nworkers = 2,rate=5\n'
wrong "$j:1: [wakeup: no ]" '[wakeup\n'
wrong "$j:1: []: no name" '[ ]\n'
wrong "$j:1: cpus 4: neither" 'cpus 4\n'
wrong "$j:1: command = 'x: a quote is not closed" "command = 'x\n"
wrong "a command and [wakeup]" 'command = true\n[wakeup]\n'
wrong "($j:1)" 'cpus = zero\n[yield]\n' --kernel "$dir/kernel"
wrong "$j:1: job: no such option" 'job = x\n'
wrong "$j:1: spec: no such option" 'spec = x\n'
wrong "a spec says all" '' --spec x
n=$((n + 1))
"$ktstr" bench --job "$dir/none" >"$dir/out" 2>"$dir/err"
grep -q "^ktstr: --job $dir/none: can't be read: .*; " "$dir/err" || fail "a job file that is missing"

# One file for both verbs: bench leaves what is bench run's alone, and that takes it.
plan "$words" '["yield"]' 'runs = 3\nsched = eevdf\n[yield]\n' --
wrong "--runs many: not a number" 'runs = many\n[yield]\n' run --out "$dir/r"
wrong "($j:2)" 'sched = eevdf\nruns = many\n[yield]\n' run --out "$dir/r"
wrong "--cpus zero" 'runs = many\n[yield]\n' run --out "$dir/r" --runs 2 --cpus zero
wrong "$j:1: running: no such option" 'running = 2\n' run --out "$dir/r"

echo "$n checks"
exit $failed
