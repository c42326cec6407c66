#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The nested host with its real QEMU and kernel. usage: test_l1.sh KTSTR
set -euo pipefail
# shellcheck source=tests/nested/common
. "$(dirname "${BASH_SOURCE[0]}")/common" "$1"
# Not TAP: the exit code tells.
skip() { echo "$1"; exit 77; }
need_kernel default
need_nested
dir=$(mktemp -d)
trap 'umount "$dir/full" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
failures=0

check() { # WHAT CONDITION...
	if ! "${@:2}"; then
		printf 'FAILED: %s\nstdout: %s\nstderr: %s\n' "$1" "$(head -c 2000 out)" "$(tail -n 20 err)"
		failures=$((failures + 1))
	fi
}
nested() { # CODE ARGS...
	local rc=0
	"$ktstr" nested "${@:2}" >out 2>err || rc=$?
	check "exit code $rc, expected $1: ${*:2}" [ "$rc" -eq "$1" ]
}
has() { grep -Eq -- "$1" out; }

# Exit code, both streams, the working directory, and a KVM that is there.
nested 7 -- sh -c 'pwd; test -c /dev/kvm && echo kvm; echo complaint >&2; exit 7' </dev/null
check "the working directory is the same" has "^$dir\$"
check "L1 has /dev/kvm" has '^kvm$'
check "stderr apart from stdout" grep -q '^complaint$' err
check "what the timings are is said" grep -q 'not those of hardware' err

# The command's CPUs are those that were asked for, and never the first one.
# And files of a directory come back while it runs: the next is written when the one before is seen here.
feed() {
	for _ in $(seq 600); do
		[ -e back/sub/one ] && echo go && return
		sleep 0.1
	done
}
# shellcheck disable=SC2016 # the inner shell's
feed | nested 0 --cpus 3 --output-dir back:/back -- sh -c 'nproc; grep Cpus_allowed_list /proc/self/status
	cd /back && mkdir sub && echo 1 >.ktstr-new && mv .ktstr-new sub/one && read -r word && echo "$word" >two
	mv sub/one sub/three; ln two linked'
check "files of a directory come back" [ "$(cd back && grep -r . | sort | tr '\n' ' ')" = 'linked:go sub/three:1 two:go ' ]
check "as many CPUs as were asked for" has '^3$'
check "CPU 0 is not among them" has 'Cpus_allowed_list:.1-3$'

# Idle VMs of its init keep KVM from patching code while guests run: a VM with a vCPU, twice.
nested 0 -- ls -l /proc/1/fd </dev/null
check "the nested host's init holds idle VMs" [ "$(grep -c 'anon_inode:kvm-vm$' out)" = 2 ]
check "each with a vCPU" [ "$(grep -c 'anon_inode:kvm-vcpu' out)" = 2 ]

# stdin of 10 MiB passes whole, there and back.
head -c 10485760 /dev/urandom >ten
nested 0 -- cat <ten
check "10 MiB of stdin come back" cmp -s ten out

# Disks at their own paths, a read-only one that stays as it is, a file brought there and one brought back.
truncate -s 4M rw.img
head -c 1048576 /dev/zero >ro.img
echo input >in.txt
# As a direct host has them: one of 1000 bytes, which is one sector and stays as long as it is; files in /dev/shm; and
# a loop device, where there is one.
head -c 1000 /dev/zero | tr '\0' x >odd.img
shm=$(mktemp -d /dev/shm/ktstr-l1-XXXXXX)
loop=
trap 'rm -rf "$dir" "$shm"; [ -z "$loop" ] || losetup -d "$loop"' EXIT
truncate -s 1M "$shm/disk.img" loop.img
echo "in shm" >"$shm/in.txt"
loop=$(losetup -f --show loop.img 2>/dev/null) || echo "no loop device is tried"
# shellcheck disable=SC2016 # perl's
printf '%s\n' '#!/usr/bin/env -S perl -w' 'use strict; use POSIX; print "perl ", floor(2.5), "\n";' >hello.pl
chmod +x hello.pl
# shellcheck disable=SC2016 # the inner shell's
nested 0 --file hello.pl --disk rw.img --disk ro.img,ro --disk odd.img --disk "$shm/disk.img" ${loop:+--disk "$loop"} \
	--file in.txt --file "$shm/in.txt" --output back.txt --output "$shm/back.txt" -- sh -c \
	'./hello.pl; cat in.txt; echo written >rw.img; echo no >ro.img || echo refused; cat /sys/block/vda/size >back.txt
	echo "odd $(cat /sys/block/vdc/size)"; dd if=/dev/zero of=odd.img bs=512 count=1 conv=fsync,notrunc
	cd "$1"; cat in.txt; echo "to shm" >disk.img; echo from shm >back.txt
	[ -z "$2" ] || echo "to loop" >"$2"' sh "$shm" "$loop" </dev/null
check "a script's interpreter has its library" has '^perl 2$'
check "a disk of 1000 bytes has one sector" has '^odd 1$'
check "which was written" cmp -s -n 512 odd.img /dev/zero
check "and the rest is as it was, and not longer" [ "$(wc -c <odd.img) $(tr -d '\0' <odd.img | wc -c)" = "1000 488" ]
check "a file of /dev/shm is there" has '^in shm$'
check "a disk in /dev/shm is written" [ "$(head -n 1 "$shm/disk.img" | tr -d '\0')" = "to shm" ]
check "a file came back to /dev/shm" [ "$(cat "$shm/back.txt")" = "from shm" ]
[ -z "$loop" ] || check "the loop device is written" [ "$(head -n 1 loop.img | tr -d '\0')" = "to loop" ]
check "the file is there" has '^input$'
check "the read-only disk refuses" has '^refused$'
check "the disk was written" [ "$(head -n 1 rw.img | head -c 7)" = written ]
check "the read-only disk is as it was" cmp -s -n 1048576 ro.img /dev/zero
check "the file came back" [ "$(cat back.txt)" = 8192 ]

