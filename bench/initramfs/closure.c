/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/initramfs/closure.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/why.h"
#include "bench/initramfs/elf.h"

#define OBJECTS_MAX 1024
#define INCLUDE_DEPTH_MAX 8

/* Searched after those of /etc/ld.so.conf. Debian's ld.so has the multiarch directories built in. */
static const char *const builtin_dirs[] = {
	"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"
};

struct object {
	char *path, *name;	     /* name: as in DT_NEEDED */
	const struct object *parent; /* that needs it */
	char *rpath, *runpath, *origin;
};

struct closure {
	struct object *objects[OBJECTS_MAX];
	size_t n;
	char **dirs; /* of /etc/ld.so.conf */
	size_t n_dirs;
	/* Of the program: libraries of another class or machine are skipped, as ld.so does. */
	bool is_64, is_big;
	uint16_t machine;
	void (*found)(void *ctx, const char *path);
	void *ctx;
	char *why;
	size_t why_size;
};

/* --- /etc/ld.so.conf ------------------------------------------------------ */

static void read_conf(struct closure *c, const char *path, int depth)
{
	FILE *f = depth < INCLUDE_DEPTH_MAX ? fopen(path, "re") : NULL;
	char line[PATH_MAX], pattern[PATH_MAX + 8];
	glob_t g;

	while (f && fgets(line, sizeof(line), f)) {
		char *word = line + strspn(line, " \t"), **grown;

		word[strcspn(word, "#\n")] = '\0';
		if (!strncmp(word, "include", 7) && strchr(" \t", word[7])) {
			word += 7;
			word += strspn(word, " \t");
			snprintf(pattern, sizeof(pattern), "%s%s", *word == '/' ? "" : "/etc/", word);
			if (!glob(pattern, 0, NULL, &g))
				for (size_t i = 0; i < g.gl_pathc; i++)
					read_conf(c, g.gl_pathv[i], depth + 1);
			globfree(&g);
			continue;
		}
		word[strcspn(word, " \t")] = '\0';
		if (*word != '/')
			continue;
		grown = realloc(c->dirs, (c->n_dirs + 1) * sizeof(*grown));
		if (!grown)
			break;
		c->dirs = grown;
		c->dirs[c->n_dirs] = strdup(word);
		c->n_dirs += !!c->dirs[c->n_dirs];
	}
	if (f)
		fclose(f);
}

/* --- finding a library ---------------------------------------------------- */

/* A library at @path that the program can load. */
static bool is_loadable(const struct closure *c, const char *path)
{
	struct elf_file f;
	bool ok;

	if (elf_file_open(&f, path))
		return false;
	ok = f.is_64 == c->is_64 && f.is_big == c->is_big && f.machine == c->machine;
	elf_file_close(&f);
	return ok;
}

/* Expands $ORIGIN, $LIB and $PLATFORM in one directory of a search path. */
static bool expand(const char *dir, size_t len, const char *origin, char out[PATH_MAX])
{
	static const char *const names[] = { "ORIGIN", "LIB", "PLATFORM" };
	const char *const values[] = { origin, "lib/x86_64-linux-gnu", "x86_64" };
	size_t at = 0, i = 0;

	while (i < len) {
		size_t k, skip = 0;

		for (k = 0; k < 3 && dir[i] == '$'; k++) {
			size_t n = strlen(names[k]);

			if (i + 1 + n <= len && !strncmp(dir + i + 1, names[k], n))
				skip = 1 + n;
			else if (i + 3 + n <= len && dir[i + 1] == '{' && !strncmp(dir + i + 2, names[k], n) &&
				 dir[i + 2 + n] == '}')
				skip = 3 + n;
			if (skip)
				break;
		}
		if (skip) {
			at += (size_t)snprintf(out + at, PATH_MAX - at, "%s", values[k]);
			i += skip;
		} else {
			out[at++] = dir[i++];
		}
		if (at >= PATH_MAX - 1)
			return false;
	}
	out[at] = '\0';
	return at > 0;
}

static bool find_in_dir(const struct closure *c, const char *dir, const char *name, char out[PATH_MAX])
{
	return snprintf(out, PATH_MAX, "%s/%s", dir, name) < PATH_MAX && is_loadable(c, out);
}

