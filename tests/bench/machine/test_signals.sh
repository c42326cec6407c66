#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Signals of ktstr itself: what was ignored stays so, what comes after the machine can be ended, a fault has a last word.
# test_signals.sh KTSTR GUEST: a guest of our own, for any /dev/kvm.
set -uo pipefail

ktstr=$1 guest=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

if ! [ -r /dev/kvm ] || ! [ -w /dev/kvm ]; then
	echo "skipped: no /dev/kvm"
	exit 77
fi

fail() { # TEXT
	echo "FAILED: $*" >&2
	sed 's/^/    /' "$dir/err" >&2
	failures=$((failures + 1))
}

# start DO ARGS...: a machine in the background; its $pid once its guest runs
start() {
	local what=$1 i
	shift
	: >"$dir/out"
	"$ktstr" run --host try --bypass-llc-locks --cpus 1 --kernel "$guest" --initrd "$0" --append "do=$what" "$@" \
		</dev/null >"$dir/out" 2>"$dir/err" &
	pid=$!
	for ((i = 0; i < 1200; i++)); do
		! grep -qa up "$dir/out" || break
		sleep 0.05
	done
}

# ended SECONDS: whether $pid ends by itself within this time; its $code
ended() {
	local i
	for ((i = 0; i < $1 * 20; i++)); do
		[ -d "/proc/$pid" ] || break
		sleep 0.05
	done
	kill -KILL "$pid" 2>/dev/null
	wait "$pid"
	code=$?
}

# As nohup does.
trap '' HUP
start i --timeout 2s
trap - HUP
kill -HUP "$pid"
ended 60
[ "$code" = 124 ] || fail "SIGHUP, ignored by who started it: exit code $code, not 124"

# What stands after the machine in a file that nobody reads: it is opened for ever.
mkfifo "$dir/fifo"
start i --timeout 1s --stats "$dir/fifo"
for ((i = 0; i < 1200; i++)); do
	! grep -q 'did not end within' "$dir/err" || break
	sleep 0.05
done
kill -TERM "$pid"
ended 60
[ "$code" = 143 ] || fail "SIGTERM while --stats waits for a reader: exit code $code, not 143"

# SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT are blocked in no thread.
start i
for status in /proc/"$pid"/task/*/status; do
	case $(cat "${status%status}comm") in
	ktstr | vcpu*) ;;
	*) continue ;;
	esac
	blocked=$(sed -n 's/^SigBlk:\t//p' "$status")
	[ $((0x$blocked & (1 << 10 | 1 << 6 | 1 << 7 | 1 << 3 | 1 << 5))) = 0 ] || fail "$status: SigBlk $blocked"
done
kill -BUS "$pid"
ended 60
# A sanitizer has its own way to die.
grep -q '^ktstr: SIGBUS; a kernel, initrd or disk file was truncated' "$dir/err" || fail "no line about SIGBUS"
[ "$code" = 135 ] || grep -q __asan_ "$ktstr" || fail "SIGBUS: exit code $code, not 135"
[ "$failures" -eq 0 ]
