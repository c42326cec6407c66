#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Schedulers in stock guests, on a KVM that can boot them; POSIX sh, for it runs under busybox too.
# usage: scx.sh KTSTR KTSTR_SCX SCX_PROGRAM OLD_KERNEL [CASE]...; TAP on stdout. OLD_KERNEL may be empty; the cases are
# attachments and others.
ktstr=$1 scx=$2 program=$3 old=$4
shift 4
cases=$*
# shellcheck source=tests/nested/tap.sh
. "$(dirname "$0")/tap.sh"

guest() {
	run_guest "$@" </dev/null
}

# --- attached is attached: enable_seq is raised after the state says enabled
if wanted attachments; then
	times=${KTSTR_TEST_ATTACHMENTS:-3}
	cat >attachments <<'ATTACHMENTS'
right=0
for _ in $(seq "$1"); do
	if ktstr-scx '/bin/ktstr-scx fifo' -- true 2>err; then
		right=$((right + 1))
	else
		echo "exit code $?" >&2
		cat err >&2
	fi
done
echo $right
ATTACHMENTS
	for cpus in 1 2 4 8; do
		guest run --host direct --timeout $((300 + times * 20))s --cpus $cpus --file "$scx:/bin/ktstr-scx" \
			--file attachments:/attachments -- sh /attachments "$times"
		report "no false end: $(cat out) of $times attachments right on $cpus CPUs" test "$code" -eq 0 -a "$(cat out)" = "$times"
	done
fi
wanted others || {
	echo "1..$n"
	exit
}

# --- attached while the command runs, detached behind it
guest run --host direct --timeout 120s --scheduler fifo --stats facts -- sh -c \
	'cat /sys/kernel/sched_ext/state /sys/kernel/sched_ext/root/ops; exit 7'
report "the exit code is the command's, under a scheduler too" test "$code" -eq 7
report "the scheduler was enabled, by its name" test "$(tr '\n' ' ' <out)" = "enabled ktstr_fifo "
report "why it went is told" grep -q '^ktstr-scx: fifo: detached: unregistered from user space$' err
report "the facts name what ran" grep -q '"sched_ext": "ktstr_fifo"' facts
report "and that it held to the end" grep -q '"held": true' facts

# --- a shell under it, which is told as for a command
echo 'exit 0' | "$ktstr" shell --host direct --timeout 120s --scheduler fifo --stats facts -- sh >out 2>err
code=$?
report "a shell under a scheduler" test "$code" -eq 0
report "and the facts name it" grep -q '"sched_ext": "ktstr_fifo"' facts

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

# --- a scheduler that a program brings, with arguments
guest run --host direct --timeout 120s --scheduler "'$scx'  fifo" --stats facts -- cat /sys/kernel/sched_ext/root/ops
report "a program brings its scheduler" test "$code" -eq 0 -a "$(cat out)" = ktstr_fifo
report "is ended in order" grep -q '^ktstr-scx: ktstr-scx: detached: unregistered from user space$' err
report "and the facts name it" grep -q '"sched_ext": "ktstr_fifo"' facts
report "with the time from its start until it was enabled" grep -q '"attach_ms": [1-9]' facts
report "what it prints has its name before each line" grep -q '^ktstr-scx: ktstr-scx: fifo: detached' err
guest run --host direct --timeout 120s --scheduler "$scx stall" --scheduler-log log --stats facts -- sh -c 'while :; do :; done'
report "a program whose scheduler the kernel ends is a failure" test "$code" -eq 1
report "with the kernel's reason, which its log has" \
	grep -q '^ktstr-scx: ktstr-scx: kicked out by the kernel: runnable task stall: .* (kind 1026)$' err
report "what it prints is in --scheduler-log alone" \
	sh -c "grep -q '^ktstr-scx: stall: kicked out' log && ! grep -q 'triggered exit kind' err"
report "and the facts have the kernel's dump, whole" \
	sh -c "grep -q '\"dump\": .*triggered exit kind 1026.*Event counters' facts && grep -q '\"kind\": 1026' facts"

# --- a scheduler that is a BPF object
guest run --host direct --timeout 120s --scheduler "$(dirname "$scx")/scx_fifo.bpf.o" -- cat /sys/kernel/sched_ext/root/ops
report "a BPF object is a scheduler" test "$code" -eq 0 -a "$(cat out)" = ktstr_fifo
report "and is detached in order" grep -q '^ktstr-scx: scx_fifo.bpf.o: detached: unregistered from user space$' err

# --- every fault of a scheduler's program is told apart
guest run --host direct --timeout 600s --file "$program:/bin/scx-program" --file "$scx:/bin/ktstr-scx" \
	--file "$(dirname "$0")/scx_faults.sh:/scx_faults.sh" -- sh /scx_faults.sh /bin/scx-program
