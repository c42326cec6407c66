/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/kernel/find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench/base/say.h"
#include "bench/cache/path.h"
#include "bench/kernel/cache.h"
#include "bench/kernel/image.h"
#include "bench/kernel/tree.h"

/*
 * The modules are beside the kernel, as in the cache, or in the system's directory. One without a modules.dep does not
 * count: guest-init creates an empty one, also in the nested host.
 */
static void find_modules(struct kernel_found *k)
{
	char release[NAME_MAX + 1], dir[PATH_MAX], list[PATH_MAX + 16];
	const char *places[] = { dir, "", "/usr" };

	if (!kernel_image_release(k->image, release))
		return;
	snprintf(dir, sizeof(dir), "%s", k->image);
	*strrchr(dir, '/') = '\0';
	for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++) {
		int n = snprintf(k->module_dir, PATH_MAX, "%s/lib/modules/%s", places[i], release);

		snprintf(list, sizeof(list), "%s/modules.dep", k->module_dir);
		if (n < PATH_MAX && !access(list, R_OK))
			return;
	}
	k->module_dir[0] = '\0';
}

static int from_cache(const char *name, struct kernel_found *k)
{
	char dir[PATH_MAX], release[NAME_MAX + 1], fetch[64], why[PATH_MAX + 256];
	int rc = cache_kernel(name, dir, release);

	if (rc) {
		/* Without a name it fetches the default, and what this machine needs to boot it. */
		if (!strcmp(name, "default"))
			snprintf(fetch, sizeof(fetch), "ktstr kernel fetch");
		else
			snprintf(fetch, sizeof(fetch), "ktstr kernel fetch %.40s", name);
		say_error("kernel %s: %s%s", name, rc == -ENOENT ? "no such file, and " : "",
			  cache_why(name, rc, fetch, why, sizeof(why)));
		return EXIT_UNAVAILABLE;
	}
	snprintf(k->name, sizeof(k->name), "%s", name);
	if (snprintf(k->image, PATH_MAX, "%s/vmlinuz", dir) >= PATH_MAX ||
	    snprintf(k->module_dir, PATH_MAX, "%s/lib/modules/%s", dir, release) >= PATH_MAX) {
		say_error("kernel %s: its path is too long; set KTSTR_CACHE_DIR to a shorter one", name);
		return EXIT_UNAVAILABLE;
	}
	if (kernel_cache_check(dir) == -EBADMSG) {
		say_error("kernel %s: %s is damaged: not what its SHA256SUMS says; run ktstr kernel fetch %s", name,
			  k->image, name);
		return EXIT_UNAVAILABLE;
	}
	return 0;
}

static int from_file(const char *name, struct kernel_found *k)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || !realpath(name, k->image)) {
		say_error(
			"kernel %s: %s; give a bzImage, an ELF vmlinux, a build tree, or a name that ktstr kernel list "
			"shows",
			name, fd < 0 ? strerror(errno) : "not a regular file");
		if (fd >= 0)
			close(fd);
		return EXIT_UNAVAILABLE;
	}
	close(fd);
	find_modules(k);
	return 0;
}

static int from_host(struct kernel_found *k)
{
	char path[PATH_MAX];
	struct utsname u;

	uname(&u);
	snprintf(path, sizeof(path), "/boot/vmlinuz-%s", u.release);
	if (access(path, R_OK)) {
		say_error("--kernel host: %s: %s; name another kernel, or let its owner make it readable", path,
			  strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	return from_file(path, k);
}

static int from_tree(const char *tree, struct kernel_found *k)
{
	char path[PATH_MAX];
	int rc;

	if (snprintf(path, sizeof(path), "%s/arch/x86/boot/bzImage", tree) >= PATH_MAX || access(path, R_OK)) {
		say_error("kernel %s: a directory without arch/x86/boot/bzImage; build it, or name an image", tree);
		return EXIT_UNAVAILABLE;
	}
	rc = from_file(path, k);
	if (rc)
		return rc;
	/* Not those of a kernel that is installed and has the same release. */
	k->module_dir[0] = '\0';
	rc = kernel_tree_modules(tree, k->module_dir);
	if (rc == -EROFS || rc == -EACCES || rc == -ENOSPC || rc == -EDQUOT) {
		say_error("kernel %s: the list of its modules can't be kept in the cache: %s; set KTSTR_CACHE_DIR to a "
			  "directory that can be written",
			  tree, strerror(-rc));
		return EXIT_UNAVAILABLE;
	}
	if (rc && rc != -ENOENT) {
		say_error("kernel %s: its modules: %s; build them anew", tree, strerror(-rc));
		return EXIT_UNAVAILABLE;
	}
	return 0;
}

int kernel_find(const char *given, struct kernel_found *k)
{
	const char *name = given ? given : "default";
	struct stat st;

	memset(k, 0, sizeof(*k));
	if (!*name) {
		say_error("--kernel: requires a name; use a file, or a name that ktstr kernel list shows");
		return EXIT_USAGE;
	}
	if (!given || (!strchr(name, '/') && stat(name, &st)))
		return given && !strcmp(name, "host") ? from_host(k) : from_cache(name, k);
	if (!stat(name, &st) && S_ISDIR(st.st_mode))
		return from_tree(name, k);
	return from_file(name, k);
}
