# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
# What the scripts with stock guests share: a directory of their own, TAP on stdout, a guest's second try. Sourced, by
# busybox's sh too; $ktstr and $cases are set.
n=0 code=0
dir=$(mktemp -d) && cd "$dir" || exit 70
trap 'rm -rf "$dir"' EXIT

wanted() { # NAME
	[ -z "$cases" ] && return 0
	case " $cases " in *" $1 "*) return 0 ;; esac
	return 1
}

# What goes with a failure; a script that has more to show says so in a more() of its own.
more() { :; }
show() {
	echo "exit code $code, out:"
	head -c 3000 out
	echo "err:"
	tail -n 15 err
	more
}

# report NAME CONDITION...: one TAP line
report() {
	n=$((n + 1))
	name=$1
	shift
	if "$@"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		show 2>/dev/null | sed 's/^/# /'
	fi
}

# attempt FUNCTION ARGS...: a function that runs a guest, and leaves its exit code in $code and its stderr in err. QEMU's
# emulation of SVM ends a guest of several CPUs by a triple fault once in some fifty boots, and once in some two hundred it
# hangs. There, and only there, what $lost matches gets a second try, and the log says so; a script that wants no hang adds
# its words.
lost='triple fault on vCPU'
attempt() {
	"$@"
	if [ -n "${KTSTR_NESTED:-}" ] && [ "$code" -ne 0 ] && grep -q "$lost" err; then
		sed 's/^/# /' err
		echo "second try: $*" | sed 's/^/# /'
		"$@"
	fi
}

# run_guest ARGS...: ktstr ARGS; $code, out and err are what came.
# shellcheck disable=SC2154 # the caller's
run_once() {
	"$ktstr" "$@" >out 2>err
	code=$?
}
run_guest() { attempt run_once "$@"; }
has() { grep -q -- "$1" out; }
