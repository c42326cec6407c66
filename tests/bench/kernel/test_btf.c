/* SPDX-License-Identifier: GPL-2.0-only */
/* Which kfuncs of sched_ext a kernel's BTF lacks: small ELF kernels, whose BTF libbpf writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/btf.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/kernel/btf.h"

static struct btf *btf;
static int u64, aux, prog_aux_const;
static uint32_t ids[16];
static unsigned n_ids;

static int begin(void **state)
{
	btf = btf__new_empty();
	u64 = btf__add_int(btf, "u64", 8, 0);
	aux = btf__add_struct(btf, "bpf_prog_aux", 0);
	prog_aux_const = btf__add_const(btf, aux);
	aux = btf__add_ptr(btf, prog_aux_const);
	n_ids = 0;
	return 0;
}

static int end(void **state)
{
	btf__free(btf);
	return 0;
}

/* A function of @n numbers, and of a struct bpf_prog_aux * if @with_aux. */
static void add_function(const char *name, unsigned n, bool with_aux, bool registered)
{
	int proto = btf__add_func_proto(btf, u64), id;

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(btf__add_func_param(btf, "n", u64), 0);
	if (with_aux)
		assert_int_equal(btf__add_func_param(btf, "aux", aux), 0);
	id = btf__add_func(btf, name, BTF_FUNC_GLOBAL, proto);
	assert_true(id > 0);
	if (registered)
		ids[n_ids++] = (uint32_t)id;
}

/* An ELF with .BTF and .BTF_ids, from malloc(). */
static uint8_t *image(uint16_t machine, const void *raw, uint32_t raw_size, size_t *size)
{
	static const char names[] = "\0.BTF\0.BTF_ids\0.shstrtab";
	Elf64_Ehdr h = { .e_type = ET_EXEC,
			 .e_machine = machine,
			 .e_version = EV_CURRENT,
			 .e_ehsize = sizeof(h),
			 .e_shentsize = sizeof(Elf64_Shdr),
			 .e_shnum = 4,
			 .e_shstrndx = 3,
			 .e_shoff = sizeof(h) };
	size_t at = sizeof(h) + 4 * sizeof(Elf64_Shdr);
	Elf64_Shdr s[4] = {
		{ 0 },
		{ .sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = at, .sh_size = raw_size },
		{ .sh_name = 6, .sh_type = SHT_PROGBITS, .sh_offset = at + raw_size, .sh_size = n_ids * 4 },
		{ .sh_name = 15,
		  .sh_type = SHT_STRTAB,
		  .sh_offset = at + raw_size + n_ids * 4,
		  .sh_size = sizeof(names) },
	};
	uint8_t *elf;

	memcpy(h.e_ident, ELFMAG, SELFMAG);
	h.e_ident[EI_CLASS] = ELFCLASS64;
	h.e_ident[EI_DATA] = ELFDATA2LSB;
	h.e_ident[EI_VERSION] = EV_CURRENT;
	*size = s[3].sh_offset + s[3].sh_size;
	elf = calloc(1, *size);
	assert_non_null(elf);
	memcpy(elf, &h, sizeof(h));
	memcpy(elf + sizeof(h), s, sizeof(s));
	memcpy(elf + at, raw, raw_size);
	memcpy(elf + at + raw_size, ids, n_ids * 4);
	memcpy(elf + s[3].sh_offset, names, sizeof(names));
	return elf;
}

