/* SPDX-License-Identifier: GPL-2.0-only */
/* ELF files of both classes and byte orders, made here; and the same with each byte of their headers wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "bench/initramfs/elf.h"

#define FILE_SIZE 1024
#define AT_SEGMENTS 128
#define AT_DYNAMIC 256
#define AT_MODINFO 384
#define AT_NAMES 448
#define AT_SECTIONS 512

static char path[] = "/tmp/ktstr-elf-file-XXXXXX";
static const char modinfo[] = "license=GPL\0depends=a,b";
static const char names[] = "\0.modinfo\0.shstrtab";

struct maker {
	uint8_t data[FILE_SIZE];
	bool is_64, is_big;
	size_t at;
};

static void put(struct maker *m, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		m->data[m->at + (m->is_big ? len - 1 - i : i)] = (uint8_t)(value >> 8 * i);
	m->at += len;
}

/* Addresses, offsets and sizes are as wide as the class. */
static void put_wide(struct maker *m, uint64_t value)
{
	put(m, value, m->is_64 ? 8 : 4);
}

static void put_section(struct maker *m, uint32_t name, uint32_t type, uint64_t offset, uint64_t size)
{
	put(m, name, 4);
	put(m, type, 4);
	put_wide(m, 0);
	put_wide(m, 0);
	put_wide(m, offset);
	put_wide(m, size);
	put(m, 0, 8);
	put_wide(m, 1);
	put_wide(m, 0);
}

static void put_header(struct maker *m)
{
	const uint8_t ident[EI_NIDENT] = { 0x7f, 'E', 'L', 'F', m->is_64 ? 2 : 1, m->is_big ? 2 : 1, 1 };

	memcpy(m->data, ident, sizeof(ident));
	m->at = sizeof(ident);
	put(m, ET_DYN, 2);
	put(m, 0x1234, 2);
	put(m, 1, 4);
	put_wide(m, 0);
	put_wide(m, AT_SEGMENTS);
	put_wide(m, AT_SECTIONS);
	put(m, 0, 4);
	put(m, m->is_64 ? 64 : 52, 2);
	put(m, m->is_64 ? 56 : 32, 2);
	put(m, 1, 2);
	put(m, m->is_64 ? 64 : 40, 2);
	put(m, 3, 2);
	put(m, 2, 2);
}

static void make(struct maker *m, bool is_64, bool is_big)
{
	*m = (struct maker){ .is_64 = is_64, .is_big = is_big };
	put_header(m);
	m->at = AT_SEGMENTS;
	put(m, PT_DYNAMIC, 4);
	if (is_64)
		put(m, PF_R, 4);
	put_wide(m, AT_DYNAMIC);
	put_wide(m, 0x4000);
	put_wide(m, 0x4000);
	put_wide(m, is_64 ? 48 : 24);
	m->at = AT_DYNAMIC;
	put_wide(m, DT_NEEDED);
	put_wide(m, 77);
	put_wide(m, DT_NULL);
	memcpy(m->data + AT_MODINFO, modinfo, sizeof(modinfo));
	memcpy(m->data + AT_NAMES, names, sizeof(names));
	m->at = AT_SECTIONS;
	put_section(m, 0, SHT_NULL, 0, 0);
	put_section(m, 1, SHT_PROGBITS, AT_MODINFO, sizeof(modinfo));
	put_section(m, 10, SHT_STRTAB, AT_NAMES, sizeof(names));
}

static void write_out(const struct maker *m, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(m->data, 1, len, f), len);
	fclose(f);
}

