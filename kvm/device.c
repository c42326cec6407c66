/* SPDX-License-Identifier: GPL-2.0-only */
/* How a device is attached to the VM: its window, interrupt line, kicks and register page. */
#include <errno.h>
#include <linux/virtio_mmio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm/internal.h"

/* Devices' interrupt lines: the GSIs that no legacy PC device uses. */
static const unsigned gsi_of_slot[VM_DEVICES_MAX] = { 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22 };

static void device_kicked(struct kick *k)
{
	struct vm_kick *vk = container_of(k, struct vm_kick, kick);

	virtio_mmio_kick(vk->vd->dev, vk->queue);
}

static bool slot_taken(const struct vm *vm, unsigned slot)
{
	for (unsigned i = 0; i < vm->n_devices; i++)
		if (vm->device[i].base == DEVICES_BASE + slot * VIRTIO_MMIO_SIZE)
			return true;
	return false;
}

/* Console, first disk and first net device have fixed slots; all others take the next free one. */
static unsigned slot_for(const struct vm *vm, uint32_t device_id)
{
	static const unsigned fixed[] = { [3] = 0, [2] = 1, [1] = 2 };
	unsigned slot = device_id < 4 ? fixed[device_id] : 3;

	if (!slot_taken(vm, slot))
		return slot;
	for (slot = 3; slot < VM_DEVICES_MAX && slot_taken(vm, slot); slot++)
		;
	return slot;
}

/*
 * Raise and lower the interrupt line by ioctl, not by an irqfd: for an IOAPIC line KVM defers an irqfd to a kernel
 * worker on this CPU, which costs a thread switch, and has to wait while the reactor busy-waits.
 */
static bool pulse_line(struct virtio_device *d, void *ctx)
{
	struct vm_device *vd = ctx;
	struct kvm_irq_level line = { .irq = vd->gsi, .level = 1 };
	int rc = ioctl(vd->vm->fd, KVM_IRQ_LINE, &line);

	line.level = 0;
	return ioctl(vd->vm->fd, KVM_IRQ_LINE, &line) == 0 && rc == 0;
}

/* The driver does not wait for the reset to complete, so late host I/O would corrupt memory that the guest reuses. */
static void end_by_stuck_reset(struct virtio_device *d, void *ctx, const char *why)
{
	struct vm_device *vd = ctx;

	vm_request_end(vd->vm, VM_FATAL, "%s: %s; the machine can't go on, for they may write into its memory any time",
		       d->ops->name, why);
}

static int add_kick(struct vm *vm, struct vm_device *vd, unsigned queue, struct vm_error *err)
{
	struct vm_kick *vk = &vd->kick[queue];
	struct kvm_ioeventfd io = {
		.addr = vd->base + VIRTIO_MMIO_QUEUE_NOTIFY,
		.len = 4,
		.datamatch = queue,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};
	int fd, rc = vm_eventfd(&fd, err);

	if (rc)
		return rc;
	io.fd = fd;
	vk->vd = vd;
	vk->queue = queue;
	rc = kick_watch(vm->loop.r, &vk->kick, fd, device_kicked);
	if (rc) {
		close(fd);
		return vm_fail(err, -rc, "reactor: %s", strerror(-rc));
	}
	vd->n_kicks = queue + 1;
	if (ioctl(vm->fd, KVM_IOEVENTFD, &io))
		return vm_fail(err, errno, "ioeventfd of %s queue %u: %s", vd->dev->ops->name, queue, strerror(errno));
	return 0;
}

/*
 * Make the acknowledgement of a ring interrupt a no-op inside KVM, by an eventfd that nobody reads. The bit stays set
 * in InterruptStatus; a driver that sees it checks its queues, which is harmless after any interrupt. (Clearing it late
 * could clear a newer interrupt.) Every other acknowledgement is still an exit.
 */
static int add_ack(struct vm *vm, struct vm_device *vd, struct vm_error *err)
{
	struct kvm_ioeventfd ack = {
		.addr = vd->base + VIRTIO_MMIO_INTERRUPT_ACK,
		.len = 4,
		.datamatch = VIRTIO_INT_VRING,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};
	int rc = vm_eventfd(&vd->ack_fd, err);

	if (rc)
		return rc;
	ack.fd = vd->ack_fd;
	if (ioctl(vm->fd, KVM_IOEVENTFD, &ack))
		return vm_fail(err, errno, "ioeventfd of %s InterruptACK: %s", vd->dev->ops->name, strerror(errno));
	return 0;
}

/* The memory slots below are the RAM's. */
#define PAGES_SLOT 8
#define PAGES_SIZE (VM_DEVICES_MAX * VIRTIO_MMIO_SIZE)

/*
 * One slot for the pages of all devices, created early: each new slot waits for an SRCU grace period, which takes 6 ms
 * once there are ioeventfds. A page of zeroes is no device: its magic value is missing.
 */
int device_pages_create(struct vm *vm, struct vm_error *err)
{
	struct kvm_userspace_memory_region region = {
		.slot = PAGES_SLOT,
		.flags = KVM_MEM_READONLY,
		.guest_phys_addr = DEVICES_BASE,
		.memory_size = PAGES_SIZE,
	};
	void *pages = mmap(NULL, PAGES_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		return vm_fail(err, errno, "register pages: %s", strerror(errno));
	vm->register_pages = pages;
	region.userspace_addr = (uint64_t)(uintptr_t)pages;
	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		return vm_fail_as(err, VM_FAULT_REGISTER_PAGE, errno, "register pages: KVM refuses them: %s",
				  strerror(errno));
	return 0;
}

void device_pages_destroy(struct vm *vm)
{
	if (vm->register_pages)
		munmap(vm->register_pages, PAGES_SIZE);
	vm->register_pages = NULL;
}

int vm_add_device(struct vm *vm, struct virtio_device *d, struct vm_error *err)
{
	unsigned slot = slot_for(vm, d->ops->device_id);
	struct vm_device *vd = &vm->device[vm->n_devices];
	int rc = 0;

	if (slot >= VM_DEVICES_MAX || vm->n_devices >= VM_DEVICES_MAX)
		return vm_fail(err, ENOSPC, "too many devices: at most %d fit", VM_DEVICES_MAX);
	*vd = (struct vm_device){
		.dev = d,
		.vm = vm,
		.base = (uint32_t)(DEVICES_BASE + slot * VIRTIO_MMIO_SIZE),
		.gsi = gsi_of_slot[slot],
		.ack_fd = -1,
	};
	vm->n_devices++;
	d->mem = &vm->mem;
	d->settled = mail_settled;
	d->settled_ctx = vd;
	d->stuck = end_by_stuck_reset;
	d->stuck_ctx = vd;
	d->interrupt = pulse_line;
	d->interrupt_ctx = vd;
	for (unsigned q = 0; q < d->ops->n_queues && !rc; q++)
		rc = add_kick(vm, vd, q, err);
	if (!rc)
		rc = add_ack(vm, vd, err);
	if (vm->register_pages)
		virtio_registers_show(d, vm->register_pages + (vd->base - DEVICES_BASE));
	return rc;
}

bool device_remove(struct vm_device *vd)
{
	for (unsigned q = 0; q < vd->n_kicks; q++) {
		kick_unwatch(&vd->kick[q].kick);
		close(vd->kick[q].kick.fd);
	}
	if (vd->ack_fd >= 0)
		close(vd->ack_fd);
	return virtio_device_detach(vd->dev);
}
