/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/initramfs/archive.h"

#include "bench/initramfs/entries.h"

#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* followed in one path, as the kernel does */

int initramfs_fail(struct initramfs *in, int error, const char *fmt, ...)
{
	va_list ap;

	if (in->error)
		return in->error;
	in->error = error;
	va_start(ap, fmt);
	vsnprintf(in->why, sizeof(in->why), fmt, ap);
	va_end(ap);
	return error;
}

int initramfs_no_memory(struct initramfs *in)
{
	return initramfs_fail(in, -ENOMEM, "out of memory for the initramfs");
}

const char *initramfs_why(const struct initramfs *in)
{
	return in->why;
}

const char *initramfs_note(const struct initramfs *in)
{
	return in->note;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct initramfs_entry *)a)->path, ((const struct initramfs_entry *)b)->path);
}

struct initramfs_entry *initramfs_find(const struct initramfs *in, const char *path)
{
	const struct initramfs_entry key = { .path = (char *)path };
	void *node = tfind(&key, &in->by_path, compare);

	return node ? *(struct initramfs_entry **)node : NULL;
}

static void entry_free(void *entry)
{
	struct initramfs_entry *e = entry;

	free(e->path);
	free(e->host);
	free(e->data);
	free(e);
}

/* A new entry at the end of the archive. NULL: out of memory. */
static struct initramfs_entry *append(struct initramfs *in, const char *path)
{
	struct initramfs_entry *e = calloc(1, sizeof(*e));

	if (in->n == in->cap) {
		size_t cap = in->cap ? in->cap * 2 : 512;
		struct initramfs_entry **grown = realloc(in->entries, cap * sizeof(*grown));

		if (!grown)
			goto fail;
		in->entries = grown;
		in->cap = cap;
	}
	if (!e || !(e->path = strdup(path)) || !tsearch(e, &in->by_path, compare))
		goto fail;
	in->entries[in->n++] = e;
	return e;
fail:
	if (e)
		entry_free(e);
	return NULL;
}

struct initramfs_entry *initramfs_append(struct initramfs *in, const char *path)
{
	struct initramfs_entry *e = append(in, path);

	if (!e)
		initramfs_no_memory(in);
	return e;
}

int initramfs_resolve(struct initramfs *in, const char *path, char out[PATH_MAX])
{
	char rest[2 * PATH_MAX];
	const struct initramfs_entry *e;
	size_t len = 0;
	int links = 0;
	char *p = rest;

	if (path[0] != '/')
		return initramfs_fail(in, -EINVAL, "%s: a guest path must start with /", path);
	if (strlen(path) >= PATH_MAX)
		return initramfs_fail(in, -ENAMETOOLONG, "%.64s...: the path is too long", path);
	strcpy(rest, path);
	out[0] = '\0';
	while (*(p += strspn(p, "/"))) {
		size_t part = strcspn(p, "/");
		char *next = p + part;

		if (part == 2 && !strncmp(p, "..", 2)) {
			while (len && out[--len] != '/')
				;
			out[len] = '\0';
		} else if (part != 1 || *p != '.') {
			char joined[2 * PATH_MAX];
			size_t before = len;

			if (len + part + 2 > PATH_MAX)
				return initramfs_fail(in, -ENAMETOOLONG, "%.64s...: the path is too long", path);
			out[len++] = '/';
			memcpy(out + len, p, part);
			len += part;
			out[len] = '\0';
			/* The last component is not followed: it is the entry to be created. */
			e = next[strspn(next, "/")] ? initramfs_find(in, out) : NULL;
			if (e && S_ISLNK(e->mode)) {
				if (++links > LINKS_MAX || e->len + strlen(next) >= sizeof(joined))
					return initramfs_fail(in, -ELOOP, "%s: too many links", path);
				sprintf(joined, "%.*s%s", (int)e->len, (const char *)e->data, next);
				len = e->data[0] == '/' ? 0 : before;
				out[len] = '\0';
				strcpy(rest, joined);
				p = rest;
				continue;
			}
		}
		p = next;
	}
	return len ? 0 : initramfs_fail(in, -EINVAL, "%s: is the root, which exists", path);
}

