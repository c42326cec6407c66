#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What travels between host and guest: conversation.sh where KVM boots stock kernels, on this machine or in the nested host.
# usage: test_conversation.sh KTSTR SCX_SERVER PTY [CASE]...; KTSTR_TEST_STREAM_MIB=32: size of the streams, to the guest at most 256
set -euo pipefail
# shellcheck source=tests/nested/common
. "$(dirname "${BASH_SOURCE[0]}")/common" "$1"
server=$(realpath "$2") pty=$(realpath "$3")
shift 3
mib=${KTSTR_TEST_STREAM_MIB:-32}
need_kernel default
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# A module whose first instruction is none: ud2 in the place of dummy's endbr64.
oops_module() {
	local packed offset
	packed=$(find "$(realpath "$cache/kernels/default")" -name 'dummy.ko*' | head -n 1)
	case $packed in
	*.xz) xz -dc "$packed" >"$dir/oops.ko" ;;
	*.zst) zstd -qdc "$packed" >"$dir/oops.ko" ;;
	*) return ;;
	esac
	offset=$(python3 - "$dir/oops.ko" <<'PYTHON'
import struct, sys
image = open(sys.argv[1], "rb").read()
table, size, count = struct.unpack_from("<Q", image, 40)[0], *struct.unpack_from("<HH", image, 58)
sections = [struct.unpack_from("<IIQQQQIIQQ", image, table + i * size) for i in range(count)]
for kind, offset, length, link in ((s[1], s[4], s[5], s[6]) for s in sections):
    for at in range(offset, offset + length if kind == 2 else offset, 24):
        name, _, _, section, value, _ = struct.unpack_from("<IBBHQQ", image, at)
        start = sections[link][4] + name
        if image[start:start + 12] == b"init_module\0":
            print(sections[section][4] + value)
PYTHON
	)
	# Without its signature, for one that is wrong is refused where none is taken.
	[ "$(tail -c 28 "$dir/oops.ko" | tr -d '\0')" != "~Module signature appended~" ] || truncate -s -28 "$dir/oops.ko"
	printf '\017\013' | dd of="$dir/oops.ko" bs=1 seek="$offset" conv=notrunc status=none
	export KTSTR_TEST_OOPS=$dir/oops.ko
}
oops_module

if boots_here; then
	sh "$here/conversation.sh" "$ktstr" "$server" "$pty" "$mib" "$@"
	exit
fi
need_nested
"${nested[@]}" --kernel default --memory 3G --file "$here/conversation.sh:/conversation.sh" "${tap[@]}" \
	--file "$server" --file "$pty" --file /usr/bin/chrt --file /usr/bin/env \
	${KTSTR_TEST_OOPS:+--file "$KTSTR_TEST_OOPS" --env KTSTR_TEST_OOPS="$KTSTR_TEST_OOPS"} \
	-- sh /conversation.sh "$ktstr" "$server" "$pty" "$mib" "$@" </dev/null
# The terminal that passes through the nested host, too.
if [ $# -eq 0 ] || [[ " $* " == *" shell "* ]]; then
	code=0
	"$pty" 33x101 '=# ' '+stty size\r' '=33 101' '@44x55' '+until stty size | grep 44.55; do sleep 1; done\r' '=44 55' \
		'+printf "S<AB\\\\nCD\\\\033[5;10Hx\\\\033[24;80Hy>E"\r' '=>E' \
		'+yes 0123456789 | head -n $((1200 + 100)) | cat -n; exit 3\r' '=1300' -- \
		"$ktstr" shell --host nested >"$dir/screen" || code=$?
	cat "$dir/screen" >&2
	[ "$code" -eq 3 ] || { echo "Bail out! a shell through the nested host ended with $code"; exit 1; }
	# Translated by the guest's terminal, and by none on the way.
	if ! grep -qF "$(printf 'CD\033[5;10Hx\033[24;80Hy>E')" "$dir/screen" || ! grep -qx "$(printf '.*S<AB\r')" "$dir/screen"; then
		echo "Bail out! what was drawn through the nested host did not come as it was: $(grep -A1 'S<AB' "$dir/screen" | od -c)"
		exit 1
	fi
	# What happens is in the file while it does: only then this guest's stdin ends.
	for ((i = 0; i < 3000; i++)); do
		if grep -qs '"metric":"one"' "$dir/events"; then break; fi
		sleep 0.1
	done | "$ktstr" run --host nested --timeout 200s --events "$dir/events" -- sh -c 'ktstr-guest metric one 1; cat' >&2 || code=$?
	if [ "$code" -ne 3 ] || ! tail -n 1 "$dir/events" | grep -q '"event":"end"'; then
		echo "Bail out! events through the nested host: code $code, $(tail -n 2 "$dir/events")"
		exit 1
	fi
fi
