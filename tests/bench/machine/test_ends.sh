#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every order of ends, times every device: a machine whose guest drives all that it has ends by a signal, the time-out, a
# panic, power-off, reset, a triple fault; with stdin that comes on and on, closed or at its end; with stdout read, closed,
# without a reader, or stuck; with a TAP, or a disk that hangs. It ends with the code that belongs to its end; built with
# AddressSanitizer and UBSan, nothing is freed twice, used after its end or leaked.
# test_ends.sh KTSTR GUEST STUCK_DISK: a guest of our own, for any /dev/kvm.
set -uo pipefail
# Started under nohup it would hand on that SIGHUP is ignored, and ktstr keeps that.
[ -n "${SIGHUP_IS_DEFAULT:-}" ] || SIGHUP_IS_DEFAULT=1 exec env --default-signal=HUP bash "$0" "$@"

ktstr=$1 guest=$2 stuck_disk=$3
unset MALLOC_PERTURB_
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0 cells=0
# Of what hangs the memory is kept on purpose.
export ASAN_OPTIONS=exitcode=99:detect_leaks=1:${ASAN_OPTIONS:-} UBSAN_OPTIONS=halt_on_error=1:exitcode=99:${UBSAN_OPTIONS:-}

if ! [ -r /dev/kvm ] || ! [ -w /dev/kvm ]; then
	echo "skipped: no /dev/kvm"
	exit 77
fi

fail() { # TEXT
	echo "FAILED: $*" >&2
	sed 's/^/    /' "$dir/err" | tr -d '\0' | head -n 40 >&2
	failures=$((failures + 1))
}

# check WHAT CODE EXPECTED [WORDS]: words that stderr must have
check() {
	cells=$((cells + 1))
	if [ "$2" != "$3" ]; then fail "$1: exit code $2, not $3"; fi
	if grep -qaE 'Sanitizer|runtime error' "$dir/err"; then fail "$1: a sanitizer's word"; fi
	if [ -n "${4:-}" ] && ! grep -qaF -e "$4" "$dir/err"; then fail "$1: stderr lacks '$4'"; fi
}

base=("$ktstr" run --host try --bypass-llc-locks --cpus 1 --kernel "$guest" --initrd "$0")
truncate -s 1M "$dir/disk"

# The time-out of guests that do not end; those that do have all the time that a slow machine needs.
limit() { # DO
	case $1 in dh) echo 500ms ;; *) echo 40s ;; esac
}

# machine DO ARGS...: the machine, ended by force should it hang
machine() {
	local what=$1
	shift
	timeout -s KILL 60 "${base[@]}" --append "do=$what" "$@"
}

# killed SIGNAL ARGS...: end it by SIGNAL once its guest runs; $code
killed() {
	local signal=$1 pid i
	shift
	: >"$dir/out"
	"${base[@]}" --append do=dh "$@" < <(exec yes) >"$dir/out" 2>"$dir/err" &
	pid=$!
	for ((i = 0; i < 600; i++)); do
		! grep -qa up "$dir/out" || break
		sleep 0.05
	done
	kill -"$signal" "$pid"
	for ((i = 0; i < 600; i++)); do
		[ -d "/proc/$pid" ] || break
		sleep 0.05
	done
	kill -KILL "$pid" 2>/dev/null && echo "it had to be killed" >>"$dir/err"
	wait "$pid"
	code=$?
}

# all_ends NAME DEVICE-OPTIONS...
all_ends() {
	local name=$1 code
	shift
	killed TERM "$@"
	check "$name, SIGTERM" "$code" 143
	killed HUP "$@"
	check "$name, SIGHUP" "$code" 129
	for end in 'dh 124 the guest did not end within' 'dp 255 guest panic' 'dx 0' 'dr 0 the guest reset the machine: ACPI reset register' \
		'dt 1 triple fault on vCPU 0'; do
		local what expected words
		read -r what expected words <<<"$end"
		yes | machine "$what" --timeout "$(limit "$what")" "$@" >"$dir/out" 2>"$dir/err"
		check "$name, $what, input comes" "${PIPESTATUS[1]}" "$expected" "$words"
		machine "$what" --timeout "$(limit "$what")" "$@" </dev/null >"$dir/out" 2>"$dir/err"
		check "$name, $what, stdin at its end" $? "$expected" "$words"
	done
	machine dh --timeout 500ms "$@" <&- >&- 2>"$dir/err"
	check "$name, stdin and stdout closed" $? 124
	yes | machine dh --timeout 500ms "$@" 2>"$dir/err" | true
	check "$name, nobody reads stdout" "${PIPESTATUS[1]}" 124
	yes | machine dh --timeout 500ms "$@" 2>"$dir/err" >"$dir/stuck"
	check "$name, stdout is stuck" "${PIPESTATUS[1]}" 124
	yes | machine dx --timeout 2s "$@" 2>"$dir/err" >"$dir/stuck"
	check "$name, power-off, stdout is stuck" "${PIPESTATUS[1]}" 0
}

