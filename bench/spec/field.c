/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/spec/field.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/spec/list.h"

static void release(const struct field *fields, void *object);

static void release_value(const struct field *f, char *at, const char *object)
{
	unsigned n;

	switch (f->kind) {
	case FIELD_TEXT:
		free(*(char **)at);
		return;
	case FIELD_WORDS:
		word_list_free((struct word_list *)at);
		return;
	case FIELD_OBJECT:
		release(f->fields, at);
		return;
	case FIELD_OBJECTS:
		memcpy(&n, object + f->count_offset, sizeof(n));
		for (unsigned i = 0; i < n; i++)
			release(f->fields, at + i * f->size);
		return;
	default:
		return;
	}
}

static void release(const struct field *fields, void *object)
{
	for (const struct field *f = fields; f->key; f++)
		release_value(f, (char *)object + f->offset, object);
}

void fields_free(const struct field *fields, size_t size, void *object)
{
	release(fields, object);
	memset(object, 0, size);
}

/* Nothing in @to is owned by it: what was copied byte by byte belongs to the original. */
static void disown(const struct field *fields, char *to)
{
	for (const struct field *f = fields; f->key; f++) {
		char *at = to + f->offset;
		unsigned n = 1;

		if (f->kind == FIELD_TEXT)
			*(char **)at = NULL;
		if (f->kind == FIELD_WORDS)
			*(struct word_list *)at = (struct word_list){ 0 };
		if (f->kind == FIELD_OBJECTS)
			memcpy(&n, to + f->count_offset, sizeof(n));
		for (unsigned i = 0; f->fields && i < n; i++)
			disown(f->fields, at + i * f->size);
	}
}

static int own(const struct field *fields, char *to, const char *from)
{
	int rc = 0;

	for (const struct field *f = fields; f->key && !rc; f++) {
		char *at = to + f->offset, *const *text = (char *const *)(from + f->offset);
		unsigned n = 1;

		if (f->kind == FIELD_TEXT && *text) {
			*(char **)at = strdup(*text);
			rc = *(char **)at ? 0 : -ENOMEM;
		}
		if (f->kind == FIELD_WORDS)
			rc = word_list_copy((struct word_list *)at, (const struct word_list *)(from + f->offset));
		if (f->kind == FIELD_OBJECTS)
			memcpy(&n, from + f->count_offset, sizeof(n));
		for (unsigned i = 0; f->fields && i < n && !rc; i++)
			rc = own(f->fields, at + i * f->size, from + f->offset + i * f->size);
	}
	return rc;
}

int fields_copy(const struct field *fields, size_t size, void *to, const void *from)
{
	int rc;

	memcpy(to, from, size);
	disown(fields, to);
	rc = own(fields, to, from);
	if (rc)
		fields_free(fields, size, to);
	return rc;
}