/* @list: directories separated by colons; @origin: for $ORIGIN. */
static bool find_along(const struct closure *c, const char *list, const char *origin, const char *name,
		       char out[PATH_MAX])
{
	char dir[PATH_MAX];

	for (; list && *list; list += strspn(list, ":")) {
		size_t len = strcspn(list, ":");

		if (expand(list, len, origin, dir) && find_in_dir(c, dir, name, out))
			return true;
		list += len;
	}
	return false;
}

static bool find_library(const struct closure *c, const struct object *asker, const char *name, char out[PATH_MAX])
{
	if (strchr(name, '/'))
		return expand(name, strlen(name), asker->origin, out) && is_loadable(c, out);
	/* DT_RPATH also applies to the libraries' own needs, unless the asking object has a DT_RUNPATH. */
	for (const struct object *o = asker; o && !asker->runpath; o = o->parent)
		if (!o->runpath && find_along(c, o->rpath, o->origin, name, out))
			return true;
	if (find_along(c, asker->runpath, asker->origin, name, out))
		return true;
	for (size_t i = 0; i < c->n_dirs; i++)
		if (find_in_dir(c, c->dirs[i], name, out))
			return true;
	for (size_t i = 0; i < sizeof(builtin_dirs) / sizeof(*builtin_dirs); i++)
		if (find_in_dir(c, builtin_dirs[i], name, out))
			return true;
	return false;
}

/* --- one object ------------------------------------------------- */

static void object_free(struct object *o)
{
	if (!o)
		return;
	free(o->path);
	free(o->name);
	free(o->rpath);
	free(o->runpath);
	free(o->origin);
	free(o);
}

static int add_object(struct closure *c, const char *path, const char *name, const struct object *parent)
{
	struct object *o;

	if (c->n == OBJECTS_MAX)
		return why_fail(c->why, c->why_size, -E2BIG, "%s: needs more than %d libraries", c->objects[0]->path,
				OBJECTS_MAX);
	o = calloc(1, sizeof(*o));
	if (o) {
		char *slash;

		o->parent = parent;
		o->path = strdup(path);
		o->name = strdup(name);
		/* For a program, $ORIGIN is where it really lies, with links followed. */
		o->origin = parent ? strdup(path) : realpath(path, NULL);
		slash = o->origin ? strrchr(o->origin, '/') : NULL;
		if (slash)
			*slash = '\0';
	}
	if (!o || !o->path || !o->name || !o->origin) {
		object_free(o);
		return why_fail(c->why, c->why_size, -ENOMEM, "%s: out of memory", path);
	}
	c->objects[c->n++] = o;
	if (parent)
		c->found(c->ctx, path);
	return 0;
}

static bool is_known(const struct closure *c, const char *name)
{
	/* From 1: the program itself is not a library. */
	for (size_t i = 1; i < c->n; i++)
		if (!strcmp(c->objects[i]->name, name))
			return true;
	return false;
}

static int add_needed(struct closure *c, struct object *asker, const char *name)
{
	char path[PATH_MAX];

	if (is_known(c, name))
		return 0;
	if (!find_library(c, asker, name, path))
		return why_fail(c->why, c->why_size, -ENOENT, "%s: its library %s is not found", asker->path, name);
	return add_object(c, path, name, asker);
}

/* The file offset of address @vaddr. */
static int file_offset(const struct elf_file *f, uint64_t vaddr, uint64_t *offset)
{
	struct elf_segment s;

	for (unsigned i = 0; elf_file_segment(f, i, &s); i++)
		if (s.type == PT_LOAD && vaddr >= s.vaddr && vaddr - s.vaddr < s.size) {
			*offset = vaddr - s.vaddr + s.offset;
			return 0;
		}
	return -ENOEXEC;
}

/* The string table of the dynamic section, with a NUL after it, to free(). NULL: unreadable. */
static char *dynamic_strings(const struct elf_file *f, const struct elf_segment *dynamic, size_t *size)
{
	uint64_t vaddr = 0, offset;
	struct elf_dynamic d;
	char *strings;

	*size = 0;
	for (uint64_t i = 0; elf_file_dynamic(f, dynamic, i, &d); i++) {
		if (d.tag == DT_STRTAB)
			vaddr = d.value;
		if (d.tag == DT_STRSZ)
			*size = (size_t)d.value;
	}
	if (!*size || *size > f->size || file_offset(f, vaddr, &offset))
		return NULL;
	strings = malloc(*size + 1);
	if (strings && !elf_file_read(f, offset, strings, *size)) {
		free(strings);
		return NULL;
	}
	if (strings)
		strings[*size] = '\0';
	return strings;
}

