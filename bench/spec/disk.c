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
#include "bench/base/why.h"

const char *const disk_engines[] = { "auto", "uring", "sync" };

static int parse_engine(struct disk *d, const char *value)
{
	for (unsigned i = 0; i < sizeof(disk_engines) / sizeof(*disk_engines); i++) {
		if (strcmp(value, disk_engines[i]))
			continue;
		d->engine = (enum blk_engine)i;
		return 0;
	}
	return -EINVAL;
}

static int parse_direct(struct disk *d, const char *value)
{
	d->direct = !strcmp(value, "on");
	return d->direct || !strcmp(value, "off") ? 0 : -EINVAL;
}

static int parse_discard(struct disk *d, const char *value)
{
	d->discard = !strcmp(value, "on");
	return d->discard || !strcmp(value, "off") ? 0 : -EINVAL;
}

static int parse_serial(struct disk *d, const char *value)
{
	if (!*value || strlen(value) > DISK_SERIAL_MAX)
		return -EINVAL;
	strcpy(d->serial, value);
	return 0;
}

static int parse_size(struct disk *d, const char *value)
{
	int rc = size_parse(value, &d->size);

	return rc || !d->size || d->size % VIRTIO_BLK_SECTOR_SIZE ? -EINVAL : 0;
}

static int parse_iops(struct disk *d, const char *value)
{
	return count_parse(value, &d->iops);
}

static int parse_bps(struct disk *d, const char *value)
{
	return size_parse(value, &d->bps);
}

static int parse_iops_burst(struct disk *d, const char *value)
{
	return count_parse(value, &d->iops_burst);
}

static int parse_bps_burst(struct disk *d, const char *value)
{
	return size_parse(value, &d->bps_burst);
}

enum { KEY_IOPS = 3, KEY_BPS = 4 }; /* in: */
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

const char *disk_contradiction(const struct disk *d, const char **key)
{
	const struct {
		const char *key;
		uint64_t rate, burst;
	} limits[] = { { "iops_burst", d->iops, d->iops_burst }, { "bps_burst", d->bps, d->bps_burst } };

	*key = NULL;
	if (!*d->path && !d->size)
		return "names no file; give a path, or a size for a disk in memory";
	for (unsigned i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		*key = limits[i].key;
		if (limits[i].burst && !limits[i].rate)
			return "a burst without its rate; give the rate too";
		if (limits[i].burst && limits[i].burst < limits[i].rate)
			return "is below its rate; a burst is at least one second's worth";
	}
	return NULL;
}

