#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Options that nobody typed: the config file and KTSTR_* in the environment. usage: test_settings.sh KTSTR SOURCES
set -u
ktstr=$1
sources=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
unset "${!KTSTR_@}"
export KTSTR_CONFIG=$dir/config KTSTR_CACHE_DIR=$dir/cache HOME=$dir
failed=0 n=0

fail() {
	echo "FAILED: $*"
	sed 's/^/    /' "$dir/err" "$dir/config"
	failed=1
}

# wrong TEXT CONFIG-LINES [VARIABLE=VALUE...] -- WORDS...: one line on stderr that holds TEXT, exit code 64.
wrong() {
	local text=$1 got
	local -a variables=()
	printf '%b' "$2" >"$dir/config"
	shift 2
	while [ "$1" != -- ]; do
		variables+=("$1")
		shift
	done
	shift
	n=$((n + 1))
	env "${variables[@]}" timeout 60 "$ktstr" "$@" </dev/null >"$dir/out" 2>"$dir/err"
	got=$?
	[ $got -eq 64 ] || fail "$*: exit code $got, not 64"
	[ "$(wc -l <"$dir/err")" -eq 1 ] || fail "$*: not one line"
	grep -q '^ktstr: .*; ' "$dir/err" || fail "$*: no 'ktstr: THING; MEND'"
	grep -qF -- "$text" "$dir/err" || fail "$*: does not name '$text'"
	[ ! -s "$dir/out" ] || fail "$*: something on stdout"
}

c=$dir/config
wrong "$c:1: cpu: no such setting" 'cpu = 4\n' -- run -- true
wrong "$c:3: memry" '# all\n[run]\nmemry = 1G\n' -- run -- true
wrong "$c:2: duration" '[run]\nduration = 1s\n' -- run -- true
wrong "$c:1: [fly]" '[fly]\n' -- run -- true
wrong "$c:1: [run: no ]" '[run\n' -- run -- true
wrong "$c:2: cpus four: neither" '\ncpus four\n' -- run -- true
wrong "$c:1: console = perhaps" 'console = perhaps\n' -- run -- true
wrong "--net perhaps: not known here; write [loopback" 'net = perhaps\n' -- run -- true
wrong "KTSTR_CPU: no such setting" '' KTSTR_CPU=4 -- run -- true
wrong "--timeout x" 'net = yes\n' -- run --timeout x -- true
wrong "--timeout x" 'cpus = zero\n' -- run --net tap=t0 --cpus 2 --timeout x -- true
# A verb that boots nothing sees a bad name too, and none of the values.
wrong "$c:1: cpu:" 'cpu = 4\n' -- doctor --json

# A bad value is told with its place, and by the error of the option itself.
wrong "--cpus zero: not a number of CPUs; use 1 to" 'cpus = zero\n' -- run -- true
wrong "($c:1)" 'cpus = zero\n' -- run -- true
wrong "(KTSTR_CPUS)" '' KTSTR_CPUS=zero -- run -- true
wrong "($c:3)" 'disk = size=1M\n[run]\ndisk = x,engine=fast\n' -- run -- true

# A value is the rest of its line, however long, whatever is in it.
wrong "$(printf -- '--cpus %0300d ; end:' 7)" "$(printf 'cpus = %0300d ; end' 7)\n" -- run -- true

# Who speaks last. The last good word is seen by what the bad one of a lower place does not break.
wrong "(KTSTR_CPUS)" 'cpus = 3\n[run]\ncpus = 2\n' KTSTR_CPUS=zero -- run -- true
wrong "($c:3)" 'cpus = 3\n[run]\ncpus = zero\n' -- run -- true
wrong "use 1 to 1024" 'cpus = 3\n' KTSTR_CPUS=2 -- run --cpus zero -- true
if grep -qF "$c" "$dir/err" || grep -qF KTSTR_CPUS "$dir/err"; then fail "a typed word has an origin"; fi
wrong "--timeout x" 'cpus = zero\n' -- run --cpus 2 --timeout x -- true
wrong "--timeout x" 'cpus = zero\n' KTSTR_CPUS=1 -- run --timeout x -- true
wrong "--timeout x" '[run]\ncpus = zero\n' KTSTR_CPUS=0 -- run --cpus=2 --timeout x -- true
wrong "--timeout x" '[bench]\nduration = never\n' -- run --timeout x -- true
wrong "--timeout x" 'cpus = zero\n' KTSTR_CPUS= -- run --timeout x --cpus 2 -- true
wrong "--timeout x" 'memory = none\n' -- run --memo 1G --timeout x -- true
# A spec says what counts: nobody adds to it unasked, nor names one.
wrong "KTSTR_SPEC: no such setting" '' KTSTR_SPEC=x -- run -- true
wrong "KTSTR_JOB: no such setting" '' KTSTR_JOB=x -- bench
wrong "$c:1: spec: no such setting" 'spec = x\n' -- run -- true
# After the command's first word nothing is ours.
wrong "--cpus zero" 'cpus = zero\n' -- run true --cpus 2

