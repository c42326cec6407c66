/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/json.h"

void json_put_count(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

void json_put_text(json_t *object, const char *key, const char *text)
{
	json_t *string = text ? json_string(text) : NULL;

	json_object_set_new(object, key, string ? string : json_null());
}
