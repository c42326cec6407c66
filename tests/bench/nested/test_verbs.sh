#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Verbs that run in the nested host, with a program in QEMU's place. usage: test_verbs.sh KTSTR FAKE_QEMU
set -u
ktstr=$(readlink -f "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
unset "${!KTSTR_@}"
export KTSTR_CONFIG=$dir/config KTSTR_CACHE_DIR=$dir/cache KTSTR_QEMU HOME=$dir
KTSTR_QEMU=$(readlink -f "$2")
cd "$dir" || exit 1
touch config
mkdir -p cache/kernels/nested/lib/modules/1.0
echo "no kernel" >cache/kernels/nested/vmlinuz
: >cache/kernels/nested/lib/modules/1.0/modules.dep
printf 'kernel/a/%s.ko\n' virtio_pci virtio_console virtio_blk kvm-amd >cache/kernels/nested/lib/modules/1.0/modules.builtin
# A bzImage with a 64-bit entry, as far as its header says.
{ head -c 514 /dev/zero; printf 'HdrS\x0f\x02'; head -c 9 /dev/zero; printf '\x01'; head -c 36 /dev/zero; printf '\x01'; head -c 457 /dev/zero; } >kernel
failed=0

# run PART CODE TEXT OPTION...: what QEMU plays, and ktstr's exit code and word then
run() {
	local code=0
	FAKE_QEMU=$1 timeout 60 "$ktstr" run --host nested --kernel kernel "${@:4}" -- true >out 2>err </dev/null || code=$?
	[ "$code" -eq "$2" ] && grep -q -- "$3" err && return
	echo "FAILED: $1 ${*:4}: exit code $code, not $2 with '$3'"
	sed 's/^/    /' err
	failed=1
}

# 2^32 s less the time that the nested host gets beside the guest's, and one second.
run late 0 '' --timeout 4294967177s
run late 0 '' --timeout 9000000000s
run line 0 '' --events events
run line 1 '/dev/full: can.t be written: No space' --events /dev/full
exit $failed
