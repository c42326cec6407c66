#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What is said of an environment or a kernel that won't do: what it is, and what to do, in one line. test_messages.sh KTSTR
set -uo pipefail
ktstr=$(realpath "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
unset KTSTR_NESTED KTSTR_CACHE_DIR XDG_CACHE_HOME
export KTSTR_CONFIG=/dev/null
failures=0 n=0

# says CODE WORDS CMD...: one line, with WORDS
says() {
	local rc=0 want=$1 words=$2
	shift 2
	n=$((n + 1))
	"$@" >out 2>err </dev/null || rc=$?
	if [ "$rc" -ne "$want" ] || [ "$(wc -l <err)" -ne 1 ] || ! grep -qE -- "$words" err; then
		echo "FAILED: $*: $rc, not $want with one line '$words'"
		sed 's/^/    /' err
		failures=$((failures + 1))
	fi
}

# bzimage PAYLOAD: a bzImage with it
bzimage() {
	{
		head -c $((0x1f1)) /dev/zero
		printf '\001'
		head -c $((0x202 - 0x1f2)) /dev/zero
		printf 'HdrS\017\002'
		head -c $((0x211 - 0x208)) /dev/zero
		printf '\001'
		head -c $((0x236 - 0x212)) /dev/zero
		printf '\001\000'
		head -c $((0x24c - 0x238)) /dev/zero
		printf '\000\020\000\000' # 4096 bytes of payload
		head -c $((1024 - 0x250)) /dev/zero
		cat "$1"
		head -c 4096 /dev/zero
	} >bzimage
}

# --- a kernel that can't be read
formats='use gzip, lz4, lzma, xz or zstd$'
printf 'BZh91AY&SY' >bzip2
bzimage bzip2
says 69 "compressed in a way ktstr does not know; $formats" "$ktstr" kernel vmlinux bzimage elf
printf '\211LZO\000\015\012\032\012' >lzo
bzimage lzo
says 69 "compressed in a way ktstr does not know; $formats" "$ktstr" kernel vmlinux bzimage elf
# Those that it names it can: what is wrong then is something else.
for tool in gzip lz4 lzma xz zstd; do
	command -v $tool >/dev/null || continue
	echo "no kernel" | $tool -c >payload
	bzimage payload
	"$ktstr" kernel vmlinux bzimage elf >out 2>err
	n=$((n + 1))
	! grep -q 'in a way' err || { echo "FAILED: $tool: $(cat err)"; failures=$((failures + 1)); }
done
says 69 'an ELF without a PVH note, so no kernel or one built without CONFIG_PVH; give its bzImage$' \
	"$ktstr" run --host try --kernel "$ktstr" -- true

# --- an environment without
says 69 'HOME is not set, so there is no cache; set HOME or KTSTR_CACHE_DIR$' env -u HOME "$ktstr" kernel list
says 69 'HOME is not set, so there is no cache; set HOME or KTSTR_CACHE_DIR$' \
	env -u HOME "$ktstr" run --host try --kernel default -- true
says 69 'HOME is not set, so there is no cache; set HOME or KTSTR_CACHE_DIR$' env -u HOME "$ktstr" kernel fetch
# Not that something is to be installed: it is the PATH that has none.
for path in '' /nowhere; do
	"$(command -v env)" PATH=$path "$ktstr" run --host try --kernel default -- no-such-command >out 2>err
	n=$((n + 1))
	! grep -q install err || { echo "FAILED: PATH=$path: $(cat err)"; failures=$((failures + 1)); }
done

# --- a cache that this user may not read
mkdir -p cache/kernels/default
chmod 700 cache
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	chmod 755 .
	cp "$ktstr" ktstr-here
	nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups env KTSTR_CACHE_DIR="$dir/cache" "$dir/ktstr-here")
else
	chmod 0 cache
	nobody=(env KTSTR_CACHE_DIR="$dir/cache" "$ktstr")
fi
advice='Permission denied; make the cache readable for this user, or set KTSTR_CACHE_DIR to another$'
says 69 "$advice" "${nobody[@]}" run --host try --kernel default -- true
says 69 "$advice" "${nobody[@]}" kernel list
chmod 700 cache

echo "$n messages, $failures failures"
[ "$failures" -eq 0 ]
