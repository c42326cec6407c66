/* SPDX-License-Identifier: GPL-2.0-only */
/* An ACPI table among others in an image: what the files that build some share. */
#ifndef KTSTR_KVM_ACPI_TABLE_H
#define KTSTR_KVM_ACPI_TABLE_H

#include "kvm/aml.h"
#include "kvm/topology.h"

#define ACPI_BASE 0xe0000u /* where the RSDP is put: the BIOS area that guests search */
/* APIC ids from here on have entries of their own (type 9 in the MADT, 2 in the SRAT): 255 is everybody. */
#define ACPI_X2APIC_FIRST 255u

/* One table in the image. */
struct acpi_table {
	char signature[5];
	size_t offset, length;
};
#define ACPI_TABLES_MAX 8

#define ACPI_OEM_ID "KTSTR"

struct __attribute__((packed)) acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem_id[6], oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
};

struct acpi_builder {
	struct aml out;
	struct acpi_table table[ACPI_TABLES_MAX];
	unsigned n;
};

/* The byte that makes the sum of all zero. */
uint8_t acpi_checksum(const void *p, size_t len);

void acpi_table_begin(struct acpi_builder *b, const char *signature, uint8_t revision);
/* Returns the guest-physical address of the table. */
uint64_t acpi_table_end(struct acpi_builder *b);

/* acpi_numa.c; the same. */
uint64_t acpi_build_srat(struct acpi_builder *b, const struct topology *t);
uint64_t acpi_build_slit(struct acpi_builder *b, const struct topology *t);
uint64_t acpi_build_hmat(struct acpi_builder *b, const struct topology *t);

#endif