# A guest that dies before it said a word ends the run with what is known.
machine h --timeout 60s --memory 64M </dev/null >"$dir/out" 2>"$dir/err"
check "halted for good" $? 1 "vCPU 0 halted with interrupts off at rip 0x"
if ! grep -q '^--- vCPU 0: halted, interrupts off, at 0x' "$dir/err" || ! grep -q '^ *rip 0000' "$dir/err"; then
	fail "halted for good: no registers"
fi
machine h --timeout 60s --cpus 3 </dev/null >"$dir/out" 2>"$dir/err"
check "halted for good, with CPUs that were not started" $? 1 "vCPU 0 halted with interrupts off at rip 0x"
mkdir "$dir/named"
cp "$guest" "$dir/named/kernel"
printf '%s\n' '0000000000000001 T first' '0000000000010000 T somewhere_in_it' 'ffffffffffffffff T last' >"$dir/named/System.map"
machine h --timeout 60s --kernel "$dir/named/kernel" </dev/null >"$dir/out" 2>"$dir/err"
check "halted for good, with symbols" $? 1 " somewhere_in_it+0x"
machine h --timeout 60s </dev/null >"$dir/out" 2>"$dir/err"
check "halted for good, with the symbols of the kernel's ELF" $? 1 " guest_main+0x"
machine wait --timeout 2s </dev/null >"$dir/out" 2>"$dir/err"
check "silent, but not dead" $? 124 "--- vCPU 0: "
machine i --timeout 4s </dev/null >"$dir/out" 2>"$dir/err"
check "one that said something may stand still" $? 124 "the guest did not end within"
long=$(printf '%02000d' 0)
machine "x $long" </dev/null >"$dir/out" 2>"$dir/err"
check "a command line that is too long" $? 69 "takes at most 2047; shorten --append"

# A pipe that has a reader, which takes nothing.
mkfifo "$dir/stuck"
sleep 1000 <>"$dir/stuck" &
reader=$!
trap 'kill "$reader"; rm -rf "$dir"' EXIT

all_ends "console"
all_ends "disk, at once" --disk size=1M
all_ends "disk, on the ring, net, files" --disk "$dir/disk,engine=uring" --net --stats "$dir/stats" --events "$dir/events"
tap=ktends$$
machine dx --net "tap=$tap" </dev/null >"$dir/out" 2>"$dir/err"
case $? in
0) all_ends "all, TAP" --disk "$dir/disk" --disk size=1M,iops=50 --net "tap=$tap" --console ;;
*) echo "not tried: a TAP: $(<"$dir/err")" ;;
esac

# A disk that hangs is waited for, then left behind with its memory.
mkdir "$dir/fuse"
# hanging WHAT CODE WORDS
hanging() {
	"$stuck_disk" "$dir/fuse" timeout -s KILL 60 "${base[@]}" --append "do=$1" --disk "$dir/fuse/disk" --disk size=1M --net \
		--timeout "$(limit "$1" | sed s/500ms/1s/)" </dev/null >"$dir/out" 2>"$dir/err"
	check "disk that hangs, $1" $? "$2" "$3"
}
export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
if "$stuck_disk" "$dir/fuse" true >"$dir/err"; then
	hanging dh 124 "1 requests of disks did not end within 5 s"
	hanging dp 255 "1 requests of disks did not end within 5 s"
	hanging dx 70 "1 requests of disks did not end within 5 s"
else
	echo "not tried: a disk that hangs: $(<"$dir/err")"
fi
echo "$cells ends, $failures failures"
[ "$failures" -eq 0 ]