static void both_classes_and_byte_orders_are_read(void **state)
{
	struct elf_segment segment;
	struct elf_dynamic dynamic;
	struct elf_file f;
	struct maker m;
	size_t len;
	char *data;
	int error;

	for (int kind = 0; kind < 4; kind++) {
		make(&m, kind & 1, kind & 2);
		write_out(&m, FILE_SIZE);
		assert_int_equal(elf_file_open(&f, path), 0);
		assert_int_equal(f.machine, 0x1234);
		assert_true(elf_file_segment(&f, 0, &segment));
		assert_int_equal(segment.type, PT_DYNAMIC);
		assert_int_equal(segment.offset, AT_DYNAMIC);
		assert_int_equal(segment.vaddr, 0x4000);
		assert_int_equal(segment.size, f.is_64 ? 48 : 24);
		assert_false(elf_file_segment(&f, 1, &segment));
		assert_true(elf_file_segment(&f, 0, &segment) && elf_file_dynamic(&f, &segment, 0, &dynamic));
		assert_int_equal(dynamic.tag, DT_NEEDED);
		assert_int_equal(dynamic.value, 77);
		assert_false(elf_file_dynamic(&f, &segment, 1, &dynamic));
		assert_false(elf_file_dynamic(&f, &segment, 3, &dynamic));
		data = elf_file_section(&f, ".modinfo", 1024, &len, &error);
		assert_non_null(data);
		assert_int_equal(len, sizeof(modinfo));
		assert_memory_equal(data, modinfo, sizeof(modinfo));
		free(data);
		assert_null(elf_file_section(&f, ".none", 1024, &len, &error));
		assert_int_equal(error, 0);
		assert_null(elf_file_section(&f, ".modinfo", 4, &len, &error));
		assert_int_equal(error, -ENOEXEC);
		elf_file_close(&f);
	}
}

/* Counts that do not fit into the header are those of section 0. */
static void large_counts_are_in_the_first_section(void **state)
{
	struct elf_file f;
	struct maker m;

	make(&m, true, false);
	m.at = offsetof(Elf64_Ehdr, e_phnum);
	put(&m, PN_XNUM, 2);
	m.at = offsetof(Elf64_Ehdr, e_shnum);
	put(&m, 0, 2);
	put(&m, SHN_XINDEX, 2);
	m.at = AT_SECTIONS + offsetof(Elf64_Shdr, sh_size);
	put(&m, 70000, 8);
	put(&m, 2, 4);
	put(&m, 66000, 4);
	write_out(&m, FILE_SIZE);
	assert_int_equal(elf_file_open(&f, path), 0);
	assert_int_equal(f.n_sections, 70000);
	assert_int_equal(f.n_segments, 66000);
	assert_int_equal(f.names, 2);
	elf_file_close(&f);
}

static void read_all(void)
{
	struct elf_segment segment;
	struct elf_dynamic dynamic;
	struct elf_file f;
	size_t len;
	int error;

	if (elf_file_open(&f, path))
		return;
	for (unsigned i = 0; elf_file_segment(&f, i, &segment); i++)
		for (uint64_t d = 0; elf_file_dynamic(&f, &segment, d, &dynamic); d++)
			;
	free(elf_file_section(&f, ".modinfo", 1024, &len, &error));
	elf_file_close(&f);
}

/* Any answer, in bounds. */
static void damaged_headers_do_no_harm(void **state)
{
	struct maker m;

	for (int kind = 0; kind < 4; kind++) {
		make(&m, kind & 1, kind & 2);
		for (size_t at = 0; at < AT_SECTIONS + 3 * 64; at++) {
			m.data[at] = (uint8_t)~m.data[at];
			write_out(&m, FILE_SIZE);
			read_all();
			m.data[at] = (uint8_t)~m.data[at];
		}
		for (size_t len = 0; len < FILE_SIZE; len += 7) {
			write_out(&m, len);
			read_all();
		}
	}
}

static void what_is_no_file_is_refused(void **state)
{
	struct elf_file f;

	assert_int_equal(elf_file_open(&f, "/nonexistent"), -ENOENT);
	assert_int_equal(elf_file_open(&f, "/etc"), -ENOEXEC);
	assert_int_equal(elf_file_open(&f, "/etc/passwd"), -ENOEXEC);
	assert_int_equal(f.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_classes_and_byte_orders_are_read),
		cmocka_unit_test(large_counts_are_in_the_first_section),
		cmocka_unit_test(damaged_headers_do_no_harm),
		cmocka_unit_test(what_is_no_file_is_refused),
	};
	int fd = mkstemp(path), failed;

	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