static int look_at(const void *elf, size_t size, struct kernel_btf_scx *found)
{
	int fd = memfd_create("elf", MFD_CLOEXEC), rc;
	char path[32];

	assert_true(fd >= 0);
	assert_int_equal(write(fd, elf, size), size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rc = kernel_btf_scx(path, found);
	close(fd);
	return rc;
}

static int look(struct kernel_btf_scx *found)
{
	const void *raw;
	uint32_t len;
	uint8_t *elf;
	size_t size;
	int rc;

	raw = btf__raw_data(btf, &len);
	assert_non_null(raw);
	elf = image(EM_X86_64, raw, len, &size);
	rc = look_at(elf, size, found);
	free(elf);
	return rc;
}

static void complete(void **state)
{
	struct kernel_btf_scx found;

	add_function("scx_bpf_create_dsq", 2, false, true);
	add_function("scx_bpf_create_dsq_impl", 2, true, false);
	add_function("scx_bpf_now", 0, false, true);
	add_function("schedule", 0, false, false);
	assert_int_equal(look(&found), 0);
	assert_int_equal(found.kfuncs, 2);
	assert_int_equal(found.lacking, 0);
	assert_string_equal(found.first, "");
}

/* As in Debian's 7.2.12: the function still has the argument that the kernel passes, and there is no second one. */
static void a_kfunc_that_was_not_split(void **state)
{
	struct kernel_btf_scx found;

	add_function("scx_bpf_kick_cpu", 2, true, true);
	add_function("scx_bpf_create_dsq", 2, true, true);
	add_function("__scx_bpf_select_cpu_and", 2, false, true);
	add_function("__scx_bpf_select_cpu_and_impl", 2, true, false);
	/* Not for programs: it is registered nowhere. */
	add_function("scx_bpf_helper", 1, true, false);
	assert_int_equal(look(&found), 0);
	assert_int_equal(found.kfuncs, 3);
	assert_int_equal(found.lacking, 2);
	assert_string_equal(found.first, "scx_bpf_create_dsq");
}

static void no_sched_ext(void **state)
{
	struct kernel_btf_scx found;

	add_function("schedule", 0, false, false);
	assert_int_equal(look(&found), 0);
	assert_int_equal(found.kfuncs, 0);
}

/* All kinds of types are stepped over. */
static void other_kinds(void **state)
{
	struct kernel_btf_scx found;

	btf__add_array(btf, u64, u64, 3);
	btf__add_struct(btf, "s", 16);
	btf__add_field(btf, "a", u64, 0, 0);
	btf__add_field(btf, "b", u64, 64, 0);
	btf__add_union(btf, "u", 8);
	btf__add_field(btf, "a", u64, 0, 0);
	btf__add_enum(btf, "e", 4);
	btf__add_enum_value(btf, "one", 1);
	btf__add_enum64(btf, "e64", 8, false);
	btf__add_enum64_value(btf, "two", 2);
	btf__add_fwd(btf, "f", BTF_FWD_STRUCT);
	btf__add_typedef(btf, "t", u64);
	btf__add_volatile(btf, u64);
	btf__add_restrict(btf, u64);
	btf__add_float(btf, "double", 8);
	btf__add_type_tag(btf, "tag", u64);
	btf__add_var(btf, "v", BTF_VAR_STATIC, u64);
	btf__add_datasec(btf, ".data", 8);
	btf__add_datasec_var_info(btf, u64, 0, 8);
	btf__add_decl_tag(btf, "decl", u64, -1);
	add_function("scx_bpf_create_dsq", 2, true, true);
	assert_int_equal(look(&found), 0);
	assert_int_equal(found.lacking, 1);
}

static void what_is_not_known_is_no_answer(void **state)
{
	struct kernel_btf_scx found;
	const void *raw;
	uint8_t *elf, *copy;
	uint32_t len, off;
	size_t size;

	add_function("scx_bpf_create_dsq", 2, true, true);
	raw = btf__raw_data(btf, &len);
	copy = malloc(len);
	assert_non_null(copy);
	memcpy(copy, raw, len);
	/* Another machine's kernel. */
	elf = image(EM_AARCH64, copy, len, &size);
	assert_int_equal(look_at(elf, size, &found), -EBADMSG);
	free(elf);
	/* A kind to come: 31. */
	off = ((const struct btf_header *)(const void *)copy)->hdr_len;
	copy[off + 7] = 31;
	elf = image(EM_X86_64, copy, len, &size);
	assert_int_equal(look_at(elf, size, &found), -EBADMSG);
	free(elf);
	free(copy);
	assert_int_equal(look_at("#!/bin/sh", 9, &found), -EBADMSG);
}

/* Cut anywhere, and each byte damaged: an answer or none, no access outside (the sanitizers watch). */
static void damaged(void **state)
{
	struct kernel_btf_scx found;
	const void *raw;
	uint8_t *elf;
	uint32_t len;
	size_t size;

	add_function("scx_bpf_create_dsq", 2, true, true);
	add_function("scx_bpf_create_dsq_impl", 2, true, false);
	add_function("scx_bpf_kick_cpu", 2, true, true);
	raw = btf__raw_data(btf, &len);
	elf = image(EM_X86_64, raw, len, &size);
	for (size_t n = 1; n < size; n++)
		look_at(elf, n, &found);
	for (size_t i = 0; i < size; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			elf[i] ^= (uint8_t)(1u << bit);
			look_at(elf, size, &found);
			elf[i] ^= (uint8_t)(1u << bit);
		}
	free(elf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(complete, begin, end),
		cmocka_unit_test_setup_teardown(a_kfunc_that_was_not_split, begin, end),
		cmocka_unit_test_setup_teardown(no_sched_ext, begin, end),
		cmocka_unit_test_setup_teardown(other_kinds, begin, end),
		cmocka_unit_test_setup_teardown(what_is_not_known_is_no_answer, begin, end),
		cmocka_unit_test_setup_teardown(damaged, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
