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

#include "bench/spec/topology.h"
#include "kvm/acpi.h"

static uint8_t image[ACPI_SIZE];

static struct topology *flat(unsigned cpus)
{
	static struct topology t;
	char why[TOPOLOGY_WHY];

	assert_int_equal(topology_init(&t, 1, 1, cpus, 1, why), 0);
	assert_int_equal(topology_finish(&t, why), 0);
	assert_int_equal(topology_share_memory(&t, 1ull << 30, why), 0);
	return &t;
}

static void build(unsigned cpus, unsigned devices, struct acpi_table *table, unsigned *n)
{
	struct acpi_device d[16];
	struct acpi_config cfg = { .topology = flat(cpus), .n_devices = devices, .device = d };

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
	struct acpi_table t[ACPI_TABLES_MAX];
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
	struct acpi_config cfg = { .topology = flat(254) };

	for (size_t size = 0; size < 2000; size += 13)
		assert_true(acpi_build(image, size, &cfg, NULL, NULL) < 0);
}

static char dir[] = "/tmp/ktstr-acpi-XXXXXX";

/* One table to a file, disassembled, and its source compiled again. */
static void iasl_takes(const struct acpi_table *t)
{
	char cmd[1024], path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s.dat", dir, t->signature);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(image + t->offset, 1, t->length, f), t->length);
	fclose(f);
	snprintf(cmd, sizeof cmd,
		 "cd %s && iasl -p %s -d %s.dat >log 2>&1 && ! grep -iE 'error|warning|invalid|unknown' log && "
		 "! grep -iE 'invalid|unknown|warning' %s.dsl && "
		 "iasl -p %s.again %s.dsl >log2 2>&1 && grep -q ' 0 Errors' log2 || { cat log log2; exit 1; }",
		 dir, t->signature, t->signature, t->signature, t->signature, t->signature);
	if (system(cmd))
		fail_msg("iasl: %s", t->signature);
}

static void dsdt_has(unsigned devices)
{
	char cmd[512];

	snprintf(cmd, sizeof cmd,
		 "cd %s && grep -q ' 0 Warnings' log2 && test $(grep -c LNRO0005 DSDT.dsl) = %u && "
		 "grep -q PNP0501 DSDT.dsl || { cat log2; exit 1; }",
		 dir, devices);
	assert_int_equal(system(cmd), 0);
}

static void need_iasl(void)
{
	if (!system("iasl -v >/dev/null 2>&1"))
		return;
	print_message("skipped: iasl is not installed\n");
	skip();
}

static int in_directory(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int out_of_directory(void **state)
{
	char cmd[64];

	snprintf(cmd, sizeof cmd, "rm -r %s", dir);
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	return system(cmd);
}

static void iasl_takes_every_table(void **state)
{
	static const unsigned cpus[] = { 1, 4, 254 };

	need_iasl();
	for (unsigned c = 0; c < 3; c++) {
		struct acpi_table t[ACPI_TABLES_MAX];
		unsigned n;

		build(cpus[c], c * 8, t, &n);
		for (unsigned i = 0; i < n; i++) {
			iasl_takes(&t[i]);
			if (!strcmp(t[i].signature, "DSDT"))
				dsdt_has(c * 8);
		}
	}
}

static void iasl_takes_the_tables_of_every_preset(void **state)
{
	struct acpi_table table[ACPI_TABLES_MAX];
	static struct topology t;
	char why[TOPOLOGY_WHY];

	need_iasl();
	for (const struct topology_preset *p = topology_presets; p->name; p++) {
		struct acpi_config cfg = { .topology = &t };
		unsigned n, numa = 0;

		assert_int_equal(topology_parse(p->shape, &t, why), 0);
		assert_int_equal(topology_share_memory(&t, 5ull << 30, why), 0);
		memset(image, 0, sizeof image);
		assert_true(acpi_build(image, sizeof image, &cfg, table, &n) > 0);
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(sum(image + table[i].offset, table[i].length), 0);
			numa += !strcmp(table[i].signature, "SRAT") || !strcmp(table[i].signature, "SLIT") ||
				!strcmp(table[i].signature, "HMAT");
			/* The rest does not depend on the shape. */
			if (strcmp(table[i].signature, "DSDT") != 0 && strcmp(table[i].signature, "FACP") != 0)
				iasl_takes(&table[i]);
		}
		assert_int_equal(numa, t.n_nodes > 1 ? 3 : 0);
	}
}

