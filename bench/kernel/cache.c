/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/kernel/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/say.h"
#include "bench/cache/path.h"
#include "bench/cache/store.h"
#include "bench/kernel/config.h"
#include "bench/kernel/scx.h"

#define IMAGE "vmlinuz"

/* The line of @file in the SHA256SUMS of @dir. */
static int sum_of(const char *dir, const char *file, char hex[SHA256_HEX])
{
	char path[PATH_MAX], *line = NULL;
	size_t size = 0;
	int rc = -EBADMSG;
	FILE *f;

	if (snprintf(path, sizeof(path), "%s/SHA256SUMS", dir) >= PATH_MAX)
		return -ENAMETOOLONG;
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (rc && getline(&line, &size, f) > SHA256_HEX + 1) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line + SHA256_HEX + 1, file))
			continue;
		memcpy(hex, line, SHA256_HEX - 1);
		hex[SHA256_HEX - 1] = '\0';
		rc = 0;
	}
	free(line);
	fclose(f);
	return rc;
}

int kernel_cache_check(const char *dir)
{
	char path[PATH_MAX], wanted[SHA256_HEX], is[SHA256_HEX];
	int rc = sum_of(dir, IMAGE, wanted);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	if (snprintf(path, sizeof(path), "%s/" IMAGE, dir) >= PATH_MAX)
		return -ENAMETOOLONG;
	rc = store_digest(path, is);
	return rc ? rc : strcmp(wanted, is) ? -EBADMSG : 0;
}

/* --- list ------------------------------------------------------------------ */

static void print_state(const char *dir, const char *image)
{
	struct kernel_btf_scx found;
	json_t *debug;
	char text[512];

	if (kernel_cache_check(dir)) {
		printf("  damaged; ktstr kernel fetch, or build, makes it anew");
		return;
	}
	debug = kernel_config_debug(image);
	kernel_config_text(debug, text, sizeof(text));
	if (*text)
		printf("  debug kernel: %s", text);
	kernel_scx_text(kernel_scx(image, &found), &found, text, sizeof(text));
	if (*text)
		printf("  %s", text);
	json_decref(debug);
}

