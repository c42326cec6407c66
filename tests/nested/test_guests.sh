#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Stock guests: guests.sh where KVM boots them, on this machine or in the nested host.
# usage: test_guests.sh KTSTR ECHO_FRAMES [CASE]...
set -euo pipefail
# shellcheck source=tests/nested/common
. "$(dirname "${BASH_SOURCE[0]}")/common" "$1"
echo_frames=$(realpath "$2")
shift 2
find_kernels
tools=()
for t in /sbin/mkfs.ext4 /sbin/fsck.ext4 /usr/bin/strace /usr/bin/env; do [ ! -x "$t" ] || tools+=("$t"); done

if boots_here; then
	exec sh "$here/guests.sh" "$ktstr" "$echo_frames" "$cache" "${kernels[*]}" "$@"
fi
need_nested
elf=$(mktemp -d)
trap 'rm -rf "$elf"' EXIT
args=(--memory 7G --file "$here/guests.sh:/guests.sh" "${tap[@]}" --file "$echo_frames:/bin/echo-frames")
[ "${kernels[0]}" = default ] || args+=(--kernel default)
for k in "${kernels[@]}"; do
	args+=(--kernel "$k")
	"$ktstr" kernel vmlinux "$k" "$elf/$k"
	# Beside its bzImage, where its modules are.
	args+=(--file "$elf/$k:$(realpath "$cache/kernels/$k")/vmlinux")
done
for t in "${tools[@]}"; do args+=(--file "$t"); done
"${nested[@]}" "${args[@]}" -- sh /guests.sh "$ktstr" /bin/echo-frames "$cache" "${kernels[*]}" "$@" </dev/null
