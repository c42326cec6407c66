/* SPDX-License-Identifier: GPL-2.0-only */
/* RPT-04 and the scales of charts, by their functions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/report/axis.h"
#include "bench/report/html.h"

#define BAD "\xef\xbf\xbd"

static void expect_text(const char *in, const char *out)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	html_text(f, in);
	fclose(f);
	assert_string_equal(text, out);
	free(text);
}

static void test_markup_is_text(void **state)
{
	(void)state;
	expect_text("<script>\"'&", "&lt;script&gt;&quot;&#39;&amp;");
	expect_text("", "");
	expect_text("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7");
}

static void test_bytes_of_no_character(void **state)
{
	(void)state;
	/* Alone, cut short by the end and by markup, overlong, a surrogate, beyond the last, no character. */
	expect_text("\x80\xff", BAD BAD);
	expect_text("\xe2\x82", BAD BAD);
	expect_text("\xc3<", BAD "&lt;");
	expect_text("\xc0\xbc", BAD BAD);
	expect_text("\xe0\x80\xbc", BAD BAD BAD);
	expect_text("\xed\xa0\x80", BAD BAD BAD);
	expect_text("\xf4\x90\x80\x80", BAD BAD BAD BAD);
	expect_text("\xef\xbf\xbf", BAD BAD BAD);
	/* Control characters, and those that turn the direction of text. */
	expect_text("\x01\x1b[31m\t\x7f", BAD BAD "[31m\t" BAD);
	expect_text("\xe2\x80\xae", BAD BAD BAD);
}

static void test_name_and_attribute(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	html_name(f, "a.b_<c");
	html_attr(f, "title", "\"><script>");
	html_value(f, NAN);
	html_value(f, 0.1);
	fclose(f);
	assert_string_equal(text, "a.<wbr/>b_<wbr/>&lt;c title=\"&quot;&gt;&lt;script&gt;\" data-value=\"null\" "
				  "data-value=\"0.1\"");
	free(text);
}

static void check_axis(double low, double high, bool log)
{
	double tick[TICKS_MAX];
	struct axis a;
	unsigned n;

	axis_make(&a, low, high, log, 300, 10);
	n = axis_ticks(&a, 5, tick);
	assert_in_range(n, 1, TICKS_MAX);
	for (unsigned i = 0; i < n; i++) {
		assert_true(tick[i] >= a.low && tick[i] <= a.high);
		assert_true(!i || tick[i] > tick[i - 1]);
		assert_true(axis_at(&a, tick[i]) >= 10 - 1e-6 && axis_at(&a, tick[i]) <= 300 + 1e-6);
	}
	/* Larger is higher. */
	assert_true(axis_at(&a, low) >= axis_at(&a, high));
	assert_true(axis_at(&a, high) >= 10 && axis_at(&a, low) <= 300);
}

static void test_axes(void **state)
{
	static const double ranges[][2] = { { 1, 1 },	  { 0, 0 },	 { 0, 1e-9 },	      { 999, 1001 },
					    { 5e4, 6e4 }, { 1, 1e13 },	 { 1e12, 1.0001e12 }, { -5, 5 },
					    { 20, 8000 }, { 0.93, 0.94 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		check_axis(ranges[i][0], ranges[i][1], false);
		check_axis(ranges[i][0], ranges[i][1], true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_markup_is_text),
		cmocka_unit_test(test_bytes_of_no_character),
		cmocka_unit_test(test_name_and_attribute),
		cmocka_unit_test(test_axes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
