#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# virtio-net with stock guests: network.sh where KVM boots them, on this machine or in the nested host.
# usage: test_network.sh KTSTR ECHO_FRAMES [CASE]...; KTSTR_TEST_FRAME_STEP=97: sizes of long frames; 1: each of them
set -euo pipefail
# shellcheck source=tests/nested/common
. "$(dirname "${BASH_SOURCE[0]}")/common" "$1"
echo_frames=$(realpath "$2")
shift 2
ip=$(command -v ip || echo /sbin/ip) iperf3=$(command -v iperf3 || echo /usr/bin/iperf3) step=${KTSTR_TEST_FRAME_STEP:-97}
need_kernel default
if boots_here; then
	[ "$(id -u)" -eq 0 ] || skip "a network namespace and a TAP device need root"
	exec sh "$here/network.sh" "$ktstr" "$echo_frames" "$ip" "$iperf3" "" "$step" "$@"
fi
need_nested
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# Busybox's insmod takes no compressed module.
tun=$(find "$(realpath "$cache/kernels/nested")" -name 'tun.ko*' | head -n 1)
case $tun in
*.xz) xz -dc "$tun" >"$dir/tun.ko" ;;
*.zst) zstd -qdc "$tun" >"$dir/tun.ko" ;;
*) cp "$tun" "$dir/tun.ko" ;;
esac
args=(--kernel default --memory 3G --file "$here/network.sh:/network.sh" "${tap[@]}" --file "$echo_frames" --file "$dir/tun.ko:/tun.ko")
for tool in "$ip" "$iperf3"; do [ ! -x "$tool" ] || args+=(--file "$tool"); done
"${nested[@]}" "${args[@]}" -- sh /network.sh "$ktstr" "$echo_frames" "$ip" "$iperf3" /tun.ko "$step" "$@" </dev/null
