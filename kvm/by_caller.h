/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM without threads, whose vCPU is run by the caller, who handles every exit himself: how simple VMMs work. It is
 * there to be compared with.
 */
#ifndef KTSTR_KVM_BY_CALLER_H
#define KTSTR_KVM_BY_CALLER_H

#include <linux/kvm.h>

#include "kvm/vm.h"

/*
 * Instead of vm_start(): load the kernel and start nothing. Kicks and acknowledgements of the VM's devices become
 * exits, and each device interrupts by an irqfd, virtio_device.irq_fd, which the caller closes after
 * vm_remove_devices().
 */
int by_caller_start(struct vm *vm, struct vm_error *err);
/* Where the guest sees the registers of the n-th device that was added. */
uint32_t by_caller_device_base(const struct vm *vm, unsigned n);
/* KVM_RUN of the first vCPU. 0: @exit has what is to be handled; -EINTR or -EAGAIN: nothing is; another error. */
int by_caller_run(struct vm *vm, struct kvm_run **exit);

#endif
