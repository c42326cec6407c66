#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own C schedulers in stock guests, on a KVM that can boot them; POSIX sh, for it runs under busybox too.
# usage: schedulers.sh KTSTR KTSTR_SCX PROGRAMS KERNEL OLD_KERNEL ROUNDS CASE [CPUS]...; TAP on stdout.
#   attach    all of them, again and again, in one guest: no attachment may be told wrong
#   run       ktstr run with each of them, under load
#   bench     ktstr bench with each of them
#   both      the two in turn
#   refused   scx_qmap, of which the verifier refuses what clang 19 makes; and all of them on a kernel without sched_ext
#   hotplug   a CPU goes and comes under each of them: they restart themselves
#   topology  guests with several LLCs and nodes
#   shares    scx_flatcg shares CPUs by the weights of cgroups
# PROGRAMS is the directory that tests/schedulers/build printed; ROUNDS 0: few of them.
ktstr=$1 scx=$2 programs=$3 kernel=$4 old=$5 rounds=$6 case=$7
shift 7
counts=${*:-1 2 4 8} cases=''
# shellcheck source=tests/nested/tap.sh
. "$(dirname "$0")/../nested/tap.sh"
# scx_qmap is a case of its own.
schedulers='simple central flatcg pair userland sdt cpu0'

more() {
	[ ! -s log ] || tail -n 40 log
}

# Each with all programs, at the same path as here: an attachment in a guest is what --scheduler does.
set --
for one in $schedulers; do set -- "$@" --file "$programs/scx_$one:/bin/scx_$one"; done
guest_with_all() { # KTSTR RUN OPTIONS... -- CMD...
	run_guest run --host direct --kernel "$kernel" --file "$scx:/bin/ktstr-scx" "$@" </dev/null
}

# What scx_pair says of a number of CPUs that it can't pair.
unpaired='Invalid stride 0, must be positive\|requires an even CPU count'

# --- all of them, one after the other, in one guest -------------------------------

# A line for each scheduler: its name, how many attachments were right, how many were not. A round's load is processes that
# come and go, beside one that never sleeps.
cat >attachments <<'ATTACHMENTS'
rounds=$1 unpaired=$2
shift 2
while :; do :; done &
for one; do
	right=0 wrong=0
	for round in $(seq "$rounds"); do
		ktstr-scx "/bin/scx_$one" -- sh -c '
			cat /sys/kernel/sched_ext/root/ops
			for i in 1 2 3 4 5 6 7 8; do sh -c "i=0; while [ \$i -lt 200 ]; do i=\$((i + 1)); done" & done
			wait' >/out 2>/err
		code=$?
		if [ $code -eq 0 ] && [ "$(cat /out)" = "$one" ]; then
			right=$((right + 1))
		elif [ "$one" = pair ] && [ $code -eq 1 ] && grep -q "$unpaired" /err; then
			right=$((right + 1))
		else
			wrong=$((wrong + 1))
			{
				echo "$one: round $round: code $code, scheduler $(cat /out)"
				tail -n 30 /err
			} >&2
		fi
	done
	echo "$one $right $wrong"
done
kill $!
ATTACHMENTS

right() { # NAME ROUNDS
	grep -q "^$1 $2 0\$" out
}

# attach_all ROUNDS TEXT OPTIONS...: a guest with these options, and a line of TAP for each scheduler
attach_all() {
	times=$1 text=$2
	shift 2
	# shellcheck disable=SC2086 # a list
	guest_with_all --timeout $((120 + 7 * times * 60))s --file attachments:/attachments "$@" -- \
		sh /attachments "$times" "$unpaired" $schedulers
	for one in $schedulers; do
		report "scx_$one: $(awk -v one="$one" '$1 == one { print $2 }' out) of $times attachments right, $text" \
			right "$one" "$times"
	done
}

# --- ktstr run and ktstr bench ----------------------------------------------------

# one_run NAME CPUS: whether all of what it says is right
one_run() {
	run_guest run --host direct --kernel "$kernel" --timeout 600s --cpus "$2" --scheduler "$programs/scx_$1" \
		--scheduler-log log --stats facts -- sh -c '
		cat /sys/kernel/sched_ext/root/ops
		for i in 1 2 3 4 5 6 7 8; do sh -c "i=0; while [ \$i -lt 1000 ]; do i=\$((i + 1)); done" & done
		wait
		exit 7' </dev/null
	if [ "$1" = pair ] && [ $(($2 % 2)) -eq 1 ]; then
		[ "$code" -eq 1 ] && grep -q "$unpaired" log && grep -q 'its program ended with code 255 before it attached' err
		return
	fi
	[ "$code" -eq 7 ] && [ "$(cat out)" = "$1" ] && grep -q "\"sched_ext\": \"$1\"" facts && grep -q '"held": true' facts &&
		grep -q "^ktstr-scx: scx_$1: detached: unregistered from user space$" err
}

