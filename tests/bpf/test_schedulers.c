/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The embedded schedulers, as far as that goes without a kernel that would
 * load them: each opens, has its parts, and fits the BTF of the guest's kernel
 * by every name, type and count of arguments that libbpf will look up there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/schedulers.h"
#include "bpf/scx_exit.h"

static struct btf *kernel; /* NULL: none to be had */

static struct bpf_object *object_open(const struct scheduler_object *o)
{
	struct bpf_object *obj = bpf_object__open_mem(o->elf, o->size, NULL);

	assert_non_null(obj);
	return obj;
}

static void names(void **state)
{
	static const char *const wanted[] = { "fifo", "wrr", "stall" };
	const struct scheduler_object *o = scheduler_objects;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++, o++)
		assert_string_equal(o->name, wanted[i]);
	assert_null(o->name);
}

static void parts(void **state)
{
	for (const struct scheduler_object *o = scheduler_objects; o->name; o++) {
		struct bpf_object *obj = object_open(o);
		struct bpf_program *prog;
		struct bpf_map *map;
		unsigned ops = 0, programs = 0;

		bpf_object__for_each_map(map, obj) ops += bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS;
		assert_int_equal(ops, 1);
		map = bpf_object__find_map_by_name(obj, SCX_EXIT_RING);
		assert_non_null(map);
		assert_int_equal(bpf_map__type(map), BPF_MAP_TYPE_RINGBUF);
		/* A record and its header fit: else no reason would ever come. */
		assert_true(bpf_map__max_entries(map) >= sizeof(struct scx_exit_record) + 8);
		bpf_object__for_each_program(prog, obj)
		{
			assert_int_equal(bpf_program__type(prog), BPF_PROG_TYPE_STRUCT_OPS);
			programs++;
		}
		assert_true(programs >= 3);
		assert_non_null(bpf_object__find_program_by_name(obj, "scheduler_exit"));
		bpf_object__close(obj);
	}
}

/* The name that a scheduler gives itself: char name[128] in the variable "scheduler" of .struct_ops. */
static void ops_names(void **state)
{
	char name[160];

	for (const struct scheduler_object *o = scheduler_objects; o->name; o++) {
		size_t len = (size_t)snprintf(name, sizeof(name), "ktstr_%s", o->name) + 1;

		assert_non_null(memmem(o->elf, o->size, name, len));
	}
}

/* --- against the kernel ----------------------------------------------------- */

static bool same_kind(const struct btf *a, int a_id, const struct btf *b, int b_id)
{
	const struct btf_type *x = btf__type_by_id(a, (unsigned)btf__resolve_type(a, (unsigned)a_id));
	const struct btf_type *y = btf__type_by_id(b, (unsigned)btf__resolve_type(b, (unsigned)b_id));

	if (!a_id || !b_id)
		return a_id == b_id;
	if (btf_is_any_enum(x) && btf_is_any_enum(y))
		return true;
	if (btf_is_int(x) && btf_is_int(y))
		return x->size == y->size;
	return btf_kind(x) == btf_kind(y);
}

static void check_function(const struct btf *local, const struct btf_type *f)
{
	const char *name = btf__name_by_offset(local, f->name_off);
	int id = btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC);
	const struct btf_type *ours = btf__type_by_id(local, f->type), *theirs;

	/* Two names of one function: a kernel has the one or the other. */
	if (id < 0 && !strcmp(name, "scx_bpf_dispatch"))
		id = btf__find_by_name_kind(kernel, name = "scx_bpf_dsq_insert", BTF_KIND_FUNC);
	if (id < 0)
		fail_msg("the kernel has no %s", name);
	theirs = btf__type_by_id(kernel, btf__type_by_id(kernel, (unsigned)id)->type);
	if (btf_vlen(ours) != btf_vlen(theirs))
		fail_msg("%s: %u arguments, the kernel's has %u", name, btf_vlen(ours), btf_vlen(theirs));
	for (unsigned i = 0; i < btf_vlen(ours); i++)
		if (!same_kind(local, (int)btf_params(ours)[i].type, kernel, (int)btf_params(theirs)[i].type))
			fail_msg("%s: argument %u is of another kind than the kernel's", name, i);
	if (!same_kind(local, (int)ours->type, kernel, (int)theirs->type))
		fail_msg("%s: returns another kind than the kernel's", name);
}

