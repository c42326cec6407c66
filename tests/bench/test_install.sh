#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# meson install: what the verbs need is installed, and they work from a prefix that was moved, without the source and build
# trees. No KVM, no network: a program plays QEMU, the kernels are stubs.
# usage: test_install.sh SOURCE-DIR BUILD-DIR FAKE-QEMU
set -u
source=$(readlink -f "$1") build=$(readlink -f "$2")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$3" "$dir/fake-qemu"
unset "${!KTSTR_@}" DESTDIR
failed=0

fail() {
	echo "FAILED: $*"
	failed=1
}

meson install -C "$build" --no-rebuild --quiet --destdir "$dir/dest" >"$dir/err" 2>&1 || { cat "$dir/err"; exit 1; }
program=$(find "$dir/dest" -path '*/bin/ktstr' -type f)
[ -x "$program" ] || { fail "no bin/ktstr was installed"; exit 1; }
mv "${program%/bin/ktstr}" "$dir/prefix"
ktstr=$dir/prefix/bin/ktstr

# --- the files
has() { [ -s "$dir/prefix/$1" ] || fail "$1: not installed"; }
libexec=$(find "$dir/prefix" -name guest-init -printf '%P\n')
libexec=${libexec%/guest-init}
companions=$(grep -rhoE --include='*.c' 'host_companion\("[^"]+"|run_script\("[^"]+"' "$source/bench" | cut -d'"' -f2 | sort -u)
[ "$(wc -w <<<"$companions")" -ge 5 ] || fail "only these are looked for by the verbs: $companions"
for file in $companions; do
	has "$libexec/$file"
	[ -x "$dir/prefix/$libexec/$file" ] || fail "$libexec/$file: not executable"
done
verbs=$("$ktstr" --help | sed -nE 's/^  ([a-z]+)  +[a-z].*/\1/p')
[ "$(wc -w <<<"$verbs")" -ge 8 ] || fail "ktstr --help names only these verbs: $verbs"
for verb in $verbs; do has "share/man/man1/ktstr-$verb.1"; done
for file in man/man1/ktstr.1 bash-completion/completions/ktstr.bash zsh/site-functions/_ktstr \
	fish/vendor_completions.d/ktstr.fish doc/ktstr/README.md doc/ktstr/LICENSE; do
	has "share/$file"
done

# --- the verbs
export HOME=$dir KTSTR_CACHE_DIR=$dir/cache KTSTR_MIRROR=http://127.0.0.1:9/debian LC_ALL=C
cd "$dir" || exit 1
export -n OLDPWD # bash looks for it
mkdir -p bin "cache/kernels/6.12.9+x-cloud-amd64/lib/modules/1.0"
# A bzImage with a 64-bit entry, as far as its header says.
{ head -c 514 /dev/zero; printf 'HdrS\x0f\x02'; head -c 9 /dev/zero; printf '\x01'; head -c 36 /dev/zero; printf '\x01'; head -c 457 /dev/zero; } >kernel
kernel=cache/kernels/6.12.9+x-cloud-amd64
cp kernel "$kernel/vmlinuz"
: >"$kernel/lib/modules/1.0/modules.dep"
printf 'kernel/a/%s.ko\n' virtio_pci virtio_console virtio_blk kvm-amd >"$kernel/lib/modules/1.0/modules.builtin"
for name in default nested 6.12; do ln -s "${kernel##*/}" "cache/kernels/$name"; done
echo "${kernel##*/} 2026-01-01" >cache/kernels/.default
for tool in flex bison bc; do printf '#!/bin/sh\nexit 1\n' >"bin/$tool"; done
printf '#!/bin/sh\necho "QEMU emulator version 11.0.0"\n' >bin/qemu-system-x86_64
chmod +x bin/*
mkdir src
cat >src/Makefile <<'MAKE'
allnoconfig:
	cp $(KCONFIG_ALLCONFIG) $(O)/.config
kernelrelease:
	@echo 9.9.9-stub
bzImage:
	mkdir -p $(O)/arch/x86/boot
	cp ../kernel $(O)/arch/x86/boot/bzImage
	touch $(O)/modules.builtin
MAKE
watch=()
if command -v strace >/dev/null; then
	# LeakSanitizer does not work in a process that is traced.
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
	watch=(strace -f -qq -s 300 -e 'trace=%file' -e 'signal=none' -o "$dir/calls")
else
	echo "no strace: whether the source and build trees are used is not seen" >&2
fi

# expect CODE PATTERN CMD...: exit code, and what is in stdout or stderr
expect() {
	local code=$1 pattern=$2 rc=0 used
	shift 2
	PATH=$dir/bin:$PATH timeout 120 "${watch[@]}" "$@" >out 2>err </dev/null || rc=$?
	if [ "$rc" -ne "$code" ] || ! grep -qE -- "$pattern" out err; then
		fail "$*: exit code $rc, not $code with '$pattern'"
		head -n 20 out err | sed 's/^/    /'
	fi
	[ ${#watch[@]} -gt 0 ] || return 0
	used=$(grep -F -e "\"$source/" -e "\"$build/" calls | head -n 3)
	[ -z "$used" ] || fail "$*: uses the source or build tree: $used"
}

expect 0 '^ktstr [0-9.]+$' "$ktstr" --version
for verb in $verbs; do expect 0 '^Usage: ktstr' "$ktstr" "$verb" --help; done
expect 0 '^[a-z]+ +programs +ktstr [a-z0-9 ]+; ktstr-scx [a-z0-9 ]+' "$ktstr" doctor
expect 0 'CPUs' "$ktstr" topo 2n2l2c1t
expect 0 '' "$ktstr" locks
expect 0 '6\.12\.9\+x-cloud-amd64' "$ktstr" kernel list
expect 0 "$dir/${kernel//+/.}\$" "$ktstr" kernel fetch 6.12
expect 0 "$dir/${kernel//+/.}\$" "$ktstr" kernel fetch
expect 0 "^$dir/bin/qemu-system-x86_64\$" "$ktstr" kernel fetch nested
expect 69 'not to be had' "$ktstr" kernel fetch 6.1
expect 69 'not to be had' "$ktstr" kernel list --available
expect 0 'usage: .*ktstr kernel build' "$ktstr" kernel build --help
expect 0 '9\.9\.9-stub-ktstr-' "$ktstr" kernel build --source "$dir/src"
expect 0 'vmlinuz' "$ktstr" run --dry-run --kernel 6.12 --scheduler fifo -- true
expect 0 'vmlinuz' "$ktstr" bench --dry-run --kernel 6.12
# With all that goes into the nested host; what plays QEMU says that the command ended well.
FAKE_QEMU=line KTSTR_QEMU=$dir/fake-qemu expect 0 '' "$ktstr" run --host nested --kernel 6.12 --scheduler fifo --timeout 60s -- true
FAKE_QEMU=line KTSTR_QEMU=$dir/fake-qemu expect 0 '' "$ktstr" bench --host nested --kernel 6.12 --timeout 60s wakeup
exit $failed
