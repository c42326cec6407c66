#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ktstr kernel build, list, rm and what --kernel takes, with a source whose make is a stub: two builders at once, builders
# that are killed at any point, a build that fails, a full disk, damaged kernels. No network, no KVM.
# usage: test_kernel.sh KTSTR
set -u
ktstr=$(realpath "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export KTSTR_CACHE_DIR=$dir/cache KTSTR_MIRROR=http://127.0.0.1:9/debian LC_ALL=C
unset KTSTR_NESTED KTSTR_LIBEXEC CC
# Asked for, but the stub has no use of them.
mkdir "$dir/bin"
for tool in flex bison bc; do printf '#!/bin/sh\nexit 1\n' >"$dir/bin/$tool" && chmod +x "$dir/bin/$tool"; done
PATH=$PATH:$dir/bin
failed=0 n=0

fail() {
	echo "FAILED: $*"
	[ ! -s "$dir/err" ] || sed 's/^/    /' "$dir/err"
	failed=1
}

# CODE OUT-PATTERN ERR-PATTERN CMD...
expect() {
	local code=$1 out=$2 err=$3 rc=0
	shift 3
	n=$((n + 1))
	timeout 120 "$@" >"$dir/out" 2>"$dir/err" </dev/null || rc=$?
	[ "$rc" -eq "$code" ] || fail "$*: exit code $rc, not $code"
	[[ $(<"$dir/out") =~ $out ]] || fail "$*: stdout is '$(head -c 300 "$dir/out")', not '$out'"
	[[ $(<"$dir/err") =~ $err ]] || fail "$*: stderr lacks '$err'"
}

# The kernels that are there, each of which must be whole.
kernels() {
	local k
	for k in "$dir/cache/kernels"/*; do
		if [ -L "$k" ] || [ ! -d "$k" ]; then continue; fi
		(cd "$k" && sha256sum --quiet -c SHA256SUMS >/dev/null 2>&1) || fail "${k##*/} is in the cache and not whole"
		echo "${k##*/}"
	done
}

# --- a source ------------------------------------------------------------------

# A bzImage as far as ktstr looks at one: magic, protocol 2.15, the release string.
image() { # FILE TEXT
	head -c 4096 /dev/zero >"$1"
	printf 'HdrS\x0f\x02' | dd of="$1" bs=1 seek=514 conv=notrunc 2>/dev/null
	printf '\x00\x02' | dd of="$1" bs=1 seek=526 conv=notrunc 2>/dev/null
	# Above 1 MiB, and with a 64-bit entry.
	printf '\x01' | dd of="$1" bs=1 seek=529 conv=notrunc 2>/dev/null
	printf '\x01' | dd of="$1" bs=1 seek=566 conv=notrunc 2>/dev/null
	printf '9.9.9-stub (x) #1\0' | dd of="$1" bs=1 seek=1024 conv=notrunc 2>/dev/null
	printf '%s' "$2" | dd of="$1" bs=1 seek=2048 conv=notrunc 2>/dev/null
}

src=$dir/src
mkdir -p "$src"
image "$src/image" one
cat >"$src/Makefile" <<'MAKE'
PAUSE ?= 0
.PHONY: allnoconfig kernelrelease bzImage
allnoconfig:
	cp $(KCONFIG_ALLCONFIG) $(O)/.config
	sed -i '/EXT4_FS\|SCHED_DEBUG\|PROC_SYSCTL/d' $(O)/.config
kernelrelease:
	@echo 9.9.9-stub
bzImage:
	echo made >>$(COUNT)
	@for i in 1 2 3 4 5 6 7 8; do echo "  CC file$$i.o"; sleep $(PAUSE); done
	test ! -e $(FAIL)
	mkdir -p $(O)/arch/x86/boot
	head -c 2048 image >$(O)/arch/x86/boot/bzImage
	sleep $(PAUSE)
	tail -c +2049 image >>$(O)/arch/x86/boot/bzImage
	echo >$(O)/modules.builtin
MAKE
export COUNT=$dir/count FAIL=$dir/fail PAUSE=0
made() { wc -l <"$COUNT"; }
build=("$ktstr" kernel build --source "$src")
: >"$COUNT"