/* What the guest reads, byte by byte: entries of CPUs beyond 8 bits, nodes, distances. */
static void entries_say_what_the_topology_says(void **state)
{
	struct acpi_table table[ACPI_TABLES_MAX];
	static struct topology t;
	struct acpi_config cfg = { .topology = &t };
	unsigned n, lapics = 0, x2apics = 0, srat_cpus = 0, distances = 0;
	char why[TOPOLOGY_WHY];
	uint64_t memory = 0;

	assert_int_equal(topology_parse("3n14l9c2t:llcs=7,7,0:dist=31", &t, why), 0);
	assert_int_equal(topology_share_memory(&t, 5ull << 30, why), 0);
	assert_true(acpi_build(image, sizeof image, &cfg, table, &n) > 0);
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *p = image + table[i].offset, *end = p + table[i].length;
		bool madt = !strcmp(table[i].signature, "APIC"), srat = !strcmp(table[i].signature, "SRAT");
		uint64_t size;

		if (!strcmp(table[i].signature, "SLIT"))
			for (const uint8_t *d = p + 44; d < end; d++)
				distances += *d;
		for (p += srat ? 48 : 44; (madt || srat) && p < end; p += p[1]) {
			assert_true(p[1] >= 6);
			lapics += madt && p[0] == 0;
			x2apics += madt && p[0] == 9;
			srat_cpus += srat && (p[0] == 0 || p[0] == 2);
			if (srat && p[0] == 1) {
				memcpy(&size, p + 16, 8);
				memory += size;
			}
		}
	}
	assert_int_equal(lapics + x2apics, 252);
	assert_true(x2apics > 0 && lapics > 0);
	assert_int_equal(srat_cpus, 252);
	assert_int_equal(distances, 3 * 10 + 6 * 31);
	assert_int_equal(memory, 5ull << 30);
}

/* The memory-side cache as the guest reads it (ACPI 6.5, 5.2.29.5): size, one level, direct-mapped, write-back, 64
 * bytes */
static void memory_side_cache(void **state)
{
	struct acpi_table table[ACPI_TABLES_MAX];
	static struct topology t;
	struct acpi_config cfg = { .topology = &t };
	char why[TOPOLOGY_WHY];
	unsigned n, caches = 0;

	assert_int_equal(topology_parse("2n1l2c2t:llcs=1,0:cache=0,1G", &t, why), 0);
	assert_int_equal(topology_share_memory(&t, 4ull << 30, why), 0);
	assert_true(acpi_build(image, sizeof image, &cfg, table, &n) > 0);
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *p = image + table[i].offset + 40, *end = image + table[i].offset + table[i].length;
		uint32_t length, attributes;
		uint64_t size;

		for (; !strcmp(table[i].signature, "HMAT") && p < end; p += length) {
			memcpy(&length, p + 4, 4);
			assert_true(length >= 8);
			if (p[0] != 2)
				continue;
			memcpy(&size, p + 16, 8);
			memcpy(&attributes, p + 24, 4);
			assert_int_equal(size, 1ull << 30);
			assert_int_equal(attributes & 0xf, 1);
			assert_int_equal(attributes >> 8 & 0xf, 1);
			assert_int_equal(attributes >> 12 & 0xf, 1);
			assert_int_equal(attributes >> 16, 64);
			caches++;
		}
	}
	assert_int_equal(caches, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksums_are_zero),
		cmocka_unit_test(too_little_room_is_an_error),
		cmocka_unit_test(entries_say_what_the_topology_says),
		cmocka_unit_test(memory_side_cache),
		cmocka_unit_test_setup_teardown(iasl_takes_every_table, in_directory, out_of_directory),
		cmocka_unit_test_setup_teardown(iasl_takes_the_tables_of_every_preset, in_directory, out_of_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
