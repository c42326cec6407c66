#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What travels between host and a stock guest, on a KVM that can boot one; POSIX sh, for it runs under busybox too.
# usage: conversation.sh KTSTR SCX_SERVER PTY MIB [CASE]...; TAP on stdout. MIB: size of the streams.
ktstr=$1 server=$2 pty=$3 mib=$4
if [ $# -eq 4 ]; then
	# All of them, in three lots side by side: most cases wait for time to pass.
	{
		sh "$0" "$@" wakes markers ends &
		sh "$0" "$@" readers &
		sh "$0" "$@" shell writers stats streams
		wait
	} | awk '
		/^1\.\./ { plans++; next }
		/^(not )?ok [0-9]/ { sub(/ok [0-9]+/, "ok " ++n) }
		{ print; fflush() }
		END { print plans == 3 ? "1.." n : "Bail out! a lot of the cases ended early" }'
	exit
fi
chrt=/usr/bin/chrt
shift 4
cases=$*
# shellcheck source=tests/nested/tap.sh
. "$(dirname "$0")/tap.sh"

more() {
	echo "events:"
	grep -v '"dmesg"' events | tail -n 15 | cut -c 1-300
}
guest() {
	rm -f events facts
	run_guest run --host direct --timeout 300s --events events --stats facts "$@"
}
fact() { # NAME: the largest of its values
	sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" facts | sort -n | tail -n 1
}
event() { grep -q -- "$1" events; }
# The lines of the events that match, in order: the names of $1 (words) and no more
order() {
	sed -n 's/^{"event":"\([a-z_]*\)".*/\1/p' events | grep -xE "$(echo "$1" | tr ' ' '|')" | tr '\n' ' ' |
		grep -qx "$1 "
}

# --- wake bytes
if wanted wakes; then
	guest --wake accessor-ready@1s --wake bpf-write-done@6s --wake vc-dump@7s -- sh -c '
		ktstr-guest wait accessor 60 || exit 1
		ktstr-guest wait bpf-write 1 2>/dev/null && exit 2
		ktstr-guest wait bpf-write 60 || exit 3
		ktstr-guest wait accessor 60 || exit 4
		for i in $(seq 600); do dmesg | grep -q "sysrq: .*sched" && exit 0; sleep 0.1; done; exit 5' </dev/null
	report "CON-11, CON-12, CON-09: each wake byte has its effect" test "$code" -eq 0
	report "the effects are events, in order" order "wake_sent wake_effect wake_sent wake_effect wake_sent wake_effect"
	report "and in the final report" grep -q '"effect": "latch bpf-write set"' facts
	guest --wake shutdown@1s -- sh -c '
		echo first; trap "head -c 1000000 /dev/zero; sync; echo last; exit 9" TERM
		while :; do sleep 0.1; done' </dev/null
	report "CON-10: shutdown ends the command by SIGTERM" test "$code" -eq 9
	report "and all that was written before it comes" sh -c \
		'[ "$(wc -c <out)" -eq 1000011 ] && [ "$(head -n 1 out)" = first ] && tail -c 5 out | grep -q last'
fi

# --- what the guest's programs say
if wanted markers; then
	guest -- sh -ec '
		ktstr-guest scenario start
		ktstr-guest stimulus step=3 ops=2 kinds=0x11 cgroups=1 workers=8 iterations=1000000000000
		ktstr-guest scenario pause; ktstr-guest scenario resume
		ktstr-guest metric latency 12.5 us; ktstr-guest metric "{\"any\":[1,2]}"
		echo "{\"by\":\"descriptor\"}" >&3
		echo raw output | ktstr-guest raw; echo log | ktstr-guest scheduler-log
		ktstr-guest scenario end' </dev/null
	report "markers, stimulus, metrics and raw output are events, in order" order \
		"scenario_start stimulus scenario_pause scenario_resume metric metric metric raw_output scheduler_log scenario_end"
	report "a stimulus is whole" event '"step_index":3,"op_count":2,"op_kinds":17,"cgroup_count":1,"worker_count":8,"total_iterations":1000000000000'
	report "metrics by command and by descriptor" sh -c \
		'grep -q "\"metric\":\"latency\",\"value\":12.5,\"unit\":\"us\"" events && grep -q "\"by\":\"descriptor\"" events'
	guest -- sh -c 'ktstr-guest capture here; echo $?; ktstr-guest metric x y; echo $?; ktstr-guest wait bpf-write 1; echo $?' </dev/null
	report "a snapshot is refused with a reason where nobody takes them" grep -q 'nobody takes snapshots' err
	report "WIR-13: and its request is no part of a verdict" event '"snapshot_request".*"internal":true'
	report "codes of ktstr-guest: refused, usage, time-out" test "$(tr '\n' ' ' <out)" = "1 64 124 "
	guest -- sh -c 'echo before; ktstr-guest scheduler-exit 139; sleep 60; echo after' </dev/null
	report "WIR-10: a scheduler's exit ends the run" test "$code" -eq 1 -a "$(cat out)" = before
fi

# --- ends that are none of the command's
if wanted ends; then
	guest -- sh -c 'kill -SEGV 1; sleep 60' </dev/null
	report "a crash of init ends the run" test "$code" -eq 70
	report "CON-47: with its text, from COM2" sh -c 'grep -q "PANIC: ktstr-init: signal 11" err && grep -q "\"crash_text\".*PANIC" events'
	report "and in the final report" grep -q '"crash": "PANIC: ktstr-init: signal 11' facts
	guest -- sh -c 'echo c >/proc/sysrq-trigger; sleep 60' </dev/null
	report "a panic" test "$code" -eq 255
	report "its text is in the report" grep -q '"panic": ".*Kernel panic - not syncing: sysrq' facts
	report "and in the last event" sh -c 'tail -n 1 events | grep -q "\"event\":\"end\".*Kernel panic - not syncing: sysrq"'
	guest -- sh -c 'echo "<3>a text of the log" >/dev/kmsg; exit 5' </dev/null
	report "the kernel log comes with a command that fails" sh -c \
		"test $code -eq 5 && grep -q '\"dmesg\": .*a text of the log' facts && grep -q '\"event\":\"dmesg\".*a text of the log' events"
	if [ -n "${KTSTR_TEST_OOPS:-}" ]; then
		guest --file "$KTSTR_TEST_OOPS:/oops.ko" -- sh -c 'insmod /oops.ko; exit 6' </dev/null
		if grep -q "can't insert" err; then
			echo "ok $((n = n + 1)) - an oops # SKIP this kernel takes no module that was changed"
		else
			report "an oops: the command's code, and the text in the report" sh -c \
				"test $code -eq 6 && grep -q '\"dmesg\": .*Oops: invalid opcode.*init_module' facts"
			guest --append oops=panic --file "$KTSTR_TEST_OOPS:/oops.ko" -- sh -c 'insmod /oops.ko; exit 6' </dev/null
			report "an oops that is a panic" sh -c "test $code -eq 255 &&
				grep -q '\"panic\": .*Oops: invalid opcode.*Kernel panic - not syncing: Fatal exception' facts"
		fi
	fi
	guest -- true </dev/null
	report "and not with one that succeeds" sh -c "test $code -eq 0 && grep -q '\"dmesg\": null' facts"
	guest --timeout 100s -- sh -c 'trap "" TERM; echo up; while :; do :; done' </dev/null
	report "a command that hangs: 124, its output, the kernel log" sh -c \
		"test $code -eq 124 && grep -qx up out && grep -q '\"event\":\"dmesg\"' events && tail -n 1 events | grep -q '\"exit_code\":124'"
	# A loop above all else on the only CPU.
	guest --cpus 1 --timeout 60s --file "$chrt:/bin/chrt" -- sh -c 'echo up; echo -1 >/proc/sys/kernel/sched_rt_runtime_us; chrt -f 99 sh -c "trap \"\" TERM; while :; do :; done"' </dev/null
	report "a guest that hangs: 124 and a report" sh -c \
		"test $code -eq 124 && grep -qx up out && tail -n 1 events | grep -q '\"exit_code\":124'"
fi

# --- readers of the output: slow ones, ones that go, ones that take nothing. Never a hang, and a code that says it
late_reader() {
	{
		"$ktstr" run --host direct --timeout 120s -- sh -c 'head -c 6000000 /dev/zero; echo end; exit 3' 2>err </dev/null
		echo $? >code
	} | { sleep 8; wc -c; } >out
	code=$(cat code)
}
short_reader() {
	{
		"$ktstr" run --host direct --timeout 120s -- yes 2>err </dev/null
		echo $? >code
	} | head -n 1 >out
	code=$(cat code)
}
full_disk() {
	"$ktstr" run --host direct --timeout 120s -- echo text >/dev/full 2>err </dev/null
	code=$?
}
# never_read FUNCTION ARGS...: with a pipe named stuck that nobody reads
never_read() {
	mkfifo stuck
	sh -c 'exec sleep 1000' <stuck &
	reader=$!
	"$@"
	kill $reader
	wait $reader 2>/dev/null
	rm -f stuck
}
# Within a time, or it is killed.
to_nobody() { # ARGS...
	timeout -s KILL 150 "$ktstr" run --host direct --cpus 1 "$@" >stuck 2>err </dev/null
	code=$?
}
both_to_nobody() { # ARGS...
	timeout -s KILL 150 "$ktstr" run --host direct --cpus 1 "$@" >stuck 2>&1 </dev/null
	code=$?
	: >err
}
signalled() { # SIGNAL
	# A shell starts what is in the background with SIGINT ignored; env undoes that.
	/usr/bin/env --default-signal=INT "$ktstr" run --host direct --cpus 1 -- head -c 3000000 /dev/zero >stuck 2>&1 </dev/null &
	pid=$!
	sleep 12
	kill -"$1" $pid
	wait $pid
	code=$?
	: >err
}
events_to_nobody() {
	# shellcheck disable=SC2016 # the guest's
	timeout -s KILL 150 "$ktstr" run --host direct --timeout 30s --events stuck --stats facts -- sh -c \
		'while :; do head -c 60000 /dev/zero | tr "\0" e | ktstr-guest raw; done' >out 2>err </dev/null
	code=$?
}
if wanted readers; then
	attempt late_reader
	report "a reader that comes late gets all" test "$code" -eq 3 -a "$(cat out)" -eq 6000004
	attempt short_reader
	report "a reader that goes ends a command as SIGPIPE would" test "$code" -eq 141 -a "$(cat out)" = y
	attempt full_disk
	report "output that can't be written is no success" sh -c "test $code -eq 1 && grep -q \"output can't be written\" err"
	attempt never_read to_nobody --timeout 30s -- yes
	report "a reader that takes nothing: the time-out ends a command that writes" test "$code" -eq 124
	attempt never_read to_nobody --timeout 60s --disk size=1M -- head -c 3000000 /dev/zero
	report "and one that has ended" sh -c "test $code -eq 124 && grep -q 'reader stalled' err"
	attempt never_read to_nobody --timeout 60s -- sh -c 'head -c 3000000 /dev/zero & sleep 2; echo c >/proc/sysrq-trigger; sleep 60'
	report "also with a panic" sh -c "test $code -eq 255 && grep -q 'Kernel panic - not syncing: sysrq' err"
	never_read both_to_nobody --timeout 30s -- sh -c 'yes >&2'
	report "also where stderr has the same reader" test "$code" -eq 124
	for signal in INT TERM; do
		never_read signalled $signal
		report "SIG$signal ends the wait for a reader" test "$code" -eq "$([ $signal = INT ] && echo 130 || echo 143)"
	done
	mkfifo nobody
	"$ktstr" run --host direct --timeout 60s --events nobody -- true >out 2>err </dev/null
	code=$?
	report "a fifo for events that nobody reads is refused" sh -c "test $code -ne 0 && grep -q nobody err"
	attempt never_read events_to_nobody
	report "events that nobody takes hold the guest: $(fact own_resident_bytes) bytes" test \
		"$code" -eq 124 -a "$(fact own_resident_bytes)" -lt 67108864
fi

# --- several writers at once: no frame in another
if wanted writers; then
	# shellcheck disable=SC2016 # the guest's
	guest -- sh -c '
		for w in a b c d; do
			(i=0; while [ $i -lt 15 ]; do head -c 30000 /dev/zero | tr "\0" $w | ktstr-guest raw; i=$((i + 1)); done) &
		done
		head -c 3000000 /dev/zero; wait' </dev/null
	sed -n 's/^{"event":"raw_output","text":"\([^"]*\)".*/\1/p' events >said
	report "four writers' frames hold one writer's bytes each" sh -c \
		"test $code -eq 0 && ! grep -vqE '^(a+|b+|c+|d+)$' said && [ \$(tr -d '\n' <said | wc -c) -eq 1800000 ]"
	report "the output beside them too" test "$(wc -c <out)" -eq 3000000
	report "no CRC was wrong" sh -c "grep -q '\"bad_crc\": 0' facts && grep -q '\"unknown\": 0' facts"
fi

# --- statistics
if wanted stats; then
	guest --scx-stats 1ms --file "$server:/bin/scx-server" -- scx-server ok 1000 </dev/null
	report "1000 requests are answered, each by its own answer" sh -c \
		"test $code -eq 0 && [ \"\$(sed -n 's/.*\"resp\":{\"n\":\([0-9]*\)}.*/\1/p' events | tr '\n' ' ')\" = \"\$(seq 1000 | tr '\n' ' ')\" ]"
	for case in error:SchedulerError empty:MissingResp huge:ResponseTooLarge large:ResponseTooLarge slow:Timeout die:NoScheduler; do
		guest --scx-stats 300ms --file "$server:/bin/scx-server" -- scx-server ${case%:*} 1 </dev/null
		report "a server that is ${case%:*}: ${case#*:}" event "\"scx_stats\".*\"error\":\"${case#*:}\""
	done
	guest --scx-stats 100ms -- sleep 1 </dev/null
	report "no server: NoScheduler" event '"error":"NoScheduler"'
	# The last may still be on its way when the guest ends.
	report "and nothing else" sh -c '! grep "\"scx_stats\"" events | grep -vqE "NoScheduler|Cancelled"'
fi

# --- streams: the facts' byte counts say that it was as much as it was meant to be; nobody keeps the data
stream_s=$((600 + mib * 4)) # what slow emulation takes
# To a reader that takes a megabyte and rests: out and err are the sums of both ends.
stream_out() { # BYTES
	rm -f facts pipe
	mkfifo pipe
	{
		"$ktstr" run --host direct --timeout ${stream_s}s --stats facts -- sh -c "
			mkfifo copy; sha256sum <copy >&2 & head -c $1 /dev/urandom | tee copy; wait" 2>err </dev/null
		echo $? >code
	} >pipe &
	while dd bs=65536 count=16 iflag=fullblock 2>/dev/null >piece && [ -s piece ]; do
		cat piece
		sleep 0.02
	done <pipe | sha256sum >out
	wait
	code=$(cat code)
}
stream_in() { # BYTES: out and want are the sums of both ends
	rm -f facts copy
	mkfifo copy
	sha256sum <copy >want &
	head -c "$1" /dev/urandom | tee copy |
		"$ktstr" run --host direct --timeout ${stream_s}s --stats facts -- sha256sum >out 2>err
	code=$?
	wait
}
if wanted streams; then
	bytes=$((mib * 1048576))
	attempt stream_out $bytes
	report "$mib MiB to a slow reader: every byte once, in order" test \
		"$code" -eq 0 -a "$(fact stdout_bytes)" -eq "$bytes" -a "$(cat out)" = "$(cat err)"
	report "with $(fact stdout_waiting_max) bytes that wait, and $(fact own_resident_bytes) of the VMM's memory, at most" \
		test "$(fact stdout_waiting_max)" -lt 4194304 -a "$(fact own_resident_bytes)" -lt 67108864
	[ "$mib" -le 256 ] || mib=256
	bytes=$((mib * 1048576))
	attempt stream_in $bytes
	report "$mib MiB to the guest: every byte once, in order" test \
		"$code" -eq 0 -a "$(fact stdin_bytes)" -eq "$bytes" -a "$(cat out)" = "$(cat want)"
	report "with a backlog of $(fact backlog_max) bytes, and $(fact own_resident_bytes) of the VMM's memory, at most" \
		test "$(fact backlog_max)" -lt 4194304 -a "$(fact own_resident_bytes)" -lt 67108864
fi

# --- a shell in a terminal
lost="$lost\|pty: at step"
typed() { # TEXT: from a pipe
	echo "$1" | "$ktstr" shell --host direct >out 2>err
	code=$?
}
shell_to_nobody() {
	echo 'head -c 4000000 /dev/zero; exit' | timeout -s KILL 150 "$ktstr" shell --host direct --timeout 60s >stuck 2>err
	code=$?
}
at_terminal() { # SIZE STEP...: what pty does at it
	"$pty" "$@" -- "$ktstr" shell --host direct >out 2>err
	code=$?
	grep "$lost" out >>err
}
if wanted shell; then
	attempt typed 'echo $((6 * 7)); exit 5'
	report "a shell without a terminal: typed from a pipe" sh -c "test $code -eq 5 && tr -d '\r' <out | grep -qx 42"
	attempt typed 'echo $((6 * 7))'
	report "and ended by its end" sh -c "test $code -eq 0 && tr -d '\r' <out | grep -qx 42"
	attempt never_read shell_to_nobody
	report "a screen that takes nothing is waited for until the time-out" test "$code" -eq 124
	attempt at_terminal 33x101 '=Ctrl-]' '=# ' '+stty size\r' '=33 101' '+sleep 1000\r' '=sleep' '+\x03' '=# ' '@44x55' \
		'+until stty size | grep 44.55; do sleep 1; done\r' '=44 55' '=# ' '+exit 3\r'
	report "a terminal: size, ^C, another size, exit code; as it was behind it" test "$code" -eq 3
	attempt at_terminal 24x80 '=# ' '+printf "S<AB\\\\nCD\\\\033[5;10Hx\\\\033[24;80Hy>E"; exit 4\r' '=>E'
	report "what a program draws comes byte by byte as its terminal made it" sh -c \
		"test $code -eq 4 && grep -qF \"\$(printf 'CD\\033[5;10Hx\\033[24;80Hy>E')\" out && grep -qx \"\$(printf '.*S<AB\\r')\" out"
	attempt at_terminal 24x80 '=# ' '+\x1d'
	report "the escape key" test "$code" -eq 0
	attempt at_terminal 24x80 '=# ' '!15'
	report "SIGTERM gives the terminal back" test "$code" -eq 143
	attempt at_terminal 24x80 '=# ' '+echo c >/proc/sysrq-trigger\r'
	report "so does a panic" test "$code" -eq 255
fi

echo "1..$n"
