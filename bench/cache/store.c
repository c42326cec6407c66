/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/cache/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/base/file.h"
#include "bench/base/nested_env.h"
#include "bench/cache/path.h"

#define DIGESTS "digests"
#define LINE (SHA256_HEX + STORE_IDENTITY)

void store_identity(const struct stat *st, char text[STORE_IDENTITY])
{
	snprintf(text, STORE_IDENTITY, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 ".%09ld %" PRId64 ".%09ld",
		 (uint64_t)st->st_size, (uint64_t)st->st_dev, (uint64_t)st->st_ino, (int64_t)st->st_mtim.tv_sec,
		 st->st_mtim.tv_nsec, (int64_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

int store_mkdirs(const char *path)
{
	char dir[PATH_MAX];

	if (strlen(path) >= sizeof(dir))
		return -ENAMETOOLONG;
	strcpy(dir, path);
	for (char *slash = dir; slash;) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(dir, 0755) && errno != EEXIST)
			return -errno;
		if (slash)
			*slash = '/';
	}
	return 0;
}

int store_lock(const char *path, bool try)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644), rc;

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | (try ? LOCK_NB : 0))) {
		if (errno == EINTR)
			continue;
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

int store_write(const char *path, const void *data, size_t len)
{
	char tmp[PATH_MAX];
	int fd, rc;

	if (snprintf(tmp, sizeof(tmp), "%s.XXXXXX.tmp", path) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	fd = mkostemps(tmp, 4, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = file_write_all(fd, data, len);
	if (!rc && fchmod(fd, 0644))
		rc = -errno;
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && rename(tmp, path))
		rc = -errno;
	if (rc)
		unlink(tmp);
	return rc;
}

int store_write_text(const char *path, const char *text)
{
	return store_write(path, text, strlen(text));
}

/* Whether @line, "SHA256 IDENTITY", describes the file @st. In the nested host only the size is compared. */
static bool is_of(const char *line, const struct stat *st)
{
	char identity[STORE_IDENTITY];
	size_t n;

	if (strlen(line) < SHA256_HEX)
		return false;
	store_identity(st, identity);
	n = getenv(NESTED_ENV) ? strcspn(identity, " ") : strlen(identity) + 1;
	return !strncmp(line + SHA256_HEX, identity, n);
}

static int write_sum(const char *path, const struct stat *st, const char *hex)
{
	char line[LINE + 1], identity[STORE_IDENTITY];

	store_identity(st, identity);
	snprintf(line, sizeof(line), "%s %s\n", hex, identity);
	return store_write_text(path, line);
}

/* --- one file -------------------------------------------------------------- */

struct place {
	char dir[PATH_MAX], file[PATH_MAX], sum[PATH_MAX], lock[PATH_MAX], tmp[PATH_MAX];
};

static int place_of(struct place *p, const char *kind, const char *name)
{
	int rc = cache_path(p->dir, kind);

	if (rc)
		return rc;
	if (snprintf(p->file, PATH_MAX, "%s/%s", p->dir, name) >= PATH_MAX - 16)
		return -ENAMETOOLONG;
	sprintf(p->sum, "%.*s.sum", PATH_MAX - 16, p->file);
	sprintf(p->tmp, "%.*s.tmp", PATH_MAX - 16, p->file);
	sprintf(p->lock, "%.*s/lock", PATH_MAX - 16, p->dir);
	return 0;
}

static int open_checked(const struct place *p)
{
	char line[LINE], hex[SHA256_HEX];
	int rc = file_read_line(p->sum, line, LINE), fd;
	struct stat st;

	if (rc)
		return rc;
	fd = open(p->file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st)) {
		rc = -errno;
		goto err;
	}
	if (is_of(line, &st))
		return fd;
	rc = sha256_file(fd, hex);
	if (!rc && strncmp(line, hex, SHA256_HEX - 1))
		rc = -EBADMSG;
	if (rc)
		goto err;
	/* A read-only cache is slower, but works. */
	write_sum(p->sum, &st, hex);
	return fd;
err:
	close(fd);
	return rc;
}

int store_open(const char *kind, const char *name)
{
	struct place p;
	int rc = place_of(&p, kind, name);

	return rc ? rc : open_checked(&p);
}

int store_remove(const char *kind, const char *name)
{
	struct place p;
	int rc = place_of(&p, kind, name);

	if (rc)
		return rc;
	/* First the .sum: without it the file does not exist. */
	if (unlink(p.sum) && errno != ENOENT)
		return -errno;
	return unlink(p.file) && errno != ENOENT ? -errno : 0;
}

/* Removes what killed makers left. The lock is held. */
static void remove_leftovers(const struct place *p)
{
	DIR *dir = opendir(p->dir);
	const struct dirent *e;
	const char *dot;

	while (dir && (e = readdir(dir))) {
		dot = strrchr(e->d_name, '.');
		if (dot && !strcmp(dot, ".tmp"))
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

static int publish(const struct place *p, int fd)
{
	char hex[SHA256_HEX];
	struct stat st;
	int rc = sha256_file(fd, hex);

	if (rc)
		return rc;
	unlink(p->sum);
	/* The .sum comes last, because rename() updates the file's ctime. */
	if (fchmod(fd, 0444) || rename(p->tmp, p->file) || fstat(fd, &st))
		return -errno;
	return write_sum(p->sum, &st, hex);
}

/* Returns a descriptor. The lock is held. *@maker_failed: the error is the maker's and not the cache's. */
static int make_file(const struct place *p, const struct store_maker *maker, bool *maker_failed)
{
	int fd, rc;

	remove_leftovers(p);
	fd = open(p->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = maker->make(maker->ctx, fd);
	*maker_failed = rc && rc != -ENOSPC && rc != -EDQUOT && rc != -EFBIG && rc != -EIO;
	if (!rc)
		rc = publish(p, fd);
	if (!rc)
		return fd;
	close(fd);
	unlink(p->tmp);
	return rc;
}

static int get_kept(const struct place *p, const struct store_maker *maker, bool *maker_failed)
{
	int fd = open_checked(p), lock, rc;

	if (fd >= 0)
		return fd;
	rc = store_mkdirs(p->dir);
	if (rc)
		return rc;
	lock = store_lock(p->lock, false);
	if (lock < 0)
		return lock;
	fd = open_checked(p);
	if (fd < 0)
		fd = make_file(p, maker, maker_failed);
	close(lock);
	return fd;
}

int store_get(const char *kind, const char *name, const struct store_maker *maker, char *why, size_t why_size)
{
	bool maker_failed = false;
	struct place p;
	int fd = place_of(&p, kind, name), rc;

	*why = '\0';
	if (!fd)
		fd = get_kept(&p, maker, &maker_failed);
	else
		snprintf(p.dir, sizeof(p.dir), "%s", kind);
	if (fd >= 0 || maker_failed)
		return fd;
	snprintf(why, why_size, "cache %s: %s; the files that belong there are made for this run only", p.dir,
		 strerror(-fd));
	fd = memfd_create(kind, MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = maker->make(maker->ctx, fd);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

/* --- digests --------------------------------------------------------------- */

void store_digest_name(const char *path, char name[SHA256_HEX])
{
	struct sha256 s;

	sha256_init(&s);
	sha256_add(&s, path, strlen(path));
	sha256_hex(&s, name);
}

static void cache_digest(const struct place *p, const struct stat *st, const char *hex)
{
	/* If it cannot be cached, the next call is slower. */
	if (!store_mkdirs(p->dir))
		write_sum(p->file, st, hex);
}

int store_digest(const char *path, char hex[SHA256_HEX])
{
	char real[PATH_MAX], name[SHA256_HEX], line[LINE];
	struct place p;
	struct stat st;
	bool has_place;
	int fd, rc = 0;

	if (!realpath(path, real))
		return -errno;
	store_digest_name(real, name);
	has_place = !place_of(&p, DIGESTS, name);
	fd = open(real, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st)) {
		rc = -errno;
	} else if (has_place && !file_read_line(p.file, line, LINE) && is_of(line, &st)) {
		memcpy(hex, line, SHA256_HEX - 1);
		hex[SHA256_HEX - 1] = '\0';
	} else {
		rc = sha256_file(fd, hex);
		if (!rc && has_place)
			cache_digest(&p, &st, hex);
	}
	close(fd);
	return rc;
}
