#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Stock guests: guests.sh where KVM boots them, on this machine or in the nested host.
# usage: test_guests.sh KTSTR ECHO_FRAMES [CASE]...
set -euo pipefail
ktstr=$(realpath "$1") echo_frames=$(realpath "$2")
shift 2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${KTSTR_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ktstr}
kernels=()
for k in 7.2 6.12 6.1; do [ ! -s "$cache/kernels/$k/vmlinuz" ] || kernels+=("$k"); done
[ ${#kernels[@]} -gt 0 ] || { echo "1..0 # SKIP no kernel in the cache: bench/fetch kernel 7.2 6.12 6.1"; exit 0; }
tools=()
for t in /sbin/mkfs.ext4 /sbin/fsck.ext4 /usr/bin/strace /usr/bin/env; do [ ! -x "$t" ] || tools+=("$t"); done

if [ "$("$ktstr" doctor --kvm-kind)" = hardware ]; then
	exec sh "$here/guests.sh" "$ktstr" "$echo_frames" "$cache" "${kernels[*]}" "$@"
fi
if [ ! -x "$cache/qemu/qemu-system-x86_64" ] && ! command -v qemu-system-x86_64 >/dev/null; then
	echo "1..0 # SKIP no KVM that boots stock kernels and no QEMU: bench/fetch qemu"
	exit 0
fi
elf=$(mktemp -d)
trap 'rm -rf "$elf"' EXIT
args=(--self --kernel default --memory 7G --file "$here/guests.sh:/guests.sh" --file "$echo_frames:/bin/echo-frames")
for k in "${kernels[@]}"; do
	args+=(--kernel "$k")
	"$ktstr" kernel vmlinux "$k" "$elf/$k"
	# Beside its bzImage, where its modules are.
	args+=(--file "$elf/$k:$(realpath "$cache/kernels/$k")/vmlinux")
done
for t in "${tools[@]}"; do args+=(--file "$t"); done
"$ktstr" nested "${args[@]}" -- sh /guests.sh "$ktstr" /bin/echo-frames "$cache" "${kernels[*]}" "$@" </dev/null
