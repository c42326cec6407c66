/* SPDX-License-Identifier: GPL-2.0-only */
/* The reader of a machine's spec: the input is a document. What is taken is the same after JSON and back. */
#include <errno.h>

#include "bench/spec/document.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct machine_spec spec, again, none;
	char why[FIELD_WHY] = "";
	json_t *one, *other;
	char *text;
	int rc = spec_parse(&spec, (const char *)data, size, why);

	if (rc) {
		assert_true(rc == -EINVAL && *why && strchr(why, ';'));
		assert_memory_equal(&spec, &none, sizeof(spec));
		return 0;
	}
	one = spec_json(&spec);
	text = json_dumps(one, JSON_COMPACT);
	assert_int_equal(spec_parse(&again, text, strlen(text), why), 0);
	free(text);
	machine_spec_free(&spec);
	assert_int_equal(machine_spec_copy(&spec, &again), 0);
	machine_spec_free(&again);
	other = spec_json(&spec);
	assert_true(json_equal(one, other));
	json_decref(one);
	json_decref(other);
	machine_spec_free(&spec);
	return 0;
}
