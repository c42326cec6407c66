/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/kernel/scx.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/base/say.h"
#include "bench/cache/path.h"
#include "bench/cache/store.h"
#include "bench/kernel/vmlinux.h"

#define KIND "scx"
#define FORMAT "1" /* of cached answers; those in another format are ignored */

/* The ELF kernel in @image, else @image itself. kernel_elf_open() would leave 60 MB in the cache for each kernel. */
static int elf_of(const char *image, const char *digest)
{
	int fd = store_open("vmlinux", digest), rc;
	char why[512];

	if (fd >= 0)
		return fd;
	fd = memfd_create(KIND, MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = vmlinux_unpack(image, fd, why, sizeof(why));
	if (!rc)
		return fd;
	close(fd);
	/* Not a bzImage. */
	fd = rc == -EINVAL ? open(image, O_RDONLY | O_CLOEXEC) : rc;
	return fd == -1 ? -errno : fd;
}

static int read_btf(const char *image, const char *digest, struct kernel_btf_scx *found)
{
	int fd = elf_of(image, digest), rc;
	char path[32];

	if (fd < 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rc = kernel_btf_scx(path, found);
	close(fd);
	return rc;
}

static bool read_cached(const char *path, struct kernel_btf_scx *found)
{
	FILE *f = fopen(path, "re");
	char end = 0;
	bool ok;

	if (!f)
		return false;
	memset(found, 0, sizeof(*found));
	ok = fscanf(f, FORMAT " %u %u %63s%c", &found->kfuncs, &found->lacking, found->first, &end) == 4 && end == '\n';
	fclose(f);
	if (ok && !strcmp(found->first, "-"))
		found->first[0] = '\0';
	return ok && found->lacking <= found->kfuncs;
}

/* If it cannot be cached, it is computed again next time. */
static void write_cached(const char *path, const struct kernel_btf_scx *found)
{
	char dir[PATH_MAX], text[128];

	if (cache_path(dir, KIND) || store_mkdirs(dir))
		return;
	snprintf(text, sizeof(text), FORMAT " %u %u %s\n", found->kfuncs, found->lacking,
		 *found->first ? found->first : "-");
	store_write_text(path, text);
}

enum kernel_scx kernel_scx(const char *image, struct kernel_btf_scx *found)
{
	char digest[SHA256_HEX], below[SHA256_HEX + 8], path[PATH_MAX];
	bool has_place;

	memset(found, 0, sizeof(*found));
	if (store_digest(image, digest))
		return KERNEL_SCX_UNKNOWN;
	snprintf(below, sizeof(below), KIND "/%s", digest);
	has_place = !cache_path(path, below);
	if (!has_place || !read_cached(path, found)) {
		if (read_btf(image, digest, found))
			return KERNEL_SCX_UNKNOWN;
		if (has_place)
			write_cached(path, found);
	}
	return !found->kfuncs ? KERNEL_SCX_NONE : found->lacking ? KERNEL_SCX_LACKING : KERNEL_SCX_COMPLETE;
}

void kernel_scx_text(enum kernel_scx kind, const struct kernel_btf_scx *found, char *text, size_t size)
{
	text[0] = '\0';
	if (kind == KERNEL_SCX_NONE)
		snprintf(text, size, "no sched_ext");
	if (kind == KERNEL_SCX_LACKING)
		snprintf(text, size,
			 "its BTF lacks %u of %u sched_ext kfuncs (such as %s): schedulers that call one are refused",
			 found->lacking, found->kfuncs, found->first);
}

void kernel_scx_remedy(char *text, size_t size)
{
	char root[PATH_MAX], image[PATH_MAX];
	struct dirent **entry;
	struct kernel_btf_scx found;
	int n = cache_path(root, "kernels") ? -1 : scandir(root, &entry, NULL, versionsort);
	bool named = false;

	for (int i = n - 1; i >= 0; i--) {
		const char *name = entry[i]->d_name;

		if (!named && *name >= '0' && *name <= '9' &&
		    snprintf(image, sizeof(image), "%s/%s/vmlinuz", root, name) < PATH_MAX && !access(image, R_OK) &&
		    kernel_scx(image, &found) == KERNEL_SCX_COMPLETE) {
			snprintf(text, size, "use --kernel %s", name);
			named = true;
		}
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
	if (!named)
		snprintf(text, size, "fetch one that lacks none: ktstr kernel fetch --refresh default");
}

void kernel_scx_warn(const char *image, const char *name)
{
	char text[256], remedy[NAME_MAX + 64];
	struct kernel_btf_scx found;

	kernel_scx_text(kernel_scx(image, &found), &found, text, sizeof(text));
	if (!found.lacking)
		return;
	kernel_scx_remedy(remedy, sizeof(remedy));
	say_error("warning: kernel %s: %s; %s", name, text, remedy);
}
