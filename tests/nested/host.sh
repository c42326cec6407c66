#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What stock guests take of their host's CPUs, and give back; POSIX sh, for it runs under busybox too.
# usage: host.sh KTSTR HERD; TAP on stdout.
ktstr=$1 herd=$2
# shellcheck source=tests/nested/tap.sh
. "$(dirname "$0")/tap.sh"
mkdir locks
export KTSTR_LOCK_DIR="$dir/locks"

guest() {
	run_guest run --host direct --memory 256M --timeout 120s "$@"
}
said() { grep -q -- "$1" err; }
fact() { grep -q -- "\"$1\": $2" stats; }
# The thread NAME of the process $holder: "CPUs policy priority"
thread() {
	for t in /proc/"$holder"/task/*; do
		[ "$(cat "$t/comm")" = "$1" ] || continue
		echo "$(awk '/^Cpus_allowed_list/ { print $2 }' "$t/status") $(awk '{ print $41, $40 }' "$t/stat")"
	done
}
# Start one that stays, and wait until its guest is up.
hold() {
	"$ktstr" run --host direct --memory 256M "$@" -- sh -c 'echo up; exec sleep 1000000' >held 2>err &
	holder=$!
	while ! grep -q up held && kill -0 $holder 2>/dev/null; do sleep 0.2; done
	kill -0 $holder 2>/dev/null
}
cpus=$(nproc)
if [ "$cpus" -lt 2 ]; then
	echo "1..0 # SKIP performance mode takes 2 CPUs, and there is one"
	exit 0
fi

# --- performance: pinned, with its priority, and what KVM knows
guest --mode performance --cpus 1 --stats stats -- sh -c 'dmesg | grep -c KVM_HINTS_REALTIME; nproc'
in_performance() {
	[ "$code" -eq 0 ] && has '^1$' && fact mode '"performance"' && fact vcpu_policy '"fifo 1"' &&
		fact reactor_policy '"fifo 2"' && fact realtime_hint true && fact pause_exits false && fact locks '"exclusive"'
}
report "a guest in mode performance has what the mode promises" in_performance
guest --mode performance --cpus "$cpus" -- true
too_many() { [ "$code" -eq 77 ] && said "skipped: performance mode: $cpus vCPUs and the reactor need $((cpus + 1)) CPUs"; }
report "performance mode for more CPUs than there are is skipped, with the reason" too_many

hold --mode performance --cpus 1
pinned() {
	v=$(thread vcpu0) r=$(thread ktstr)
	echo "# vCPU: $v; reactor: $r"
	case $v in *[-,]* | '') return 1 ;; *' 1 1') ;; *) return 1 ;; esac
	case $r in *[-,]* | '') return 1 ;; *' 1 2') ;; *) return 1 ;; esac
	[ "${v%% *}" != "${r%% *}" ]
}
report "vCPU and reactor each have a CPU of their own, and SCHED_FIFO" pinned

# --- others beside it; the nested host is one LLC
if [ -n "${KTSTR_NESTED:-}" ]; then
	guest --cpus 1 -- true
	skipped() { [ "$code" -eq 77 ] && said "pid $holder (performance"; }
	report "nobody runs beside it, and is told whose machine that is" skipped
	guest --cpus 1 --bypass-llc-locks -- true
	report "but who asks to" test "$code" -eq 0
	"$ktstr" locks >out
	report "ktstr locks names the holder" has "^llc-0 .*exclusive.* $holder  *performance"
	"$ktstr" run --host direct --memory 256M --cpus 1 --wait 100s -- echo waited >out 2>err &
	waiter=$!
	sleep 2
	kill -9 $holder
	wait $waiter
	code=$?
	report "who waits has it when the holder is killed" has '^waited$'
else
	kill -9 $holder
fi
wait $holder 2>/dev/null
"$ktstr" locks >out
report "a killed holder leaves no lock" has "no locks are held"

# --- shared
guest --cpu-cap 1 --cpus 2 --stats stats -- nproc
capped() { [ "$code" -eq 0 ] && has '^2$' && fact mode '"shared"' && fact overcommitted true && fact halt_poll_ns 0; }
report "two CPUs of a guest on one of the host" capped

# --- many
unset KTSTR_LOCK_DIR
KTSTR_TEST_PROGRAM=$ktstr sh "$herd" -n 4 -s 10 >out 2>err
code=$?
sed 's/^/# /' out
report "a small herd boots, idles and stops" test "$code" -eq 0
calm() { awk '/its reactor/ { seen = 1; if ($(NF - 1) > 1) exit 1 } END { exit !seen }' out; }
report "an idle machine's reactor wakes at most once a second" calm

echo "1..$n"
