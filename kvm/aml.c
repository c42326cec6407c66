/* SPDX-License-Identifier: GPL-2.0-only */
#include "kvm/aml.h"

#include <string.h>

/* A package length is always written in its 4-byte form, so that it can be
 * filled in afterwards without moving what follows (20.2.4). */
#define PKG_LENGTH_SIZE 4

void aml_bytes(struct aml *a, const void *data, size_t len)
{
	if (a->len + len > a->cap) {
		a->overflow = true;
		return;
	}
	memcpy(a->buf + a->len, data, len);
	a->len += len;
}

void aml_byte(struct aml *a, uint8_t b)
{
	aml_bytes(a, &b, 1);
}

static size_t length_begin(struct aml *a)
{
	size_t mark = a->len;

	aml_bytes(a, "\0\0\0", PKG_LENGTH_SIZE);
	return mark;
}

void aml_end(struct aml *a, size_t mark)
{
	size_t len = a->len - mark; /* includes the length field itself */

	if (a->overflow)
		return;
	a->buf[mark] = (uint8_t)(0xc0 | (len & 0x0f));
	a->buf[mark + 1] = (uint8_t)(len >> 4);
	a->buf[mark + 2] = (uint8_t)(len >> 12);
	a->buf[mark + 3] = (uint8_t)(len >> 20);
}

size_t aml_scope_begin(struct aml *a, const char *path)
{
	size_t mark;

	aml_byte(a, 0x10);
	mark = length_begin(a);
	aml_bytes(a, path, strlen(path));
	return mark;
}

size_t aml_device_begin(struct aml *a, const char *name)
{
	size_t mark;

	aml_bytes(a, "\x5b\x82", 2);
	mark = length_begin(a);
	aml_bytes(a, name, 4);
	return mark;
}

size_t aml_package_begin(struct aml *a, uint8_t n)
{
	size_t mark;

	aml_byte(a, 0x12);
	mark = length_begin(a);
	aml_byte(a, n);
	return mark;
}

void aml_name(struct aml *a, const char *name)
{
	aml_byte(a, 0x08);
	aml_bytes(a, name, strlen(name));
}

void aml_integer(struct aml *a, uint64_t value)
{
	if (value <= 1) {
		aml_byte(a, (uint8_t)value); /* ZeroOp, OneOp */
	} else if (value <= 0xff) {
		aml_byte(a, 0x0a);
		aml_bytes(a, &value, 1);
	} else if (value <= 0xffff) {
		aml_byte(a, 0x0b);
		aml_bytes(a, &value, 2);
	} else if (value <= 0xffffffff) {
		aml_byte(a, 0x0c);
		aml_bytes(a, &value, 4);
	} else {
		aml_byte(a, 0x0e);
		aml_bytes(a, &value, 8);
	}
}

void aml_string(struct aml *a, const char *s)
{
	aml_byte(a, 0x0d);
	aml_bytes(a, s, strlen(s) + 1);
}

static uint8_t hex(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'A' + 10);
}

void aml_eisa_id(struct aml *a, const char *id)
{
	/* Three letters of 5 bits and four hex digits, big-endian (19.3.4). */
	uint16_t letters = (uint16_t)((id[0] - '@') << 10 | (id[1] - '@') << 5 | (id[2] - '@'));
	uint8_t v[4] = { (uint8_t)(letters >> 8), (uint8_t)letters, (uint8_t)(hex(id[3]) << 4 | hex(id[4])),
			 (uint8_t)(hex(id[5]) << 4 | hex(id[6])) };

	aml_byte(a, 0x0c);
	aml_bytes(a, v, 4);
}

size_t aml_resources_begin(struct aml *a)
{
	size_t mark;

	aml_byte(a, 0x11); /* BufferOp */
	mark = length_begin(a);
	aml_byte(a, 0x0b); /* its size, filled in at the end */
	aml_bytes(a, "\0", 2);
	return mark;
}

void aml_resources_end(struct aml *a, size_t mark)
{
	size_t start = mark + PKG_LENGTH_SIZE + 3, len;

	aml_bytes(a, "\x79", 2); /* end tag; a checksum of zero is taken as good */
	if (a->overflow)
		return;
	len = a->len - start;
	a->buf[start - 2] = (uint8_t)len;
	a->buf[start - 1] = (uint8_t)(len >> 8);
	aml_end(a, mark);
}

void aml_memory32_fixed(struct aml *a, uint32_t base, uint32_t size)
{
	aml_bytes(a, "\x86\x09\x00\x01", 4); /* 9 bytes follow; read-write */
	aml_bytes(a, &base, 4);
	aml_bytes(a, &size, 4);
}

void aml_io(struct aml *a, uint16_t base, uint8_t len)
{
	aml_bytes(a, "\x47\x01", 2); /* 16-bit decode */
	aml_bytes(a, &base, 2);
	aml_bytes(a, &base, 2);
	aml_byte(a, 1);
	aml_byte(a, len);
}

void aml_interrupt(struct aml *a, uint32_t gsi)
{
	aml_bytes(a, "\x89\x06\x00\x03\x01", 5); /* consumer | edge; one interrupt */
	aml_bytes(a, &gsi, 4);
}
