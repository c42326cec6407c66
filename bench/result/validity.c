/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/validity.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench/base/say.h"

static const struct {
	const char *name;
	int code;
} statuses[VALIDITY_STATUSES] = {
	[VALIDITY_VALID] = { "valid", EXIT_OK },
	[VALIDITY_INVALID] = { "invalid", EXIT_INCONCLUSIVE },
	[VALIDITY_SKIPPED] = { "skipped", EXIT_SKIPPED },
	[VALIDITY_FAILED] = { "failed", EXIT_FAILED },
};

const char *validity_name(enum validity_status status)
{
	return statuses[status].name;
}

int validity_exit_code(const struct validity *v)
{
	return statuses[v->status].code;
}

/* Text of a guest may be cut within a character, or be none at all. */
static void keep_ascii(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void validity_add(struct validity *v, enum validity_status status, const char *fmt, ...)
{
	va_list ap;

	if (status > v->status)
		v->status = status;
	if (v->n == VALIDITY_REASONS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(v->reason[v->n], sizeof(v->reason[v->n]), fmt, ap);
	va_end(ap);
	keep_ascii(v->reason[v->n++]);
}

json_t *validity_json(const struct validity *v)
{
	json_t *reasons = json_array();

	for (unsigned i = 0; i < v->n; i++)
		json_array_append_new(reasons, json_string(v->reason[i]));
	return json_pack("{ss so}", "status", validity_name(v->status), "reasons", reasons);
}

bool validity_read(struct validity *v, const json_t *result)
{
	const json_t *object = json_object_get(result, "validity"), *reasons, *reason;
	const char *status;
	size_t i;

	memset(v, 0, sizeof(*v));
	if (!object)
		return true;
	status = json_string_value(json_object_get(object, "status"));
	reasons = json_object_get(object, "reasons");
	if (!status || !json_is_array(reasons))
		return false;
	while (v->status < VALIDITY_STATUSES && strcmp(status, validity_name(v->status)) != 0)
		v->status++;
	if (v->status == VALIDITY_STATUSES) {
		v->status = VALIDITY_FAILED;
		return false;
	}
	json_array_foreach((json_t *)reasons, i, reason)
	{
		if (!json_is_string(reason))
			return false;
		validity_add(v, v->status, "%s", json_string_value(reason));
	}
	return true;
}
