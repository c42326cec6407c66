#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The set-up scripts where no network is needed: a warm cache is not asked about, failures name the thing. No root, no
# mirror: the only mirror named here refuses connections.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export KTSTR_CACHE_DIR=$dir/cache KTSTR_MIRROR=http://127.0.0.1:9/debian
# shellcheck source=tests/bench/expect.sh
. "$root/tests/bench/expect.sh"

# --- bench/kernel/fetch
old=$dir/cache/kernels/7.2.1+x-cloud-amd64
mkdir -p "$old"
echo kernel >"$old/vmlinuz"
ln -s "${old##*/}" "$dir/cache/kernels/7.2"
expect "warm cache" 0 "^${old/+/\\+}$" '^$' "$root/bench/kernel/fetch" kernel 7.2
expect "release by name" 0 "^${old/+/\\+}$" '^$' "$root/bench/kernel/fetch" kernel "${old##*/}"
expect "no mirror for a default" 69 '^$' 'http://127.0.0.1:9/debian: not to be had; .*KTSTR_MIRROR' "$root/bench/kernel/fetch" kernel default
# A default that an older version chose, with a kernel of a fixed series: one try a day to get a newer one, and it stays usable.
ln -s "${old##*/}" "$dir/cache/kernels/default"
expect "old default, no mirror" 0 "^${old/+/\\+}$" '7.2.1.* was chosen by an older version.* it stays 7.2.1' "$root/bench/kernel/fetch" kernel default
expect "old default, next time" 0 "^${old/+/\\+}$" '^$' "$root/bench/kernel/fetch" kernel default
echo "${old##*/} 2026-01-01" >"$dir/cache/kernels/.default"
touch -d '2026-01-01' "$dir/cache/kernels/.default"
expect "default, warm cache" 0 "^${old/+/\\+}$" '^$' "$root/bench/kernel/fetch" kernel default
expect "default refreshed, no mirror" 69 '^$' 'not to be had' "$root/bench/kernel/fetch" --refresh kernel default
[ "$(readlink "$dir/cache/kernels/default")" = "${old##*/}" ] || { echo "FAILED: the default kernel is gone"; failures=$((failures + 1)); }
expect "no mirror for a list" 69 '^$' 'not to be had' "$root/bench/kernel/fetch" available
expect "no mirror" 69 '^$' 'http://127.0.0.1:9/debian: not to be had' "$root/bench/kernel/fetch" kernel 6.12
[ ! -e "$dir/cache/kernels/6.12" ] || { echo "FAILED: a kernel that was not had is in the cache"; failures=$((failures + 1)); }
expect "no mirror for a source" 69 '^$' 'not to be had' "$root/bench/kernel/fetch" source 6.12
expect "help" 0 'usage: bench/kernel/fetch' '^$' "$root/bench/kernel/fetch" --help
expect "unknown option" 64 '^$' '--frob: unknown option' "$root/bench/kernel/fetch" --frob
expect "nothing asked" 64 '^$' 'usage' "$root/bench/kernel/fetch"
expect "unknown thing" 64 '^$' 'frob: neither' "$root/bench/kernel/fetch" frob

mkdir -p "$dir/bin" "$dir/cache/kernels/6.12.9+x-cloud-amd64"
echo kernel >"$dir/cache/kernels/6.12.9+x-cloud-amd64/vmlinuz"
ln -s 6.12.9+x-cloud-amd64 "$dir/cache/kernels/6.12"
printf '#!/bin/sh\necho "QEMU emulator version 11.0.0"\n' >"$dir/bin/qemu-system-x86_64"
chmod +x "$dir/bin/qemu-system-x86_64"
expect "QEMU in PATH" 0 "$dir/bin/qemu-system-x86_64" '^$' env PATH="$dir/bin:$PATH" "$root/bench/kernel/fetch" nested
[ "$(readlink "$dir/cache/kernels/nested")" = 6.12.9+x-cloud-amd64 ] || { echo "FAILED: no kernel for a nested host"; failures=$((failures + 1)); }
expect "by the kernel's name" 0 "$dir/bin/qemu-system-x86_64" '^$' env PATH="$dir/bin:$PATH" "$root/bench/kernel/fetch" kernel nested
# What this machine needs, by what ktstr says of its KVM.
for kind in hardware software none; do
	printf '#!/bin/sh\necho %s\n' "$kind" >"$dir/ktstr" && chmod +x "$dir/ktstr"
	needed="^${old/+/\\+}"
	[ $kind = hardware ] || needed+=$'\n'"$dir/bin/qemu-system-x86_64"$'\n'"[^"$'\n'"]*/6\.12\.9\+x-cloud-amd64"
	expect "needed with KVM $kind" 0 "$needed\$" '^$' env KTSTR_PROGRAM="$dir/ktstr" PATH="$dir/bin:$PATH" "$root/bench/kernel/fetch" needed
