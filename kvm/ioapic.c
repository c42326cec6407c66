/* SPDX-License-Identifier: GPL-2.0-only */
#include "kvm/ioapic.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

/* 82093AA, 3.0 to 3.2.4 */
#define IOREGSEL 0x00u
#define IOWIN 0x10u
#define REG_VERSION 1u
#define REG_PINS 0x10u
#define VERSION 0x11u

#define PIN_LOGICAL (1ull << 11)
#define PIN_DELIVERY_STATUS (1ull << 12)
#define PIN_REMOTE_IRR (1ull << 14)
#define PIN_LEVEL (1ull << 15)
#define PIN_MASKED (1ull << 16)
#define PIN_READ_ONLY (PIN_DELIVERY_STATUS | PIN_REMOTE_IRR)

void ioapic_init(struct ioapic *a, int vm_fd)
{
	memset(a, 0, sizeof *a);
	a->vm_fd = vm_fd;
	pthread_mutex_init(&a->lock, NULL);
	for (unsigned i = 0; i < IOAPIC_PINS; i++)
		a->pin[i] = PIN_MASKED;
}

bool ioapic_message(uint64_t entry, struct kvm_irq_routing_msi *msi)
{
	/* Bits 56 to 63, and above them 49 to 55: what a real IOAPIC reserves. */
	uint32_t destination = (uint32_t)(entry >> 56) | (uint32_t)(entry >> 49 & 0x7f) << 8;

	memset(msi, 0, sizeof *msi);
	if (entry & PIN_MASKED)
		return false;
	/* KVM_X2APIC_API_USE_32BIT_IDS: the rest of the id in the upper half. */
	msi->address_lo = 0xfee00000u | (destination & 0xff) << 12 | (entry & PIN_LOGICAL ? 1u << 2 : 0);
	msi->address_hi = destination & ~0xffu;
	msi->data = (uint32_t)(entry & 0x7ff) | 1u << 14 | (entry & PIN_LEVEL ? 1u << 15 : 0);
	return true;
}

static int set_routes(struct ioapic *a)
{
	union {
		struct kvm_irq_routing routing;
		uint8_t room[sizeof(struct kvm_irq_routing) + IOAPIC_PINS * sizeof(struct kvm_irq_routing_entry)];
	} u;
	struct kvm_irq_routing *routing = &u.routing;

	memset(&u, 0, sizeof u);
	for (uint32_t i = 0; i < IOAPIC_PINS; i++) {
		struct kvm_irq_routing_entry *e = &routing->entries[routing->nr];

		if (!ioapic_message(a->pin[i], &e->u.msi))
			continue;
		e->gsi = i;
		e->type = KVM_IRQ_ROUTING_MSI;
		routing->nr++;
	}
	return ioctl(a->vm_fd, KVM_SET_GSI_ROUTING, routing) ? -errno : 0;
}

static int write_pin(struct ioapic *a, unsigned reg, uint32_t value)
{
	uint64_t *pin = &a->pin[(reg - REG_PINS) / 2], old = *pin;
	unsigned shift = reg % 2 ? 32 : 0;
	int rc;

	*pin = (old & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
	*pin = (*pin & ~PIN_READ_ONLY) | (old & PIN_READ_ONLY);
	/* Setting routes costs KVM a grace period: skip it for a pin that is masked and stays masked. */
	if (*pin == old || (*pin & old & PIN_MASKED))
		return 0;
	rc = set_routes(a);
	if (!rc || a->failed)
		return 0;
	a->failed = true;
	return rc;
}

static uint32_t read_register(const struct ioapic *a)
{
	unsigned reg = a->select;

	if (reg == REG_VERSION)
		return VERSION | (IOAPIC_PINS - 1) << 16;
	if (reg >= REG_PINS && reg < REG_PINS + 2 * IOAPIC_PINS)
		return (uint32_t)(a->pin[(reg - REG_PINS) / 2] >> (reg % 2 ? 32 : 0));
	return 0; /* the id registers read as 0, as do registers that do not exist */
}

uint32_t ioapic_read(struct ioapic *a, uint32_t offset)
{
	uint32_t value = 0;

	pthread_mutex_lock(&a->lock);
	if (offset == IOREGSEL)
		value = a->select;
	else if (offset == IOWIN)
		value = read_register(a);
	pthread_mutex_unlock(&a->lock);
	return value;
}

int ioapic_write(struct ioapic *a, uint32_t offset, uint32_t value)
{
	int rc = 0;

	pthread_mutex_lock(&a->lock);
	if (offset == IOREGSEL)
		a->select = value & 0xff;
	else if (offset == IOWIN && a->select >= REG_PINS && a->select < REG_PINS + 2 * IOAPIC_PINS)
		rc = write_pin(a, a->select, value);
	pthread_mutex_unlock(&a->lock);
	return rc;
}