# What is no setting of this verb, or none at all, is left alone.
printf 'cpus = zero\n' >"$c"
KTSTR_MEMORY=none "$ktstr" doctor --kvm-kind >"$dir/out" 2>"$dir/err" || fail "doctor is hurt by the machine's settings"
"$ktstr" --version >"$dir/out" 2>"$dir/err" || fail "--version reads settings"
: >"$c"
if KTSTR_CONFIG=$dir/none "$ktstr" doctor --kvm-kind >"$dir/out" 2>"$dir/err"; then fail "a named file that is missing"; fi
grep -q "^ktstr: $dir/none: can't be read: .*; " "$dir/err" || fail "does not tell which file is missing"
unset KTSTR_CONFIG
"$ktstr" doctor --kvm-kind >"$dir/out" 2>"$dir/err" || fail "no config file at all"
mkdir -p "$dir/.config/ktstr" "$dir/xdg/ktstr"
echo "cpu = 1" >"$dir/.config/ktstr/config"
echo "cpux = 1" >"$dir/xdg/ktstr/config"
"$ktstr" run -- true >"$dir/out" 2>"$dir/err"
grep -qF "$dir/.config/ktstr/config:1: cpu:" "$dir/err" || fail "HOME/.config/ktstr/config is not read"
XDG_CONFIG_HOME=$dir/xdg "$ktstr" run -- true >"$dir/out" 2>"$dir/err"
grep -qF "$dir/xdg/ktstr/config:1: cpux:" "$dir/err" || fail "XDG_CONFIG_HOME is not minded"

# Every variable that the programs ask for is known, or typing it would be an error.
while read -r variable; do
	n=$((n + 1))
	env "$variable=/dev/null" KTSTR_CONFIG=/dev/null "$ktstr" nested --help >"$dir/out" 2>"$dir/err"
	if grep -q "no such setting" "$dir/err"; then fail "$variable is asked for and not in settings_variables"; fi
done < <(grep -rhoE 'env\("KTSTR_[A-Z_]+"' "$sources/bench" | grep -oE 'KTSTR_[A-Z_]+' | sort -u)

# Each other option has a variable, and none is swallowed by a name that is reserved for something else. What is wrong with
# the value is said with the variable's name; where nothing is, the plan lists it.
for verb in run shell bench; do
	command=(-- sh)
	[ $verb != bench ] || command=()
	for option in $("$ktstr" $verb --help | grep -oE '^ {2,6}(-[a-z], )?--[a-z][a-z-]+' | grep -oE -- '[a-z][a-z-]+$' | grep -vE '^(help|spec|job)$'); do
		n=$((n + 1))
		variable=KTSTR_$(tr a-z- A-Z_ <<<"$option")
		value=1
		[ "$option" != dry-run ] || value=xml
		: >"$dir/config"
		env KTSTR_CONFIG="$dir/config" "$variable=$value" "$ktstr" $verb --host nested --kernel "$sources/README.md" --dry-run \
			"${command[@]}" </dev/null >"$dir/out" 2>"$dir/err"
		grep -qF "($variable)" "$dir/out" "$dir/err" || case $option in
			host | kernel | dry-run) ;; # typed here
			*) fail "$verb: $variable is not minded" ;;
		esac
	done
done
[ $n -gt 120 ] || fail "only $n settings were tried"
export KTSTR_CONFIG=$dir/config
wrong "KTSTR_SCX_STATS" '' KTSTR_SCX_STATS=never -- run -- true
# The help that an error names can be had, whatever is wrong.
for word in --help -h; do
	n=$((n + 1))
	echo "cpu = 4" >"$dir/config"
	KTSTR_FLY=1 "$ktstr" run --cpus 2 $word >"$dir/out" 2>"$dir/err" || fail "run $word: exit code $?"
	grep -q -- '--cpus' "$dir/out" || fail "run $word: no help"
done
# Nor do they keep ktstr from being built.
n=$((n + 1))
KTSTR_FLY=1 "$ktstr" manual man run >"$dir/out" 2>"$dir/err" || fail "manual man run: exit code $?"
wrong "$c:1: cpu:" 'cpu = 4\n' -- run --append --help -- true
wrong "$c:1: cpu:" 'cpu = 4\n' -- run -- true --help
wrong "KTSTR_NESTEDX: no such" '' KTSTR_NESTEDX=1 -- run -- true
wrong "no such setting" '' "KTSTR_$(printf 'X%.0s' {1..80})=1" -- run -- true

echo "$n settings"
exit $failed
