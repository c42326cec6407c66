/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of the archive that guests have in common: made once, kept, and laid under each guest's own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/file.h"
#include "bench/base/program.h"
#include "bench/cache/path.h"
#include "bench/cache/store.h"
#include "bench/initramfs/archive.h"
#include "bench/initramfs/entries.h"

#define KIND "initramfs"
#define PAGE 4096u

/* --- making it --------------------------------------------------------------- */

struct making {
	const struct initramfs_kept *kept;
	char name[SHA256_HEX];
	char *index; /* of the archive, once it is made */
	size_t index_len;
	char why[512];
};

/*
 * Beside the archive lies its index, so that nobody has to parse the archive: pairs of strings, each with its NUL. The
 * first character says what a pair is:
 *   a INODE SIZE    ""      the archive that this is the index of; always first
 *   i IDENTITY      path    a file of the host that it was made from
 *   e MODE (octal)  path    an entry
 *   l target        path    an entry that is a link
 *   m               module  one of those that are loaded, in this order
 */
static void put_pair(FILE *f, char kind, const char *attribute, const char *path)
{
	fprintf(f, "%c%s%c%s%c", kind, attribute, '\0', path, '\0');
}

static void archive_identity(const struct stat *st, char text[STORE_IDENTITY])
{
	snprintf(text, STORE_IDENTITY, "%llu %lld", (unsigned long long)st->st_ino, (long long)st->st_size);
}

static void put_inputs(struct initramfs *in, FILE *f)
{
	char identity[STORE_IDENTITY];
	struct stat st;

	for (size_t i = 0; i < in->inputs.n && !in->error; i++) {
		if (stat(in->inputs.items[i], &st))
			initramfs_fail(in, -errno, "%s: %s", in->inputs.items[i], strerror(errno));
		store_identity(&st, identity);
		put_pair(f, 'i', identity, in->inputs.items[i]);
	}
}

static void put_entries(const struct initramfs *in, FILE *f)
{
	char mode[16];

	for (size_t i = 0; i < in->n; i++) {
		const struct initramfs_entry *e = in->entries[i];

		snprintf(mode, sizeof(mode), "%o", e->mode);
		if (S_ISLNK(e->mode))
			put_pair(f, 'l', (const char *)e->data, e->path);
		else
			put_pair(f, 'e', mode, e->path);
	}
	for (size_t i = 0; i < in->modules.n; i++)
		put_pair(f, 'm', "", in->modules.items[i]);
}

static int index_path(const char *name, char path[PATH_MAX])
{
	char below[SHA256_HEX + 32];

	snprintf(below, sizeof(below), KIND "/%s.index", name);
	return cache_path(path, below);
}

static int make_index(struct making *m, struct initramfs *in, int fd)
{
	char identity[STORE_IDENTITY], path[PATH_MAX];
	struct stat st;
	FILE *f;

	/* Made again: in memory, where the cache had no room. */
	free(m->index);
	m->index = NULL;
	f = open_memstream(&m->index, &m->index_len);
	if (!f)
		return initramfs_no_memory(in);
	if (fstat(fd, &st))
		initramfs_fail(in, -errno, "the archive that guests share: %s", strerror(errno));
	archive_identity(&st, identity);
	put_pair(f, 'a', identity, "");
	put_inputs(in, f);
	put_entries(in, f);
	if (fclose(f))
		initramfs_no_memory(in);
	/* A file in memory is not kept, and has no name. */
	if (in->error || !st.st_nlink || index_path(m->name, path))
		return in->error;
	return store_write(path, m->index, m->index_len);
}

static int write_padded(int fd, const uint8_t *data, size_t len)
{
	int rc = file_write_all(fd, data, len);

	/* ftruncate() fills with zeros. */
	if (!rc && ftruncate(fd, (lseek(fd, 0, SEEK_CUR) + PAGE - 1) & ~(off_t)(PAGE - 1)))
		rc = -errno;
	return rc;
}

static int make(void *ctx, int fd)
{
	struct making *m = ctx;
	const struct initramfs_kept *k = m->kept;
	struct initramfs *in = initramfs_new();
	uint8_t *archive = NULL;
	size_t len;
	int rc;

	if (!in)
		return -ENOMEM;
	initramfs_base(in, k->guest_init, k->busybox);
	for (size_t i = 0; k->module_dir && i < sizeof(k->modules) / sizeof(*k->modules); i++)
		if (k->modules[i].n)
			initramfs_add_modules(in, k->module_dir, k->modules[i].names, k->modules[i].n,
					      k->modules[i].optional);
	if (k->config)
		initramfs_add_file(in, k->config, k->config_in_guest);
	rc = initramfs_write(in, &archive, &len);
	if (!rc)
		rc = write_padded(fd, archive, len);
	if (!rc)
		rc = make_index(m, in, fd);
	snprintf(m->why, sizeof(m->why), "%s", initramfs_why(in));
	free(archive);
	initramfs_free(in);
	return rc;
}

/* --- reading it back ----------------------------------------------------------- */

struct reader {
	const char *at, *end;
	const char *attribute, *path; /* of the pair that was read */
};

