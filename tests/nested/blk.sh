#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# virtio-blk under a stock guest's own driver, on a KVM that can boot it; POSIX sh, for it runs under busybox too.
# usage: blk.sh KTSTR FLUSH_WRITER DISK [CASE]...; TAP on stdout. DISK: a block device of 64 MiB or a file, for O_DIRECT.
ktstr=$1 flush_writer=$2 disk=$3
shift 3
cases=$*
# shellcheck source=tests/nested/tap.sh
. "$(dirname "$0")/tap.sh"

guest() {
	run_guest run --host direct --cpus 1 --memory 512M --timeout 600s "$@"
}
truncate -s 64M file

# --- fio compares what it wrote, at every depth, on every engine (BLK-25, BLK-27, BLK-34, BLK-52, BLK-53, BLK-57)
# fio_jobs DISK...: mixed sizes at every depth; pages that do not adjoin, as many segments as the device takes; single
# sectors; flushes among writes
fio_jobs() {
	printf '[global]\nioengine=libaio\ndirect=1\nrw=randwrite\nverify=crc32c\nverify_fatal=1\nstonewall\n'
	for vd; do
		for depth in 1 2 4 8 16 32 64; do
			printf '[%s-mixed-%s]\nfilename=/dev/%s\niodepth=%s\nrandseed=%s\nsize=3m\nbsrange=512-48k\n' \
				"$vd" $depth "$vd" $depth $depth
		done
		printf '[%s-segments]\nfilename=/dev/%s\niodepth=4\nsize=8m\nbs=512k\nmem=malloc\n' "$vd" "$vd"
		printf '[%s-sectors]\nfilename=/dev/%s\niodepth=16\nsize=256k\nbs=512\n' "$vd" "$vd"
		printf '[%s-flushes]\nfilename=/dev/%s\niodepth=32\nsize=2m\nbs=4k\nfdatasync=7\n' "$vd" "$vd"
	done
}
# Terse lines: the third word is the job's name, the fifth its error.
verified() { # DISK
	[ "$(awk -F';' -v disk="$1-" 'index($3, disk) == 1 && $5 == 0' out | wc -l)" -eq 10 ]
}
field() { sed -n "s/.*\"$1\": \"*\([a-z0-9]*\).*/\1/p" stats | tr '\n' ' '; }
if wanted verify; then
	truncate -s 16M file another
	fio_jobs vda vdb vdc vdd >verify.fio
	guest --disk size=16M --disk file,engine=uring --disk another,engine=sync --disk "$disk,direct=on,engine=uring" \
		--stats stats --file /usr/bin/fio --file verify.fio:/verify.fio -- sh -c 'fio --minimal /verify.fio
			dmesg | grep -iE "i/o error|hung task" && exit 1
			cat /sys/block/vda/queue/max_segments /sys/block/vda/queue/max_segment_size'
	report "inline: verified at depths 1 to 64, many segments, sectors, flushes" verified vda
	report "uring: the same" verified vdb
	report "sync: the same" verified vdc
	report "direct: the same" verified vdd
	report "and their engines were these (in flight at most $(field in_flight_max))" test "$(field engine)" = \
		"inline uring sync uring "
	report "no I/O error, 128 segments of 1 MiB" test "$code" -eq 0 -a "$(tail -n 2 out | tr '\n' ' ')" = "128 1048576 "
fi

# --- a file system: made, filled, checked, found again by a guest that may only read (BLK-03, BLK-10, BLK-11, BLK-30)
filesystem() { # DISK
	guest --disk "$1" --file /sbin/mkfs.ext4 --file /sbin/fsck.ext4 --file /usr/bin/fio -- sh -ec '
		mkfs.ext4 -q /dev/vda
		mount -t ext4 /dev/vda /mnt
		fio --name=f --filename=/mnt/verified --size=8m --rw=randwrite --bsrange=1k-64k --ioengine=psync --fdatasync=16 \
			--verify=crc32c --verify_fatal=1 --minimal >/dev/null
		dd if=/dev/urandom of=/mnt/file bs=64k count=200 2>/dev/null
		sha1sum </mnt/file
		umount /mnt
		fsck.ext4 -fn /dev/vda >/dev/null 2>&1'
	report "mkfs, mount, fio, unmount, fsck clean: $1" test "$code" -eq 0
	sum=$(cat out)
	# Left mounted, and written to until the end: it is found clean, or the next could not mount it read-only.
	guest --disk "$1" -- sh -ec '
		mount -t ext4 /dev/vda /mnt
		(while :; do echo more >>/mnt/left; done) &
		while [ ! -s /mnt/left ]; do sleep 0.1; done'
	report "a file system that is left mounted: $1" test "$code" -eq 0
	guest --disk "$1,ro" --file /sbin/fsck.ext4 -- sh -ec '
		mount -t ext4 -o ro /dev/vda /mnt
		sha1sum </mnt/file
		! touch /mnt/new 2>/dev/null
		umount /mnt
		fsck.ext4 -fn /dev/vda >/dev/null 2>&1
		! mount -t ext4 -o rw /dev/vda /mnt 2>/dev/null || ! touch /mnt/new 2>/dev/null'
	report "read-only: mounted, the same file, nothing to be written: $1" test "$code" -eq 0 -a "$(cat out)" = "$sum"
}
if wanted filesystem; then
	truncate -s 64M file
	filesystem file
	filesystem file,engine=uring
	filesystem "$disk,direct=on"