# --- built once, by what it is made from -----------------------------------------

expect 0 "/kernels/9.9.9-stub-ktstr-[0-9a-f]{12}$" "not in this source.*CONFIG_EXT4_FS.*build 9.9.9-stub" "${build[@]}"
! grep -q 'SCHED_DEBUG\|PROC_SYSCTL' "$dir/err" || fail "what newer sources always have is told as missing"
first=$(<"$dir/out")
expect 0 "^$first$" '^$' "${build[@]}"
[ "$(made)" -eq 1 ] || fail "the same was built again"
expect 0 "^9.9.9-stub-ktstr-[0-9a-f]{12} +0.0 MiB$" '^$' "$ktstr" kernel list
echo 'CONFIG_KASAN=y' >"$dir/debug.config"
expect 0 "ktstr-" "build" "${build[@]}" --config "$dir/debug.config"
debug=$(<"$dir/out")
[ "$debug" != "$first" ] || fail "another config is the same kernel"
expect 0 "debug kernel: KASAN" '^$' "$ktstr" kernel list
# A bench says so before it measures (that this one can't be booted comes behind).
if [ -w /dev/kvm ]; then
	n=$((n + 1))
	timeout 60 "$ktstr" bench wakeup --host try --kernel "$debug/vmlinuz" --timeout 5s >"$dir/out" 2>"$dir/err" </dev/null
	grep -q "a debug kernel (.*KASAN" "$dir/err" || fail "bench does not warn of a debug kernel"
fi
printf '#!/bin/sh\necho another compiler 1.0\n' >"$dir/cc"
chmod +x "$dir/cc"
CC=$dir/cc expect 0 "ktstr-" "build" "${build[@]}"
[ "$(<"$dir/out")" != "$first" ] || fail "another compiler is the same kernel"
image "$src/image" two
expect 0 "ktstr-" "build" "${build[@]}"
[ "$(<"$dir/out")" != "$first" ] || fail "another source is the same kernel"
[ "$(made)" -eq 4 ] || fail "built $(made) times, not 4"
tar -C "$dir" -cJf "$dir/linux-source-9.9.tar.xz" src
expect 0 "ktstr-" "unpack linux-source-9.9.tar.xz" "$ktstr" kernel build --source "$dir/linux-source-9.9.tar.xz"
[ "$(kernels | wc -l)" -eq 5 ] || fail "not five kernels: $(kernels)"

# --- where its minutes went, by what make of Linux 7.3 prints --------------------------

sed -n '/^phase_of() {/,/^}/p;/^where_it_went() {/,/^}/p' "$(dirname "$0")/../../../bench/kernel/build" >"$dir/functions"
echo 'say() { echo "$*"; }' >>"$dir/functions"
# shellcheck source=/dev/null
. "$dir/functions"
: >"$dir/log"
while read -r phase step; do
	echo "  $step" >>"$dir/log"
	now=$(phase_of "$dir/log")
	[ "$now" = "$phase" ] || fail "after '$step' the build is at '$now', not at '$phase'"
done <<'STEPS'
compile CC      kernel/fork.o
compile CC      kernel/exit.o
compile CC      mm/mmap.o
compile OBJCOPY arch/x86/boot/startup/gdt_idt.pi.o
compile AR      built-in.a
link    AR      vmlinux.a
link    LD      vmlinux.o
link    CC      .vmlinux.export.o
symbols KSYMS   .tmp_vmlinux0.kallsyms.S
symbols AS      .tmp_vmlinux0.kallsyms.o
link    LD      .tmp_vmlinux1
BTF     BTF     .tmp_vmlinux1
symbols NM      .tmp_vmlinux1.syms
link    LD      vmlinux.unstripped
symbols BTFIDS  vmlinux.unstripped
symbols OBJCOPY vmlinux
symbols CC      arch/x86/boot/version.o
image   OBJCOPY arch/x86/boot/compressed/vmlinux.bin
image   CC      arch/x86/boot/compressed/misc.o
image   LD      arch/x86/boot/compressed/vmlinux
STEPS
# shellcheck disable=SC2034 # by where_it_went
declare -A spent=([compile]=600 [BTF]=20 [image]=7)
where_it_went "$dir/log" >"$dir/out" 2>"$dir/err"
[ "$(<"$dir/out")" = "of these compile 600 s, BTF 20 s, image 7 s; objects: kernel 2, arch 2, mm 1, .vmlinux.export.o 1" ] ||
	fail "where a build's minutes went: $(<"$dir/out")"

