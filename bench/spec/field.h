/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Structs described by tables, one row a value, from which they are copied, freed, written as JSON and read from it.
 *
 * A value that is all zero has its default and is left out of the JSON, unless the bool at given_offset says that it
 * was asked for nevertheless. Text that is not UTF-8 is {"hex": "..."} in JSON, so that any path or argument passes.
 */
#ifndef KTSTR_BENCH_SPEC_FIELD_H
#define KTSTR_BENCH_SPEC_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_kind {
	FIELD_BOOL,
	FIELD_NOT,     /* a bool, the JSON of which says the opposite */
	FIELD_NAME,    /* an enum or unsigned, one of names[] in JSON */
	FIELD_NUMBER,  /* an unsigned integer of @size bytes */
	FIELD_NUMBERS, /* an array of them, @size bytes each, and an unsigned count */
	FIELD_TEXT,    /* char *, owned */
	FIELD_CHARS,   /* char[size] */
	FIELD_WORDS,   /* struct word_list */
	FIELD_MAC,     /* uint8_t[6] */
	FIELD_OBJECT,
	FIELD_OBJECTS, /* an array of structs, @size bytes each, and an unsigned count */
};

#define FIELD_WHY 1024

struct field {
	const char *key; /* NULL: the table's end */
	enum field_kind kind;
	size_t offset, size;
	uint64_t min, max, multiple; /* of a number; 0: any multiple */
	const char *const *names;    /* n of them */
	size_t n;		     /* names; or the most that a list or an array holds */
	size_t count_offset;
	bool required; /* written and wanted even where it is all zero */
	bool has_given;
	size_t given_offset;	    /* of a bool */
	const struct field *fields; /* of an object */
	/* Text: NULL when it is valid; else what is wrong and the remedy, static or in @why. NULL: any but "". */
	const char *(*check)(const char *text, char why[FIELD_WHY]);
	/* In the row at the end: rules between the values of the object, the same way; the key to blame, or NULL, in
	 * *@key. */
	const char *(*rules)(const void *object, const char **key);
};

/* 0; -ENOMEM, and then @to is empty. */
int fields_copy(const struct field *fields, size_t size, void *to, const void *from);
/* Everything that is owned goes; @object is all zero then. */
void fields_free(const struct field *fields, size_t size, void *object);
/* A new reference; NULL: no memory. */
json_t *fields_json(const struct field *fields, const void *object);
/*
 * Into @object, which is all zero. 0; or -EINVAL or -ENOMEM with @why, which begins with the path of the key that is
 * wrong ("disks[1].iops: ..."), and then what was read so far is still to be freed.
 */
int fields_read(const struct field *fields, const json_t *json, void *object, char why[FIELD_WHY]);

#endif