/* The kind of the next pair; '\0' at the end. */
static char next_pair(struct reader *r)
{
	const char *kind = r->at;

	if (kind >= r->end)
		return '\0';
	r->attribute = kind + 1;
	r->path = kind + strlen(kind) + 1;
	/* There is a NUL at @end. */
	if (!*kind || r->path >= r->end)
		return '\0';
	r->at = r->path + strlen(r->path) + 1;
	return *kind;
}

static int adopt_entry(struct initramfs *in, const char *path, unsigned mode, const char *target)
{
	struct initramfs_entry *e = initramfs_find(in, path);

	if (!e)
		e = initramfs_append(in, path);
	if (!e)
		return in->error;
	e->mode = mode;
	e->kept = true;
	/* Needed to resolve paths. */
	if (target && !e->data) {
		e->data = (uint8_t *)strdup(target);
		if (!e->data)
			return initramfs_no_memory(in);
		e->len = strlen(target);
	}
	return 0;
}

static void adopt(struct initramfs *in, const char *index, size_t len)
{
	struct reader r = { .at = index, .end = index + len };
	char kind;

	while (!in->error && (kind = next_pair(&r))) {
		if (kind == 'e')
			adopt_entry(in, r.path, (unsigned)strtoul(r.attribute, NULL, 8), NULL);
		else if (kind == 'l')
			adopt_entry(in, r.path, S_IFLNK | 0777, r.attribute);
		else if (kind == 'm')
			initramfs_list_add(in, &in->modules, r.path);
	}
}

/* Whether the index is the one of archive @fd, and the files that it was made from are still the same. */
static bool is_current(int fd, const char *index, size_t len)
{
	struct reader r = { .at = index, .end = index + len };
	char identity[STORE_IDENTITY], kind;
	struct stat st;

	if (fstat(fd, &st))
		return false;
	archive_identity(&st, identity);
	if (next_pair(&r) != 'a' || strcmp(identity, r.attribute))
		return false;
	while ((kind = next_pair(&r))) {
		if (kind != 'i')
			continue;
		if (stat(r.path, &st))
			return false;
		store_identity(&st, identity);
		if (strcmp(identity, r.attribute))
			return false;
	}
	return r.at == r.end;
}

/* --- all ------------------------------------------------------------------------ */

static void add_file_name(struct sha256 *s, const char *path)
{
	char identity[STORE_IDENTITY] = "";
	struct stat st;

	if (!stat(path, &st))
		store_identity(&st, identity);
	sha256_add(s, path, strlen(path) + 1);
	sha256_add(s, identity, strlen(identity) + 1);
}

/* Whatever decides which files are in it, and this program, which decides the rest. */
static void name_of(const struct initramfs_kept *k, char name[SHA256_HEX])
{
	char path[PATH_MAX] = "";
	struct sha256 s;

	sha256_init(&s);
	add_file_name(&s, "/proc/self/exe");
	add_file_name(&s, k->guest_init);
	if (k->busybox)
		program_find("busybox", path);
	add_file_name(&s, path);
	if (k->module_dir)
		snprintf(path, sizeof(path), "%s/modules.dep", k->module_dir);
	add_file_name(&s, path);
	add_file_name(&s, k->config ? k->config : "");
	if (k->config)
		sha256_add(&s, k->config_in_guest, strlen(k->config_in_guest) + 1);
	for (size_t i = 0; i < sizeof(k->modules) / sizeof(*k->modules); i++) {
		for (size_t j = 0; j < k->modules[i].n; j++)
			sha256_add(&s, k->modules[i].names[j], strlen(k->modules[i].names[j]) + 1);
		sha256_add(&s, k->modules[i].optional ? "?" : "!", 1);
	}
	sha256_hex(&s, name);
}

/* The archive, with its index in @m. -ESTALE: it is not current, and is removed. */
static int open_current(struct making *m, char *warning, size_t warning_size)
{
	const struct store_maker maker = { make, m };
	char path[PATH_MAX];
	int fd = store_get(KIND, m->name, &maker, warning, warning_size);

	if (fd < 0 || m->index)
		return fd;
	if (!index_path(m->name, path))
		m->index = file_read_text(path, &m->index_len);
	if (m->index && is_current(fd, m->index, m->index_len))
		return fd;
	free(m->index);
	m->index = NULL;
	close(fd);
	store_remove(KIND, m->name);
	return -ESTALE;
}

int initramfs_open_kept(struct initramfs *in, const struct initramfs_kept *kept, char *warning, size_t warning_size)
{
	struct making m = { .kept = kept };
	int fd = -ESTALE;

	if (in->error)
		return in->error;
	name_of(kept, m.name);
	/* Others may make it at the same time, of files that change. */
	for (int tries = 0; tries < 3 && fd == -ESTALE; tries++)
		fd = open_current(&m, warning, warning_size);
	if (fd < 0)
		initramfs_fail(in, fd, "%s", *m.why ? m.why : strerror(-fd));
	else
		adopt(in, m.index, m.index_len);
	free(m.index);
	if (fd >= 0 && in->error)
		close(fd);
	return in->error ? in->error : fd;
}
