/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/spec/field.h"
#include "bench/spec/list.h"
#include "bench/spec/nic.h"

#define PATH_SIZE 160

/* A value's place in the document, and room for what is wrong with it. */
struct place {
	char path[PATH_SIZE]; /* "disks[1].iops"; "" is the whole */
	char *why;
};

__attribute__((format(printf, 2, 3))) static int fail(const struct place *p, const char *fmt, ...)
{
	int n = snprintf(p->why, FIELD_WHY, "%s%s", p->path, *p->path ? ": " : "");
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->why + n, FIELD_WHY - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static struct place place_in(const struct place *up, const char *key)
{
	struct place p = { .why = up->why };

	snprintf(p.path, sizeof(p.path), "%.100s%s%.40s", up->path, *up->path ? "." : "", key);
	return p;
}

static struct place place_at(const struct place *up, size_t i)
{
	struct place p = { .why = up->why };

	snprintf(p.path, sizeof(p.path), "%.120s[%zu]", up->path, i);
	return p;
}

static const char *type_name(const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "a whole number";
	case JSON_REAL:
		return "a number with a fraction";
	case JSON_NULL:
		return "null";
	default:
		return "true or false";
	}
}

/* --- one value each ------------------------------------------------------- */

static int read_bool(const struct place *p, const json_t *json, bool opposite, char *at)
{
	if (!json_is_boolean(json))
		return fail(p, "is %s; write true or false", type_name(json));
	*(bool *)at = json_is_true(json) != opposite;
	return 0;
}

static int read_name(const struct place *p, const struct field *f, const json_t *json, char *at)
{
	const char *text = json_string_value(json);
	char names[256] = "";
	size_t len = 0;

	for (unsigned i = 0; i < f->n; i++) {
		if (text && !strcmp(text, f->names[i])) {
			memcpy(at, &i, sizeof(i));
			return 0;
		}
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s\"%s\"", i ? ", " : "", f->names[i]);
	}
	if (!text)
		return fail(p, "is %s; write one of %s", type_name(json), names);
	return fail(p, "\"%.80s\" is none of its values; write one of %s", text, names);
}

static int read_number(const struct place *p, const struct field *f, const json_t *json, char *at)
{
	json_int_t value = json_integer_value(json);
	uint64_t number = (uint64_t)value;
	char multiple[48] = "";

	if (f->multiple)
		snprintf(multiple, sizeof(multiple), ", a multiple of %" PRIu64, f->multiple);
	if (!json_is_integer(json))
		return fail(p, "is %s; write a whole number from %" PRIu64 " to %" PRIu64 "%s", type_name(json), f->min,
			    f->max, multiple);
	if (value < 0 || number < f->min || number > f->max || (f->multiple && number % f->multiple))
		return fail(p,
			    "%" JSON_INTEGER_FORMAT " is not valid; write a whole number from %" PRIu64 " to %" PRIu64
			    "%s",
			    value, f->min, f->max, multiple);
	memcpy(at, &number, f->size);
	return 0;
}

static bool hex_digit(char c, unsigned *out)
{
	const char *digits = "0123456789abcdef", *d = c ? strchr(digits, c) : NULL;

	*out = d ? (unsigned)(d - digits) : 0;
	return d;
}

/* The bytes that {"hex": "..."} stands for, to free(); NULL: it is not that, or errno is ENOMEM. */
static char *hex_text(const json_t *json)
{
	const char *hex = json_string_value(json_object_get(json, "hex"));
	char *text = NULL, *p;
	unsigned high, low;

	errno = 0;
	if (!hex || json_object_size(json) != 1)
		return NULL;
	p = text = malloc(strlen(hex) / 2 + 1);
	if (!text)
		return NULL;
	for (; hex_digit(hex[0], &high) && hex_digit(hex[1], &low) && high + low; hex += 2)
		*p++ = (char)(high << 4 | low);
	*p = '\0';
	if (!*hex)
		return text;
	free(text);
	return NULL;
}

/* Text that passed its check, to free(). 0, -EINVAL or -ENOMEM. */
static int take_text(const struct place *p, const struct field *f, const json_t *json, char **out)
{
	char *text = json_is_string(json) ? strdup(json_string_value(json)) : hex_text(json), why[FIELD_WHY];
	const char *bad;

	*out = NULL;
	if (!text && (json_is_string(json) || errno == ENOMEM)) {
		fail(p, "out of memory");
		return -ENOMEM;
	}
	if (!text)
		return fail(p, "is %s; write a string, or {\"hex\": \"...\"} for bytes that are not UTF-8",
			    type_name(json));
	bad = f->check ? f->check(text, why) : *text ? NULL : "is empty; leave it out, or give it a value";
	if (bad) {
		free(text);
		return fail(p, "%s", bad);
	}
	*out = text;
	return 0;
}

