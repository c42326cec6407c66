/* SPDX-License-Identifier: GPL-2.0-only */
#include "kvm/acpi_table.h"

#include <string.h>

#define OEM_TABLE_ID "KTSTRVM "

uint8_t acpi_checksum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint8_t sum = 0;

	while (len--)
		sum = (uint8_t)(sum + *p++);
	return (uint8_t)-sum;
}

void acpi_table_begin(struct acpi_builder *b, const char *signature, uint8_t revision)
{
	struct acpi_header h = { .revision = revision, .oem_revision = 1, .creator_revision = 1 };

	while (b->out.len % 16 && !b->out.overflow)
		aml_byte(&b->out, 0);
	b->table[b->n].offset = b->out.len;
	memcpy(b->table[b->n].signature, signature, 4);
	memcpy(h.signature, signature, 4);
	memcpy(h.oem_id, ACPI_OEM_ID, sizeof ACPI_OEM_ID);
	memcpy(h.oem_table_id, OEM_TABLE_ID, 8);
	memcpy(h.creator_id, ACPI_OEM_ID, 4);
	aml_bytes(&b->out, &h, sizeof h);
}

uint64_t acpi_table_end(struct acpi_builder *b)
{
	struct acpi_table *t = &b->table[b->n++];
	struct acpi_header *h = (struct acpi_header *)(b->out.buf + t->offset);

	t->length = b->out.len - t->offset;
	if (!b->out.overflow) {
		h->length = (uint32_t)t->length;
		h->checksum = acpi_checksum(h, t->length);
	}
	return ACPI_BASE + t->offset;
}
