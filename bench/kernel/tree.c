/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists a build tree's modules as depmod does: modules.order names them, and .modinfo their dependencies. */

#include "bench/kernel/tree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/file.h"
#include "bench/cache/path.h"
#include "bench/cache/store.h"
#include "bench/initramfs/elf.h"

struct tree_module {
	char *path;		    /* absolute, .ko */
	char name[64];		    /* spelled with '_' */
	char *depends;		    /* names, separated by commas */
	struct tree_module **needs; /* those that it depends on itself, NULL-terminated */
	unsigned reached;	    /* 1 + index of the last module whose needs were collected and include this one */
};

#define FORMAT "every need" /* of the lists: those that an older version made are not used */
#define PARTIAL "partial"   /* beside a modules.dep that lacks modules */

struct tree {
	const char *root;
	bool partial; /* a listed module is missing */
	struct tree_module *list;
	size_t n;
};

static void name_of(const char *path, char name[64])
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	size_t n;

	for (n = 0; n < 63 && base[n] && base[n] != '.'; n++)
		name[n] = base[n] == '-' ? '_' : base[n];
	name[n] = '\0';
}

#define MODINFO_MAX (1u << 20)

/* "depends=" of the section .modinfo, a list of KEY=VALUE with NUL behind each; NULL: not a module, or no memory. */
static char *depends_of(const char *path)
{
	char *modinfo, *depends = NULL;
	struct elf_file f;
	size_t len;
	int error;

	if (elf_file_open(&f, path))
		return NULL;
	modinfo = elf_file_section(&f, ".modinfo", MODINFO_MAX, &len, &error);
	elf_file_close(&f);
	if (!modinfo)
		return error ? NULL : strdup("");
	for (const char *at = modinfo; !depends && at < modinfo + len; at += strlen(at) + 1)
		if (!strncmp(at, "depends=", 8))
			depends = strdup(at + 8);
	free(modinfo);
	return depends ? depends : strdup("");
}

/* @line: "fs/ext4/ext4.o"; before 6.5 "kernel/fs/ext4/ext4.ko". */
static int add(struct tree *t, char *line)
{
	struct tree_module *grown = realloc(t->list, (t->n + 1) * sizeof(*grown)), *m;
	size_t len;

	if (!grown)
		return -ENOMEM;
	t->list = grown;
	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(line, "kernel/", 7) && strstr(line, ".ko"))
		line += 7;
	len = strlen(line);
	if (len < 3)
		return 0;
	m = &t->list[t->n];
	*m = (struct tree_module){ 0 };
	if (asprintf(&m->path, "%s/%.*s.ko", t->root, (int)(len - (line[len - 2] == 'k' ? 3 : 2)), line) < 0)
		return -ENOMEM;
	name_of(m->path, m->name);
	m->depends = depends_of(m->path);
	/* Listed but not built, or not built yet: left out. */
	if (!m->depends) {
		t->partial = true;
		free(m->path);
		return 0;
	}
	t->n++;
	return 0;
}

static struct tree_module *find(const struct tree *t, const char *name, size_t len)
{
	for (size_t i = 0; i < t->n; i++)
		if (strlen(t->list[i].name) == len && !strncmp(t->list[i].name, name, len))
			return &t->list[i];
	return NULL;
}

static bool path_of(char path[PATH_MAX], const char *dir, const char *file)
{
	return snprintf(path, PATH_MAX, "%s/%s", dir, file) < PATH_MAX;
}

static bool is_text(const char *path, const char *text, size_t len)
{
	size_t size = 0;
	char *have = file_read_text(path, &size);
	bool same = have && size == len && !memcmp(have, text, len);

	free(have);
	return same;
}

static int resolve_needs(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct tree_module *m = &t->list[i];
		size_t n = 1;

		for (const char *at = m->depends; *at; at++)
			n += *at == ',';
		m->needs = calloc(n + 1, sizeof(struct tree_module *));
		if (!m->needs)
			return -ENOMEM;
		n = 0;
		for (const char *at = m->depends; *at;) {
			size_t len = strcspn(at, ",");

			m->needs[n] = find(t, at, len);
			n += m->needs[n] != NULL;
			at += len + (at[len] == ',');
		}
	}
	return 0;
}

/* All that @m needs, directly or not, into @found from @n on: each after those that it needs itself. The mark is set
 * before the recursion, which so ends at a circular dependency. */
static size_t collect_needs(struct tree_module *m, unsigned mark, struct tree_module **found, size_t n)
{
	m->reached = mark;
	for (struct tree_module **need = m->needs; *need; need++) {
		if ((*need)->reached == mark)
			continue;
		n = collect_needs(*need, mark, found, n);
		found[n++] = *need;
	}
	return n;
}

/* As depmod has it: a line names all that a module needs, and is loaded from its end. modprobe does not look at the
 * lines of those. */
