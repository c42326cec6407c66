/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/session/output_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/file.h"
#include "bench/base/path.h"
#include "bench/base/why.h"

#define OWN_PREFIX ".ktstr-" /* names that ktstr uses itself, for temporary files and locks */

/* --- names -------------------------------------------------------------- */

/* Why a file of the guest may not have this name; NULL: it may. */
static const char *name_fault(const char *name)
{
	unsigned depth = 0;

	if (strlen(name) >= OUTPUT_DIR_NAME_MAX)
		return "it is too long";
	for (const char *p = name;; p++) {
		size_t n = strcspn(p, "/");

		if (!n || (n == 1 && *p == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return "it has an empty part, \".\" or \"..\"";
		if (n > NAME_MAX)
			return "a part of it is too long";
		if (!strncmp(p, OWN_PREFIX, strlen(OWN_PREFIX)))
			return "names that begin with " OWN_PREFIX " are ktstr's own";
		for (size_t i = 0; i < n; i++)
			if ((unsigned char)p[i] < ' ' || p[i] == 0x7f)
				return "it has a control character";
		if (++depth > OUTPUT_DIR_DEPTH_MAX)
			return "it is too many directories deep";
		p += n;
		if (!*p)
			return NULL;
	}
}

const char *output_dir_name(const struct output_dir *d, const char *path)
{
	size_t n = d->guest ? strlen(d->guest) : 0;

	return n && !strncmp(path, d->guest, n) && path[n] == '/' ? path + n + 1 : NULL;
}

static const char *last_part(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

/* The directory that @name lies in, to close(); @make: make those that are missing. Follows no link. Or -errno. */
static int open_parent(const struct output_dir *d, const char *name, bool make)
{
	int at = fcntl(d->fd, F_DUPFD_CLOEXEC, 0);

	for (const char *slash; at >= 0 && (slash = strchr(name, '/')); name = slash + 1) {
		char part[NAME_MAX + 1];
		int next, rc = 0;

		snprintf(part, sizeof(part), "%.*s", (int)(slash - name), name);
		if (make && mkdirat(at, part, 0777) && errno != EEXIST)
			rc = -errno;
		next = rc ? -1 : openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (!rc && next < 0)
			rc = -errno;
		close(at);
		if (rc)
			return rc;
		at = next;
	}
	return at < 0 ? -errno : at;
}

/* --- life --------------------------------------------------------------- */

static int make_directories(const char *path)
{
	char dir[PATH_MAX];

	if (snprintf(dir, sizeof(dir), "%s", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	for (char *slash = dir + strspn(dir, "/");;) {
		slash += strcspn(slash, "/");
		if (!*slash)
			break;
		*slash = '\0';
		if (mkdir(dir, 0777) && errno != EEXIST)
			return -errno;
		*slash++ = '/';
	}
	return mkdir(dir, 0777) && errno != EEXIST ? -errno : 0;
}

int output_dir_open(struct output_dir *d, const char *host, const char *guest, char *why, size_t size)
{
	char path[PATH_MAX];
	int rc;

	*d = (struct output_dir){ .fd = -1, .parent = -1, .file = { .fd = -1 } };
	d->files_max = OUTPUT_DIR_FILES_MAX;
	d->bytes_max = OUTPUT_DIR_BYTES_MAX;
	rc = path_absolute(guest, path);
	if (!rc)
		rc = make_directories(host);
	if (!rc) {
		d->host = strdup(host);
		d->guest = strdup(path);
		rc = d->host && d->guest ? 0 : -ENOMEM;
	}
	if (!rc && access(host, W_OK | X_OK))
		rc = -errno;
	if (!rc) {
		d->fd = open(host, O_PATH | O_DIRECTORY | O_CLOEXEC);
		rc = d->fd < 0 ? -errno : 0;
	}
	if (!rc)
		return 0;
	output_dir_close(d);
	return why_fail(why, size, rc, "%.200s: %s; name a directory that can be written", host, strerror(-rc));
}

static void drop(struct output_dir *d)
{
	atomic_abort(&d->file);
	if (d->parent >= 0)
		close(d->parent);
	d->parent = -1;
	d->name[0] = '\0';
	d->failed = false;
}

void output_dir_close(struct output_dir *d)
{
	drop(d);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	free(d->host);
	free(d->guest);
	d->host = d->guest = NULL;
}

/* --- a file ------------------------------------------------------------- */

/* What is there under the name of the file that arrives: nothing, or a regular file. */
static int check_target(struct output_dir *d)
{
	struct stat st;

	d->replaces = !fstatat(d->parent, last_part(d->name), &st, AT_SYMLINK_NOFOLLOW);
	if (!d->replaces)
		return errno == ENOENT ? 0 : -errno;
	d->replaced = (uint64_t)st.st_size;
	return S_ISREG(st.st_mode) ? 0 : S_ISDIR(st.st_mode) ? -EISDIR : S_ISLNK(st.st_mode) ? -ELOOP : -EEXIST;
}

static int begin(struct output_dir *d)
{
	char path[64 + OUTPUT_DIR_NAME_MAX];
	int rc;

	if (d->files >= d->files_max)
		return -E2BIG;
	d->parent = open_parent(d, d->name, true);
	if (d->parent < 0)
		return d->parent;
	rc = check_target(d);
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", d->parent, last_part(d->name));
	return atomic_open(&d->file, path, false);
}

static int failed(struct output_dir *d, int error, char *why, size_t size)
{
	atomic_abort(&d->file);
	d->failed = true;
	if (error == -E2BIG && d->files >= d->files_max)
		return why_fail(why, size, error, "%.160s: the guest made more than %llu files; the rest is dropped",
				d->host, (unsigned long long)d->files_max);
	if (error == -E2BIG)
		return why_fail(why, size, error,
				"%.160s: the guest wrote more than %llu MiB; what does not fit is dropped", d->host,
				(unsigned long long)(d->bytes_max >> 20));
	return why_fail(why, size, error, "%.120s/%.120s: %s", d->host, d->name, strerror(-error));
}

/* Makes @name the file that arrives. */
static int select_file(struct output_dir *d, const char *name, char *why, size_t size)
{
	const char *fault;
	int rc;

	if (*name && !strcmp(d->name, name))
		return 0;
	drop(d);
	fault = name_fault(name);
	/* The name itself may hold what a terminal would act upon. */
	if (fault)
		return why_fail(why, size, -EINVAL, "%.160s: the guest named a file that can't be written: %s", d->host,
				fault);
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->size = d->replaced = 0;
	rc = begin(d);
	return rc ? failed(d, rc, why, size) : 0;
}

int output_dir_chunk(struct output_dir *d, const char *name, const void *data, size_t len, char *why, size_t size)
{
	int rc = select_file(d, name, why, size);

	if (rc || d->failed)
		return rc;
	if (len > d->bytes_max - d->bytes || d->size > d->bytes_max - d->bytes - len)
		rc = -E2BIG;
	else
		rc = file_write_all(d->file.fd, data, len);
	d->size += len;
	return rc ? failed(d, rc, why, size) : 0;
}

int output_dir_end(struct output_dir *d, const char *name, char *why, size_t size)
{
	/* An empty file has no chunk. */
	int rc = select_file(d, name, why, size);

	if (!rc && !d->failed) {
		rc = atomic_commit(&d->file);
		if (rc) {
			failed(d, rc, why, size);
		} else {
			d->files += !d->replaces;
			d->bytes += d->size;
			d->bytes -= d->replaced < d->bytes ? d->replaced : d->bytes;
		}
	}
	drop(d);
	return rc;
}

int output_dir_gone(struct output_dir *d, const char *name, const char *reason, size_t reason_len, char *why,
		    size_t size)
{
	struct stat st;
	int at, rc = 0;

	if (!strcmp(d->name, name))
		drop(d);
	if (name_fault(name))
		return 0;
	if (reason_len)
		return why_fail(why, size, -EIO, "%.100s/%.100s: in the guest: %.*s", d->host, name,
				(int)(reason_len < 60 ? reason_len : 60), reason);
	at = open_parent(d, name, false);
	if (at < 0)
		return 0;
	if (!fstatat(at, last_part(name), &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode)) {
		if (unlinkat(at, last_part(name), 0)) {
			rc = why_fail(why, size, -errno, "%.120s/%.120s: can't be removed: %s", d->host, name,
				      strerror(errno));
		} else {
			d->files -= d->files > 0;
			d->bytes -= (uint64_t)st.st_size < d->bytes ? (uint64_t)st.st_size : d->bytes;
		}
	}
	close(at);
	return rc;
}