struct blk_config disk_config(const struct disk *d)
{
	return (struct blk_config){
		.path = *d->path ? d->path : NULL,
		.size = d->size,
		.read_only = d->read_only,
		.direct = d->direct,
		.discard = d->discard,
		.engine = d->engine,
		.iops = d->iops,
		.bps = d->bps,
		.iops_burst = d->iops_burst,
		.bps_burst = d->bps_burst,
		.serial = *d->serial ? d->serial : NULL,
	};
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

/* @word and those that follow it in *@rest, of @text; which keys there were, into *@seen. */
static int parse_keys(const char *text, char *word, char **rest, struct disk *d, unsigned *seen, char *why,
		      size_t why_size)
{
	for (; word; word = strsep(rest, ",")) {
		const struct key *key = key_of(word);

		if (!strcmp(word, "ro")) {
			d->read_only = true;
			continue;
		}
		if (!key)
			return why_fail(why, why_size, -EINVAL,
					"disk '%s': unknown word '%s'; use ro, size=, engine=, direct=, iops=, bps=, "
					"iops-burst=, bps-burst=, serial=, discard=",
					text, word);
		if (*seen & 1u << (key - keys))
			return why_fail(why, why_size, -EINVAL, "disk '%s': %s= is given twice; keep one", text,
					key->name);
		*seen |= 1u << (key - keys);
		if (key->parse(d, strchr(word, '=') + 1))
			return why_fail(why, why_size, -EINVAL, "disk '%s': '%s' is not valid; %s= takes %s", text,
					word, key->name, key->wants);
	}
	return 0;
}

int disk_parse(const char *text, struct disk *d, char *why, size_t why_size)
{
	char words[PATH_MAX + 256], first[PATH_MAX + 256], *rest, *word;
	const char *bad, *name;
	unsigned seen = 0;

	memset(d, 0, sizeof(*d));
	if (strlen(text) >= sizeof(words))
		return why_fail(why, why_size, -EINVAL, "disk '%.40s...': the argument is too long; shorten the path",
				text);
	strcpy(words, text);
	rest = take_path(words, first);
	word = first;
	if (!*word || !strcmp(word, "ro"))
		return why_fail(why, why_size, -EINVAL,
				"disk '%s': names no file; begin with a PATH, or size=256M for one in memory", text);
	if (!key_of(word)) {
		if (strlen(word) >= sizeof(d->path))
			return why_fail(why, why_size, -EINVAL, "disk '%.40s...': the path is too long; shorten it",
					text);
		strcpy(d->path, word);
		word = strsep(&rest, ",");
	} else if (strncmp(word, "size=", 5)) {
		return why_fail(why, why_size, -EINVAL,
				"disk '%s': names no file; begin with a PATH, or size=256M for one in memory", text);
	}
	if (parse_keys(text, word, &rest, d, &seen, why, why_size))
		return -EINVAL;
	/* A rate of 0 is no limit. */
	if (seen & 1u << KEY_IOPS && !d->iops)
		d->iops_burst = 0;
	if (seen & 1u << KEY_BPS && !d->bps)
		d->bps_burst = 0;
	bad = disk_contradiction(d, &name);
	if (!bad)
		return 0;
	/* Only a burst can be wrong here; its key has a hyphen. */
	return why_fail(why, why_size, -EINVAL, "disk '%s': %.*s-burst: %s", text, (int)strcspn(name ? name : "", "_"),
			name ? name : "", bad);
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
	int fd = open(d->path, (d->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC), rc = 0;

	*bytes = 0;
	if (fd < 0 || fstat(fd, &st))
		rc = -errno;
	else if (S_ISREG(st.st_mode))
		*bytes = (uint64_t)st.st_size;
	else if (!S_ISBLK(st.st_mode))
		rc = why_fail(why, why_size, -EINVAL, "%s: is neither a file nor a block device; a disk must be one",
			      d->path);
	else if (ioctl(fd, BLKGETSIZE64, bytes) < 0)
		rc = -errno;
	*is_file = !rc && S_ISREG(st.st_mode);
	if (rc && rc != -EINVAL)
		why_fail(why, why_size, -EINVAL, "%s: %s; %s", d->path, strerror(-rc), remedy_of(-rc));
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
	if (!*d->path)
		return 0;
	rc = measure(d, &bytes, &is_file, why, why_size);
	if (rc)
		return rc;
	if (bytes < VIRTIO_BLK_SECTOR_SIZE)
		return why_fail(why, why_size, -EINVAL,
				"%s: is smaller than a sector of 512 bytes; make it larger with truncate -s 256M",
				d->path);
	if (d->size > bytes)
		return why_fail(why, why_size, -EINVAL,
				"%s: has %" PRIu64 " bytes, and size= asks for %" PRIu64
				"; make it larger with truncate -s %" PRIu64,
				d->path, bytes, (uint64_t)d->size, (uint64_t)d->size);
	*tail = is_file && !d->size ? (unsigned)(bytes % VIRTIO_BLK_SECTOR_SIZE) : 0;
	return 0;
}

int disk_unparse(const struct disk *d, char *text, size_t size)
{
	FILE *f = fmemopen(text, size, "w");
	long n;

	if (!f)
		return -errno;
	setbuf(f, NULL);
	for (const char *p = d->path; *p; p++)
		fprintf(f, "%s%c", *p == ',' ? "," : "", *p);
	if (d->size)
		fprintf(f, "%ssize=%" PRIu64, *d->path ? "," : "", d->size);
	if (d->read_only)
		fputs(",ro", f);
	if (d->engine)
		fprintf(f, ",engine=%s", disk_engines[d->engine]);
	if (d->direct)
		fputs(",direct=on", f);
	if (d->discard)
		fputs(",discard=on", f);
	if (d->iops)
		fprintf(f, ",iops=%" PRIu64, d->iops);
	if (d->bps)
		fprintf(f, ",bps=%" PRIu64, d->bps);
	if (d->iops_burst)
		fprintf(f, ",iops-burst=%" PRIu64, d->iops_burst);
	if (d->bps_burst)
		fprintf(f, ",bps-burst=%" PRIu64, d->bps_burst);
	if (*d->serial)
		fprintf(f, ",serial=%s", d->serial);
	n = ftell(f);
	fclose(f);
	return n < 0 || (size_t)n + 1 >= size ? -ENAMETOOLONG : 0;
}