static void check_struct(const struct btf *local, const char *name)
{
	int ours = btf__find_by_name_kind(local, name, BTF_KIND_STRUCT), id;
	const struct btf_type *a, *b;

	id = btf__find_by_name_kind(kernel, name, BTF_KIND_STRUCT);
	if (ours < 0)
		return;
	if (id < 0)
		fail_msg("the kernel has no struct %s", name);
	a = btf__type_by_id(local, (unsigned)ours);
	b = btf__type_by_id(kernel, (unsigned)id);
	for (unsigned i = 0; i < btf_vlen(a); i++) {
		const struct btf_member *m = &btf_members(a)[i];
		const char *member = btf__name_by_offset(local, m->name_off);
		unsigned j = 0;

		while (j < btf_vlen(b) && strcmp(btf__name_by_offset(kernel, btf_members(b)[j].name_off), member))
			j++;
		if (j == btf_vlen(b))
			fail_msg("the kernel's struct %s has no %s", name, member);
		if (!same_kind(local, (int)m->type, kernel, (int)btf_members(b)[j].type))
			fail_msg("struct %s: %s is of another kind than the kernel's", name, member);
	}
}

/* As compiled: libbpf makes its own of the BTF of an object that it opens. */
static struct btf *object_btf(const struct scheduler_object *o)
{
	int fd = memfd_create(o->name, MFD_CLOEXEC);
	struct btf *btf;
	char path[32];

	assert_true(fd >= 0);
	assert_int_equal(write(fd, o->elf, o->size), o->size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	btf = btf__parse(path, NULL);
	assert_non_null(btf);
	close(fd);
	return btf;
}

static void fits_kernel(void **state)
{
	static const char *const structs[] = { "sched_ext_ops", "task_struct", "sched_ext_entity", "scx_exit_info" };

	if (!kernel)
		skip();
	for (const struct scheduler_object *o = scheduler_objects; o->name; o++) {
		struct btf *local = object_btf(o);
		unsigned functions = 0;

		for (size_t i = 0; i < sizeof(structs) / sizeof(*structs); i++)
			check_struct(local, structs[i]);
		for (unsigned i = 1; i < btf__type_cnt(local); i++) {
			const struct btf_type *t = btf__type_by_id(local, i);

			if (!btf_is_func(t) || btf_vlen(t) != BTF_FUNC_EXTERN)
				continue;
			check_function(local, t);
			functions++;
		}
		assert_true(functions >= 1);
		btf__free(local);
	}
}

/* @ktstr extracts it from the kernel in the cache. */
static struct btf *kernel_btf(const char *ktstr)
{
	char path[] = "/tmp/ktstr-btf-XXXXXX", command[4096];
	struct btf *btf = NULL;
	int fd = mkstemp(path);

	if (fd < 0)
		return NULL;
	close(fd);
	snprintf(command, sizeof(command), "'%s' kernel vmlinux default %s", ktstr, path);
	if (!system(command))
		btf = btf__parse(path, NULL);
	unlink(path);
	return btf;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(parts),
		cmocka_unit_test(ops_names),
		cmocka_unit_test(fits_kernel),
	};
	int rc;

	kernel = argc > 1 ? kernel_btf(argv[1]) : NULL;
	if (!kernel)
		fprintf(stderr, "no default kernel in the cache: what needs its BTF is skipped; bench/kernel/fetch "
				"kernel default\n");
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	btf__free(kernel);
	return rc;
}
