#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# virtio-net with stock guests: network.sh where KVM boots them, on this machine or in the nested host.
# usage: test_network.sh KTSTR ECHO_FRAMES [CASE]...
set -euo pipefail
ktstr=$(realpath "$1") echo_frames=$(realpath "$2")
shift 2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${KTSTR_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ktstr}
ip=$(command -v ip || echo /sbin/ip) iperf3=$(command -v iperf3 || echo /usr/bin/iperf3)
skip() {
	echo "1..0 # SKIP $1"
	exit 0
}
[ -s "$cache/kernels/default/vmlinuz" ] || skip "no kernel in the cache: bench/fetch kernel 7.2"
if [ "$("$ktstr" doctor --kvm-kind)" = hardware ]; then
	[ "$(id -u)" -eq 0 ] || skip "a network namespace and a TAP device need root"
	exec sh "$here/network.sh" "$ktstr" "$echo_frames" "$ip" "$iperf3" "" "$@"
fi
[ -x "$cache/qemu/qemu-system-x86_64" ] || command -v qemu-system-x86_64 >/dev/null ||
	skip "no KVM that boots stock kernels and no QEMU: bench/fetch qemu"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# Busybox's insmod takes no compressed module.
tun=$(find "$(realpath "$cache/kernels/default")" -name 'tun.ko*' | head -n 1)
case $tun in
*.xz) xz -dc "$tun" >"$dir/tun.ko" ;;
*.zst) zstd -qdc "$tun" >"$dir/tun.ko" ;;
*) cp "$tun" "$dir/tun.ko" ;;
esac
args=(--self --kernel default --memory 3G --file "$here/network.sh:/network.sh" --file "$echo_frames" --file "$dir/tun.ko:/tun.ko")
for tool in "$ip" "$iperf3"; do [ ! -x "$tool" ] || args+=(--file "$tool"); done
"$ktstr" nested "${args[@]}" -- sh /network.sh "$ktstr" "$echo_frames" "$ip" "$iperf3" /tun.ko "$@" </dev/null
