/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bench/base/file.h"

#define LINKS_MAX 40 /* as the kernel has it */
#define TEMPORARY "/.ktstr-XXXXXX"

/* --- where a path leads --------------------------------------------------- */

/* The directory of @path, "." if it names none. */
static int directory_of(const char *path, char dir[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	int n = slash ? (int)(slash - path) : 1;

	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
	/* The slash of the root belongs to it. */
	snprintf(dir, PATH_MAX, "%.*s", n ? n : 1, slash ? path : ".");
	return 0;
}

/* A link of /proc, such as /proc/self/fd/1: its text is no path that could be opened. */
static bool is_magic(const char *path)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct statfs st;
	bool is = fd >= 0 && !fstatfs(fd, &st) && st.f_type == PROC_SUPER_MAGIC;

	if (fd >= 0)
		close(fd);
	return is;
}

/* One link of the chain: @path becomes what it points to. 1; 0: @path is no link; or -errno. */
static int follow(char path[PATH_MAX])
{
	char text[PATH_MAX], dir[PATH_MAX], next[2 * PATH_MAX];
	ssize_t n = readlink(path, text, sizeof(text) - 1);
	int rc;

	if (n < 0)
		return errno == EINVAL || errno == ENOENT ? 0 : -errno;
	if (is_magic(path))
		return 0;
	text[n] = '\0';
	rc = directory_of(path, dir);
	if (rc)
		return rc;
	rc = *text == '/' ? snprintf(next, sizeof(next), "%s", text) : snprintf(next, sizeof(next), "%s/%s", dir, text);
	if (rc >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(path, next, (size_t)rc + 1);
	return 1;
}

/* The number N of a target /proc/self/fd/N; -1: it is none. */
static int own_descriptor(const char *target)
{
	char dir[PATH_MAX], real[PATH_MAX], own[64], *end;
	long fd;

	snprintf(own, sizeof(own), "/proc/%d/fd", (int)getpid());
	if (directory_of(target, dir) || !realpath(dir, real) || strcmp(real, own))
		return -1;
	fd = strtol(strrchr(target, '/') + 1, &end, 10);
	return *end || fd > INT_MAX ? -1 : (int)fd;
}

static int check_replace(const char *target, const struct stat *st)
{
	char dir[PATH_MAX];
	int rc = directory_of(target, dir);

	if (rc)
		return rc;
	/* One that is protected was protected on purpose. */
	if (st && access(target, W_OK))
		return -errno;
	return access(dir, W_OK | X_OK) ? -errno : 0;
}

int atomic_check(const char *path, char target[PATH_MAX], enum atomic_kind *kind)
{
	struct stat st;
	int rc = 1;

	if (snprintf(target, PATH_MAX, "%s", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	for (unsigned i = 0; i < LINKS_MAX && rc > 0; i++)
		rc = follow(target);
	if (rc)
		return rc < 0 ? rc : -ELOOP;
	*kind = ATOMIC_REPLACE;
	if (stat(target, &st))
		return errno == ENOENT ? check_replace(target, NULL) : -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (S_ISREG(st.st_mode) && !is_magic(target))
		return check_replace(target, &st);
	*kind = ATOMIC_STRAIGHT;
	return own_descriptor(target) < 0 && access(target, W_OK) ? -errno : 0;
}

/* --- writing ---------------------------------------------------------------- */

static int open_straight(struct atomic_file *f, bool wait)
{
	int own = own_descriptor(f->target);

	/* A file opened anew would be written from its beginning, over what the descriptor has written. */
	f->fd = own >= 0 ? fcntl(own, F_DUPFD_CLOEXEC, 0)
			 : open(f->target, O_WRONLY | O_CLOEXEC | (wait ? 0 : O_NONBLOCK));
	return f->fd < 0 ? -errno : 0;
}

static mode_t new_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int open_beside(struct atomic_file *f)
{
	char dir[PATH_MAX];
	struct stat st;
	mode_t mode;
	int rc = directory_of(f->target, dir);

	if (rc)
		return rc;
	if (snprintf(f->temporary, sizeof(f->temporary), "%s" TEMPORARY, strcmp(dir, "/") ? dir : "") >= PATH_MAX) {
		f->temporary[0] = '\0';
		return -ENAMETOOLONG;
	}
	f->fd = mkostemp(f->temporary, O_CLOEXEC);
	if (f->fd < 0) {
		f->temporary[0] = '\0';
		return -errno;
	}
	if (stat(f->target, &st)) {
		mode = new_mode();
	} else {
		mode = st.st_mode & 07777;
		/* Another user's file in a directory of ours becomes ours, unless we may give it away. */
		if (fchown(f->fd, st.st_uid, st.st_gid) && errno != EPERM)
			return -errno;
	}
	return fchmod(f->fd, mode) ? -errno : 0;
}

int atomic_open(struct atomic_file *f, const char *path, bool wait)
{
	enum atomic_kind kind;
	int rc;

	*f = (struct atomic_file){ .fd = -1 };
	rc = atomic_check(path, f->target, &kind);
	if (!rc)
		rc = kind == ATOMIC_STRAIGHT ? open_straight(f, wait) : open_beside(f);
	if (rc)
		atomic_abort(f);
	return rc;
}

int atomic_commit(struct atomic_file *f)
{
	int rc = 0, fd = f->fd;

	f->fd = -1;
	if (*f->temporary && fsync(fd))
		rc = -errno;
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && *f->temporary && rename(f->temporary, f->target))
		rc = -errno;
	if (!rc)
		f->temporary[0] = '\0';
	atomic_abort(f);
	return rc;
}

void atomic_abort(struct atomic_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	if (*f->temporary)
		unlink(f->temporary);
	f->temporary[0] = '\0';
}

int atomic_write(const char *path, const void *data, size_t len)
{
	struct atomic_file f;
	int rc = atomic_open(&f, path, true);

	if (rc)
		return rc;
	rc = file_write_all(f.fd, data, len);
	if (rc) {
		atomic_abort(&f);
		return rc;
	}
	return atomic_commit(&f);
}
