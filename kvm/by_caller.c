/* SPDX-License-Identifier: GPL-2.0-only */
#include "kvm/by_caller.h"

#include <errno.h>
#include <linux/virtio_mmio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/internal.h"

static int take_back(const struct vm_device *vd, uint32_t offset, uint64_t value, int fd, struct vm_error *err)
{
	struct kvm_ioeventfd io = {
		.addr = vd->base + offset,
		.len = 4,
		.datamatch = value,
		.fd = fd,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_DEASSIGN,
	};

	if (ioctl(vd->vm->fd, KVM_IOEVENTFD, &io))
		return vm_fail(err, errno, "%s: removing an ioeventfd: %s", vd->dev->ops->name, strerror(errno));
	return 0;
}

static int make_simple(struct vm_device *vd, struct vm_error *err)
{
	int rc = vm_eventfd(&vd->dev->irq_fd, err);

	if (!rc)
		rc = vm_irqfd(vd->vm, vd->dev->irq_fd, vd->gsi, err);
	if (rc)
		return rc;
	vd->dev->interrupt = NULL;
	for (unsigned q = 0; q < vd->n_kicks && !rc; q++)
		rc = take_back(vd, VIRTIO_MMIO_QUEUE_NOTIFY, q, vd->kick[q].kick.fd, err);
	return rc ? rc : take_back(vd, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_INT_VRING, vd->ack_fd, err);
}

int by_caller_start(struct vm *vm, struct vm_error *err)
{
	int rc = 0;

	for (unsigned i = 0; i < vm->n_devices && !rc; i++)
		rc = make_simple(&vm->device[i], err);
	return rc ? rc : boot_load(vm, err);
}

uint32_t by_caller_device_base(const struct vm *vm, unsigned n)
{
	return vm->device[n].base;
}

int by_caller_run(struct vm *vm, struct kvm_run **exit)
{
	struct vcpu *v = &vm->vcpu[0];
	int rc = ioctl(v->fd, KVM_RUN, 0) ? -errno : 0;

	atomic_fetch_add_explicit(&v->shared.exits_other, 1, memory_order_relaxed);
	*exit = v->run;
	return rc;
}
