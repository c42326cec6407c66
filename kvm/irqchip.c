/* SPDX-License-Identifier: GPL-2.0-only */
/* The interrupt controllers: all of them KVM's, or its LAPICs with an IOAPIC of our own. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/acpi_table.h"
#include "kvm/internal.h"

/* The in-kernel irqchip includes 8259s, which our ACPI tables do not announce: mask them, or a stray ExtINT would
 * deliver one of the first vectors. */
static void mask_pics(struct vm *vm)
{
	for (uint32_t id = KVM_IRQCHIP_PIC_MASTER; id <= KVM_IRQCHIP_PIC_SLAVE; id++) {
		struct kvm_irqchip chip = { .chip_id = id };

		if (ioctl(vm->fd, KVM_GET_IRQCHIP, &chip))
			continue;
		chip.chip.pic.imr = 0xff;
		ioctl(vm->fd, KVM_SET_IRQCHIP, &chip);
	}
}

/* KVM emulates the LAPICs, with 32-bit ids; we emulate the IOAPIC. PICs and PIT, which our guests do not use, are
 * missing. */
static int create_split_irqchip(struct vm *vm, struct vm_error *err)
{
	struct kvm_enable_cap ids = {
		.cap = KVM_CAP_X2APIC_API,
		.args = { KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK },
	};
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { IOAPIC_PINS } };

	if (ioctl(vm->fd, KVM_ENABLE_CAP, &split) || ioctl(vm->fd, KVM_ENABLE_CAP, &ids))
		return vm_fail_as(
			err, VM_FAULT_APIC_IDS, errno,
			"topology: its APIC ids go up to %u, and this host's KVM has no x2APIC ids beyond 254 (%s)",
			topology_apic_id_max(&vm->topology), strerror(errno));
	ioapic_init(&vm->shared.ioapic, vm->fd);
	vm->split = true;
	return 0;
}

int irqchip_create(struct vm *vm, struct vm_error *err)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	uint64_t identity_map = IDENTITY_MAP_ADDR;

	if (ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map) || ioctl(vm->fd, KVM_SET_TSS_ADDR, TSS_ADDR))
		return vm_fail(err, errno, "/dev/kvm: no place for its own pages: %s", strerror(errno));
	if (topology_apic_id_max(&vm->topology) >= ACPI_X2APIC_FIRST)
		return create_split_irqchip(vm, err);
	if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) || ioctl(vm->fd, KVM_CREATE_PIT2, &pit))
		return vm_fail(err, errno, "/dev/kvm: no in-kernel irqchip: %s", strerror(errno));
	mask_pics(vm);
	return 0;
}

int vm_irqfd(struct vm *vm, int fd, unsigned gsi, struct vm_error *err)
{
	struct kvm_irqfd irqfd = { .fd = (uint32_t)fd, .gsi = gsi };

	if (ioctl(vm->fd, KVM_IRQFD, &irqfd))
		return vm_fail(err, errno, "irqfd for GSI %u: %s", gsi, strerror(errno));
	return 0;
}
