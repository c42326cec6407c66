#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a user gets wrong: exit code, one line on stderr that names the thing and, after a semicolon, the remedy; nothing
# on stdout, no VM. usage: test_cli.sh KTSTR
set -u
ktstr=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export KTSTR_CACHE_DIR=$dir/cache
failed=0 n=0

fail() {
	echo "FAILED: ktstr $words: $*"
	sed 's/^/    /' "$dir/err"
	failed=1
}

# CODE TEXT WORDS...: the line holds TEXT.
wrong() {
	local code=$1 text=$2
	shift 2
	words=$* n=$((n + 1))
	timeout 60 "$ktstr" "$@" </dev/null >"$dir/out" 2>"$dir/err"
	local got=$?
	[ $got -eq "$code" ] || fail "exit code $got, not $code"
	[ "$(wc -l <"$dir/err")" -eq 1 ] || fail "not one line"
	grep -q '^ktstr: .*; ' "$dir/err" || fail "no 'ktstr: THING; MEND'"
	grep -qF -- "$text" "$dir/err" || fail "does not name '$text'"
	[ ! -s "$dir/out" ] || fail "something on stdout"
}

# CODE WORDS...: goes well.
right() {
	local text=$1
	shift
	words=$* n=$((n + 1))
	"$ktstr" "$@" </dev/null >"$dir/out" 2>"$dir/err" || fail "exit code $?"
	[ ! -s "$dir/err" ] || fail "something on stderr"
	grep -qF -- "$text" "$dir/out" || fail "does not say '$text'"
}

right "ktstr " --version
right "EXAMPLES" --help
# No line is longer than a terminal, but for those that are to be pasted.
for verb in run shell bench doctor locks kernel topo nested; do
	right "--help " $verb --help
	grep -v '^  ktstr\|^  cat\|^  [a-z]*=' "$dir/out" | grep -q '.\{80\}' && fail "a line of more than 79 characters"
	grep -q '^      --help  ' "$dir/out" || fail "no options"
done
# Locks that come and go while it is watched.
words='locks --watch=50ms' n=$((n + 1))
mkdir "$dir/locks"
KTSTR_LOCK_DIR=$dir/locks "$ktstr" locks --watch=50ms >>"$dir/out" 2>"$dir/err" &
watcher=$!
seen() { # LINE: within 30 s, from here on
	: >"$dir/out"
	for _ in $(seq 300); do
		grep -q "$1" "$dir/out" && return
		sleep 0.1
	done
	fail "no '$1'"
}
seen '^no locks are held'
# Its taker stays alive: in a container the kernel lists no lock of one that is gone.
flock -F -s "$dir/locks/ktstr-cpu-0.lock" sleep 100 &
holder=$!
seen '^cpu-0  *shared '
kill $holder
wait $holder 2>/dev/null
seen '^no locks are held'
kill $watcher
wait $watcher 2>/dev/null
# A descriptor that was closed is not given to a file of ours.
words='locks --watch' n=$((n + 1))
: >"$dir/out"
"$ktstr" locks --watch <&- >"$dir/out" 2>"$dir/err" &
for _ in $(seq 300); do [ ! -s "$dir/out" ] || break; sleep 0.1; done
[ "$(readlink /proc/$!/fd/0)" = /dev/null ] || fail "stdin is $(readlink /proc/$!/fd/0)"
kill $!
wait $! 2>/dev/null
for verb in run shell bench doctor locks; do right "EXAMPLES" $verb --help; done
right '"schema": "ktstr-doctor/1"' doctor --json
right "" doctor --kvm-kind
grep -qxE 'none|software|hardware' "$dir/out" || fail "prints no kind of KVM"