static int add_parents(struct initramfs *in, char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		struct initramfs_entry *e;

		*slash = '\0';
		e = initramfs_find(in, path);
		if (e && !S_ISDIR(e->mode))
			return initramfs_fail(in, -ENOTDIR, "%s: not a directory in the guest", path);
		if (!e) {
			e = append(in, path);
			if (!e)
				return initramfs_no_memory(in);
			e->mode = S_IFDIR | 0755;
		}
		*slash = '/';
	}
	return 0;
}

/*
 * The guest's kernel mounts devtmpfs over /dev and hides what the archive has there. So guest-init creates links and
 * directories below /dev, and a file is placed below HELD with a link to it. Nothing can be placed below /proc and
 * /sys.
 */
#define HELD "/ktstr/held"

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && path[n] == '/';
}

static int add_late_link(struct initramfs *in, const char *path, const char *target)
{
	initramfs_list_add(in, &in->links, path);
	return initramfs_list_add(in, &in->links, target);
}

static int check_place(struct initramfs *in, const char *path)
{
	if (!is_below(path, "/proc") && !is_below(path, "/sys"))
		return 0;
	return initramfs_fail(in, -EINVAL,
			      "%s: /proc and /sys are the guest kernel's own; name another path (HOST:GUEST)", path);
}

/* Where a file for @path lies. */
static int place_file(struct initramfs *in, char path[PATH_MAX])
{
	char at[PATH_MAX];

	if (check_place(in, path))
		return in->error;
	if (!is_below(path, "/dev"))
		return 0;
	strcpy(at, path);
	if (snprintf(path, PATH_MAX, HELD "%s", at) >= PATH_MAX)
		return initramfs_fail(in, -ENAMETOOLONG, "%.64s...: the path is too long", at);
	return add_late_link(in, at, path);
}

/*
 * The entry for @guest, emptied and with @mode; parents are made. NULL: failed.
 * What was there is replaced, in its place, unless a directory would go or come.
 */
static struct initramfs_entry *entry_at(struct initramfs *in, const char *guest, unsigned mode)
{
	struct initramfs_entry *e;
	char path[PATH_MAX];

	if (in->error || initramfs_resolve(in, guest, path))
		return NULL;
	if ((S_ISREG(mode) && place_file(in, path)) || add_parents(in, path))
		return NULL;
	e = initramfs_find(in, path);
	if (e && !strcmp(path, "/init")) {
		initramfs_fail(in, -EEXIST, "/init: ktstr needs its own there; leave it out");
		return NULL;
	}
	if (e && S_ISDIR(e->mode) != S_ISDIR(mode)) {
		initramfs_fail(in, S_ISDIR(mode) ? -EEXIST : -EISDIR, "%s: %s in the guest already", path,
			       S_ISDIR(mode) ? "a file" : "a directory");
		return NULL;
	}
	if (!e)
		e = append(in, path);
	if (!e) {
		initramfs_no_memory(in);
		return NULL;
	}
	free(e->host);
	free(e->data);
	*e = (struct initramfs_entry){ .path = e->path, .mode = mode };
	return e;
}

int initramfs_add_dir(struct initramfs *in, const char *guest, unsigned mode)
{
	char path[PATH_MAX];
	const struct initramfs_entry *e;

	if (in->error || initramfs_resolve(in, guest, path))
		return in->error;
	if (is_below(path, "/dev"))
		return add_late_link(in, path, "");
	/* A link stands for the directory it points to. */
	e = initramfs_find(in, path);
	if (e && S_ISLNK(e->mode))
		return 0;
	entry_at(in, guest, S_IFDIR | (mode & 07777));
	return in->error;
}

int initramfs_add_link(struct initramfs *in, const char *guest, const char *target)
{
	struct initramfs_entry *e;
	char path[PATH_MAX];

	if (in->error || initramfs_resolve(in, guest, path) || check_place(in, path))
		return in->error;
	if (is_below(path, "/dev"))
		return add_late_link(in, path, target);
	e = entry_at(in, guest, S_IFLNK | 0777);
	if (!e)
		return in->error;
	e->data = (uint8_t *)strdup(target);
	if (!e->data)
		return initramfs_no_memory(in);
	e->len = strlen(target);
	return 0;
}