static int read_dynamic(struct closure *c, struct object *o, const struct elf_file *f,
			const struct elf_segment *dynamic)
{
	size_t size;
	char *strings = dynamic_strings(f, dynamic, &size);
	struct elf_dynamic d;
	int ret = 0;

	if (!strings)
		return why_fail(c->why, c->why_size, -ENOEXEC, "%s: its dynamic section cannot be read", o->path);
	/* The search paths first: they apply to every library. */
	for (uint64_t i = 0; !ret && elf_file_dynamic(f, dynamic, i, &d); i++) {
		char **into = d.tag == DT_RPATH ? &o->rpath : d.tag == DT_RUNPATH ? &o->runpath : NULL;

		if (into && !*into && d.value < size && !(*into = strdup(strings + d.value)))
			ret = why_fail(c->why, c->why_size, -ENOMEM, "%s: out of memory", o->path);
	}
	for (uint64_t i = 0; !ret && elf_file_dynamic(f, dynamic, i, &d); i++)
		if (d.tag == DT_NEEDED && d.value < size)
			ret = add_needed(c, o, strings + d.value);
	free(strings);
	return ret;
}

static int read_interpreter(struct closure *c, struct object *o, const struct elf_file *f, const struct elf_segment *s)
{
	char path[PATH_MAX] = "";
	const char *name;

	if (s->size <= sizeof(path) && elf_file_read(f, s->offset, path, (size_t)s->size))
		path[s->size - 1] = '\0';
	name = strrchr(path, '/');
	if (!name)
		return why_fail(c->why, c->why_size, -ENOEXEC, "%s: its interpreter cannot be read", o->path);
	if (!is_loadable(c, path))
		return why_fail(c->why, c->why_size, -ENOENT, "%s: its interpreter %s is not found", o->path, path);
	/* Libraries may also need it by name; then it is known. */
	return is_known(c, name + 1) ? 0 : add_object(c, path, name + 1, o);
}

static int read_segments(struct closure *c, struct object *o, const struct elf_file *f)
{
	struct elf_segment interpreter = { 0 }, dynamic = { 0 }, s;
	int ret = 0;

	if (!o->parent) {
		c->is_64 = f->is_64;
		c->is_big = f->is_big;
		c->machine = f->machine;
	}
	for (unsigned i = 0; i < f->n_segments; i++) {
		if (!elf_file_segment(f, i, &s))
			return why_fail(c->why, c->why_size, -ENOEXEC, "%s: truncated", o->path);
		if (s.type == PT_INTERP && !o->parent)
			interpreter = s;
		if (s.type == PT_DYNAMIC)
			dynamic = s;
	}
	if (interpreter.size)
		ret = read_interpreter(c, o, f, &interpreter);
	if (!ret && dynamic.size)
		ret = read_dynamic(c, o, f, &dynamic);
	return ret;
}

static int read_object(struct closure *c, struct object *o)
{
	struct elf_file f;
	int ret = elf_file_open(&f, o->path);

	if (ret)
		return why_fail(c->why, c->why_size, ret, "%s: %s", o->path,
				ret == -ENOEXEC ? "not an ELF file" : strerror(-ret));
	ret = read_segments(c, o, &f);
	elf_file_close(&f);
	return ret;
}

int elf_closure(const char *path, void (*found)(void *ctx, const char *path), void *ctx, char *why, size_t why_size)
{
	struct closure *c = calloc(1, sizeof(*c));
	int ret;

	if (!c) {
		snprintf(why, why_size, "%s: out of memory", path);
		return -ENOMEM;
	}
	*c = (struct closure){ .found = found, .ctx = ctx, .why = why, .why_size = why_size };
	if (access(path, R_OK))
		ret = why_fail(c->why, c->why_size, -errno, "%s: %s", path, strerror(errno));
	else
		ret = add_object(c, path, path, NULL);
	if (!ret)
		read_conf(c, "/etc/ld.so.conf", 0);
	for (size_t i = 0; i < c->n && !ret; i++)
		ret = read_object(c, c->objects[i]);
	for (size_t i = 0; i < c->n; i++)
		object_free(c->objects[i]);
	for (size_t i = 0; i < c->n_dirs; i++)
		free(c->dirs[i]);
	free(c->dirs);
	free(c);
	return ret;
}