wrong 64 "no verb"
wrong 64 "fly" fly
wrong 64 "--fly" run --fly -- true
wrong 64 "--cpus" run --cpus
wrong 64 "--wake nap" run --wake nap -- true
wrong 64 "--wake vc-dump@" run --wake vc-dump@ -- true
wrong 64 "--scx-stats never" run --scx-stats never -- true
wrong 64 "--wake" shell --wake shutdown
wrong 64 "--net 3" run --net=3 -- true
wrong 64 "--net tap=a/b" run --net tap=a/b -- true
wrong 64 "--net mac=01:" run --net mac=01:00:00:00:00:01 -- true
right "EXAMPLES" run -h
wrong 64 "has 4096 CPUs" run --topology 1n1l4096c1t --dry-run -- true
wrong 64 "cores= is given twice" topo 1n1l2c1t:cores=4:cores=8
wrong 64 "--env =x" nested --env =x -- true
wrong 64 "-x: unknown" run -vx -- true
wrong 64 "--no-perf-mode: --mode performance" run --host try --no-perf-mode --mode performance -- true
wrong 64 "-z" run -z -- true
wrong 64 "no command" run
wrong 64 "extra" doctor extra
wrong 64 "juggle" bench juggle
wrong 64 "--scheduler juggle" run --scheduler juggle -- true
wrong 69 "--scheduler ./none" run --kernel "$0" --scheduler "./none -v" -- true
wrong 64 "--scheduler fif" bench --scheduler fif
wrong 64 "--duration never" bench --duration never
wrong 64 "--duration 0" bench --duration 0
wrong 64 "--seed 0" bench --seed 0
# BEN-12: a command and its parser
wrong 64 "--parser fioo: no such parser; use one of fio, schbench" bench --parser fioo -- true
wrong 64 "--parser: requires a command" bench --parser fio
wrong 64 "--parse: requires a command" bench --parse /tmp/x
wrong 64 "a workload and a command" bench wakeup -- true
wrong 127 "nonesuch: neither an applet" bench -- nonesuch
for cpus in 0 5000 1025 -1 2x ''; do wrong 64 "--cpus $cpus" run --cpus "$cpus" -- true; done
for memory in 0 1M 63M 4G4 lots -1G 99999999T; do wrong 64 "--memory $memory" run --memory "$memory" -- true; done
for mode in fast '' Default; do wrong 64 "--mode $mode" run --mode "$mode" -- true; done
for cap in 0 -1 x 5000; do wrong 64 "--cpu-cap $cap" run --cpu-cap "$cap" -- true; done
wrong 64 "--cpu-cap 2: mode performance" run --cpu-cap 2 --mode performance -- true
wrong 64 "--wait later" run --wait later -- true
wrong 64 "--halt-poll 2s" run --halt-poll 2s -- true
wrong 64 "--dry-run xml" run --dry-run=xml -- true
wrong 64 "--watch 1ms" locks --watch=1ms
wrong 64 "extra" locks extra
KTSTR_LOCK_DIR=$dir/none wrong 69 "$dir/none" locks
wrong 64 "--host sky" run --host sky -- true
wrong 64 "--timeout soon" run --timeout soon -- true
wrong 64 "--timeout 0" run --timeout 0 -- true
wrong 64 "engine=fast" run --disk x,engine=fast -- true
wrong 64 "iops-burst" run --disk x,iops-burst=5 -- true
wrong 64 "--module" run --module "" -- true
wrong 127 "no-such-program" run -- no-such-program
wrong 69 "kernel default" run -- true
wrong 69 "kernel 9.99" run --kernel 9.99 -- true
wrong 69 "$dir/none" run --kernel "$dir/none" -- true
wrong 69 "$dir" run --kernel "$dir/" -- true

