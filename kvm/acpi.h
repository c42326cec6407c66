/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ACPI tables (ACPI 6.4) for a hardware-reduced machine without PCI: CPUs and
 * IOAPIC in the MADT, the two serial ports and the virtio-mmio devices
 * (LNRO0005) in the DSDT, power-off by the sleep control register, reset by
 * the reset register. With several NUMA nodes also SRAT, SLIT and HMAT.
 */
#ifndef KTSTR_KVM_ACPI_H
#define KTSTR_KVM_ACPI_H

#include <stddef.h>
#include <stdint.h>

#include "kvm/acpi_table.h"
#include "kvm/topology.h"

#define ACPI_SIZE 0x20000u

struct acpi_device {
	uint32_t base, size;
	unsigned gsi;
};

struct acpi_config {
	const struct topology *topology; /* finished, memory shared */
	unsigned n_devices;
	const struct acpi_device *device;
};

/* Write RSDP and tables to @dst, which the guest sees at ACPI_BASE. Returns the
 * bytes used or -ENOSPC. Up to ACPI_TABLES_MAX tables are listed in @tables (may be NULL). */
int acpi_build(uint8_t *dst, size_t size, const struct acpi_config *cfg, struct acpi_table *tables, unsigned *n_tables);

#endif
