/* SPDX-License-Identifier: GPL-2.0-only */
/* The few AML terms that our DSDT needs (ACPI 6.4, chapter 20 and 6.4). */
#ifndef KTSTR_KVM_AML_H
#define KTSTR_KVM_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
	uint8_t *buf;
	size_t len, cap;
	bool overflow;
};

void aml_bytes(struct aml *a, const void *data, size_t len);
void aml_byte(struct aml *a, uint8_t b);

/* Terms with a length: begin returns a mark that end takes. */
size_t aml_scope_begin(struct aml *a, const char *path);  /* "\\_SB_" */
size_t aml_device_begin(struct aml *a, const char *name); /* 4 characters */
size_t aml_package_begin(struct aml *a, uint8_t n);
void aml_end(struct aml *a, size_t mark);

void aml_name(struct aml *a, const char *name); /* Name(name, what comes next) */
void aml_integer(struct aml *a, uint64_t value);
void aml_string(struct aml *a, const char *s);
void aml_eisa_id(struct aml *a, const char *id); /* "PNP0501" */

/* ResourceTemplate() { ... } */
size_t aml_resources_begin(struct aml *a);
void aml_resources_end(struct aml *a, size_t mark);
void aml_memory32_fixed(struct aml *a, uint32_t base, uint32_t size);
void aml_io(struct aml *a, uint16_t base, uint8_t len);
void aml_interrupt(struct aml *a, uint32_t gsi); /* consumer, edge, active high, exclusive */

#endif