echo "this is no kernel" >"$dir/kernel"
wrong 69 "$dir/none" run --kernel "$dir/kernel" --disk "$dir/none" -- true
wrong 69 "$dir/none" run --kernel "$dir/kernel" --initrd "$dir/none" -- true
wrong 69 "$dir/none" run --kernel "$dir/kernel" --file "$dir/none" -- true
wrong 64 "--file :x" run --kernel "$dir/kernel" --file :x -- true
wrong 64 "--env =x" run --env =x -- true
wrong 64 "--env LANG" run --env LANG -- true
wrong 64 "--env KTSTR_METRIC_FD=9: names" run --env KTSTR_METRIC_FD=9 -- true
wrong 64 "--modules some" run --modules some -- true
wrong 64 "--cwd: is empty" run --cwd= -- true
wrong 64 "--cwd /: the guest has its own" run --cwd=/ -- true
wrong 64 "--cwd /proc/self" run --cwd=/proc/self -- true
wrong 69 "--cwd $dir/none" run "--cwd=$dir/none" -- true
wrong 69 "--cwd $dir/kernel: Not a directory" run "--cwd=$dir/kernel" -- true
wrong 64 "--env, --cwd" run --initrd "$dir/kernel" --cwd
mkdir "$dir/large"
truncate -s 600M "$dir/large/file"
truncate -s 200M "$dir/large/part"
wrong 69 "--cwd $dir/large: has more than 512 MiB" run "--cwd=$dir/large" -- true
mkdir "$dir/gone"
here=$(readlink -f "$ktstr") there=$PWD
cd "$dir/gone" && rmdir "$dir/gone"
n=$((n + 1)) words="--cwd in a directory that was removed"
"$here" run --cwd -- true </dev/null >"$dir/out" 2>"$dir/err"
[ $? -eq 69 ] || fail "exit code"
grep -q '^ktstr: --cwd .*: No such file or directory; the working directory was removed' "$dir/err" || fail "is not told so"
cd "$there" || exit 1
wrong 69 "--modules all" run --kernel "$dir/kernel" --modules all -- true
# A bzImage that says it needs 60 MiB from 16 MiB on: what does not suffice is told before anything starts.
python3 -c '
import struct, sys
h = bytearray(8192)
h[0x1fe:0x200] = b"\x55\xaa"; h[0x202:0x206] = b"HdrS"; h[0x206:0x208] = struct.pack("<H", 0x20f)
h[0x258:0x260] = struct.pack("<Q", 16 << 20); h[0x260:0x264] = struct.pack("<I", 60 << 20)
sys.stdout.buffer.write(h)' >"$dir/bzimage"
wrong 64 "--memory 64M: too little for $dir/bzimage, which needs 76 MiB to start and 4 to run" run --kernel "$dir/bzimage" --memory 64M -- true
wrong 64 "use --memory 480M or more" run --kernel "$dir/bzimage" --memory 100M --file "$dir/large/part" -- true
wrong 69 "--module nvme" run --kernel "$dir/kernel" --module nvme -- true
wrong 69 "/dev/null" run --kernel "$dir/kernel" --disk /dev/null -- true
wrong 69 "--stats $dir/no/where" run --kernel "$dir/kernel" --stats "$dir/no/where" -- true
wrong 69 "--stats $dir" run --kernel "$dir/kernel" --stats "$dir" -- true
wrong 69 "--output $dir/no/where" run --kernel "$dir/kernel" --output "$dir/no/where" -- true
wrong 69 "--output $dir/no/where/: No such file" run --kernel "$dir/kernel" --output "$dir/no/where/" -- true
wrong 69 "--output $dir/kernel/: Not a directory" run --kernel "$dir/kernel" --output "$dir/kernel/" -- true
wrong 69 "--json $dir/no/where" bench --kernel "$dir/kernel" --json "$dir/no/where"
: >"$dir/empty"
wrong 69 "$dir/empty" run --kernel "$dir/kernel" --disk "$dir/empty" -- true
if [ "$(id -u)" -ne 0 ]; then
	truncate -s 1M "$dir/locked"
	chmod 000 "$dir/locked"
	wrong 69 "$dir/locked" run --kernel "$dir/kernel" --disk "$dir/locked" -- true
fi
if [ "$("$ktstr" doctor --kvm-kind)" = hardware ]; then
	wrong 69 "$dir/kernel" run --host direct --kernel "$dir/kernel" -- true
else
	wrong 69 "--host direct" run --host direct --kernel "$dir/kernel" -- true
fi

echo "$n command lines"
exit $failed
