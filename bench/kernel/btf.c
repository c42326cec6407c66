/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads only what is needed, so that the set of readable kernels does not depend on the version of a library. */

#include "bench/kernel/btf.h"

#include <elf.h>
#include <errno.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/initramfs/elf.h"

#define KIND_ENUM64 19 /* BTF_KIND_ENUM64, which older headers lack */
#define SECTION_MAX (64u << 20)
#define HOPS_MAX 16 /* from a pointer through const and typedef to its struct */

struct section {
	uint8_t *data;
	size_t size;
};

struct btf {
	const uint8_t *types;
	const char *strings;
	size_t types_len, strings_len;
	uint32_t *at; /* offset of each type in @types; [0] is void */
	uint32_t n;
	struct section ids; /* .BTF_ids: the kfuncs that are registered are among them */
};

static struct btf_type type_at(const struct btf *b, uint32_t id)
{
	struct btf_type t = { 0 };

	if (id && id < b->n)
		memcpy(&t, b->types + b->at[id], sizeof(t));
	return t;
}

static const char *name_at(const struct btf *b, uint32_t at)
{
	return at < b->strings_len ? b->strings + at : "";
}

/* The size of what follows a struct btf_type. SIZE_MAX: an unknown kind. */
static size_t trailing_size(const struct btf_type *t)
{
	size_t n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * sizeof(struct btf_enum);
	case BTF_KIND_FUNC_PROTO:
		return n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return n * sizeof(struct btf_var_secinfo);
	case KIND_ENUM64:
		return n * 12;
	default:
		return SIZE_MAX;
	}
}

static int index_types(struct btf *b)
{
	size_t at = 0, rest;
	struct btf_type t;

	b->at = calloc(b->types_len / sizeof(t) + 2, sizeof(*b->at));
	if (!b->at)
		return -ENOMEM;
	for (b->n = 1; at < b->types_len; b->n++) {
		if (b->types_len - at < sizeof(t))
			return -EBADMSG;
		memcpy(&t, b->types + at, sizeof(t));
		b->at[b->n] = (uint32_t)at;
		at += sizeof(t);
		rest = trailing_size(&t);
		if (rest > b->types_len - at)
			return -EBADMSG;
		at += rest;
	}
	return 0;
}

static int btf_open(struct btf *b, struct section s)
{
	struct btf_header h;

	if (s.size < sizeof(h))
		return -EBADMSG;
	memcpy(&h, s.data, sizeof(h));
	if (h.magic != BTF_MAGIC || h.hdr_len < sizeof(h) || h.hdr_len > s.size)
		return -EBADMSG;
	s.data += h.hdr_len;
	s.size -= h.hdr_len;
	if (h.type_off > s.size || h.type_len > s.size - h.type_off || h.str_off > s.size || !h.str_len ||
	    h.str_len > s.size - h.str_off || s.data[h.str_off + h.str_len - 1])
		return -EBADMSG;
	b->types = s.data + h.type_off;
	b->types_len = h.type_len;
	b->strings = (const char *)s.data + h.str_off;
	b->strings_len = h.str_len;
	return index_types(b);
}

static bool ends_in_impl(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && !strcmp(name + n - 5, "_impl");
}

static bool is_scx(const char *name)
{
	return !strncmp(name + strspn(name, "_"), "scx_bpf_", 8);
}

/* Whether the last argument of function @id is a struct bpf_prog_aux *. */
static bool takes_aux(const struct btf *b, const struct btf_type *function)
{
	struct btf_type proto = type_at(b, function->type), t;
	uint32_t n = BTF_INFO_VLEN(proto.info);
	struct btf_param last;
	bool pointer = false;

	if (BTF_INFO_KIND(proto.info) != BTF_KIND_FUNC_PROTO || !n)
		return false;
	memcpy(&last, b->types + b->at[function->type] + sizeof(proto) + (n - 1) * sizeof(last), sizeof(last));
	t = type_at(b, last.type);
	for (unsigned hop = 0; hop < HOPS_MAX; hop++) {
		switch (BTF_INFO_KIND(t.info)) {
		case BTF_KIND_PTR:
			pointer = true;
			break;
		case BTF_KIND_TYPEDEF:
		case BTF_KIND_CONST:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_RESTRICT:
		case BTF_KIND_TYPE_TAG:
			break;
		default:
			return pointer && !strcmp(name_at(b, t.name_off), "bpf_prog_aux");
		}
		t = type_at(b, t.type);
	}
	return false;
}

static bool is_registered(const struct btf *b, uint32_t id)
{
	uint32_t one;

	for (size_t at = 0; at + sizeof(one) <= b->ids.size; at += sizeof(one)) {
		memcpy(&one, b->ids.data + at, sizeof(one));
		if (one == id)
			return true;
	}
	return !b->ids.size;
}

static bool has_impl(const struct btf *b, const char *name)
{
	size_t n = strlen(name);

	for (uint32_t id = 1; id < b->n; id++) {
		struct btf_type t = type_at(b, id);
		const char *other = name_at(b, t.name_off);

		if (BTF_INFO_KIND(t.info) == BTF_KIND_FUNC && !strncmp(other, name, n) && !strcmp(other + n, "_impl"))
			return true;
	}
	return false;
}

static void count_kfuncs(const struct btf *b, struct kernel_btf_scx *out)
{
	for (uint32_t id = 1; id < b->n; id++) {
		struct btf_type t = type_at(b, id);
		const char *name = name_at(b, t.name_off);

		if (BTF_INFO_KIND(t.info) != BTF_KIND_FUNC || !is_scx(name) || ends_in_impl(name) ||
		    !is_registered(b, id))
			continue;
		out->kfuncs++;
		if (!takes_aux(b, &t) || has_impl(b, name))
			continue;
		if (!out->lacking++ || !strcmp(name, "scx_bpf_create_dsq"))
			snprintf(out->first, sizeof(out->first), "%s", name);
	}
}

/* To free(); empty if there is none. */
static int section_of(const struct elf_file *f, const char *name, struct section *out)
{
	int error;

	*out = (struct section){ 0 };
	out->data = (uint8_t *)elf_file_section(f, name, SECTION_MAX, &out->size, &error);
	return error == -ENOEXEC ? -EBADMSG : error;
}

int kernel_btf_scx(const char *elf, struct kernel_btf_scx *out)
{
	struct section section = { 0 };
	struct btf b = { 0 };
	struct elf_file f;
	int rc = elf_file_open(&f, elf);

	memset(out, 0, sizeof(*out));
	if (rc)
		return rc == -ENOEXEC ? -EBADMSG : rc;
	rc = f.is_64 && !f.is_big && f.machine == EM_X86_64 ? section_of(&f, ".BTF", &section) : -EBADMSG;
	if (!rc)
		rc = section_of(&f, ".BTF_ids", &b.ids);
	if (!rc && section.size)
		rc = btf_open(&b, section);
	if (!rc)
		count_kfuncs(&b, out);
	free(b.at);
	free(b.ids.data);
	free(section.data);
	elf_file_close(&f);
	return rc;
}
