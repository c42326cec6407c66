/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/atomic.h"

void json_put_count(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

void json_put_text(json_t *object, const char *key, const char *text)
{
	json_t *string = text ? json_string(text) : NULL;

	json_object_set_new(object, key, string ? string : json_null());
}

json_t *json_real_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

int json_put_file(const char *path, const json_t *json, size_t flags)
{
	char *text = json ? json_dumps(json, flags) : NULL;
	size_t len = text ? strlen(text) : 0;
	int rc = -ENOMEM;

	if (text) {
		/* In place of the terminating NUL. */
		text[len] = '\n';
		rc = atomic_write(path, text, len + 1);
	}
	free(text);
	return rc;
}