# --- run takes it, a tree, and not what is damaged ---------------------------------

expect 0 "$first/vmlinuz" '' "$ktstr" run --kernel "${first##*/}" --dry-run -- true
# Its configuration goes along: what libbpf reads __kconfig externs from.
config_goes_along() { # KERNEL CONFIG
	expect 0 "console=" '' "$ktstr" run --kernel "$1" --dump-initrd "$dir/initrd" -- true
	rm -rf "$dir/unpacked" && mkdir "$dir/unpacked"
	(cd "$dir/unpacked" && busybox cpio -id <"$dir/initrd" 2>/dev/null)
	cmp -s "$2" "$dir/unpacked/boot/config-9.9.9-stub" || fail "$1: the guest does not have $2"
}
config_goes_along "${first##*/}" "$first/config"
mkdir -p "$dir/boot"
cp "$src/image" "$dir/boot/vmlinuz-9.9.9-stub"
printf '#\n# Linux/x86 9.9.9 Kernel Configuration\n#\nCONFIG_VIRTIO_MMIO=y\nCONFIG_VIRTIO_CONSOLE=y\n' >"$dir/boot/config-9.9.9-stub"
config_goes_along "$dir/boot/vmlinuz-9.9.9-stub" "$dir/boot/config-9.9.9-stub"
# What any guest's init makes for its own kernel, the nested host's too.
mkdir -p "$dir/boot/lib/modules/9.9.9-stub"
config_goes_along "$dir/boot/vmlinuz-9.9.9-stub" "$dir/boot/config-9.9.9-stub"
echo 'Host elsewhere' >"$dir/boot/config" # not a kernel's
config_goes_along "$dir/boot/vmlinuz-9.9.9-stub" "$dir/boot/config-9.9.9-stub"
tree=$dir/tree
mkdir -p "$tree/arch/x86/boot" "$tree/drivers"
cp "$src/image" "$tree/arch/x86/boot/bzImage"
expect 0 "$tree/arch/x86/boot/bzImage" '' "$ktstr" run --kernel "$tree" --dry-run -- true
for m in 'b_low:' 'c_mid:b_low' 'a-top:none,c_mid' 'ring1:ring2' 'ring2:ring1'; do
	printf '__attribute__((section(".modinfo"), used)) static const char d[] = "depends=%s";' "${m#*:}" |
		gcc -c -xc -o "$tree/drivers/${m%%:*}.ko" -
