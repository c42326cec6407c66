#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Stock guests on a KVM that can boot them; POSIX sh, for it runs under busybox too.
# usage: guests.sh KTSTR ECHO_FRAMES CACHE KERNELS [CASE]...; TAP on stdout.
ktstr=$1 echo_frames=$2 cache=$3 list=$4
shift 4
cases=$*
# shellcheck source=tests/nested/tap.sh
. "$(dirname "$0")/tap.sh"

guest() {
	run_guest run --host direct --timeout 120s "$@"
}

# --- every kernel with every number of CPUs and size of memory
boots() { # CPUS MIB
	[ "$code" -eq 0 ] && [ "$(sed -n 2p out)" = "$1" ] && kib=$(sed -n 3p out) &&
		[ "$kib" -gt $(($2 * 1024 * 80 / 100)) ] && [ "$kib" -le $(($2 * 1024)) ]
}
if wanted boot; then
	only=$lost lost="$lost\|the guest did not end within"
	for kernel in $list; do
		for cpus in 1 2 4; do
			for mib in 256 1024 5120; do
				guest --kernel "$kernel" --cpus $cpus --memory ${mib}M -- \
					sh -c "uname -r; nproc; awk '/MemTotal/{print \$2}' /proc/meminfo"
				report "$kernel boots with $cpus CPUs and $mib MiB" boots $cpus $mib
			done
		done
	done
	lost=$only
fi

