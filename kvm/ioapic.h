/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An IOAPIC of our own, for machines whose APIC ids don't fit the 8 bits of KVM's: there KVM emulates only the LAPICs
 * (KVM_CAP_SPLIT_IRQCHIP), and each pin that the guest programs becomes an MSI route, so that irqfds still bypass user
 * space. Destinations have 15 bits (KVM_FEATURE_MSI_EXT_DEST_ID). All our interrupts are edge-triggered: an edge on a
 * masked pin is lost, as on hardware.
 */
#ifndef KTSTR_KVM_IOAPIC_H
#define KTSTR_KVM_IOAPIC_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define IOAPIC_PINS 24
#define IOAPIC_SIZE 0x1000u

struct ioapic {
	int vm_fd;
	pthread_mutex_t lock; /* any vCPU may access it; not a fast path */
	uint32_t select;
	uint64_t pin[IOAPIC_PINS];
	bool failed; /* KVM refused a route; ioapic_write() reports that once */
};

void ioapic_init(struct ioapic *a, int vm_fd);
/* A 32-bit register access by the guest, @offset into its page. Write: 0, or
 * -errno once, when KVM refuses the routes. */
uint32_t ioapic_read(struct ioapic *a, uint32_t offset);
int ioapic_write(struct ioapic *a, uint32_t offset, uint32_t value);
/* The MSI that redirection entry @entry stands for; false when it is masked. */
bool ioapic_message(uint64_t entry, struct kvm_irq_routing_msi *msi);

#endif