static int print_dep(struct tree *t, FILE *f)
{
	struct tree_module **found = calloc(t->n + 1, sizeof(struct tree_module *));
	int rc = found ? resolve_needs(t) : -ENOMEM;

	for (size_t i = 0; !rc && i < t->n; i++) {
		size_t n = collect_needs(&t->list[i], (unsigned)i + 1, found, 0);

		fprintf(f, "%s:", t->list[i].path);
		while (n)
			fprintf(f, " %s", found[--n]->path);
		fputc('\n', f);
	}
	free(found);
	return rc;
}

static int write_dep(struct tree *t, const char *dir)
{
	char path[PATH_MAX], *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int rc;

	if (!f)
		return -ENOMEM;
	rc = print_dep(t, f);
	rc = fclose(f) && !rc ? -ENOMEM : rc;
	if (!rc && !path_of(path, dir, "modules.dep"))
		rc = -ENAMETOOLONG;
	/* An unchanged list is not rewritten: cached files depend on its identity. */
	if (!rc && !is_text(path, text, len))
		rc = store_write_text(path, text);
	free(text);
	return rc;
}

static int read_order(struct tree *t, FILE *f)
{
	char *line = NULL;
	size_t size = 0;
	int rc = 0;

	while (!rc && getline(&line, &size, f) > 0)
		rc = add(t, line);
	free(line);
	return rc;
}

static int copy_builtin(const char *root, const char *dir)
{
	char from[PATH_MAX], to[PATH_MAX], *text;
	int rc;

	if (snprintf(from, sizeof(from), "%s/modules.builtin", root) >= PATH_MAX ||
	    snprintf(to, sizeof(to), "%s/modules.builtin", dir) >= PATH_MAX)
		return -ENAMETOOLONG;
	text = file_read_text(from, NULL);
	rc = store_write_text(to, text ? text : "");
	free(text);
	return rc;
}

/* A list without some modules is temporary, since make writes modules.order before it links the modules. */
static int keep_list(struct tree *t, const char *dir)
{
	char path[PATH_MAX];
	int rc = 0;

	if (!path_of(path, dir, PARTIAL))
		return -ENAMETOOLONG;
	/* The marker exists as long as the list may be incomplete. */
	if (t->partial)
		rc = store_write_text(path, "");
	if (!rc)
		rc = write_dep(t, dir);
	if (!rc && !t->partial && unlink(path) && errno != ENOENT)
		rc = -errno;
	return rc;
}

/* Whether there is a complete list, valid until modules.order changes. */
static bool is_made(const char *dir)
{
	char path[PATH_MAX];

	return path_of(path, dir, "modules.dep") && !access(path, R_OK) && path_of(path, dir, PARTIAL) &&
	       access(path, F_OK);
}

static int make_list(const char *root, const char *dir, FILE *order)
{
	struct tree t = { .root = root };
	char path[PATH_MAX];
	int rc = store_mkdirs(dir), lock;

	if (rc)
		return rc;
	if (!path_of(path, dir, "lock"))
		return -ENAMETOOLONG;
	lock = store_lock(path, false);
	if (lock < 0)
		return lock;
	rc = read_order(&t, order);
	if (!rc)
		rc = copy_builtin(root, dir);
	if (!rc)
		rc = keep_list(&t, dir);
	close(lock);
	for (size_t i = 0; i < t.n; i++) {
		free(t.list[i].path);
		free(t.list[i].depends);
		free(t.list[i].needs);
	}
	free(t.list);
	return rc;
}

int kernel_tree_modules(const char *tree, char dir[PATH_MAX])
{
	char root[PATH_MAX], path[PATH_MAX], below[SHA256_HEX + 16], identity[STORE_IDENTITY], name[SHA256_HEX];
	struct sha256 s;
	struct stat st;
	FILE *order;
	int rc;

	if (!realpath(tree, root))
		return -errno;
	if (snprintf(path, sizeof(path), "%s/modules.order", root) >= PATH_MAX)
		return -ENAMETOOLONG;
	order = fopen(path, "re");
	if (!order)
		return -errno;
	if (fstat(fileno(order), &st) || !st.st_size) {
		fclose(order);
		return -ENOENT;
	}
	store_identity(&st, identity);
	sha256_init(&s);
	sha256_add(&s, FORMAT, sizeof(FORMAT));
	sha256_add(&s, path, strlen(path) + 1);
	sha256_add(&s, identity, strlen(identity));
	sha256_hex(&s, name);
	snprintf(below, sizeof(below), "trees/%s", name);
	rc = cache_path(dir, below);
	if (!rc && !is_made(dir))
		rc = make_list(root, dir, order);
	fclose(order);
	if (rc)
		dir[0] = '\0';
	return rc;
}
