/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/initramfs/depmod.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 64

struct module {
	char name[NAME_MAX_LEN]; /* spelled with '_' */
	char *file;		 /* relative to the directory; NULL: built in */
	char *needs;		 /* such files, separated by spaces */
	bool visited;
};

struct modules {
	char *dir;
	struct module *list; /* by name */
	size_t n, cap;
};

/* "kernel/drivers/kvm/kvm-amd.ko.xz" is kvm_amd. */
static void name_of(const char *file, size_t len, char name[NAME_MAX_LEN])
{
	const char *start = file;
	size_t n;

	for (size_t i = 0; i < len; i++)
		if (file[i] == '/')
			start = file + i + 1;
	len -= (size_t)(start - file);
	for (n = 0; n < len && n < NAME_MAX_LEN - 1 && start[n] != '.'; n++)
		name[n] = start[n] == '-' ? '_' : start[n];
	name[n] = '\0';
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct module *)a)->name, ((const struct module *)b)->name);
}

static struct module *find(struct modules *m, const char *file_or_name, size_t len)
{
	struct module key;

	name_of(file_or_name, len, key.name);
	return m->n ? bsearch(&key, m->list, m->n, sizeof(key), compare) : NULL;
}

/* @line: "FILE: FILE FILE..." of modules.dep, or "FILE" of modules.builtin. */
static int add_line(struct modules *m, char *line, bool builtin)
{
	size_t len = strcspn(line, ":\n");
	struct module *grown, *mod;
	char *needs;

	if (!len)
		return 0;
	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 1024;
		grown = realloc(m->list, m->cap * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		m->list = grown;
	}
	mod = &m->list[m->n++];
	*mod = (struct module){ 0 };
	name_of(line, len, mod->name);
	if (builtin)
		return 0;
	needs = line[len] == ':' ? line + len + 1 : line + len;
	needs[strcspn(needs, "\n")] = '\0';
	line[len] = '\0';
	mod->file = strdup(line);
	mod->needs = strdup(needs);
	return mod->file && mod->needs ? 0 : -ENOMEM;
}

static int read_lines(struct modules *m, const char *file, bool builtin, char *why, size_t why_size)
{
	char path[PATH_MAX], *line = NULL;
	size_t size = 0;
	int ret = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", m->dir, file);
	f = fopen(path, "re");
	if (!f) {
		ret = -errno;
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
		return ret;
	}
	while (!ret && getline(&line, &size, f) > 0)
		ret = add_line(m, line, builtin);
	if (!ret && ferror(f))
		ret = -EIO;
	if (ret)
		snprintf(why, why_size, "%s: %s", path, strerror(-ret));
	free(line);
	fclose(f);
	return ret;
}

int modules_open(struct modules **out, const char *dir, char *why, size_t why_size)
{
	struct modules *m = calloc(1, sizeof(*m));
	int ret;

	*out = NULL;
	if (!m || !(m->dir = strdup(dir))) {
		free(m);
		snprintf(why, why_size, "%s: out of memory", dir);
		return -ENOMEM;
	}
	ret = read_lines(m, "modules.dep", false, why, why_size);
	if (!ret)
		ret = read_lines(m, "modules.builtin", true, why, why_size);
	if (ret) {
		modules_close(m);
		return ret;
	}
	qsort(m->list, m->n, sizeof(*m->list), compare);
	*out = m;
	return 0;
}

void modules_close(struct modules *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++) {
		free(m->list[i].file);
		free(m->list[i].needs);
	}
	free(m->list);
	free(m->dir);
	free(m);
}

/* The list of a build tree has absolute paths. */
static bool path_of(const struct modules *m, const struct module *mod, char path[PATH_MAX])
{
	bool absolute = mod->file[0] == '/';

	return snprintf(path, PATH_MAX, "%s%s%s", absolute ? "" : m->dir, absolute ? "" : "/", mod->file) < PATH_MAX;
}

/* The mark is set before the recursion, which so ends at a circular dependency. */
static int visit(struct modules *m, struct module *mod, int (*found)(void *, const char *, const char *), void *ctx)
{
	char path[PATH_MAX];
	int ret = 0;

	if (mod->visited || !mod->file)
		return 0;
	mod->visited = true;
	for (const char *need = mod->needs; *(need += strspn(need, " ")) && !ret;) {
		size_t len = strcspn(need, " ");
		struct module *other = find(m, need, len);

		ret = other ? visit(m, other, found, ctx) : -ENOENT;
		need += len;
	}
	if (ret) {
		/* A second request fails in the same way. */
		mod->visited = false;
		return ret;
	}
	return path_of(m, mod, path) ? found(ctx, mod->name, path) : -ENAMETOOLONG;
}

int modules_resolve(struct modules *m, const char *name, int (*found)(void *ctx, const char *module, const char *file),
		    void *ctx)
{
	struct module *mod = find(m, name, strlen(name));

	return mod ? visit(m, mod, found, ctx) : -ENOENT;
}

int modules_each(struct modules *m, int (*found)(void *ctx, const char *module, const char *file), void *ctx)
{
	char path[PATH_MAX];
	int ret = 0;

	for (size_t i = 0; i < m->n && !ret; i++)
		if (m->list[i].file)
			ret = path_of(m, &m->list[i], path) ? found(ctx, m->list[i].name, path) : -ENAMETOOLONG;
	return ret;
}
