/* SPDX-License-Identifier: GPL-2.0-only */
/* The parsers of programs' outputs: the first byte chooses one, the rest is what a program printed. */
#include <math.h>

#include "bench/parsers/parser.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const argv[] = { "cyclictest", "-Nq", NULL };
	static struct parsed out;
	unsigned n = 0;
	char *text;

	while (parsers[n].name)
		n++;
	if (!size)
		return 0;
	text = calloc(1, size);
	assert_non_null(text);
	memcpy(text, data + 1, size - 1);
	parser_run(&parsers[(data[0] - (unsigned)'a') % n], &(struct parser_text){ text, size - 1, argv }, &out);
	free(text);
	assert_true(out.n <= PARSED_FIGURES_MAX);
	for (unsigned i = 0; i < out.n; i++)
		assert_true(isfinite(out.figure[i].value) && *out.figure[i].name);
	for (unsigned i = 0; i < out.n; i++)
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(out.figure[i].name, out.figure[k].name);
	assert_true(!out.metric == !out.latency.count);
	return 0;
}
