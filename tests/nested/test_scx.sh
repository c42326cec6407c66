#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Schedulers in stock guests: scx.sh where KVM boots them, on this machine or in the nested host.
# usage: test_scx.sh KTSTR [KTSTR_SCX]
set -euo pipefail
ktstr=$(realpath "$1") scx=${2:+$(realpath "$2")}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${KTSTR_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ktstr}
skip() {
	echo "1..0 # SKIP $1"
	exit 0
}
[ -x "$scx" ] || skip "built without clang: no schedulers"
[ -s "$cache/kernels/7.2/vmlinuz" ] || skip "no kernel with sched_ext in the cache: bench/fetch kernel 7.2"
old=
kernels=(--kernel default)
if [ -s "$cache/kernels/6.12/vmlinuz" ]; then
	old=6.12
	kernels+=(--kernel 6.12)
fi
if [ "$("$ktstr" doctor --kvm-kind)" = hardware ]; then
	exec sh "$here/scx.sh" "$ktstr" "$scx" "$old"
fi
[ -x "$cache/qemu/qemu-system-x86_64" ] || command -v qemu-system-x86_64 >/dev/null ||
	skip "no KVM that boots stock kernels and no QEMU: bench/fetch qemu"
"$ktstr" nested --self "${kernels[@]}" --memory 3G --file "$here/scx.sh:/scx.sh" --file "$scx" \
	--file "$(dirname "$scx")/../bench/workloads/ktstr-workload" -- sh /scx.sh "$ktstr" "$scx" "$old" </dev/null
