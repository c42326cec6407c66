#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The suite schedulers where something is not to be had: it is skipped, and says what was missing; what else goes wrong is no
# reason to skip. With stubs of all that is fetched and run. No network: the only mirror named here refuses connections.
set -euo pipefail
own=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export KTSTR_CACHE_DIR=$dir/cache KTSTR_MIRROR=http://127.0.0.1:9/debian LC_ALL=C
unset KTSTR_TEST_KERNEL KTSTR_BUILD_DIR
failures=0

expect() { # WHAT CODE STDOUT-PATTERN STDERR-PATTERN
	local rc=0
	PATH=$dir/bin:$PATH "$own/test_schedulers.sh" "$dir/build/bench/ktstr" "$dir/build/bpf/ktstr-scx" run 1 \
		>"$dir/out" 2>"$dir/err" </dev/null || rc=$?
	if [ "$rc" -ne "$2" ] || [[ ! $(<"$dir/out") =~ $3 ]] || [[ ! $(<"$dir/err") =~ $4 ]]; then
		printf 'FAILED: %s: exit %s (expected %s)\nstdout: %s\nstderr: %s\n' "$1" "$rc" "$2" "$(cat "$dir/out")" \
			"$(cat "$dir/err")"
		failures=$((failures + 1))
	fi
}

# stub FILE: a program of this text
stub() {
	mkdir -p "${1%/*}"
	cat - >"$1"
	chmod +x "$1"
}
stub "$dir/build/bench/ktstr" <<<'#!/bin/sh'
stub "$dir/build/bpf/ktstr-scx" <<<'#!/bin/sh'
stub "$dir/bin/make" <<<'#!/bin/sh
echo no rule; exit 2'
# clang MAJOR: all that PATH has of it
clang() {
	local name
	for name in clang clang-{11..40}; do
		stub "$dir/bin/$name" <<<"#!/bin/sh
echo '#define __clang_major__ $1'"
	done
}
clang 19

# --- a kernel in the cache, and an archive that is out of reach ------------------------

expect "no kernel" 0 '^1..0 # SKIP .*http://127.0.0.1:9/debian: not to be had' 'not to be had'
kernel=$dir/cache/kernels/9.9.1-cloud-amd64
mkdir -p "$kernel"
echo kernel >"$kernel/vmlinuz"
ln -s "${kernel##*/}" "$dir/cache/kernels/default"
echo "${kernel##*/} $(date +%F)" >"$dir/cache/kernels/.default"
expect "no source" 0 '^1..0 # SKIP .*http://127.0.0.1:9/debian: not to be had' 'not to be had'
clang 18
expect "no clang" 0 '^1..0 # SKIP .*clang 19 or newer: not found; install the Debian package clang-19$' 'clang 19'
clang 19

# --- a source that is there, of which nothing comes --------------------------------------

mkdir -p "$dir/linux-source-9.9/tools/sched_ext" "$dir/cache/sources"
tar -C "$dir" -cJf "$dir/cache/sources/linux-source-9.9.tar.xz" linux-source-9.9
expect "a source without what the schedulers need" 0 '^1..0 # SKIP .*linux-source-9.9.tar.xz: can.t be unpacked' 'unpack'
for part in kernel/bpf tools/{arch,bpf/bpftool,build,include,lib,scripts,sched_ext} include scripts; do
	mkdir -p "$dir/linux-source-9.9/$part"
done
tar -C "$dir" -cJf "$dir/cache/sources/linux-source-9.9.tar.xz" linux-source-9.9
expect "a source without schedulers" 0 '^1..0 # SKIP .*has no tools/sched_ext' 'unpack'
: >"$dir/linux-source-9.9/tools/sched_ext/Makefile"
tar -C "$dir" -cJf "$dir/cache/sources/linux-source-9.9.tar.xz" linux-source-9.9
expect "a build that fails is a failure" 70 '^$' 'no rule.*make failed'

[ "$failures" -eq 0 ] && echo "all as expected"