int initramfs_add_chardev(struct initramfs *in, const char *guest, unsigned mode, unsigned major, unsigned minor)
{
	struct initramfs_entry *e = entry_at(in, guest, S_IFCHR | (mode & 07777));

	if (!e)
		return in->error;
	e->major = major;
	e->minor = minor;
	return 0;
}

int initramfs_give_data(struct initramfs *in, const char *guest, unsigned mode, void *data, size_t len)
{
	struct initramfs_entry *e = entry_at(in, guest, S_IFREG | (mode & 07777));

	if (!e) {
		free(data);
		return in->error;
	}
	e->data = data;
	e->len = len;
	return 0;
}

int initramfs_add_data(struct initramfs *in, const char *guest, unsigned mode, const void *data, size_t len)
{
	void *copy;

	if (in->error)
		return in->error;
	copy = malloc(len ? len : 1);
	if (!copy)
		return initramfs_no_memory(in);
	if (len)
		memcpy(copy, data, len);
	return initramfs_give_data(in, guest, mode, copy, len);
}

int initramfs_add_file(struct initramfs *in, const char *host, const char *guest)
{
	char absolute[PATH_MAX];
	struct initramfs_entry *e;
	struct stat st;

	if (in->error)
		return in->error;
	if (stat(host, &st) || access(host, R_OK))
		return initramfs_fail(in, -errno, "%s: %s", host, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return initramfs_fail(in, -EINVAL, "%s: not a regular file", host);
	if (!guest && host[0] != '/') {
		char cwd[PATH_MAX];

		if (!getcwd(cwd, sizeof(cwd)))
			return initramfs_fail(in, -errno, "working directory: %s", strerror(errno));
		if (snprintf(absolute, sizeof(absolute), "%s/%s", cwd, host) >= (int)sizeof(absolute))
			return initramfs_fail(in, -ENAMETOOLONG, "%s: the path is too long", host);
		guest = absolute;
	}
	e = entry_at(in, guest ? guest : host, S_IFREG | (st.st_mode & 07777));
	if (!e)
		return in->error;
	/* Absolute, so that a later change of directory does no harm. */
	e->host = realpath(host, NULL);
	return e->host ? initramfs_list_add(in, &in->inputs, e->host)
		       : initramfs_fail(in, -errno, "%s: %s", host, strerror(errno));
}

int initramfs_list_add(struct initramfs *in, struct initramfs_list *list, const char *item)
{
	char **grown;

	if (in->error)
		return in->error;
	grown = realloc(list->items, (list->n + 1) * sizeof(*grown));
	if (!grown)
		return initramfs_no_memory(in);
	list->items = grown;
	list->items[list->n] = strdup(item);
	if (!list->items[list->n])
		return initramfs_no_memory(in);
	list->n++;
	return 0;
}

void initramfs_list_free(struct initramfs_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct initramfs_list){ 0 };
}

struct initramfs *initramfs_new(void)
{
	/* /bin and /usr/bin are one, as in today's distributions: a script's
	 * #!/bin/bash finds what was added as /usr/bin/bash. */
	static const char *const merged[][2] = {
		{ "/bin", "/usr/bin" }, { "/sbin", "/usr/sbin" }, { "/lib", "/usr/lib" }, { "/lib64", "/usr/lib64" }
	};
	struct initramfs *in = calloc(1, sizeof(*in));

	for (size_t i = 0; in && i < sizeof(merged) / sizeof(*merged); i++) {
		initramfs_add_dir(in, merged[i][1], 0755);
		initramfs_add_link(in, merged[i][0], merged[i][1] + 1);
	}
	return in;
}

static void keep_entry(void *entry)
{
}

void initramfs_free(struct initramfs *in)
{
	if (!in)
		return;
	tdestroy(in->by_path, keep_entry);
	for (size_t i = 0; i < in->n; i++)
		entry_free(in->entries[i]);
	free(in->entries);
	initramfs_list_free(&in->argv);
	initramfs_list_free(&in->env);
	initramfs_list_free(&in->options);
	initramfs_list_free(&in->modules);
	initramfs_list_free(&in->outputs);
	initramfs_list_free(&in->output_dirs);
	initramfs_list_free(&in->links);
	initramfs_list_free(&in->inputs);
	free(in);
}