done
printf 'drivers/%s.o\n' a-top b_low c_mid ring1 ring2 unbuilt >"$tree/modules.order"
: >"$tree/modules.builtin"
cp "$dir/boot/config-9.9.9-stub" "$tree/.config"
config_goes_along "$tree" "$tree/.config"
expect 0 "console=" '' "$ktstr" run --kernel "$tree" --module a_top --dump-initrd "$dir/initrd" -- true
busybox cpio -t <"$dir/initrd" 2>/dev/null >"$dir/names"
grep -qx usr/lib/modules/ktstr/a_top.ko "$dir/names" || fail "the tree's module is not in the guest"
grep -qx usr/lib/modules/ktstr/b_low.ko "$dir/names" || fail "what it depends on is not in the guest"
# modprobe takes all that a module needs from its own line, from the end on.
dep=$(cat "$dir"/cache/trees/*/modules.dep)
[ "$(sed "s, $tree/drivers/, ,g; s,^$tree/drivers/,," <<<"$dep" | tr '\n' ';')" = \
	"a-top.ko: c_mid.ko b_low.ko;b_low.ko:;c_mid.ko: b_low.ko;ring1.ko: ring2.ko;ring2.ko: ring1.ko;" ] ||
	fail "modules.dep of a build tree: $dep"
expect 69 '' "no module unbuilt" "$ktstr" run --kernel "$tree" --module unbuilt --dump-initrd "$dir/initrd" -- true
# make writes modules.order before it links them: a list that was read meanwhile is not kept.
cp "$tree/drivers/b_low.ko" "$tree/drivers/unbuilt.ko"
expect 0 "console=" '' "$ktstr" run --kernel "$tree" --module unbuilt --dump-initrd "$dir/initrd" -- true
expect 69 '^$' "arch/x86/boot/bzImage; build it" "$ktstr" run --kernel "$src" -- true
[ -e "/boot/vmlinuz-$(uname -r)" ] ||
	expect 69 '^$' "^ktstr: --kernel host: /boot/vmlinuz-$(uname -r): No such file" "$ktstr" run --kernel host -- true
printf X | dd of="$first/vmlinuz" bs=1 seek=3000 conv=notrunc 2>/dev/null
expect 69 '^$' "^ktstr: kernel ${first##*/}: .*damaged.*; run ktstr kernel" "$ktstr" run --kernel "${first##*/}" -- true
expect 0 "${first##*/}.* damaged" '' "$ktstr" kernel list
image "$src/image" one
rm -rf "$debug" # its source is as it was, but for times
touch -d '2020-01-01' "$src/image" "$src/Makefile"
expect 0 "ktstr-" "" "${build[@]}"
third=$(<"$dir/out")
printf X | dd of="$third/vmlinuz" bs=1 seek=3000 conv=notrunc 2>/dev/null
expect 0 "^$third$" "damaged; it is built again" "${build[@]}"
rm -rf "$first"
kernels >/dev/null

# A source that changes while it is built would be kept as what it was.
before=$(kernels)
echo 1 >"$src/edited"
touch -d '2020-01-01' "$src/edited"
count=$(made)
PAUSE=0.3 "${build[@]}" >"$dir/out" 2>"$dir/err" &
for _ in $(seq 300); do [ "$(made)" -eq "$count" ] || break; sleep 0.1; done
echo 2 >"$src/edited"
rc=0
wait $! || rc=$?
[ "$rc" -eq 70 ] || fail "a source that changed: exit code $rc"
grep -q "changed while it was built" "$dir/err" || fail "a source that changed is not told"
[ "$(kernels)" = "$before" ] || fail "a source that changed: a kernel is kept"
rm "$src/edited"

# A fetched kernel that is damaged is asked for anew, which without a mirror is an error and no kernel.
mkdir -p "$dir/cache/kernels/9.8.7-cloud-amd64"
(cd "$dir/cache/kernels/9.8.7-cloud-amd64" && echo image >vmlinuz && sha256sum vmlinuz >SHA256SUMS && echo other >vmlinuz)
expect 69 '^$' "9.8.7-cloud-amd64: damaged; it is fetched again" "$ktstr" kernel fetch 9.8.7-cloud-amd64
expect 0 '' '' "$ktstr" kernel rm 9.8.7-cloud-amd64

expect 64 '^$' "kernel '': no series" "$ktstr" kernel fetch ''
expect 64 '^$' "kernel '../x': no series" "$ktstr" kernel fetch ../x
expect 0 '^Usage: ktstr kernel' '^$' "$ktstr" kernel rm --help
expect 0 '^Usage: ktstr kernel' '^$' "$ktstr" kernel list --help
expect 64 '^$' 'kernel vmlinux: too few words; .* KERNEL OUT' "$ktstr" kernel vmlinux "$third"
expect 64 '^$' 'kernel list: too many words; ' "$ktstr" kernel list more
expect 64 '^$' 'kernel: requires a subcommand; ' "$ktstr" kernel

# --- said before a nested host starts ----------------------------------------------

# What ends as soon as it is started, and would be seen to.
printf '#!/bin/sh\n[ "$1" != --version ] || { echo "QEMU emulator version 11.0.0"; exit; }\necho "qemu: no more" >&2\nexit 3\n' >"$dir/qemu"
chmod +x "$dir/qemu"
export KTSTR_QEMU=$dir/qemu
nested=$dir/cache/kernels/nested
mkdir -p "$nested/lib/modules/1" "$dir/alone"
echo kernel >"$nested/vmlinuz"
: >"$nested/lib/modules/1/modules.dep"
printf 'kernel/%s.ko\n' virtio_pci virtio_console virtio_blk kvm_amd >"$nested/lib/modules/1/modules.builtin"
early() { # PATTERN ARGS...
	local pattern=$1
	shift
	expect 69 '^$' "$pattern" "$ktstr" run --host nested "$@" -- true
	! grep -q 'nested host' "$dir/err" || fail "$*: the nested host was started for nothing"
}
head -c 1024 /dev/zero >"$dir/alone/arm64"
printf 'ARM\x64' | dd of="$dir/alone/arm64" bs=1 seek=56 conv=notrunc 2>/dev/null
early 'arm64: an Image of arm64; ktstr boots x86-64' --kernel "$dir/alone/arm64"
printf '\x7fELF\x02\x01\x01' | cat - /dev/zero | head -c 1024 >"$dir/alone/elf"
printf '\xb7' | dd of="$dir/alone/elf" bs=1 seek=18 conv=notrunc 2>/dev/null
early 'elf: an ELF of another machine .64-bit, e_machine 183.' --kernel "$dir/alone/elf"
early 'ktstr: an ELF without a PVH note' --kernel "$ktstr"
gzip -c "$src/image" >"$dir/alone/gz"
early 'gz: compressed by gzip; unpack it' --kernel "$dir/alone/gz"
early 'Makefile: neither a bzImage nor an ELF' --kernel "$src/Makefile"
image "$dir/alone/bz32" one
printf '\x00' | dd of="$dir/alone/bz32" bs=1 seek=566 conv=notrunc 2>/dev/null
early 'bz32: a bzImage without a 64-bit entry' --kernel "$dir/alone/bz32"
: >"$dir/alone/empty"
early 'empty: neither' --kernel "$dir/alone/empty"
# By its configuration; and by the code in it, where there is none.
image "$dir/alone/vmlinuz" one
printf '#\nCONFIG_VIRTIO_MMIO=m\nCONFIG_VIRTIO_CONSOLE=y\n' >"$dir/alone/config"
early 'virtio_mmio is not built in, and its modules are not found; put them beside it' --kernel "$dir/alone/vmlinuz"
rm "$dir/alone/config"
payload() { # FILE TEXT: the bzImage gets an ELF that holds it
	printf '\x01' | dd of="$1" bs=1 seek=497 conv=notrunc 2>/dev/null
	printf '\x00\x0c\0\0\x00\x10\0\0' | dd of="$1" bs=1 seek=584 conv=notrunc 2>/dev/null
	{ printf '\x7fELF'; head -c 200 /dev/urandom; printf '%s' "$2"; head -c 3600 /dev/urandom; } | gzip -c >"$dir/payload"
	head -c 4092 <(cat "$dir/payload" /dev/zero) >>"$1"
	printf '\0\0\0\0' >>"$1"
}
payload "$dir/alone/vmlinuz" virtio_console
early 'virtio_mmio is not built in' --kernel "$dir/alone/vmlinuz"
early 'no module nosuch in ' --kernel "${third##*/}" --module nosuch
early 'no module nosuch in ' --kernel "$tree" --module nosuch
# A kernel that has them gets as far as QEMU, whose word is in the line; also from a cache that can't be written.
image "$dir/alone/vmlinuz" two
payload "$dir/alone/vmlinuz" 'virtio_console virtio-mmio'
expect 70 '^$' 'QEMU exited with status 3 before the command ended: qemu: no more' \
	"$ktstr" run --host nested --kernel "$dir/alone/vmlinuz" -- true
cat >"$dir/frozen" <<'FROZEN'
rm -rf "$1/digests" && mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 77
shift
"$@"
FROZEN
rc=0
unshare -m bash "$dir/frozen" "$dir/cache" "$ktstr" run --host nested --kernel "$dir/alone/vmlinuz" -- true \
	>"$dir/out" 2>"$dir/err" </dev/null || rc=$?
case $rc in
70) grep -q 'qemu: no more' "$dir/err" || fail "a cache that can't be written, and has no digests" ;;
77 | 1) echo "may not mount here: a cache that can't be written is not tested" ;;
*) fail "a cache that can't be written, and has no digests: exit code $rc" ;;
esac
unset KTSTR_QEMU
rm -rf "$nested"

