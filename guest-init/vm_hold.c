/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest-init/setup.h"

/* A VM with a vCPU that never runs. Its descriptors stay open. */
static int hold_idle_vm(int kvm, bool irqchip)
{
	int vm = ioctl(kvm, KVM_CREATE_VM, 0ul);

	if (vm < 0 || (irqchip && ioctl(vm, KVM_CREATE_IRQCHIP, 0ul)) || ioctl(vm, KVM_CREATE_VCPU, 0ul) < 0)
		return -errno;
	return 0;
}

int vm_hold(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), ret;

	if (kvm < 0)
		return -errno;
	/*
	 * Code that KVM patches for the first and the last VM: preempt notifiers; for a local APIC that its guest has
	 * not switched on yet: apic_sw_disabled; for a vCPU without one in the kernel, such as the probes of KVM:
	 * kvm_has_noapic_vcpu.
	 */
	ret = hold_idle_vm(kvm, true);
	if (!ret)
		ret = hold_idle_vm(kvm, false);
	close(kvm);
	return ret;
}