/* A link (default, a series) is shown with its target. */
static void print_kernel(const char *root, const char *name)
{
	char dir[PATH_MAX], path[PATH_MAX], target[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (snprintf(dir, sizeof(dir), "%s/%s", root, name) >= PATH_MAX ||
	    snprintf(path, sizeof(path), "%s/" IMAGE, dir) >= PATH_MAX || stat(path, &st))
		return;
	n = readlink(dir, target, sizeof(target) - 1);
	if (n > 0) {
		printf("%-32s -> %.*s\n", name, (int)n, target);
		return;
	}
	printf("%-32s %.1f MiB", name, (double)st.st_size / (1 << 20));
	print_state(dir, path);
	putchar('\n');
}

int kernel_cache_list(void)
{
	char root[PATH_MAX];
	char why[PATH_MAX + 256];
	struct dirent **entry;
	int n = cache_path(root, "kernels") ? -1 : scandir(root, &entry, NULL, alphasort);

	if (n < 0) {
		say_error("kernel list: %s",
			  cache_why("", errno ? -errno : -ENOENT, "ktstr kernel fetch", why, sizeof(why)));
		return EXIT_UNAVAILABLE;
	}
	for (int i = 0; i < n; i++) {
		if (entry[i]->d_name[0] != '.')
			print_kernel(root, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
}

/* --- remove ------------------------------------------------------------------ */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

/* The cache's directory of kernels, and one kernel in it. */
struct cached {
	char root[PATH_MAX]; /* links followed: it may be a link to another place */
	char dir[PATH_MAX];  /* of the kernel, directly below root */
};

/*
 * 0: @name is a kernel of the cache. -EXDEV: it is a link to something outside the cache, which must not be removed.
 * -ENOENT: neither.
 */
static int find_cached(struct cached *c, const char *name)
{
	char kernels[PATH_MAX], path[PATH_MAX];
	struct stat st;
	size_t n;

	if (!*name || strchr(name, '/') || *name == '.' || cache_path(kernels, "kernels") ||
	    !realpath(kernels, c->root) || snprintf(path, sizeof(path), "%s/%s", c->root, name) >= PATH_MAX ||
	    lstat(path, &st))
		return -ENOENT;
	if (!S_ISLNK(st.st_mode)) {
		snprintf(c->dir, sizeof(c->dir), "%s", path);
		return S_ISDIR(st.st_mode) ? 0 : -ENOENT;
	}
	n = strlen(c->root);
	if (!realpath(path, c->dir) || strncmp(c->dir, c->root, n) || c->dir[n] != '/' || strchr(c->dir + n + 1, '/'))
		return -EXDEV;
	return 0;
}

/* All names in the cache's directory that are links to the kernel, directly or not. From scandir(). */
static int find_names(const struct cached *c, struct dirent ***names)
{
	char path[PATH_MAX], real[PATH_MAX];
	int n = scandir(c->root, names, NULL, alphasort), kept = 0;
	struct stat st;

	for (int i = 0; i < n; i++) {
		struct dirent *e = (*names)[i];

		if (snprintf(path, sizeof(path), "%s/%s", c->root, e->d_name) < PATH_MAX && !lstat(path, &st) &&
		    S_ISLNK(st.st_mode) && realpath(path, real) && !strcmp(real, c->dir))
			(*names)[kept++] = e;
		else
			free(e);
	}
	if (n < 0)
		*names = NULL;
	return kept;
}

static void unlink_names(const struct cached *c, struct dirent **names, int n)
{
	char path[PATH_MAX];

	for (int i = 0; i < n; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", c->root, names[i]->d_name) < PATH_MAX)
			unlink(path);
		free(names[i]);
	}
	free(names);
}

/* One rename() takes the kernel out of the cache; its files are removed afterwards, here or by the next fetch. */
static int move_away(const char *dir, char gone[PATH_MAX])
{
	char tmp[PATH_MAX];
	int rc = cache_path(tmp, "tmp");

	if (!rc)
		rc = store_mkdirs(tmp);
	if (!rc && snprintf(gone, PATH_MAX, "%s/fetch.rm.XXXXXX", tmp) >= PATH_MAX)
		rc = -ENAMETOOLONG;
	if (rc)
		return rc;
	if (!mkdtemp(gone))
		return -errno;
	if (!rename(dir, gone))
		return 0;
	rc = -errno;
	rmdir(gone);
	return rc;
}

/* Removes the files derived from the image. */
static void forget_image(const char *digest)
{
	store_remove("vmlinux", digest);
	store_remove("scx", digest);
}

static int remove_link(const struct cached *c, const char *name)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - NAME_MAX - 2, c->root, name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0 || unlink(path)) {
		say_error("kernel rm %s: %s: %s; check who owns the cache", name, path, strerror(errno));
		return EXIT_FAILED;
	}
	say_error("kernel rm %s: removed only the link; its target %.*s is not a kernel of the cache", name, (int)n,
		  target);
	return EXIT_OK;
}

int kernel_cache_remove(const char *name)
{
	char image[PATH_MAX], gone[PATH_MAX], digest[SHA256_HEX];
	struct dirent **names;
	struct cached c;
	bool unpacked;
	int n_names, rc = find_cached(&c, name);

	if (rc == -EXDEV)
		return remove_link(&c, name);
	if (rc) {
		say_error("kernel rm %s: not in the cache; see ktstr kernel list", name);
		return EXIT_UNAVAILABLE;
	}
	unpacked = snprintf(image, sizeof(image), "%s/" IMAGE, c.dir) < PATH_MAX && !store_digest(image, digest);
	n_names = find_names(&c, &names);
	rc = move_away(c.dir, gone);
	if (rc) {
		say_error("kernel rm %s: %s: %s; check who owns the cache", name, c.dir, strerror(-rc));
		n_names = 0;
	}
	unlink_names(&c, names, n_names);
	if (rc)
		return EXIT_FAILED;
	if (unpacked)
		forget_image(digest);
	/* Follow neither links nor mounts out of it. */
	if (nftw(gone, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT))
		say_error("kernel rm %s: %s: %s; remove it by hand", name, gone, strerror(errno));
	return EXIT_OK;
}
