/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of a kernel's addresses: small ELF kernels with the tables of kallsyms as Linux 6.1 to 7 lay them out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/kernel/kallsyms.h"
#include "bench/kernel/symbols.h"

#define TEXT 0xffffffff81000000ull
#define PHYSICAL 0x1000000ull
#define FILE_AT 0x1000u
#define N 1100u	   /* symbols */
#define PER_CPU 3u /* of them, with addresses from 0 on */
#define ROOM (256u << 10)

enum layout { LINUX_6_1, LINUX_6_12, LINUX_6_16, LINUX_7 };

static uint8_t image[ROOM];
static size_t used;
static char tokens[256][8];

static void put(uint64_t value, unsigned bytes)
{
	memcpy(image + used, &value, bytes);
	used += bytes;
}

static void align(unsigned to)
{
	while (used % to)
		image[used++] = 0;
}

/* Linux 7 has no per-CPU symbols apart. */
static uint64_t address(enum layout l, unsigned i)
{
	if (l < LINUX_6_16 && i < PER_CPU)
		return i * 0x1000;
	return TEXT + (l < LINUX_6_16 ? i - PER_CPU : i) * 0x40ull;
}

static void name(enum layout l, unsigned i, char *text)
{
	unsigned first = l < LINUX_6_16 ? PER_CPU : 0;

	sprintf(text, i < first ? "Aper_cpu_%u" : i == first ? "T_text" : i % 10 ? "tfunction_%u" : "ddata_%u", i);
}

static void put_offsets(enum layout l)
{
	align(8);
	for (unsigned i = 0; i < N; i++) {
		uint64_t at = address(l, i);

		if (l == LINUX_7)
			put(at - (TEXT + used - FILE_AT), 4);
		else if (l == LINUX_6_16)
			put(at - TEXT, 4);
		else
			put(at < TEXT ? at : TEXT - 1 - at, 4);
	}
	align(8);
	if (l != LINUX_7)
		put(TEXT, 8);
}

static void put_names(enum layout l)
{
	size_t marker[(N + 255) / 256], from;
	char text[64];

	align(8);
	put(N, 4);
	align(8);
	from = used;
	for (unsigned i = 0; i < N; i++) {
		if (i % 256 == 0)
			marker[i / 256] = used - from;
		name(l, i, text);
		/* As two bytes, as those of more than 127 are; and a token of several letters. */
		if (i == 7) {
			put(0x80 | 1, 1);
			put(0, 1);
			put(1, 1);
			continue;
		}
		put(strlen(text), 1);
		for (const char *p = text; *p; p++)
			put((uint8_t)*p, 1);
	}
	align(4);
	for (unsigned i = 0; i < sizeof(marker) / sizeof(*marker); i++)
		put(marker[i], 4);
	/* The order of the names. */
	if (l == LINUX_6_1)
		for (unsigned i = 0; i < N; i++)
			put(i, 3);
	align(8);
}

static void put_tokens(void)
{
	uint16_t index[256];
	size_t from = used;

	for (unsigned i = 0; i < 256; i++) {
		index[i] = (uint16_t)(used - from);
		memcpy(image + used, tokens[i], strlen(tokens[i]) + 1);
		used += strlen(tokens[i]) + 1;
	}
	align(8);
	memcpy(image + used, index, sizeof(index));
	used += sizeof(index);
}

static void make(enum layout l)
{
	Elf64_Ehdr eh = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64 },
			  .e_machine = EM_X86_64,
			  .e_phoff = sizeof(eh),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 1 };
	Elf64_Phdr ph = {
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = FILE_AT, .p_vaddr = TEXT, .p_paddr = PHYSICAL
	};

	memset(image, 0, sizeof(image));
	for (unsigned i = 0; i < 256; i++)
		snprintf(tokens[i], sizeof(tokens[i]), i > 32 && i < 127 ? "%c" : "q%u", i);
	strcpy(tokens[1], "tseven");
	used = FILE_AT + 0x2000;
	if (l == LINUX_6_1)
		put_offsets(l);
	put_names(l);
	put_tokens();
	if (l != LINUX_6_1)
		put_offsets(l);
	ph.p_filesz = used - FILE_AT;
	ph.p_memsz = N * 0x40 > ph.p_filesz ? N * 0x40 : ph.p_filesz;
	memcpy(image, &eh, sizeof(eh));
	memcpy(image + sizeof(eh), &ph, sizeof(ph));
}

