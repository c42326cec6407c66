/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/kernel/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cache/path.h"
#include "bench/cache/store.h"
#include "bench/kernel/vmlinux.h"

#define KIND "vmlinux"

struct unpack {
	const char *image, *digest;
	char *why;
	size_t why_size;
};

static int make_elf(void *ctx, int fd)
{
	const struct unpack *u = ctx;
	char digest[SHA256_HEX];
	int rc = vmlinux_unpack(u->image, fd, u->why, u->why_size);

	if (!rc)
		rc = store_digest(u->image, digest);
	if (rc)
		return rc;
	/* The image may have changed since its digest was computed; the cache must not keep the wrong kernel. */
	if (strcmp(digest, u->digest)) {
		snprintf(u->why, u->why_size, "%s: changed while it was read; try again", u->image);
		return -ESTALE;
	}
	return 0;
}

/* Whether @path has boot protocol 2.00 or later; earlier images do not locate their payload. */
static bool is_bzimage(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char magic[4] = "";

	if (fd < 0)
		return false;
	if (pread(fd, magic, sizeof(magic), 0x202) != (ssize_t)sizeof(magic))
		magic[0] = '\0';
	close(fd);
	return !memcmp(magic, "HdrS", 4);
}

int kernel_elf_open(const char *image, char *why, size_t why_size)
{
	char failed[512] = "", digest[SHA256_HEX];
	struct unpack u = { image, digest, failed, sizeof(failed) };
	const struct store_maker maker = { make_elf, &u };
	int fd;

	*why = '\0';
	if (!is_bzimage(image))
		return -ENOENT;
	fd = store_digest(image, digest);
	if (fd < 0) {
		snprintf(why, why_size, "%s: %s", image, strerror(-fd));
		return fd;
	}
	fd = store_get(KIND, digest, &maker, why, why_size);
	if (fd == -EPROTONOSUPPORT || fd == -EINVAL)
		return -ENOENT;
	if (fd < 0)
		snprintf(why, why_size, "%s", *failed ? failed : strerror(-fd));
	return fd;
}

int kernel_elf_files(const char *image, struct kernel_elf_files *files)
{
	char real[PATH_MAX], name[SHA256_HEX], digest[SHA256_HEX], below[3][2 * SHA256_HEX], why[512];
	int fd = kernel_elf_open(image, why, sizeof(why)), rc;

	if (fd < 0)
		return fd;
	close(fd);
	/* A file in memory has no path. */
	if (*why)
		return -ENOENT;
	rc = store_digest(image, digest);
	if (!rc && !realpath(image, real))
		rc = -errno;
	if (rc)
		return rc;
	store_digest_name(real, name);
	snprintf(below[0], sizeof(below[0]), "digests/%s", name);
	snprintf(below[1], sizeof(below[1]), KIND "/%s", digest);
	snprintf(below[2], sizeof(below[2]), KIND "/%s.sum", digest);
	for (unsigned i = 0; i < 3 && !rc; i++) {
		rc = cache_path(files->path[i], below[i]);
		/* A read-only cache may lack the digest, which is then computed again. */
		if (!rc && access(files->path[i], R_OK))
			files->path[i][0] = '\0';
	}
	return rc;
}