fault() { # NAME CODE|STDOUT WORDS TEXT
	report "$4" grep -q -- "^$1 $2|ktstr-scx: .*$3" out
}
user='detached: unregistered from user space'
fault fine '7 ran ' "$user" "a program's scheduler, and the command's own exit code"
fault words '0 ran ' "$user" "a program with blanks in its path and quoted arguments"
report "which it gets as they were meant" grep -q '^words-seen 0 4$' out
fault script '0 ran ' "$user" "a script that starts the program"
fault exec-script '0 ran ' "$user" "a script that becomes the program"
fault file '0 ran ' "$user" "a program that needs a file"
fault slow '0 ran ' "$user" "a program that is slow to attach"
fault no-end '1 ' 'its program ended with code 3 before' "a program whose last line has no end"
fault noise '0 ran ' "$user" "a program that prints more than a pipe holds"
fault restart '0 enabled ' "$user" "a scheduler that restarts itself held to the end"
report "and the restart is told" grep -q 'restart: ktstr-scx: scx-program: restarted itself 1 time;' err
fault stall '1 ' 'kicked out by the kernel: runnable task stall: .* failed to run for .* (kind 1026)$' "a stall"
fault error '1 ' 'kicked out by the kernel: scx_bpf_error: .* (kind 1025)$' "an error of the scheduler's own"
fault exits '1 ' 'ended itself: unregistered from BPF (kind 65)$' "a scheduler that ends itself"
fault exits-code '1 ' 'ended itself: unregistered from BPF (kind 65)$' "with a code"
fault dies '1 ' 'its program was killed by signal 6 (Aborted) before it attached a scheduler' "a program that dies at once"
fault refused '1 ' "the kernel refused to load it (the verifier's log is in the scheduler's output)" \
	"a scheduler that the verifier refuses"
report "whose log is there, whole" grep -q '^refused-log 0 [1-9]' out
fault missing '69 ' '/tmp/missing: can.t be started: No such file or directory$' "a program that is not there"
fault no-interpreter '69 ' 'its interpreter or loader is not in the guest$' "a script without its interpreter"
fault not-executable '69 ' 'can.t be started: Permission denied$' "a program that can't be executed"
fault needs '1 ' 'its program ended with code 1 before it attached a scheduler; see its output$' "a program that lacks a file"
fault no-scheduler '1 ' 'its program ended with code 0 before it attached' "a program that brings no scheduler"
fault hang-at-end '1 ran ' 'took no notice of SIGINT at the end and was killed after 10 s$' "a program that hangs at its end"
fault pin-link '1 ran ' 'left its scheduler attached when it ended; is a link pinned' "a program that leaves its link pinned"
fault second '69 ' 'scheduler .* is there already, enabled; end it first$' "a scheduler where another is"

# --- the same words and codes from run and bench
guest run --host direct --timeout 120s --scheduler "$program --error" --stats facts -- sh -c 'while :; do :; done'
report "run: a scheduler's error" sh -c "test $code -eq 1 && grep -q 'scx-program: kicked out .*scx_bpf_error' err"
guest bench wakeup --host direct --scheduler "$program --exit" --duration 2s
report "bench: no table where the scheduler went" \
	sh -c "test $code -eq 1 && test ! -s out && grep -q 'scx-program: ended itself: unregistered from BPF' err"
guest bench wakeup --host direct --scheduler "$program --restart 1 --after 1500" --duration 5s
report "bench: no table where the scheduler restarted itself" \
	sh -c "test $code -eq 2 && test ! -s out && grep -q 'restarted itself 1 time' err"

# --- the loader on its own, and shares of CPU time, in one guest with one CPU
cat >inside <<'INSIDE'
state() { cat /sys/kernel/sched_ext/state; }
attach() { # NAME
	ktstr-scx $1 2>/dev/null &
	loader=$!
	for _ in $(seq 200); do [ "$(state)" = enabled ] && break; sleep 0.1; done
}
attach fifo
ktstr-scx wrr -- true 2>/dev/null
echo second $?
kill -TERM $loader
wait $loader
echo terminated $? "$(state)"
attach fifo
kill -KILL $loader
for _ in $(seq 200); do [ "$(state)" = disabled ] && break; sleep 0.1; done
echo killed "$(state)"
ktstr-scx fifo -- no-such-command 2>/dev/null
echo missing $?
ktstr-scx juggle -- true 2>/dev/null
echo unknown $?
ktstr-scx fifo -- sh -c 'echo S >/proc/sysrq-trigger; sleep 60; echo too late' 2>/dev/null
echo sysrq $?
ktstr-scx /bin/false -- true 2>/dev/null
echo fruitless $?
for name in fifo wrr; do
	# shellcheck disable=SC2016 # the inner shell's
	ktstr-scx $name -- sh -c '
		sh -c "while :; do :; done" & heavy=$!
		sh -c "while :; do :; done" & light=$!
		renice -n -5 -p $heavy
		renice -n 10 -p $light
		sleep 4
		set -- $(awk "{print \$14}" /proc/$heavy/stat) $(awk "{print \$14}" /proc/$light/stat)
		kill $heavy $light
		echo shares $1 $2 >&2
		test $2 -gt 0 && echo '$name' $(($1 * 10 / $2))' 2>>shares
done
cat shares >&2
INSIDE
guest run --host direct --timeout 120s --cpus 1 --file "$scx:/bin/ktstr-scx" --file inside:/inside -- sh /inside
report "a second scheduler is refused" grep -q '^second 69$' out
report "SIGTERM ends a scheduler in order" grep -q '^terminated 0 disabled$' out
report "it does not outlive its loader" grep -q '^killed disabled$' out
report "a command that is not there gives 127" grep -q '^missing 127$' out
report "a scheduler that is not there gives 64" grep -q '^unknown 64$' out
report "a scheduler that SysRq-S ends takes its command along" grep -q '^sysrq 1$' out
report "a program that brings none gives 1" grep -q '^fruitless 1$' out
# shellcheck disable=SC2016 # awk's
report "fifo gives equal shares whatever the nice values" \
	awk '$1 == "fifo" { ok = $2 > 5 && $2 < 20 } END { exit !ok }' out
# shellcheck disable=SC2016 # awk's
report "wrr gives shares by weight" awk '$1 == "wrr" { ok = $2 > 40 } END { exit !ok }' out

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