fi

# --- from memory, device registers are read without an exit: exits to user space do not grow with requests
# reads N OPTION...: N direct reads of 4 KiB, one after the other; what came of it in $exits and $used
reads() {
	reads=$1
	shift
	guest --disk file --stats stats "$@" -- dd if=/dev/vda of=/dev/null bs=4k iflag=direct count="$reads"
	exits=$(sed -n 's/.*"mmio": \([0-9]*\).*/\1/p' stats)
	used=$(sed -n '/"register_page"/,/}/s/.*"used": \([a-z]*\).*/\1/p' stats)
	why=$(sed -n '/"register_page"/,/}/s/.*"why": "\(.*\)",*$/\1/p' stats)
	echo "# $reads reads, $*: $exits exits to user space for devices, registers in memory: $used ($why)"
}
if wanted registers; then
	truncate -s 64M file
	reads 16 --register-page auto
	few=$exits
	reads 8192 --register-page auto
	if [ "$used" = true ]; then
		report "8176 reads more, not one exit more for them" test "$code" -eq 0 -a $((exits - few)) -lt 40
	else
		report "where they are not in memory, it is told why" test "$code" -eq 0 -a -n "$why"
	fi
	reads 8192 --register-page off
	report "by exits it is one for each interrupt" test "$code" -eq 0 -a "$used" = false -a "$exits" -gt 7000
	[ "$few" -gt 0 ] && sed -n '/"kvm_statistics"/,/}/s/^ */# /p' stats | grep -E 'mmio_exits|irq_injections|"exits"'
	# Asked for where KVM refuses it: the guest ends with the reason and the remedy.
	reads 16 --register-page on
	report "asked for, it works or says why not" eval \
		'test "$code" -eq 0 -a "$used" = true || grep -q "use --register-page off" err'
fi

# --- what blockdev and blkdiscard see and may change (BLK-03, BLK-05, BLK-08, BLK-10, BLK-28)
if wanted blockdev; then
	truncate -s 5000000 odd
	truncate -s 1M locked
	sha1sum <locked >before
	head -c 8388608 /dev/zero | tr '\0' A >holes
	head -c 16777216 /dev/zero | tr '\0' A >trimmed
	guest --disk odd,serial=of-my-own --disk locked,ro --disk holes,discard=on --disk trimmed,discard=on --file /sbin/blkdiscard \
		--file /sbin/mkfs.ext4 --stats stats -- sh -c '
		write() { dd if=/dev/zero of=$1 bs=512 count=1 conv=fsync 2>&1 >/dev/null | grep -q "1+0 records out"; }
		blockdev --getsize64 /dev/vda
		blockdev --getss /dev/vda
		cat /sys/block/vda/serial; echo
		cat /sys/block/vdb/serial; echo
		blockdev --getro /dev/vda
		write /dev/vda && echo written
		blockdev --setro /dev/vda && blockdev --getro /dev/vda
		write /dev/vda || echo refused
		blockdev --setrw /dev/vda && blockdev --getro /dev/vda
		write /dev/vda && echo written
		blockdev --getro /dev/vdb
		write /dev/vdb || echo refused
		blockdev --setrw /dev/vdb; blockdev --getro /dev/vdb
		dd if=/dev/zero of=/dev/vdb bs=512 count=1 conv=fsync 2>&1 | grep -oiE "not permitted|read-only|input/output error"
		blockdev --flushbufs /dev/vdb && echo flushed
		cat /sys/block/vda/queue/discard_max_bytes /sys/block/vdc/queue/discard_max_bytes
		/sbin/blkdiscard -o 1048576 -l 2097152 /dev/vdc && /sbin/blkdiscard -z -o 4194304 -l 1048576 /dev/vdc &&
			echo given back
		/sbin/blkdiscard -f /dev/vda 2>/dev/null || echo not here
		mkfs.ext4 -q -E nodiscard /dev/vdd && mount -t ext4 /dev/vdd /mnt && dd if=/dev/zero of=/mnt/f bs=1M count=4 2>/dev/null &&
			rm /mnt/f && sync && fstrim /mnt && umount /mnt && echo trimmed'
	report "size, sector size, serial, read-only and back again" test "$(sed 's/ *$//' out | tr '\n' ' ')" = \
		"4999680 512 of-my-own ktstr-virtio-blk-1 0 written 1 refused 0 written 1 refused 1 $(sed -n 14p out) flushed 0 134217728 given back not here trimmed "
	report "a write to a read-only disk fails with its reason: $(sed -n 14p out)" test -n "$(sed -n 14p out)"
	sha1sum <locked >after
	report "and the file is as it was" cmp -s before after
	letters() { dd if=holes bs=1M skip="$1" count="$2" 2>/dev/null | tr -d '\0' | wc -c; }
	report "blkdiscard: what was discarded or zeroed reads as zeroes, and nothing else: $(letters 0 8)" \
		test "$(letters 0 1) $(letters 1 2) $(letters 3 1) $(letters 4 1) $(letters 5 3)" = \
		"1048576 0 1048576 0 3145728"
	report "and the file is smaller by what was discarded: $(du -k holes | cut -f1) KiB of 8192" \
		test "$(du -k holes | cut -f1)" -le 6200
	report "fstrim gives free blocks back: $(du -k trimmed | cut -f1) KiB of 16384" test "$(du -k trimmed | cut -f1)" -le 8000