done
printf '#!/bin/sh\necho "QEMU emulator version 7.2.19"\n' >"$dir/bin/qemu-system-x86_64"
expect "QEMU too old" 69 '^$' 'package lists' env PATH="$dir/bin:$PATH" "$root/bench/kernel/fetch" nested

# --- bench/setup: a machine that lacks packages, without root
printf '#!/bin/sh\nfor p; do :; done\necho "installed gcc"; exit 1\n' >"$dir/bin/dpkg-query"
printf '#!/bin/sh\necho 1000\n' >"$dir/bin/id"
printf '#!/bin/sh\nexit 1\n' >"$dir/bin/sudo"
printf '#!/bin/sh\necho called >>%s/apt-called\nexit 1\n' "$dir" >"$dir/bin/apt-get"
chmod +x "$dir"/bin/*
expect "packages missing, no root" 69 '^$' 'sudo apt-get install -y --no-install-recommends libc6-dev meson ' \
	env PATH="$dir/bin:$PATH" bash -euo pipefail -c ". $root/bench/setup; packages_need build"
[ ! -e "$dir/apt-called" ] || { echo "FAILED: apt-get was run without root"; failures=$((failures + 1)); }

# With everything there, nothing but dpkg-query is asked.
# shellcheck disable=SC2016 # the inner shell's
printf '#!/bin/bash\nfor p in "${@:4}"; do echo "installed $p"; done\n' >"$dir/bin/dpkg-query"
expect "packages all there" 0 '^$' '^$' env PATH="$dir/bin:$PATH" bash -euo pipefail -c ". $root/bench/setup; packages_need build run test"
[ ! -e "$dir/apt-called" ] || { echo "FAILED: apt-get was run with nothing missing"; failures=$((failures + 1)); }

# One that this archive lacks does not keep the others from being installed.
# shellcheck disable=SC2016 # the inner shells'
printf '#!/bin/sh\necho 0\n' >"$dir/bin/id"
printf '#!/bin/sh\necho "installed gcc"; exit 1\n' >"$dir/bin/dpkg-query"
printf '#!/bin/sh\n[ "$2" != meson ]\n' >"$dir/bin/apt-cache"
printf '#!/bin/sh\necho "$*" >>%s/apt-called\ncase $* in *" meson "*) exit 100 ;; esac\n' "$dir" >"$dir/bin/apt-get"
chmod +x "$dir/bin/apt-cache"
expect "a package unknown" 0 '^$' "meson: this machine's package archive has none" \
	env PATH="$dir/bin:$PATH" bash -euo pipefail -c ". $root/bench/setup; packages_need build"
if ! grep -q 'install libc6-dev ninja-build .* clang$' "$dir/apt-called"; then
	echo "FAILED: not installed: the others; apt-get was called with $(cat "$dir/apt-called")"
	failures=$((failures + 1))
fi

# Not a Debian machine: what is missing is told by names that are the same everywhere.
mkdir "$dir/other"
for tool in bash dirname sed cut mktemp date; do ln -s "$(command -v $tool)" "$dir/other/"; done
for tool in meson ninja clang busybox; do ln -s /bin/true "$dir/other/$tool"; done
printf '#!/bin/sh\necho /usr/lib/libc.a\n' >"$dir/other/gcc"
# shellcheck disable=SC2016 # the inner shell's
printf '#!/bin/sh\ncase $2 in libelf | libbpf) exit 1 ;; esac\n' >"$dir/other/pkg-config"
chmod +x "$dir/other/gcc" "$dir/other/pkg-config"
other() { expect "$1" "$2" '^$' "$3" "$dir/other/bash" -euo pipefail -c "PATH=$dir/other; . $root/bench/setup; PATH=$dir/other; packages_need $4"; }
other "libraries missing, no Debian" 69 "^ktstr: missing to build [^:]*: libbpf libelf
[^
]*: dnf install 'pkgconfig\(libbpf\)' 'pkgconfig\(libelf\)'
ktstr: not a Debian machine" build
other "a program missing, no Debian" 69 "missing to run [^:]*: depmod
ktstr: not a Debian" run
other "tests skip, no Debian" 0 "missing to test [^:]*: clang-format llvm-symbolizer make " test

expect "bench/run --help" 0 'usage: bench/run' '^$' "$root/bench/run" --help
expect "tests/run --help" 0 'usage: tests/run' '^$' "$root/tests/run" --help
printf '#!/bin/sh\necho not formatted\nexit 1\n' >"$dir/bin/shellcheck"
printf '#!/bin/bash\nfor p in "${@:4}"; do echo "installed $p"; done\n' >"$dir/bin/dpkg-query"
chmod +x "$dir/bin/shellcheck"
expect "tests/run names what failed at its end" 1 '^ktstr: failed: shellcheck
0 passed, 1 failed, 0 skipped$' 'not formatted' env PATH="$dir/bin:$PATH" "$root/tests/run" --suite shell
expect "tests/run unknown" 64 '^$' '--frob' "$root/tests/run" --frob

# --- tests/soak, as far as it goes without boots
mkdir "$dir/soak"
printf '%s\n' "m ktstr 1 ok 4 -" "m ktstr 1 ok 6 -" "m microvm 1 lost 3 shutdown@f+0x1" >"$dir/soak/rows"
expect "tests/soak --help" 0 'usage: tests/soak' '^$' "$root/tests/soak" --help
expect "tests/soak: no directory" 64 '^$' 'a directory for what is found' "$root/tests/soak"
expect "tests/soak: only QEMU's was lost" 0 'm +ktstr +1 +2 +2 +0 .* 5\.0 +6.*1 m microvm 1 lost: shutdown@f' '^$' \
	"$root/tests/soak" --table "$dir/soak"
echo "m ktstr 2 hung 120 hlt@g+0x2" >>"$dir/soak/rows"
expect "tests/soak: one of ktstr's hung" 1 '1 m ktstr 2 hung: hlt@g' '^$' "$root/tests/soak" --table "$dir/soak"

# --- tests/fresh, as far as it goes without a mirror and without root
expect "tests/fresh --help" 0 'usage: tests/fresh' '^$' "$root/tests/fresh" --help
expect "tests/fresh: no release" 64 '^$' 'name a release' "$root/tests/fresh"
expect "tests/fresh: no release but a path" 64 '^$' 'name a release' "$root/tests/fresh" ../etc
expect "tests/fresh: unknown option" 64 '^$' '--frob: unknown option' "$root/tests/fresh" --frob trixie
expect "tests/fresh: no cache" 64 '^$' "--cache $dir/none: no such directory" "$root/tests/fresh" --cache "$dir/none" trixie
mkdir "$dir/rooted" "$dir/was-there"
printf '#!/bin/sh\necho 1000\n' >"$dir/bin/id"
expect "tests/fresh: no root" 69 '^$' 'need root' \
	env KTSTR_FRESH_DIR="$dir/was-there" PATH="$dir/bin:$PATH" "$root/tests/fresh" trixie
printf '#!/bin/sh\necho 0\n' >"$dir/rooted/id"
printf '#!/bin/sh\necho called >>%s/debootstrap-called\nexit 1\n' "$dir" >"$dir/rooted/debootstrap"
chmod +x "$dir"/rooted/*
: >"$dir/was-there/file"
expect "tests/fresh: a folder that is there" 69 '^$' "was-there: is there already" \
	env KTSTR_FRESH_DIR="$dir/was-there" PATH="$dir/rooted:$PATH" "$root/tests/fresh" trixie
if [ ! -e "$dir/was-there/file" ] || [ -e "$dir/debootstrap-called" ]; then
	echo "FAILED: tests/fresh touched a folder that is not its own"
	failures=$((failures + 1))
fi
expect "tests/fresh: nothing was kept" 69 '^$' "nothing was kept there" \
	env KTSTR_FRESH_DIR="$dir/was-there" PATH="$dir/rooted:$PATH" "$root/tests/fresh" --again trixie
if unshare --mount --pid --fork true 2>/dev/null; then
	expect "tests/fresh: debootstrap fails" 69 '^$' 'debootstrap could not install it' \
		env KTSTR_FRESH_DIR="$dir/fresh" PATH="$dir/rooted:$PATH" "$root/tests/fresh" trixie
	if [ ! -e "$dir/debootstrap-called" ] || [ -e "$dir/fresh" ]; then
		echo "FAILED: tests/fresh left its folder, or did not make it"
		failures=$((failures + 1))
	fi
fi

# --- tests/run: what it makes of meson's log
cat >"$dir/log.json" <<'LOG'
{"name": "ktstr:unit / good", "stdout": "ok 1 - a\n1..1\n", "result": "OK"}
{"name": "ktstr:nested / lost", "stdout": "ok 1 - a\nnot ok 2 - b\n# exit code 97\n# pty: at step x\nok 3 - c\n# aside\n", "result": "FAIL"}
{"name": "ktstr:nested / wrong", "stdout": "# kernel default: 9.9.9-x\nBail out! no guest\n", "stderr": "seen", "result": "TIMEOUT"}
{"name": "ktstr:kvm / none", "stdout": "no KVM\n", "result": "SKIP"}
{"name": "ktstr:unit / c", "stdout": "fine\nFAILED: exit code 3\n    more\nFAILED: again\n", "result": "FAIL"}
{"name": "ktstr:kvm / cut", "stdout": "# why\n[ RUN      ] t\n", "result": "TIMEOUT"}
LOG
sed -n '/^count() {/,/^}/p;/^lost_tests() {/,/^}/p;/^no_failure() {/,/^}/p' "$root/tests/run" >"$dir/functions"
counted=". $dir/functions; passed=0 failed=0 skipped=0; failures=(); count $dir/log.json"
expect "sums" 0 '^1 4 1$' 'skipped: ktstr:kvm / none: no KVM' \
	bash -euc "$counted; echo \$passed \$failed \$skipped"
expect "why TAP's cases failed" 0 '' "^ktstr: failed: ktstr:nested / lost: not ok 2 - b
ktstr: failed: ktstr:nested / lost: # exit code 97
ktstr: failed: ktstr:nested / lost: # pty: at step x
ktstr: failed: ktstr:nested / wrong: kernel default: 9.9.9-x
ktstr: failed: ktstr:nested / wrong: Bail out! no guest
ktstr: skipped: [^
]*" bash -euc "$counted"
# CI keeps the end of the output alone.
expect "what failed, with its first fault" 0 '^nested / lost: not ok 2 - b
nested / wrong: TIMEOUT, Bail out! no guest
unit / c: FAILED: exit code 3
kvm / cut: TIMEOUT, \[ RUN      \] t$' '' bash -euc "$counted; printf '%s\n' \"\${failures[@]}\""
expect "but not what passed in a second try" 0 '^nested / wrong: [^
]*
unit / c:[^
]*
kvm / cut: [^
]*
3$' '' bash -euc "$counted; no_failure lost; printf '%s\n' \"\${failures[@]}\" \$failed"
expect "what the emulation lost" 0 '^lost$' '^$' bash -euc ". $dir/functions; lost_tests $dir/log.json 'pty: at step'"

[ "$failures" -eq 0 ] && echo "all as expected"