one_bench() {
	run_guest bench wakeup --host direct --kernel "$kernel" --timeout 600s --cpus "$2" --scheduler "$programs/scx_$1" \
		--scheduler-log log --duration 3s --json - </dev/null
	if [ "$1" = pair ] && [ $(($2 % 2)) -eq 1 ]; then
		[ "$code" -eq 1 ] && grep -q '"status": "failed"' out && grep -q "$unpaired" log
		return
	fi
	# A slow machine's few samples are no word on the scheduler.
	{ [ "$code" -eq 0 ] || { [ "$code" -eq 1 ] && grep -q 'samples are fewer than' err; }; } &&
		grep -q "\"sched_ext\": \"$1\"" out && grep -q '"held": true' out && grep -q '"status": "valid"' out
}

# again WHAT...: rounds of run and bench, with each scheduler and each number of CPUs; a line of TAP for each of these. Nothing
# has a second round before all have had the first, and what is wrong is printed at once: a run that is cut short has seen
# all.
again() {
	times=$rounds
	[ "$times" -gt 0 ] || times=1
	right=0
	for round in $(seq "$times"); do
		for cpus in $counts; do
			for what; do
				before=$right
				for one in $schedulers; do
					if "one_$what" "$one" "$cpus"; then
						right=$((right + 1))
						echo >>"good.$what.$one.$cpus"
						continue
					fi
					{
						echo "$what, scx_$one, $cpus CPUs, round $round: exit code $code"
						tail -n 20 err
						more
					} >wrong
					sed 's/^/# /' wrong
					cat wrong >>"wrong.$what.$one.$cpus"
				done
				echo "# round $round of $times, ktstr $what, $cpus CPUs: $((right - before)) of 7 right"
			done
		done
	done
	rm -f out err log
	for cpus in $counts; do
		for what; do
			for one in $schedulers; do
				touch "good.$what.$one.$cpus"
				good=$(wc -l <"good.$what.$one.$cpus")
				[ "$good" -eq "$times" ] || mv "wrong.$what.$one.$cpus" err
				report "scx_$one: $good of $times right, ktstr $what, $cpus CPUs" test "$good" -eq "$times"
			done
		done
	done
}

# --- the cases --------------------------------------------------------------------

case $case in
attach)
	times=$rounds
	[ "$times" -gt 0 ] || times=5
	for cpus in $counts; do attach_all "$times" "$cpus CPUs" "$@" --cpus "$cpus"; done
	;;
run | bench) again "$case" ;;
both) again run bench ;;

refused)
	# Whole: from libbpf's first line on the program to its last.
	run_guest run --host direct --kernel "$kernel" --timeout 180s --scheduler "$programs/scx_qmap" -- \
		cat /sys/kernel/sched_ext/root/ops </dev/null
	if [ "$code" -eq 0 ]; then
		report "scx_qmap is not refused any more: it runs" test "$(cat out)" = qmap
	else
		report "scx_qmap: refused by the verifier, which is said" sh -c "test $code -eq 1 && test ! -s out &&
			grep -q '^ktstr-scx: scx_qmap: the kernel refused to load it' err"
		report "with all of the verifier's log, each line with the program's name" sh -c "
			grep -q '^scx_qmap: .*BEGIN PROG LOAD LOG' err && grep -q '^scx_qmap: processed [0-9]* insns' err &&
			grep -q '^scx_qmap: .*END PROG LOAD LOG' err && test \$(grep -c '^scx_qmap: ' err) -gt 20"
		run_guest run --host direct --kernel "$kernel" --timeout 180s --scheduler "$programs/scx_qmap" \
			--scheduler-log log -- true </dev/null
		report "or in --scheduler-log alone" sh -c "test $code -eq 1 && grep -q 'END PROG LOAD LOG' log &&
			! grep -q 'PROG LOAD LOG' err"
		run_guest bench wakeup --host direct --kernel "$kernel" --timeout 180s --scheduler "$programs/scx_qmap" \
			--duration 1s </dev/null
		report "bench gives no table, and the same words" sh -c "test $code -eq 1 && test ! -s out &&
			grep -q '^ktstr-scx: scx_qmap: the kernel refused to load it' err"
	fi
	if [ -z "$old" ]; then
		n=$((n + 1))
		echo "ok $n - a kernel without sched_ext is refused # SKIP 6.12 is not in the cache"
	else
		for one in $schedulers; do
			run_guest run --host direct --kernel "$old" --scheduler "$programs/scx_$one" -- true </dev/null
			report "scx_$one on $old, which has no sched_ext" sh -c "test $code -eq 69 && grep -q 'has no sched_ext' err"
		done
		run_guest bench wakeup --host direct --kernel "$old" --scheduler "$programs/scx_simple" </dev/null
		report "and with bench, which skips it" sh -c "test $code -eq 77 && test ! -s out && grep -q 'has no sched_ext' err"
	fi
	;;

