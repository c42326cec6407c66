/* SPDX-License-Identifier: GPL-2.0-only */
/* Every table through iasl: disassembled and compiled again without a warning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kvm/acpi.h"

static uint8_t image[ACPI_SIZE];

static void build(unsigned cpus, unsigned devices, struct acpi_table *table, unsigned *n)
{
	struct acpi_device d[16];
	struct acpi_config cfg = { .cpus = cpus, .n_devices = devices, .device = d };

	for (unsigned i = 0; i < devices; i++)
		d[i] = (struct acpi_device){ 0xc0000000u + i * 0x1000, 0x1000, 5 + i };
	memset(image, 0, sizeof image);
	assert_true(acpi_build(image, sizeof image, &cfg, table, n) > 0);
}

static uint8_t sum(const uint8_t *p, size_t n)
{
	uint8_t s = 0;

	while (n--)
		s = (uint8_t)(s + *p++);
	return s;
}

static void checksums_are_zero(void **state)
{
	struct acpi_table t[8];
	unsigned n;

	build(254, 16, t, &n);
	assert_memory_equal(image, "RSD PTR ", 8);
	assert_int_equal(sum(image, 20), 0);
	assert_int_equal(sum(image, 36), 0);
	assert_int_equal(n, 4);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(sum(image + t[i].offset, t[i].length), 0);
}

static void too_little_room_is_an_error(void **state)
{
	struct acpi_config cfg = { .cpus = 254 };

	for (size_t size = 0; size < 2000; size += 13)
		assert_true(acpi_build(image, size, &cfg, NULL, NULL) < 0);
}

static void iasl_takes_every_table(void **state)
{
	static const unsigned cpus[] = { 1, 4, 254 };
	char dir[] = "/tmp/ktstr-acpi-XXXXXX", cmd[1024], path[256];

	if (system("iasl -v >/dev/null 2>&1")) {
		print_message("skipped: iasl is not installed\n");
		skip();
	}
	assert_non_null(mkdtemp(dir));
	for (unsigned c = 0; c < 3; c++) {
		struct acpi_table t[8];
		unsigned n;

		build(cpus[c], c * 8, t, &n);
		for (unsigned i = 0; i < n; i++) {
			FILE *f;

			snprintf(path, sizeof path, "%s/%s", dir, t[i].signature);
			snprintf(cmd, sizeof cmd, "%s.dat", path);
			f = fopen(cmd, "w");
			assert_int_equal(fwrite(image + t[i].offset, 1, t[i].length, f), t[i].length);
			fclose(f);
			snprintf(cmd, sizeof cmd,
				 "cd %s && iasl -p %s -d %s.dat >log 2>&1 && ! grep -iE 'error|warning|invalid' log && "
				 "iasl -p %s.again %s.dsl >log2 2>&1 && grep -q ' 0 Errors' log2 || { cat log log2; "
				 "exit 1; }",
				 dir, t[i].signature, t[i].signature, t[i].signature, t[i].signature);
			assert_int_equal(system(cmd), 0);
			if (!strcmp(t[i].signature, "DSDT")) {
				snprintf(cmd, sizeof cmd,
					 "cd %s && grep -q ' 0 Warnings' log2 && test $(grep -c LNRO0005 DSDT.dsl) = "
					 "%u && "
					 "grep -q PNP0501 DSDT.dsl || { cat log2; exit 1; }",
					 dir, c * 8);
				assert_int_equal(system(cmd), 0);
			}
		}
	}
	snprintf(cmd, sizeof cmd, "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksums_are_zero),
		cmocka_unit_test(too_little_room_is_an_error),
		cmocka_unit_test(iasl_takes_every_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
