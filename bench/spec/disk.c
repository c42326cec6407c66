/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/spec/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <linux/fs.h>
#include <unistd.h>

#include "bench/base/size.h"

static const char *const engine_names[] = { "auto", "uring", "sync" };

__attribute__((format(printf, 3, 4))) static int fail(char *why, size_t why_size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, why_size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int parse_engine(struct disk *d, const char *value)
{
	for (unsigned i = 0; i < sizeof(engine_names) / sizeof(*engine_names); i++) {
		if (strcmp(value, engine_names[i]))
			continue;
		d->blk.engine = (enum blk_engine)i;
		return 0;
	}
	return -EINVAL;
}

static int parse_direct(struct disk *d, const char *value)
{
	d->blk.direct = !strcmp(value, "on");
	return d->blk.direct || !strcmp(value, "off") ? 0 : -EINVAL;
}

static int parse_discard(struct disk *d, const char *value)
{
	d->blk.discard = !strcmp(value, "on");
	return d->blk.discard || !strcmp(value, "off") ? 0 : -EINVAL;
}

static int parse_serial(struct disk *d, const char *value)
{
	if (!*value || strlen(value) > DISK_SERIAL_MAX)
		return -EINVAL;
	strcpy(d->serial, value);
	d->blk.serial = d->serial;
	return 0;
}

static int parse_size(struct disk *d, const char *value)
{
	int rc = size_parse(value, &d->blk.size);

	return rc || !d->blk.size || d->blk.size % VIRTIO_BLK_SECTOR_SIZE ? -EINVAL : 0;
}

static int parse_iops(struct disk *d, const char *value)
{
	return count_parse(value, &d->blk.iops);
}

static int parse_bps(struct disk *d, const char *value)
{
	return size_parse(value, &d->blk.bps);
}

static int parse_iops_burst(struct disk *d, const char *value)
{
	return count_parse(value, &d->blk.iops_burst);
}

static int parse_bps_burst(struct disk *d, const char *value)
{
	return size_parse(value, &d->blk.bps_burst);
}

static const struct key {
	const char *name;
	int (*parse)(struct disk *d, const char *value);
	const char *wants;
} keys[] = {
	{ "size", parse_size, "a multiple of 512 bytes, such as 256M" },
	{ "engine", parse_engine, "auto, uring or sync" },
	{ "direct", parse_direct, "on or off" },
	{ "iops", parse_iops, "a number, such as 3000" },
	{ "bps", parse_bps, "bytes a second, such as 4M" },
	{ "iops-burst", parse_iops_burst, "a number, such as 6000" },
	{ "bps-burst", parse_bps_burst, "bytes, such as 8M" },
	{ "serial", parse_serial, "a name of 1 to 20 bytes" },
	{ "discard", parse_discard, "on or off" },
};
#define KEYS (sizeof(keys) / sizeof(*keys))

static const struct key *key_of(const char *word)
{
	size_t n = strcspn(word, "=");

	if (word[n] != '=')
		return NULL;
	for (unsigned i = 0; i < KEYS; i++)
		if (strlen(keys[i].name) == n && !memcmp(keys[i].name, word, n))
			return &keys[i];
	return NULL;
}

static int check_burst(const char *text, const char *name, uint64_t rate, uint64_t burst, bool given, char *why,
		       size_t why_size)
{
	if (burst && !rate && !given)
		return fail(why, why_size, "disk '%s': %s-burst without %s; add %s=RATE", text, name, name, name);
	if (burst && rate && burst < rate)
		return fail(why, why_size, "disk '%s': %s-burst is below %s; a burst is at least one second's worth",
			    text, name, name);
	return 0;
}

/*
 * The PATH at the start of @words into @path, its double commas as one. Gives what follows its end, NULL: nothing.
 * @path must hold as much as @words.
 */
static char *take_path(char *words, char *path)
{
	char *p = words;

	for (; *p && (*p != ',' || p[1] == ','); p++) {
		*path++ = *p;
		p += *p == ',';
	}
	*path = '\0';
	return *p ? p + 1 : NULL;
}

int disk_parse(const char *text, struct disk *d, char *why, size_t why_size)
{
	char words[PATH_MAX + 256], first[PATH_MAX + 256], *rest, *word;
	unsigned seen = 0;

	memset(d, 0, sizeof(*d));
	if (strlen(text) >= sizeof(words))
		return fail(why, why_size, "disk '%.40s...': the argument is too long; shorten the path", text);
	strcpy(words, text);
	rest = take_path(words, first);
	word = first;
	if (!*word || !strcmp(word, "ro"))
		return fail(why, why_size,
			    "disk '%s': names no file; begin with a PATH, or size=256M for one in memory", text);
	if (!key_of(word)) {
		if (strlen(word) >= sizeof(d->path))
			return fail(why, why_size, "disk '%.40s...': the path is too long; shorten it", text);
		strcpy(d->path, word);
		d->blk.path = d->path;
		word = strsep(&rest, ",");
	} else if (strncmp(word, "size=", 5)) {
		return fail(why, why_size,
			    "disk '%s': names no file; begin with a PATH, or size=256M for one in memory", text);
	}
	for (; word; word = strsep(&rest, ",")) {
		const struct key *key = key_of(word);

		if (!strcmp(word, "ro")) {
			d->blk.read_only = true;
			continue;
		}
		if (!key)
			return fail(why, why_size,
				    "disk '%s': unknown word '%s'; use ro, size=, engine=, direct=, iops=, bps=, "
				    "iops-burst=, bps-burst=, serial=, discard=",
				    text, word);
		if (seen & 1u << (key - keys))
			return fail(why, why_size, "disk '%s': %s= is given twice; keep one", text, key->name);
		seen |= 1u << (key - keys);
		if (key->parse(d, strchr(word, '=') + 1))
			return fail(why, why_size, "disk '%s': '%s' is not valid; %s= takes %s", text, word, key->name,
				    key->wants);
	}
	if (check_burst(text, "iops", d->blk.iops, d->blk.iops_burst, seen & 1u << 3, why, why_size) ||
	    check_burst(text, "bps", d->blk.bps, d->blk.bps_burst, seen & 1u << 4, why, why_size))
		return -EINVAL;
	if (!d->blk.iops)
		d->blk.iops_burst = 0;
	if (!d->blk.bps)
		d->blk.bps_burst = 0;
	return 0;
}

static const char *remedy_of(int error)
{
	switch (error) {
	case ENOENT:
		return "make it with truncate -s 256M, or use --disk size=256M";
	case EACCES:
	case EPERM:
	case EROFS:
		return "a disk must be readable, and writable unless ',ro' is given";
	case EISDIR:
	case ENOTDIR:
		return "a disk is a file or a block device";
	case EMFILE:
		return "raise the limit of open files (ulimit -n)";
	default:
		return "name another file";
	}
}

/* What the file holds. 0 or -errno with @why. */
static int measure(const struct disk *d, uint64_t *bytes, bool *is_file, char *why, size_t why_size)
{
	struct stat st;
	int fd = open(d->blk.path, (d->blk.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC), rc = 0;

	*bytes = 0;
	if (fd < 0 || fstat(fd, &st))
		rc = -errno;
	else if (S_ISREG(st.st_mode))
		*bytes = (uint64_t)st.st_size;
	else if (!S_ISBLK(st.st_mode))
		rc = fail(why, why_size, "%s: is neither a file nor a block device; a disk must be one", d->blk.path);
	else if (ioctl(fd, BLKGETSIZE64, bytes) < 0)
		rc = -errno;
	*is_file = !rc && S_ISREG(st.st_mode);
	if (rc && rc != -EINVAL)
		fail(why, why_size, "%s: %s; %s", d->blk.path, strerror(-rc), remedy_of(-rc));
	if (fd >= 0)
		close(fd);
	return rc;
}

int disk_check(const struct disk *d, unsigned *tail, char *why, size_t why_size)
{
	uint64_t bytes;
	bool is_file;
	int rc;

	*tail = 0;
	if (!d->blk.path)
		return 0;
	rc = measure(d, &bytes, &is_file, why, why_size);
	if (rc)
		return rc;
	if (bytes < VIRTIO_BLK_SECTOR_SIZE)
		return fail(why, why_size,
			    "%s: is smaller than a sector of 512 bytes; make it larger with truncate -s 256M",
			    d->blk.path);
	if (d->blk.size > bytes)
		return fail(why, why_size,
			    "%s: has %" PRIu64 " bytes, and size= asks for %" PRIu64
			    "; make it larger with truncate -s %" PRIu64,
			    d->blk.path, bytes, (uint64_t)d->blk.size, (uint64_t)d->blk.size);
	*tail = is_file && !d->blk.size ? (unsigned)(bytes % VIRTIO_BLK_SECTOR_SIZE) : 0;
	return 0;
}

int disk_unparse(const struct disk *d, const char *path, char *text, size_t size)
{
	const struct blk_config *c = &d->blk;
	FILE *f = fmemopen(text, size, "w");
	long n;

	if (!f)
		return -errno;
	setbuf(f, NULL);
	for (const char *p = path; p && *p; p++)
		fprintf(f, "%s%c", *p == ',' ? "," : "", *p);
	if (c->size || !path)
		fprintf(f, "%ssize=%" PRIu64, path ? "," : "",
			(uint64_t)(c->size ? c->size : VIRTIO_BLK_DEFAULT_CAPACITY_BYTES));
	if (c->read_only)
		fputs(",ro", f);
	if (c->engine)
		fprintf(f, ",engine=%s", engine_names[c->engine]);
	if (c->direct)
		fputs(",direct=on", f);
	if (c->discard)
		fputs(",discard=on", f);
	if (c->iops)
		fprintf(f, ",iops=%" PRIu64, c->iops);
	if (c->bps)
		fprintf(f, ",bps=%" PRIu64, c->bps);
	if (c->iops_burst)
		fprintf(f, ",iops-burst=%" PRIu64, c->iops_burst);
	if (c->bps_burst)
		fprintf(f, ",bps-burst=%" PRIu64, c->bps_burst);
	if (c->serial)
		fprintf(f, ",serial=%s", c->serial);
	n = ftell(f);
	fclose(f);
	return n < 0 || (size_t)n + 1 >= size ? -ENAMETOOLONG : 0;
}