fi

# --- the throttle as a guest sees it (BLK-37, BLK-47); figures are reported, and only more than was allowed is wrong
if wanted throttle; then
	cat >throttle.sh <<'GUEST'
run() { # DISK BS
	/usr/bin/fio --name=t --filename="/dev/$1" --ioengine=libaio --direct=1 --iodepth=8 --rw=randread --bs="$2" \
		--norandommap --ramp_time=4 --time_based --runtime=10 --output-format=terse --terse-version=3 |
		awk -F';' -v disk="$1" '{ print disk, $8, $7 * 1024, $15 }' # IOPS, bytes a second, longest completion in us
}
run vda 4k; run vdb 4k; run vdc 4k; run vdd 4k
dmesg | grep -i 'hung task' || echo none hung
GUEST
	guest --disk size=16M,iops=200 --disk size=16M,iops=3000 --disk size=16M,bps=4M --disk size=16M,bps=4M,bps-burst=5M \
		--file /usr/bin/fio --file throttle.sh:/throttle.sh --stats stats -- sh /throttle.sh
	sed 's/^/# disk, IOPS, bytes\/s, longest us: /' out
	# In those 10 s a disk gives what its bucket holds and what comes into it, and no more. A guest that can hardly reach
	# the rate, or is held up, has not emptied its bucket in the 4 s before.
	within() { # ROW FIELD RATE BUCKET
		awk -v row="$1" -v field="$2" -v rate="$3" -v bucket="$4" '
			NR == row { ok = $field > 0 && $field <= rate * 1.02 + bucket / 10 }
			END { exit !ok }' out
	}
	report "iops=200 is not exceeded" within 1 2 200 200
	report "iops=3000 is not exceeded" within 2 2 3000 3000
	report "bps=4M is not exceeded" within 3 3 4194304 4194304
	report "bps=4M with 1M of burst is not exceeded" within 4 3 4194304 5242880
	report "no task hung" has 'none hung'
	stalled() { # in the counters, and how late each grant was
		tr -d ' \n' <stats >whole
		[ "$(grep -o '"throttled_count":[0-9]*' whole | grep -vc ':0$')" -ge 1 ] &&
			[ "$(grep -o '"throttle_late_ns":{"count":[0-9]*' whole | grep -vc ':0$')" -ge 1 ]
	}
	report "the stalls are counted, and how late their grants came" stalled
fi

# --- the VMM is killed at any moment; what was flushed is in the file
kill_once() { # DISK IMAGE WRITES MS
	"$ktstr" run --host direct --cpus 1 --memory 256M --timeout 600s --disk "$1" --file "$flush_writer:/bin/flush_writer" \
		-- flush_writer write /dev/vda >journal 2>err </dev/null &
	pid=$!
	tries=0
	while [ "$(grep -c . journal)" -lt "$3" ] && [ $tries -lt 1800 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
	sleep "0.$4"
	kill -9 $pid
	wait $pid 2>/dev/null
	code=$?
	"$flush_writer" check "$2" journal >out 2>>err
}
if wanted kill; then
	missing=0 kills=0
	while [ $kills -lt "${KTSTR_TEST_KILLS:-6}" ]; do
		case $((kills % 3)) in 0) kind=engine=auto ;; 1) kind=engine=uring ;; *) kind=engine=sync ;; esac
		# Some in the first writes, the others after a while; and at any moment then.
		random=$(od -An -N2 -tu2 /dev/urandom)
		rm -f image
		truncate -s 4M image
		kill_once "image,$kind" image $((kills / 3 % 2 ? 30 : 2)) "$(printf %03d $((random % 300)))" || missing=$((missing + 1))
		kills=$((kills + 1))
		sed "s/^/# $kills, $kind: /" out
	done
	report "kill -9 of the VMM at $kills moments loses no flushed write" test $missing -eq 0
fi

echo "1..$n"