# On a full file system here: an error in the guest as without the nested host, and a word where nobody asked if it is durable.
# The guest's command keeps all of its words.
if [ "$(id -u)" -eq 0 ] && mkdir full && mount -t tmpfs -o size=2M none full 2>/dev/null; then
	truncate -s 8M full/d.img
	code=0
	# shellcheck disable=SC2016 # the guest's
	"$ktstr" run --host nested --cpus 1 --memory 256M --disk full/d.img --output results/ sh -c \
		'echo "$@"; cd "$0/results" && mkdir a && echo 1 >a/b; dd if=/dev/zero of=/dev/vda bs=1M count=4 conv=fsync' "$dir" --host y -- --host=z >out 2>err </dev/null || code=$?
	check "the guest's dd fails ($code)" [ "$code" -eq 1 ]
	check "for an error of its disk" grep -q 'dd: .*Input/output error' err
	check "words of the guest's command are no options" has '^--host y -- --host=z$'
	check "files of a directory come from the guest, through the nested host" [ "$(cat results/a/b)" = 1 ]
	rm full/d.img
	truncate -s 8M full/d.img
	nested 1 --disk full/d.img --output-dir full/r:/r -- sh -c \
		'dd if=/dev/zero of=full/d.img bs=1M count=4 conv=notrunc; dd if=/dev/zero of=/r/big bs=1M count=4' </dev/null
	check "what is not on the disk is said" grep -q 'ktstr: disk 1: not all that was written is on it: ' err
	check "nor what does not fit into an output directory" grep -q 'ktstr: full/r/big: No space left' err
	check "which has whole files only" [ -z "$(find full/r -type f)" ]
	umount full && rmdir full
else
	echo "skipped: a full file system: only root can mount a small one"
fi

# A build tree as the kernel, with all of its modules; and a script's interpreter with its libraries, which uses them.
# build_tree: what a build leaves of it, with some modules
build_tree() {
	local modules m path
	modules=$(echo "$(realpath "$cache/kernels/default")"/lib/modules/*)
	mkdir -p tree/arch/x86/boot
	cp "$cache/kernels/default/vmlinuz" tree/arch/x86/boot/bzImage
	for m in virtio_mmio virtio_blk virtio_net net_failover failover; do
		path=$(cd "$modules" && find kernel -name "$m.ko*" | head -n 1)
		[ -n "$path" ] || continue
		mkdir -p "tree/${path%/*}"
		case $path in
		*.xz) xz -dc "$modules/$path" >"tree/${path%.xz}" ;;
		*.zst) zstd -qdc "$modules/$path" >"tree/${path%.zst}" ;;
		*) cp "$modules/$path" "tree/$path" ;;
		esac
		path=${path%.ko*}.o
		echo "${path#kernel/}" >>tree/modules.order
	done
	mv tree/kernel/* tree
}
# scripted LANGUAGE SCRIPT: it runs in a guest by its name alone
scripted() {
	chmod +x "$2"
	code=0
	"$ktstr" run --host nested --cpus 1 --memory 1G --kernel tree --modules all --stats stats "./$2" >out 2>err </dev/null || code=$?
	check "a script in $1, and modprobe with a build tree's modules ($code)" [ "$code" -eq 0 ]
	check "the libraries of $1 are there, and the module" has "^$1: \\[1,2\\] virtio_net\$"
	check "the result has how long handlers held the reactors, there and here" [ "$(tr -d ' \n' <stats |
		grep -oE '"held_ns":\{"max":[1-9][0-9]*,"over_10ms":[0-9]+,"buckets":\[\[' | wc -l)" -eq 2 ]
}
build_tree
if [ -x /usr/bin/python3 ]; then
	printf '%s\n' '#!/usr/bin/python3' 'import json, subprocess' 'subprocess.run(["modprobe", "virtio_net"], check=True)' \
		'names = [line.split()[0] for line in open("/proc/modules")]' \
		'print("python:", json.dumps([1, 2], separators=(",", ":")), "virtio_net" if "virtio_net" in names else names)' >hello.py
	scripted python hello.py
else
	echo "skipped: a script in python: /usr/bin/python3 is not installed"
fi
if [ -x /usr/bin/ruby ]; then
	printf '%s\n' '#!/usr/bin/ruby' 'require "json"' 'system("modprobe", "virtio_net", exception: true)' \
		'puts "ruby: #{JSON.generate([1, 2])} #{File.read("/proc/modules")[/^virtio_net/]}"' >hello.rb
	scripted ruby hello.rb
else
	echo "skipped: a script in ruby: /usr/bin/ruby is not installed"
fi

# A stock kernel that panics before it has a console, and before it has read panic=: its text, not a time-out.
code=0
"$ktstr" run --host nested --cpus 1 --memory 256M --append mem=4M -- true >out 2>err </dev/null || code=$?
check "a panic before there is a console gives 255 ($code)" [ "$code" -eq 255 ]
check "and is told" grep -q 'Kernel panic - not syncing' err

# Nothing is left behind.
check "no temporary files" [ -z "$(find . -name '.ktstr-*')" ]
[ "$failures" -eq 0 ] && echo "all as expected"
