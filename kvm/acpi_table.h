/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files that build ACPI tables share. */
#ifndef KTSTR_KVM_ACPI_TABLE_H
#define KTSTR_KVM_ACPI_TABLE_H

#include "kvm/acpi.h"
#include "kvm/aml.h"

/* APIC ids from here on have entries of their own (type 9 in the MADT, 2 in the SRAT): 255 is everybody. */
#define ACPI_X2APIC_FIRST 255u

struct acpi_builder {
	struct aml out;
	struct acpi_table table[ACPI_TABLES_MAX];
	unsigned n;
};

void acpi_table_begin(struct acpi_builder *b, const char *signature, uint8_t revision);
/* Returns the guest-physical address of the table. */
uint64_t acpi_table_end(struct acpi_builder *b);

/* acpi_numa.c; the same. */
uint64_t acpi_build_srat(struct acpi_builder *b, const struct topology *t);
uint64_t acpi_build_slit(struct acpi_builder *b, const struct topology *t);
uint64_t acpi_build_hmat(struct acpi_builder *b, const struct topology *t);

#endif
