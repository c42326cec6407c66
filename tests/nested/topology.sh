#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Shapes of machines in stock guests, each checked by the guest's own init; POSIX sh, for it runs under busybox too.
# usage: topology.sh KTSTR KERNELS SHAPE...; TAP on stdout. The shapes are looked at under the first kernel, and one that
# has a bit of everything under the others.
ktstr=$1 kernels=$2
shift 2
# shellcheck source=tests/nested/tap.sh
. "$(dirname "$0")/tap.sh"

# Whether the shape is right is asked here; a guest that QEMU hangs has a second try too.
lost="$lost\|the guest did not end within"
cpus=2
guest() {
	rm -f facts
	run_guest run --host direct --timeout $((120 + 8 * cpus))s --stats facts "$@" </dev/null
}
# Its init looked at every CPU, and had nothing to say; nor had its kernel of firmware's bugs.
as_asked() { # CPUS
	[ "$code" -eq 0 ] && grep -q '"ok": true' facts && [ "$(sed -n 1p out)" = "$1" ] && ! grep -q '^bug' out
}
cpus_of() { "$ktstr" topo "$1" | sed -n '1s/.*: \([0-9]*\) CPUs.*/\1/p'; }

look() { # KERNEL SHAPE
	cpus=$(cpus_of "$2")
	from=$(date +%s)
	# The kernel's own complaints about what firmware said.
	guest --kernel "$1" --topology "$2" --memory $((192 + 4 * cpus))M -- sh -c '
		grep -c ^processor /proc/cpuinfo
		dmesg | grep -iE "firmware bug|inconsisten|mismatch|topology.*(broken|invalid)|BUG:|WARNING:" | sed "s/^/bug /"'
	report "$2: $cpus CPUs, $1, $(($(date +%s) - from)) s" as_asked "$cpus"
}

first=${kernels%% *}
for shape; do look "$first" "$shape"; done
for kernel in ${kernels#"$first"}; do look "$kernel" "3n3l2c2t:llcs=2,1,0:cores=2,1,1:dist=10,21,31/21,10,41/31,41,10"; done

# APIC ids of nine bits, which a kernel takes only from a machine that comes up in x2APIC mode; and interrupts go there.
wide=5n12l8c1t:llcs=8,1,1,1,1:cores=8,1,1,1,1,1,1,1,1,1,1,1
cpus=$(cpus_of $wide)
# shellcheck disable=SC2016 # the guest's
guest --kernel "$first" --topology $wide --memory 268M --disk size=16M -- sh -c '
	irq=$(awk -v d="$(basename "$(readlink -f /sys/block/vda/device)")" "\$NF == d { print \$1 + 0 }" /proc/interrupts)
	echo 18 >"/proc/irq/$irq/smp_affinity_list"
	# The move comes with the next interrupt.
	dd if=/dev/vda of=/dev/null bs=64k && cat "/proc/irq/$irq/effective_affinity_list"
	awk "\$1 == \"$irq:\" { print (\$20 > 0 ? \"came\" : \"did not come\") }" /proc/interrupts'
report "the last of 19 CPUs, whose APIC id is 256, takes a disk's interrupts" sh -c \
	"[ $code -eq 0 ] && grep -q '\"ok\": true' facts && grep -qx 18 out && grep -qx came out"

cpus=2
guest --kernel "$first" --topology 1n2l1c1t --append nr_cpus=1 --memory 192M -- echo ran
report "a kernel that sees less is found out, and nothing is run" sh -c \
	"[ $code -eq 70 ] && ! [ -s out ] && grep -q 'topology: machine: CPUs online are \"0\", asked for were \"0-1\"' err && grep -q '\"ok\": false' facts"
guest --kernel "$first" --topology 1n2l1c1t --append nr_cpus=1 --memory 192M --topology-check off -- echo ran
report "unless it was told not to look" sh -c "[ $code -eq 0 ] && grep -q ran out && grep -q '\"check\": null' facts"
echo "1..$n"
