/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/spec/document.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAN_SCHEMA "ktstr-plan/1"
#define DOCUMENT_MAX (16u << 20) /* bytes; the longest command line that Linux takes is 2 MiB */

json_t *spec_json(const struct machine_spec *spec)
{
	json_t *json = json_pack("{ss}", "schema", SPEC_SCHEMA), *keys = fields_json(machine_fields, spec);
	int rc = json && keys ? json_object_update(json, keys) : -1;

	json_decref(keys);
	if (!rc)
		return json;
	json_decref(json);
	return NULL;
}

/* The object with the spec's keys, without its schema; NULL with @why. Borrowed. */
static json_t *keys_of(json_t *json, char why[FIELD_WHY])
{
	const char *schema = json_string_value(json_object_get(json, "schema"));

	if (schema && !strcmp(schema, PLAN_SCHEMA)) {
		json = json_object_get(json, "spec");
		schema = json_string_value(json_object_get(json, "schema"));
	}
	if (schema && !strcmp(schema, SPEC_SCHEMA)) {
		json_object_del(json, "schema");
		return json;
	}
	snprintf(why, FIELD_WHY, "schema: %s%.40s%s; write \"schema\": \"" SPEC_SCHEMA "\"", schema ? "is \"" : "",
		 schema ? schema : "is missing or no string", schema ? "\", which this ktstr does not know" : "");
	return NULL;
}

int spec_parse(struct machine_spec *spec, const char *text, size_t len, char why[FIELD_WHY])
{
	json_error_t error;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error), *keys;
	int rc = -EINVAL;

	machine_spec_free(spec);
	if (!json) {
		snprintf(why, FIELD_WHY, "line %d, column %d: %s; write one object of JSON", error.line, error.column,
			 error.text);
		return -EINVAL;
	}
	keys = keys_of(json, why);
	if (keys)
		rc = fields_read(machine_fields, keys, spec, why);
	if (rc)
		machine_spec_free(spec);
	json_decref(json);
	return rc;
}

/* All of it, to free(). 0 or -errno. */
static int read_all(FILE *f, char **text, size_t *len)
{
	char *grown;
	size_t n;

	*text = NULL;
	*len = 0;
	do {
		if (*len >= DOCUMENT_MAX)
			return -EFBIG;
		grown = realloc(*text, *len + BUFSIZ);
		if (!grown)
			return -ENOMEM;
		*text = grown;
		n = fread(*text + *len, 1, BUFSIZ, f);
		*len += n;
	} while (n);
	return ferror(f) ? -EIO : 0;
}

int spec_load(struct machine_spec *spec, const char *path, char why[FIELD_WHY])
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char *text = NULL;
	size_t len = 0;
	int rc = f ? read_all(f, &text, &len) : -errno;

	if (rc)
		snprintf(why, FIELD_WHY, "can't be read: %s; name a file with a spec, or - for stdin", strerror(-rc));
	else
		rc = spec_parse(spec, text, len, why);
	free(text);
	if (f && f != stdin)
		fclose(f);
	return rc;
}
