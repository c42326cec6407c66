/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of the archive that guests have in common: made once, kept, and laid under each guest's own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/cache/store.h"
#include "bench/initramfs/archive.h"
#include "bench/initramfs/entries.h"
#include "guest-init/config.h"

#define KIND "initramfs"
#define INPUTS CONFIG_DIR "/inputs" /* the host's files in it: IDENTITY<tab>PATH a line */
#define NEWC_HEADER 110u
#define PAGE 4096u

/* --- making it --------------------------------------------------------------- */

struct making {
	const struct initramfs_kept *kept;
	char why[512];
};

static int add_inputs(struct initramfs *in)
{
	char identity[STORE_IDENTITY], *text = NULL;
	size_t len = 0;
	struct stat st;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return initramfs_fail(in, -ENOMEM, "out of memory for the initramfs");
	for (size_t i = 0; i < in->inputs.n && !in->error; i++) {
		if (stat(in->inputs.items[i], &st))
			initramfs_fail(in, -errno, "%s: %s", in->inputs.items[i], strerror(errno));
		store_identity(&st, identity);
		fprintf(f, "%s\t%s\n", identity, in->inputs.items[i]);
	}
	if (fclose(f))
		initramfs_fail(in, -ENOMEM, "out of memory for the initramfs");
	return initramfs_give_data(in, INPUTS, 0444, text, len);
}

static int write_padded(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	/* What is added by this is zero. */
	return ftruncate(fd, (lseek(fd, 0, SEEK_CUR) + PAGE - 1) & ~(off_t)(PAGE - 1)) ? -errno : 0;
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
	add_inputs(in);
	rc = initramfs_write(in, &archive, &len);
	snprintf(m->why, sizeof(m->why), "%s", initramfs_why(in));
	if (!rc)
		rc = write_padded(fd, archive, len);
	free(archive);
	initramfs_free(in);
	return rc;
}

/* --- reading it back ----------------------------------------------------------- */

struct reader {
	const char *data;
	size_t len, at;
};

/* The eight digits of field @n. */
static unsigned field(const char *header, unsigned n)
{
	char digits[9];

	memcpy(digits, header + 6 + 8 * n, 8);
	digits[8] = '\0';
	return (unsigned)strtoul(digits, NULL, 16);
}

/* Of the archive that starts at each call where the last one ended. False: its end, or it is not one of ours. */
static bool next(struct reader *r, const char **path, unsigned *mode, const char **data, size_t *len)
{
	const char *h = r->data + r->at;
	size_t name, room;

	if (r->len - r->at < NEWC_HEADER || memcmp(h, "070701", 6))
		return false;
	name = field(h, 11);
	*mode = field(h, 1);
	*len = field(h, 6);
	room = (NEWC_HEADER + name + 3) & ~3ul;
	if (!name || room > r->len - r->at || h[NEWC_HEADER + name - 1])
		return false;
	*path = h + NEWC_HEADER;
	*data = h + room;
	r->at += room;
	if (*len > r->len - r->at)
		return false;
	r->at += (*len + 3) & ~3ul;
	return r->at <= r->len && strcmp(*path, "TRAILER!!!");
}

static int adopt_modules(struct initramfs *in, const char *text, size_t len)
{
	char path[128];

	while (len && !in->error) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;

		snprintf(path, sizeof(path), "%.*s", (int)n, text);
		initramfs_list_add(in, &in->modules, path);
		n += end ? 1 : 0;
		text += n;
		len -= n;
	}
	return in->error;
}

static int adopt(struct initramfs *in, const char *archive, size_t size)
{
	struct reader r = { archive, size, 0 };
	const char *path, *data;
	struct initramfs_entry *e;
	char absolute[PATH_MAX];
	unsigned mode;
	size_t len;

	while (!in->error && next(&r, &path, &mode, &data, &len)) {
		if (snprintf(absolute, sizeof(absolute), "/%s", path) >= PATH_MAX)
			return initramfs_fail(in, -ENAMETOOLONG, "%.64s...: the path is too long", path);
		e = initramfs_find(in, absolute);
		if (!e)
			e = initramfs_append(in, absolute);
		if (!e)
			break;
		e->mode = mode;
		e->kept = true;
		/* A link's target is what paths are resolved by. */
		if (S_ISLNK(mode) && !e->data) {
			e->data = (uint8_t *)strndup(data, len);
			if (!e->data)
				return initramfs_fail(in, -ENOMEM, "out of memory for the initramfs");
			e->len = len;
		}
		if (!strcmp(absolute, CONFIG_DIR "/" CONFIG_MODULES))
			adopt_modules(in, data, len);
	}
	return in->error;
}

static bool same_input(const char *line, size_t n)
{
	const char *tab = memchr(line, '\t', n);
	char path[PATH_MAX], identity[STORE_IDENTITY];
	struct stat st;

	if (!tab || (size_t)snprintf(path, sizeof(path), "%.*s", (int)(line + n - tab - 1), tab + 1) >= sizeof(path) ||
	    stat(path, &st))
		return false;
	store_identity(&st, identity);
	return strlen(identity) == (size_t)(tab - line) && !memcmp(identity, line, strlen(identity));
}

/* Whether all that it was made from is as it was. */
static bool is_current(const char *archive, size_t size)
{
	struct reader r = { archive, size, 0 };
	const char *path, *data, *end;
	unsigned mode;
	size_t len;

	while (next(&r, &path, &mode, &data, &len))
		if (!strcmp(path, &INPUTS[1])) {
			for (; len && (end = memchr(data, '\n', len)); len -= (size_t)(end + 1 - data), data = end + 1)
				if (!same_input(data, (size_t)(end - data)))
					return false;
			return !len;
		}
	return false;
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
		initramfs_find_program("busybox", path);
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

static int open_mapped(const char *name, struct making *m, char **archive, size_t *size, char *warning, size_t room)
{
	const struct store_maker maker = { make, m };
	struct stat st;
	int fd = store_get(KIND, name, &maker, warning, room), rc;

	if (fd < 0)
		return fd;
	*archive = fstat(fd, &st) ? MAP_FAILED : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (*archive == MAP_FAILED) {
		rc = -errno;
		close(fd);
		return rc;
	}
	*size = (size_t)st.st_size;
	return fd;
}

int initramfs_open_kept(struct initramfs *in, const struct initramfs_kept *kept, char *warning, size_t warning_size)
{
	struct making m = { .kept = kept };
	char name[SHA256_HEX], *archive;
	size_t size;
	int fd;

	if (in->error)
		return in->error;
	name_of(kept, name);
	fd = open_mapped(name, &m, &archive, &size, warning, warning_size);
	if (fd >= 0 && !is_current(archive, size)) {
		munmap(archive, size);
		close(fd);
		store_remove(KIND, name);
		fd = open_mapped(name, &m, &archive, &size, warning, warning_size);
	}
	if (fd < 0)
		return initramfs_fail(in, fd, "%s", *m.why ? m.why : strerror(-fd));
	adopt(in, archive, size);
	munmap(archive, size);
	if (!in->error)
		return fd;
	close(fd);
	return in->error;
}