hotplug)
	cat >hotplug <<'HOTPLUG'
# again TEXT: until the scheduler is there once more
again() {
	for _ in $(seq 600); do
		[ "$(cat /sys/kernel/sched_ext/enable_seq)" -gt "$seq" ] && break
		sleep 0.1
	done
	seq=$(cat /sys/kernel/sched_ext/enable_seq)
	echo "$1 $(cat /sys/devices/system/cpu/online) $(cat /sys/kernel/sched_ext/state) $(cat /sys/kernel/sched_ext/root/ops)"
}
seq=$(cat /sys/kernel/sched_ext/enable_seq)
echo 0 >/sys/devices/system/cpu/cpu1/online
again gone
echo 1 >/sys/devices/system/cpu/cpu1/online
again back
HOTPLUG
	for one in $schedulers; do
		run_guest run --host direct --kernel "$kernel" --timeout 300s --cpus 2 --scheduler "$programs/scx_$one" \
			--scheduler-log log --stats facts --file hotplug:/hotplug -- sh /hotplug </dev/null
		# Its program numbers the pairs on from where it was when it restarts, beyond what its map holds.
		if [ "$one" = pair ] && [ "$code" -eq 1 ]; then
			report "scx_pair: its fault at a restart is told as the kernel tells it" \
				grep -q '^ktstr-scx: scx_pair: kicked out by the kernel: scx_bpf_error: .*failed to lookup pairc' err
			continue
		fi
		report "scx_$one: a CPU goes and comes, and the scheduler with it" test "$code" -eq 0 -a \
			"$(tr '\n' ' ' <out)" = "gone 0 enabled $one back 0-1 enabled $one "
		report "which is told as restarts of its own" sh -c "grep -q '\"restarts\": 2' facts &&
			grep -q '^ktstr-scx: scx_$one: restarted itself 2 times;' err"
	done
	;;

topology)
	times=$rounds
	[ "$times" -gt 0 ] || times=2
	for shape in 1n2l1c2t 2n4l2c1t cxl-2; do attach_all "$times" "$shape" "$@" --topology $shape; done
	for one in simple flatcg; do
		run_guest run --host direct --kernel "$kernel" --timeout 180s --topology 2n4l2c1t \
			--scheduler "$programs/scx_$one" -- sh -c 'cat /sys/kernel/sched_ext/root/ops; nproc' </dev/null
		report "scx_$one by --scheduler on two nodes" test "$code" -eq 0 -a "$(tr '\n' ' ' <out)" = "$one 8 "
	done
	;;

shares)
	# Two cgroups of weights 100 and 300, and what each was given in 10 s, in us. Four busy loops for each CPU: a cgroup
	# whose only task is the one that runs has an empty queue when its slice ends, and scx_flatcg takes the other.
	cat >shares <<'SHARES'
cd /sys/fs/cgroup
echo +cpu >cgroup.subtree_control
for weight in 100 300; do
	mkdir $weight
	echo $weight >$weight/cpu.weight
done
usage() { sed -n 's/^usage_usec //p' $1/cpu.stat; }
for weight in 100 300; do
	for _ in $(seq $((4 * $(nproc)))); do
		sh -c "echo \$\$ >$weight/cgroup.procs; while :; do :; done" &
	done
done
sleep 2
light=$(usage 100) heavy=$(usage 300)
sleep 10
echo $(($(usage 100) - light)) $(($(usage 300) - heavy))
for weight in 100 300; do echo 1 >$weight/cgroup.kill; done
SHARES
	by_weight() { awk '{ print "# " $2 / $1; ok = $2 >= $1 * 2.7 && $2 <= $1 * 3.3 } END { exit !ok }' out; }
	for cpus in 1 2; do
		run_guest run --host direct --kernel "$kernel" --timeout 180s --cpus $cpus \
			--scheduler "$programs/scx_flatcg" --scheduler-log log --file shares:/shares -- sh /shares </dev/null
		report "scx_flatcg shares by weight, 100 to 300, within 10 %, $cpus CPUs: $(tr '\n' ' ' <out)us" by_weight
		report "and was the scheduler to the end" test "$code" -eq 0
	done
	;;

*)
	echo "schedulers.sh: $case: no such case" >&2
	exit 64
	;;
esac
echo "1..$n"
