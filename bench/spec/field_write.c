/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/spec/field.h"
#include "bench/spec/list.h"

/* Integers are those of x86: the low bytes first. */
static json_t *number(const char *at, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, at, size);
	return json_integer((json_int_t)value);
}

/* NULL: no memory. */
static json_t *text_json(const char *text)
{
	json_t *json = json_string(text);
	char *hex, *p;

	if (json)
		return json;
	/* Not UTF-8. */
	p = hex = malloc(2 * strlen(text) + 1);
	if (!hex)
		return NULL;
	for (const unsigned char *c = (const unsigned char *)text; *c; c++, p += 2)
		sprintf(p, "%02x", *c);
	json = json_pack("{ss}", "hex", hex);
	free(hex);
	return json;
}

static int append(json_t *list, json_t *item)
{
	return json_array_append_new(list, item);
}

/* NULL: no memory. */
static json_t *list_json(const struct field *f, const char *at, unsigned n)
{
	json_t *list = json_array();
	int rc = list ? 0 : -1;

	for (unsigned i = 0; i < n && !rc; i++) {
		if (f->kind == FIELD_WORDS)
			rc = append(list, text_json(((const struct word_list *)at)->word[i]));
		else if (f->kind == FIELD_NUMBERS)
			rc = append(list, number(at + i * f->size, f->size));
		else
			rc = append(list, fields_json(f->fields, at + i * f->size));
	}
	if (!rc)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *mac_json(const uint8_t *m)
{
	return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static bool is_zero(const char *at, size_t size)
{
	while (size && !at[size - 1])
		size--;
	return !size;
}

static size_t size_of(const struct field *f)
{
	switch (f->kind) {
	case FIELD_BOOL:
	case FIELD_NOT:
		return sizeof(bool);
	case FIELD_NAME:
		return sizeof(unsigned);
	case FIELD_TEXT:
		return sizeof(char *);
	case FIELD_CHARS:
		return 1;
	case FIELD_MAC:
		return 6;
	default:
		return f->size;
	}
}

/* What is left out of the JSON. An object is by what it gives. */
static bool is_default(const struct field *f, const char *object)
{
	const char *at = object + f->offset;

	if (f->required)
		return false;
	if (f->has_given)
		return !*(const bool *)(object + f->given_offset);
	if (f->kind == FIELD_WORDS)
		return !((const struct word_list *)at)->n;
	if (f->kind == FIELD_NUMBERS || f->kind == FIELD_OBJECTS)
		return is_zero(object + f->count_offset, sizeof(unsigned));
	return f->kind != FIELD_OBJECT && is_zero(at, size_of(f));
}

static json_t *value_json(const struct field *f, const char *object)
{
	const char *at = object + f->offset;
	unsigned n;

	switch (f->kind) {
	case FIELD_BOOL:
		return json_true();
	case FIELD_NOT:
		return json_false();
	case FIELD_NAME:
		memcpy(&n, at, sizeof(n));
		return json_string(f->names[n]);
	case FIELD_NUMBER:
		return number(at, f->size);
	case FIELD_TEXT:
		return text_json(*(char *const *)at);
	case FIELD_CHARS:
		return text_json(at);
	case FIELD_MAC:
		return mac_json((const uint8_t *)at);
	case FIELD_OBJECT:
		return fields_json(f->fields, at);
	case FIELD_WORDS:
		return list_json(f, at, ((const struct word_list *)at)->n);
	default:
		memcpy(&n, object + f->count_offset, sizeof(n));
		return list_json(f, at, n);
	}
}

json_t *fields_json(const struct field *fields, const void *object)
{
	json_t *json = json_object(), *value;

	for (const struct field *f = fields; json && f->key; f++) {
		if (is_default(f, object))
			continue;
		value = value_json(f, object);
		if (value && f->kind == FIELD_OBJECT && !f->has_given && !json_object_size(value)) {
			json_decref(value);
			continue;
		}
		if (json_object_set_new(json, f->key, value)) {
			json_decref(json);
			json = NULL;
		}
	}
	return json;
}
