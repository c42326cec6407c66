#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What travels between host and guest: conversation.sh where KVM boots stock kernels, on this machine or in the nested host.
# usage: test_conversation.sh KTSTR SCX_SERVER PTY [CASE]...; KTSTR_STREAM_MIB=64: size of the streams
set -euo pipefail
ktstr=$(realpath "$1") server=$(realpath "$2") pty=$(realpath "$3")
shift 3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${KTSTR_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ktstr}
mib=${KTSTR_STREAM_MIB:-64}
skip() {
	echo "1..0 # SKIP $1"
	exit 77
}
[ -s "$cache/kernels/default/vmlinuz" ] || skip "no kernel in the cache: bench/fetch kernel 7.2"
if [ "$("$ktstr" doctor --kvm-kind)" = hardware ]; then
	exec sh "$here/conversation.sh" "$ktstr" "$server" "$pty" "$mib" "$@"
fi
[ -x "$cache/qemu/qemu-system-x86_64" ] || command -v qemu-system-x86_64 >/dev/null ||
	skip "no KVM that boots stock kernels and no QEMU: bench/fetch qemu"
"$ktstr" nested --self --kernel default --memory $((3 * mib + 3072))M --file "$here/conversation.sh:/conversation.sh" \
	--file "$server" --file "$pty" --file /usr/bin/chrt --file /usr/bin/env -- sh /conversation.sh "$ktstr" "$server" "$pty" "$mib" "$@" </dev/null
# The terminal that passes through the nested host, too.
if [ $# -eq 0 ] || [[ " $* " == *" shell "* ]]; then
	code=0
	"$pty" 33x101 '=# ' '+stty size\r' '=33 101' '@44x55' '+sleep 2; stty size\r' '=44 55' '+exit 3\r' -- \
		"$ktstr" shell --host nested >&2 || code=$?
	[ "$code" -eq 3 ] || { echo "Bail out! a shell through the nested host ended with $code"; exit 1; }
fi
