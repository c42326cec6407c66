#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Schedulers in stock guests, on a KVM that can boot them; POSIX sh, for it runs under busybox too.
# usage: scx.sh KTSTR KTSTR_SCX [OLD_KERNEL]; TAP on stdout.
ktstr=$1 scx=$2 old=$3
n=0
dir=$(mktemp -d) && cd "$dir" || exit 70
trap 'rm -rf "$dir"' EXIT

# report NAME CONDITION...: one TAP line; what the guest said goes with a failure
report() {
	n=$((n + 1))
	name=$1
	shift
	if "$@"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		{ echo "exit code $code, out:"; head -c 1500 out; echo "err:"; tail -n 15 err; } | sed 's/^/# /'
	fi
}

# guest ARGS...: run it; $code is what came
guest() {
	"$ktstr" "$@" >out 2>err </dev/null
	code=$?
}

# --- attached while the command runs, detached behind it
guest run --host direct --timeout 120s --scheduler fifo --stats facts -- sh -c \
	'cat /sys/kernel/sched_ext/state /sys/kernel/sched_ext/root/ops; exit 7'
report "the exit code is the command's, under a scheduler too" test "$code" -eq 7
report "the scheduler was enabled, by its name" test "$(tr '\n' ' ' <out)" = "enabled ktstr_fifo "
report "why it went is told" grep -q '^ktstr-scx: fifo: detached: unregistered from user space$' err
report "the facts name what ran" grep -q '"sched_ext": "ktstr_fifo"' facts
report "and that it held to the end" grep -q '"held": true' facts

# --- a scheduler with a fault: no result under another one
guest run --host direct --timeout 120s --scheduler stall --stats facts -- sh -c 'while :; do :; done'
report "a scheduler that the kernel ends is a failure" test "$code" -eq 1
report "the kernel's reason is told" \
	grep -q '^ktstr-scx: stall: kicked out by the kernel: runnable task stall: .*failed to run' err
report "with what it had to say of its state" grep -q 'R sh\[' err
report "the facts hold the kind (SCX_EXIT_ERROR_STALL)" grep -q '"kind": 1026' facts
report "and do not name it as what ran" grep -q '"sched_ext": null' facts

# --- a benchmark names it
guest bench wakeup --host direct --scheduler fifo --duration 1s --json -
report "a benchmark runs under it and says so" \
	sh -c "test $code -eq 0 && grep -q '\"sched_ext\": \"ktstr_fifo\"' out && grep -q '\"held\": true' out"

# --- a kernel without sched_ext
if [ -n "$old" ]; then
	guest run --host direct --scheduler fifo --kernel "$old" -- true
	report "a kernel without sched_ext is refused" test "$code" -eq 69
	guest run --host direct --timeout 120s --kernel "$old" --file "$scx:/bin/ktstr-scx" -- ktstr-scx fifo -- echo ran
	report "in the guest, too, if nobody looked before" \
		sh -c "test $code -eq 69 && test ! -s out && grep -q 'has no sched_ext' err"
else
	for name in refused "refused in the guest"; do
		n=$((n + 1))
		echo "ok $n - a kernel without sched_ext is $name # SKIP 6.12 is not in the cache"
	done
fi
echo "1..$n"