# --- kernels that refuse schedulers: by what the cache knows of their BTF ---------------

mkdir -p "$dir/cache/kernels/8.8-good/lib/modules/8.8"
image "$dir/cache/kernels/8.8-good/vmlinuz" good
knows() { echo "$2" >"$dir/cache/scx/$(sha256sum <"$1/vmlinuz" | cut -d' ' -f1)"; }
lacks='its BTF lacks 21 of 70 sched_ext kfuncs .such as scx_bpf_create_dsq.: schedulers that call one are refused'
mkdir -p "$dir/cache/scx"
knows "$third" '1 70 21 scx_bpf_create_dsq'
knows "$dir/cache/kernels/8.8-good" '1 74 0 -'
expect 1 "$lacks; use --kernel 8.8-good$" '^$' "$ktstr" kernel check "${third##*/}"
expect 0 'schedulers can be loaded; its BTF has all 74 sched_ext kfuncs$' '^$' "$ktstr" kernel check 8.8-good
expect 2 'unknown whether .*: its BTF cannot be read$' '^$' "$ktstr" kernel check "$tree"
expect 69 '^$' 'kernel default: no such file, and not in the cache; run ktstr kernel fetch$' "$ktstr" kernel check
expect 0 "${third##*/} +[0-9.]+ MiB.*  $lacks" '' "$ktstr" kernel list
ln -s "${third##*/}" "$dir/cache/kernels/default"
expect 0 "fair +kernels.*'default' is 9.9.9-stub: $lacks; use --kernel 8.8-good" '' "$ktstr" doctor
expect 0 '' "warning: kernel ${third##*/}: $lacks; use --kernel 8.8-good" \
	"$ktstr" run --kernel "${third##*/}" --scheduler /bin/true --dry-run -- true