static int read_text(const struct place *p, const struct field *f, const json_t *json, char *at)
{
	char *text;
	int rc = take_text(p, f, json, &text);

	if (!rc)
		*(char **)at = text;
	return rc;
}

static int read_chars(const struct place *p, const struct field *f, const json_t *json, char *at)
{
	char *text;
	int rc = take_text(p, f, json, &text);

	if (!rc && strlen(text) >= f->size)
		rc = fail(p, "has %zu bytes; write at most %zu", strlen(text), f->size - 1);
	if (!rc)
		strcpy(at, text);
	free(text);
	return rc;
}

static int read_mac(const struct place *p, const json_t *json, char *at)
{
	const char *text = json_string_value(json);

	if (text && !nic_mac_parse((uint8_t *)at, text))
		return 0;
	return fail(p, "is not an address of one card; write it as \"02:00:00:00:00:01\"");
}

/* --- lists and objects ----------------------------------------------------- */

static int read_object(const struct place *p, const struct field *fields, const json_t *json, char *object);

static int read_word(const struct place *p, const struct field *f, const json_t *json, char *at)
{
	char *text;
	int rc = take_text(p, f, json, &text);

	if (!rc)
		rc = word_list_add((struct word_list *)at, text);
	free(text);
	return rc;
}

static int read_list(const struct place *p, const struct field *f, const json_t *json, char *object)
{
	char *at = object + f->offset;
	size_t n = json_array_size(json);
	int rc = 0;

	if (!json_is_array(json))
		return fail(p, "is %s; write an array", type_name(json));
	if (n > f->n)
		return fail(p, "has %zu values; write at most %zu", n, f->n);
	for (unsigned i = 0; i < n && !rc; i++) {
		const struct place item = place_at(p, i);
		const json_t *value = json_array_get(json, i);
		const unsigned count = i + 1;

		if (f->kind != FIELD_WORDS)
			memcpy(object + f->count_offset, &count, sizeof(count));
		if (f->kind == FIELD_WORDS)
			rc = read_word(&item, f, value, at);
		else if (f->kind == FIELD_NUMBERS)
			rc = read_number(&item, f, value, at + i * f->size);
		else
			rc = read_object(&item, f->fields, value, at + i * f->size);
	}
	return rc;
}

static int read_value(const struct place *p, const struct field *f, const json_t *json, char *object)
{
	char *at = object + f->offset;

	if (f->has_given)
		*(bool *)(object + f->given_offset) = true;
	switch (f->kind) {
	case FIELD_BOOL:
	case FIELD_NOT:
		return read_bool(p, json, f->kind == FIELD_NOT, at);
	case FIELD_NAME:
		return read_name(p, f, json, at);
	case FIELD_NUMBER:
		return read_number(p, f, json, at);
	case FIELD_TEXT:
		return read_text(p, f, json, at);
	case FIELD_CHARS:
		return read_chars(p, f, json, at);
	case FIELD_MAC:
		return read_mac(p, json, at);
	case FIELD_OBJECT:
		return read_object(p, f->fields, json, at);
	default:
		return read_list(p, f, json, object);
	}
}

static int unknown_key(const struct place *p, const struct field *fields)
{
	char keys[600] = "";
	size_t len = 0;

	for (const struct field *f = fields; f->key && len < sizeof(keys); f++)
		len += (size_t)snprintf(keys + len, sizeof(keys) - len, "%s%s", len ? ", " : "", f->key);
	return fail(p, "no such key; use one of %s", keys);
}

/* What concerns more than one value. */
static int check_object(const struct place *p, const struct field *fields, const json_t *json, const char *object)
{
	const char *key, *bad;
	struct place at;

	for (; fields->key; fields++) {
		if (!fields->required || json_object_get(json, fields->key))
			continue;
		at = place_in(p, fields->key);
		return fail(&at, "is missing; give it a value");
	}
	/* The rules stand at the end of the table. */
	bad = fields->rules ? fields->rules(object, &key) : NULL;
	if (!bad)
		return 0;
	at = key ? place_in(p, key) : *p;
	return fail(&at, "%s", bad);
}

static int read_object(const struct place *p, const struct field *fields, const json_t *json, char *object)
{
	const char *key;
	json_t *value;
	int rc = 0;

	if (!json_is_object(json))
		return fail(p, "is %s; write an object", type_name(json));
	json_object_foreach((json_t *)json, key, value)
	{
		const struct place at = place_in(p, key);
		const struct field *f = fields;

		while (f->key && strcmp(f->key, key))
			f++;
		rc = f->key ? read_value(&at, f, value, object) : unknown_key(&at, fields);
		if (rc)
			return rc;
	}
	return check_object(p, fields, json, object);
}

int fields_read(const struct field *fields, const json_t *json, void *object, char why[FIELD_WHY])
{
	const struct place whole = { .why = why };
	int rc = read_object(&whole, fields, json, object);

	if (rc == -ENOMEM)
		snprintf(why, FIELD_WHY, "out of memory");
	return rc;
}
