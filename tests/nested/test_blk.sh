#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# virtio-blk in stock guests: blk.sh where KVM boots them, on this machine or in the nested host.
# usage: test_blk.sh KTSTR FLUSH_WRITER [CASE]... (verify, registers, filesystem, blockdev, throttle, kill);
# KTSTR_TEST_KILLS=6: how often the VMM is killed
set -euo pipefail
# shellcheck source=tests/nested/common
. "$(dirname "${BASH_SOURCE[0]}")/common" "$1"
flush_writer=$(realpath "$2")
shift 2
need_kernel default
for tool in /usr/bin/fio /sbin/mkfs.ext4 /sbin/fsck.ext4 /sbin/blkdiscard; do
	[ -x "$tool" ] || skip "$tool is not there; install fio, e2fsprogs and util-linux"
done
disk=$(mktemp)
trap 'rm -f "$disk"' EXIT
truncate -s 64M "$disk"

if boots_here; then
	KTSTR_TEST_KILLS=${KTSTR_TEST_KILLS:-6} sh "$here/blk.sh" "$ktstr" "$flush_writer" "$disk" "$@"
	exit
fi
need_nested
"${nested[@]}" --kernel default --memory 3G --file "$here/blk.sh:/blk.sh" "${tap[@]}" --file "$flush_writer:/bin/flush_writer" \
	--file /usr/bin/fio --file /sbin/mkfs.ext4 --file /sbin/fsck.ext4 --file /sbin/blkdiscard --disk "$disk" \
	--env "KTSTR_TEST_KILLS=${KTSTR_TEST_KILLS:-6}" -- sh /blk.sh "$ktstr" /bin/flush_writer "$disk" "$@" </dev/null