# What is kept is not believed when it is no answer.
knows "$third" '1 70 71 scx_bpf_create_dsq'
expect 2 'unknown' '^$' "$ktstr" kernel check "${third##*/}"
rm "$dir/cache/kernels/default"
expect 0 '^$' '^$' "$ktstr" kernel rm 8.8-good
[ "$(find "$dir/cache/scx" -type f | wc -l)" -eq 1 ] || fail "rm left what was known of the kernel's BTF"

# --- rm ------------------------------------------------------------------------------

ln -s "${third##*/}" "$dir/cache/kernels/mine"
expect 0 '^$' '^$' "$ktstr" kernel rm mine
if [ -e "$third" ] || [ -L "$dir/cache/kernels/mine" ]; then fail "rm left the kernel or its other name"; fi
expect 69 '^$' "not in the cache; see" "$ktstr" kernel rm mine
# A user's own links: what they point to is not the cache's.
mkdir -p "$dir/mine/lib" "$dir/cache/kernels/7.7-k/lib" "$dir/others"
image "$dir/mine/vmlinuz" mine
echo data >"$dir/mine/lib/data"
cp "$dir/mine/vmlinuz" "$dir/cache/kernels/7.7-k/"
ln -s "$dir/mine" "$dir/cache/kernels/abroad"
ln -s ../../mine "$dir/cache/kernels/upwards"
ln -s abroad "$dir/cache/kernels/twice"
ln -s . "$dir/cache/kernels/itself"
ln -s 7.7-k/lib "$dir/cache/kernels/below"
ln -s "$dir/none" "$dir/cache/kernels/dangling"
ln -s ../../others "$dir/cache/kernels/7.7-k/way"
ln -s 7.7-k "$dir/cache/kernels/7.7"
ln -s 7.7 "$dir/cache/kernels/7"
touch "$dir/others/kept"
for link in twice abroad upwards itself below dangling; do
	expect 0 '^$' "kernel rm $link: removed only the link; " "$ktstr" kernel rm $link
	[ ! -L "$dir/cache/kernels/$link" ] || fail "rm left the link $link"
