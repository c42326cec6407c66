#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# virtio-blk in stock guests: blk.sh where KVM boots them, on this machine or in the nested host.
# usage: test_blk.sh KTSTR FLUSH_WRITER [CASE]... (verify, filesystem, blockdev, throttle, kill)
set -euo pipefail
ktstr=$(realpath "$1") flush_writer=$(realpath "$2")
shift 2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${KTSTR_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ktstr}
[ -s "$cache/kernels/default/vmlinuz" ] || { echo "1..0 # SKIP no kernel in the cache: bench/fetch kernel 7.2"; exit 0; }
for tool in /usr/bin/fio /sbin/mkfs.ext4 /sbin/fsck.ext4; do
	[ -x "$tool" ] || { echo "1..0 # SKIP $tool is not there; install fio and e2fsprogs"; exit 0; }
done
disk=$(mktemp)
trap 'rm -f "$disk"' EXIT
truncate -s 64M "$disk"

if [ "$("$ktstr" doctor --kvm-kind)" = hardware ]; then
	sh "$here/blk.sh" "$ktstr" "$flush_writer" "$disk" "$@"
	exit
fi
if [ ! -x "$cache/qemu/qemu-system-x86_64" ] && ! command -v qemu-system-x86_64 >/dev/null; then
	echo "1..0 # SKIP no KVM that boots stock kernels and no QEMU: bench/fetch qemu"
	exit 0
fi
"$ktstr" nested --self --kernel default --memory 3G --file "$here/blk.sh:/blk.sh" --file "$flush_writer:/bin/flush_writer" \
	--file /usr/bin/fio --file /sbin/mkfs.ext4 --file /sbin/fsck.ext4 --disk "$disk" -- \
	sh /blk.sh "$ktstr" /bin/flush_writer "$disk" "$@" </dev/null
