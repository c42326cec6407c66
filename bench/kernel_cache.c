/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/kernel_cache.h"

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

#include "bench/cache.h"
#include "bench/cli.h"
#include "bench/kernel_config.h"
#include "bench/kernel_scx.h"
#include "bench/store.h"

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

/* A name that is a link (default, a series) is shown with what it stands for. */
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
		cli_error("kernel list: %s",
			  cache_why("", errno ? -errno : -ENOENT, "ktstr kernel fetch", why, sizeof(why)));
		return CLI_UNAVAILABLE;
	}
	for (int i = 0; i < n; i++) {
		if (entry[i]->d_name[0] != '.')
			print_kernel(root, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	return fflush(stdout) ? CLI_FAILED : CLI_OK;
}

/* --- remove ------------------------------------------------------------------ */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

/* Every name in @root that stands for @base. */
static void unlink_names(const char *root, const char *base)
{
	DIR *dir = opendir(root);
	const struct dirent *e;
	char target[PATH_MAX];
	ssize_t n;

	while (dir && (e = readdir(dir))) {
		n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
		if (n > 0 && (size_t)n == strlen(base) && !memcmp(target, base, (size_t)n))
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

/* First it is no kernel any more, in one step; then its files go, by whoever gets to it. */
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
	if (!mkdtemp(gone) || rename(dir, gone))
		return -errno;
	return 0;
}

int kernel_cache_remove(const char *name)
{
	char root[PATH_MAX], dir[PATH_MAX], image[PATH_MAX], path[PATH_MAX], gone[PATH_MAX], digest[SHA256_HEX];
	const char *base;
	bool unpacked;
	int rc;

	if (!*name || strchr(name, '/') || *name == '.' || cache_path(root, "kernels") ||
	    snprintf(path, sizeof(path), "%s/%s", root, name) >= PATH_MAX || !realpath(path, dir)) {
		cli_error("kernel rm %s: not in the cache; see ktstr kernel list", name);
		return CLI_UNAVAILABLE;
	}
	base = strrchr(dir, '/') + 1;
	unpacked = snprintf(image, sizeof(image), "%s/" IMAGE, dir) < PATH_MAX && !store_digest(image, digest);
	rc = move_away(dir, gone);
	if (rc) {
		cli_error("kernel rm %s: %s: %s; look at the cache's owner", name, dir, strerror(-rc));
		return CLI_FAILED;
	}
	unlink_names(root, base);
	if (unpacked) {
		store_remove("vmlinux", digest);
		store_remove("scx", digest);
	}
	if (nftw(gone, remove_entry, 16, FTW_DEPTH | FTW_PHYS))
		cli_error("kernel rm %s: %s: %s; remove it by hand", name, gone, strerror(errno));
	return CLI_OK;
}