done
if [ ! -s "$dir/mine/lib/data" ] || [ ! -d "$dir/cache/kernels/7.7-k/lib" ]; then fail "rm removed what a link points to"; fi
expect 0 '^$' '^$' "$ktstr" kernel rm 7
if [ -e "$dir/cache/kernels/7.7-k" ] || [ -L "$dir/cache/kernels/7" ] || [ -L "$dir/cache/kernels/7.7" ]; then
	fail "rm by a name of a name left the kernel or a name"
fi
[ -e "$dir/others/kept" ] || fail "rm followed a link in the kernel's directory"
[ -z "$(find "$dir/cache/tmp" -name 'fetch.rm*')" ] || fail "rm left what it moved away"
expect 69 '^$' "not in the cache; see" "$ktstr" kernel rm ../tmp
expect 64 '^$' "too few words" "$ktstr" kernel rm
expect 64 '^$' "juggle" "$ktstr" kernel juggle
expect 64 '^$' "--frob" "$ktstr" kernel build --frob
expect 69 '^$' "$dir/none" "$ktstr" kernel build --source "$dir/none"
expect 0 'usage: ktstr kernel build' '^$' "$ktstr" kernel build --help

# --- a build that fails, two at once, and those that are killed -------------------------

: >"$COUNT"
touch "$FAIL" "$src/new"
expect 70 '^$' "make failed" "${build[@]}"
rm "$FAIL"
before=$(kernels)
export PAUSE=0.05
"${build[@]}" >"$dir/a" 2>"$dir/a.err" &
a=$!
"${build[@]}" >"$dir/b" 2>"$dir/b.err" &
b=$!
wait $a || fail "of two at once one failed"
wait $b || fail "of two at once the other failed"
cmp -s "$dir/a" "$dir/b" || fail "two at once gave different kernels"
grep -q "waiting for another build" "$dir/a.err" "$dir/b.err" || fail "neither said that it waits"
[ "$(made)" -eq 2 ] || fail "two at once built $(made) times, the failed build counted"
[ "$(kernels | wc -l)" -eq $(($(wc -w <<<"$before") + 1)) ] || fail "two at once: $(kernels)"

for round in $(seq 10); do
	echo "$round" >"$src/new"
	before=$(kernels)
	setsid "${build[@]}" >/dev/null 2>&1 &
	victim=$!
	sleep "0.$((RANDOM % 9))"
	# The builder alone, or with all that it started: who is killed by a user, and by a machine.
	if [ $((round % 2)) -eq 0 ]; then kill -9 -- -$victim 2>/dev/null; else kill -9 $victim 2>/dev/null; fi
	wait $victim 2>/dev/null
	now=$(kernels | wc -l)
	[ "$now" -le $(($(wc -w <<<"$before") + 1)) ] || fail "killed: $now kernels"
done
PAUSE=0 expect 0 "ktstr-" '' "${build[@]}"
whole=$(<"$dir/out")
(cd "$whole" && sha256sum --quiet -c SHA256SUMS) || fail "after the kills the kernel is not whole"
sleep 1.5 # the compilers of those that were killed alone
kernels >/dev/null
PAUSE=0 expect 0 "^$whole$" '^$' "${build[@]}"

# --- a full disk -------------------------------------------------------------------------

echo full >"$src/new"
mkdir "$dir/small"
cat >"$dir/full" <<'FULL'
mount -t tmpfs -o size=48k none "$1" || exit 77
export KTSTR_CACHE_DIR=$1 PAUSE=0
shift
"$@" && exit 1
[ -z "$(ls "$KTSTR_CACHE_DIR/kernels" 2>/dev/null)" ] || exit 2
mount -o remount,size=4m "$KTSTR_CACHE_DIR"
"$@" || exit 3
FULL
head -c 60000 /dev/zero >>"$src/image"
unshare -m bash "$dir/full" "$dir/small" "${build[@]}" >"$dir/out" 2>"$dir/err"
rc=$?
case $rc in
0) grep -q "No space left on device" "$dir/err" || fail "a full disk is not told" ;;
77) echo "may not mount here: a full disk is not tested" ;;
1) grep -q "Operation not permitted" "$dir/err" || fail "a full disk was no error" ;;
*) fail "a full disk: case $rc" ;;
esac

echo "$n command lines"
exit $failed