struct seen {
	enum layout l;
	unsigned n, wrong;
};

static int see(void *ctx, uint64_t at, char type, const char *text)
{
	struct seen *s = ctx;
	char want[64];

	name(s->l, s->n, want);
	if (s->n == 7)
		strcpy(want, "tseven");
	s->wrong += at != address(s->l, s->n) || type != *want || strcmp(text, want + 1);
	s->n++;
	return 0;
}

static void test_each_layout_gives_all_names_and_addresses(void **state)
{
	for (enum layout l = LINUX_6_1; l <= LINUX_7; l++) {
		struct seen s = { .l = l };

		make(l);
		assert_int_equal(kallsyms_read(image, used, see, &s), 0);
		assert_int_equal(s.n, N);
		assert_int_equal(s.wrong, 0);
	}
}

static int count(void *ctx, uint64_t at, char type, const char *text)
{
	++*(unsigned *)ctx;
	return 0;
}

/* What is cut off or overwritten gives none or other names, and nothing is read beyond the file. */
static void test_damage_does_no_harm(void **state)
{
	unsigned n = 0;

	srand(1);
	for (unsigned i = 0; i < 300; i++) {
		size_t size;
		uint8_t *copy;

		make((enum layout)(i % 4));
		size = i % 3 ? used : (size_t)rand() % used;
		/* Of its own size, for AddressSanitizer. */
		copy = malloc(size ? size : 1);
		memcpy(copy, image, size);
		for (unsigned k = 0; size && k < i % 7; k++)
			copy[(size_t)rand() % size] = (uint8_t)rand();
		kallsyms_read(copy, size, count, &n);
		free(copy);
	}
	assert_int_equal(kallsyms_read(image, 0, count, &n), -ENOENT);
}

static char dir[] = "/tmp/ktstr-symbols-XXXXXX", kernel[64], map[64];

static void write_file(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	fclose(f);
}

static void check_names(const char *of_text)
{
	struct kernel_symbols *s = kernel_symbols_open(kernel, NULL);
	char text[192], want[64];

	assert_non_null(s);
	assert_true(kernel_symbol_at(s, TEXT + 0x12, text, sizeof(text)));
	sprintf(want, "%s+0x12/0x40", of_text);
	assert_string_equal(text, want);
	/* Before there are page tables. */
	assert_true(kernel_symbol_at(s, PHYSICAL + 0x12, text, sizeof(text)));
	sprintf(want, "%s+0x12/0x40 (physical)", of_text);
	assert_string_equal(text, want);
	assert_false(kernel_symbol_at(s, TEXT + 10 * 0x40, text, sizeof(text)));
	assert_false(kernel_symbol_at(s, TEXT + (1ull << 30), text, sizeof(text)));
	assert_string_equal(text, "");
	kernel_symbols_close(s);
	assert_false(kernel_symbol_at(NULL, TEXT, text, sizeof(text)));
}

static void test_a_System_map_goes_before_the_ELF_but_not_one_that_only_says_where_it_is(void **state)
{
	static const char stub[] =
		"ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n";
	char lines[512];

	assert_non_null(mkdtemp(dir));
	sprintf(kernel, "%s/vmlinux", dir);
	sprintf(map, "%s/System.map", dir);
	make(LINUX_7);
	write_file(kernel, image, used);
	check_names("_text");
	write_file(map, stub, strlen(stub));
	check_names("_text");
	sprintf(lines, "%llx T of_the_map\n%llx t more\n%llx d data\n%llx T last\n", TEXT, TEXT + 0x40, TEXT + 0x240,
		TEXT + 0x40000);
	write_file(map, lines, strlen(lines));
	check_names("of_the_map");
	unlink(map);
	/* Neither. */
	write_file(kernel, "\177ELF", 4);
	assert_null(kernel_symbols_open(kernel, NULL));
	unlink(kernel);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_layout_gives_all_names_and_addresses),
		cmocka_unit_test(test_damage_does_no_harm),
		cmocka_unit_test(test_a_System_map_goes_before_the_ELF_but_not_one_that_only_says_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