# break_kernel ELF ADDRESS: broken/vmlinux, with ud2 at ADDRESS
break_kernel() {
	mkdir broken
	ln -s "$(dirname "$1")/lib" broken/lib
	cp "$1" broken/vmlinux
	i=0
	while [ $i -lt "$(od -An -tu2 -j56 -N2 "$1" | tr -d ' ')" ]; do
		# Of the program header: offset, virtual and physical address, size in the file.
		# shellcheck disable=SC2046
		set -- "$1" "$2" $(od -An -v -tx8 -w32 -j$((64 + 56 * i + 8)) -N32 "$1")
		# Their lower halves, for a shell's numbers may be signed.
		into=$((0x${2#ffffffff} - 0x${4#ffffffff}))
		[ $into -lt 0 ] || [ $into -ge $((0x$6)) ] ||
			printf '\017\013' | dd of=broken/vmlinux bs=1 seek=$((0x$3 + into)) conv=notrunc 2>/dev/null
		i=$((i + 1))
	done
}
if wanted elf; then
	for kernel in $list; do
		elf=$cache/kernels/$kernel/vmlinux
		[ -e "$elf" ] || "$ktstr" kernel vmlinux "$kernel" "$elf"
		guest --kernel "$elf" --cpus 2 --memory 512M -- sh -c 'uname -r; grep -w start_kernel /proc/kallsyms'
		report "$kernel boots from ELF by its PVH note" test "$code" -eq 0 -a -s out
		[ -s broken/vmlinux ] || break_kernel "$elf" "$(sed -n 's, T start_kernel$,,p' out)"
	done
	# An exception before there is a console, or a handler: no time-out ends it, and it is said where it was.
	guest --kernel broken/vmlinux -- true
	report "a kernel that dies before its console ends with registers, and its own names for addresses" eval \
		'test "$code" -eq 70 && grep -q "^--- vCPU 0: halted, interrupts off, at 0x[0-9a-f]* [a-z_]*+0x" err &&
		grep -q " start_kernel+0x0/0x" err'
	rm -r broken
fi

# --- the three devices with the kernel's own drivers
if wanted devices; then
	guest --disk size=64M --file /sbin/mkfs.ext4 --file /sbin/fsck.ext4 -- sh -ec '
		mkfs.ext4 -q /dev/vda
		mount -t ext4 /dev/vda /mnt
		dd if=/dev/urandom of=/mnt/file bs=64k count=300 2>/dev/null
		sum=$(sha1sum </mnt/file)
		sync
		echo 3 >/proc/sys/vm/drop_caches
		test "$sum" = "$(sha1sum </mnt/file)"
		umount /mnt
		fsck.ext4 -fn /dev/vda'
	report "mkfs, mount, write, sync, read back, unmount, fsck clean" test "$code" -eq 0
	# shellcheck disable=SC2016 # the guest's
	guest -- sh -c 'cat /sys/class/virtio-ports/*/name
		release=$(uname -r)
		[ -d /lib/modules/$release ] && [ -s /boot/config-$release ] && [ -s /sys/kernel/btf/vmlinux ] &&
			grep -q "[1-9a-f][0-9a-f]* T schedule$" /proc/kallsyms && exit 3'
	report "the three ports have their names" test "$(tr '\n' ' ' <out)" = "ktstr-console ktstr-bulk ktstr-stats "
	report "what programs look for of their kernel: modules, configuration, types, symbols" test "$code" -eq 3
	guest --net --file "$echo_frames:/bin/echo-frames" -- echo-frames
	report "AF_PACKET frames of every size come back (NET-17, NET-45)" test "$code" -eq 0 -a "$(cat out)" = "1501 frames"
	guest --net -- sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6 # its solicitations would be counted
		ip addr add 10.9.8.7/24 dev eth0; ip link set eth0 up; sleep 1
		before=$(cat /sys/class/net/eth0/statistics/tx_packets)
		ping -c 3 10.9.8.7 >/dev/null && test "$before" = "$(cat /sys/class/net/eth0/statistics/tx_packets)"'
	report "a ping of its own address never reaches the device (NET-46)" test "$code" -eq 0
	# What the command finds around it.
	mkdir -p cwd/sub over/etc over/lib
	echo "of the caller" >cwd/sub/file
	echo "laid over" >over/etc/issue
	echo "a library" >over/lib/libx
	# shellcheck disable=SC2016 # the guest's
	guest --env A=1 --env "B=two words" --env A=3 --cwd=cwd --file over:/ --modules all --net -- sh -c '
		echo "$A, $B"; pwd; cat sub/file /etc/issue /lib/libx
		rmmod virtio_net && [ ! -e /sys/class/net/eth0 ] && modprobe virtio_net && sleep 1 && ls /sys/class/net/eth0/address'
	report "--env, --cwd, --file DIR:/ and --modules all" test "$code" -eq 0 -a "$(tr '\n' ';' <out)" = \
		"3, two words;$PWD/cwd;of the caller;laid over;a library;/sys/class/net/eth0/address;"
	truncate -s 8M image
	guest --disk image,ro --disk size=4M -- sh -c 'cat /sys/block/vda/ro /sys/block/vda/size /sys/block/vdb/size;
		dd if=/dev/zero of=/dev/vda bs=512 count=1 2>/dev/null || echo refused'
	report "a read-only disk and a second one" test "$(tr '\n' ' ' <out)" = "1 16384 8192 refused "
fi

# --- stdio, codes and ends
if wanted ends; then
	guest -- sh -c 'exit 7'
	report "the exit code is the command's" test "$code" -eq 7
	guest -- sh -c 'echo to out; echo to err >&2; kill -9 $$'
	report "stdout, stderr and a signal's code" test "$code" -eq 137 -a "$(cat out)" = "to out"
	report "stderr is the command's" grep -q '^to err$' err
	head -c 10485760 /dev/urandom >ten
	"$ktstr" run --host direct --cpus 1 -- wc -c <ten >out 2>err
	code=$?
	report "10 MiB of stdin are counted right" test "$code" -eq 0 -a "$(tr -d ' ' <out)" = 10485760
	"$ktstr" run --host direct --cpus 1 -- cat <ten >back 2>err
	code=$?
	report "10 MiB come back as they went" cmp -s ten back
	guest -- no-such-command
	report "a command that is not there" test "$code" -eq 127
	guest -- sh -c 'echo c >/proc/sysrq-trigger; sleep 60'
	report "a panic gives 255" test "$code" -eq 255
	report "and its text" grep -q 'Kernel panic - not syncing: sysrq' err
	guest -- sh -c 'poweroff -f'
	report "a guest that powers off by itself gives no made-up code" test "$code" -eq 70
	guest -- sh -c 'reboot -f'
	report "nor does one that reboots" test "$code" -eq 70
	"$ktstr" run --host direct --cpus 1 --timeout 5s -- sleep 600 >out 2>err
	code=$?
	report "time-out gives 124" test "$code" -eq 124
fi

# --- threads, waits and exits
if wanted threads; then
	mkfifo hold
	"$ktstr" run --host direct --cpus 3 --disk size=64M -- sh -c '
		dd if=/dev/vda of=/dev/null bs=4k count=200 iflag=direct 2>/dev/null; echo up; cat >/dev/null' <hold >out 2>err &
	pid=$!
	exec 4>hold
	for _ in $(seq 600); do grep -q up out && break; sleep 0.1; done
	cat /proc/$pid/task/*/comm | sort >threads
	code=$(grep -c . threads)
	# KVM adds a thread of its own to recover huge pages.
	cp threads err
	report "threads are the vCPUs and one reactor" test "$(grep -vE '^(iou|kvm)-' threads | tr '\n' ' ')" = "ktstr vcpu0 vcpu1 vcpu2 "
	if [ -x /usr/bin/strace ]; then
		/usr/bin/strace -f -o trace -p $pid &
		tracer=$!
		sleep 2
		kill $tracer
		wait $tracer 2>/dev/null
		awk '{print $2}' trace | sed 's/(.*//' | sort | uniq -c | sort -rn >calls
		report "the reactor waits in io_uring_enter, nothing polls" sh -c \
			'! grep -qE "epoll|poll|select|nanosleep" calls'
	fi
	exec 4>&-
	wait $pid

	# Each interrupt costs an exit, the set-up of the devices some 200; a kick costs none.
	guest --disk size=64M --stats stats -- dd if=/dev/vda of=/dev/null bs=4k count=1000 iflag=direct
	awk -F'[:,]' '/"interrupts"/ { i += $2 } /"mmio"/ { m = $2 } /"reads_completed"/ { r = $2 }
		END { print r " reads, " m " mmio exits, " i " interrupts"; exit !(r >= 1000 && m <= i + 250) }' stats >out
	report "no kick comes back to user space: $(cat out)" test $? -eq 0 -a "$code" -eq 0
	# As small pages they would be 20 000 and more.
	if grep -q '"guest_images": "copied"' stats; then
		faults=$(sed -n 's/.*"pf_taken": \([0-9]*\).*/\1/p' stats)
		report "kernel and initrd in huge pages: $faults page faults of the guest reach KVM" test "${faults:-99999}" -lt 5000
	fi
fi

# --- SIGINT and SIGTERM at any moment: the code says so, and nothing stays behind
if wanted signals; then
	bad=""
	for delay in 0.02 0.1 0.3 1 2 4; do
		for signal in INT TERM; do
			# A shell starts what is in the background with SIGINT ignored; env undoes that.
			/usr/bin/env --default-signal=INT "$ktstr" run --host direct --cpus 1 --timeout 60s --disk size=16M -- \
				sleep 600 >out 2>err </dev/null &
			pid=$!
			# Until then the signal is the shell's child's, which ignores it.
			while [ "$(cat /proc/$pid/comm)" != ktstr ]; do :; done
			sleep $delay
			kill -$signal $pid
			wait $pid
			code=$?
			want=130
			[ $signal = TERM ] && want=143
			if [ $code -ne $want ]; then
				bad="$bad $signal@$delay:$code"
				sed "s/^/# $signal@$delay: /" err
			fi
		done
	done
	report "SIGINT and SIGTERM end it in order at any moment$bad" test -z "$bad"
	report "and leave no VM behind" sh -c '! cat /proc/[0-9]*/task/*/comm 2>/dev/null | grep -q vcpu0'
fi

echo "1..$n"
