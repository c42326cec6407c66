/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/cache/path.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 2, 3))) static int path_print(char path[PATH_MAX], const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(path, PATH_MAX, fmt, args);
	va_end(args);
	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

int cache_path(char path[PATH_MAX], const char *below)
{
	const char *slash = below ? "/" : "";
	const char *base;

	below = below ? below : "";
	if ((base = env("KTSTR_CACHE_DIR")))
		return path_print(path, "%s%s%s", base, slash, below);
	if ((base = env("XDG_CACHE_HOME")))
		return path_print(path, "%s/ktstr%s%s", base, slash, below);
	if ((base = env("HOME")))
		return path_print(path, "%s/.cache/ktstr%s%s", base, slash, below);
	return -ENOENT;
}

int cache_kernel(const char *name, char dir[PATH_MAX], char release[NAME_MAX + 1])
{
	char path[PATH_MAX], below[PATH_MAX];
	const struct dirent *entry;
	DIR *modules;
	int ret;

	if (!*name || strchr(name, '/') || *name == '.')
		return -ENOENT;
	ret = path_print(below, "kernels/%s", name);
	if (!ret)
		ret = cache_path(path, below);
	if (ret)
		return ret;
	if (!realpath(path, dir))
		return -errno;
	ret = path_print(path, "%s/lib/modules", dir);
	if (ret)
		return ret;
	modules = opendir(path);
	if (!modules)
		return -errno;
	ret = -ENOENT;
	while (ret && (entry = readdir(modules)))
		if (entry->d_name[0] != '.') {
			snprintf(release, NAME_MAX + 1, "%s", entry->d_name);
			ret = 0;
		}
	closedir(modules);
	return ret;
}

const char *cache_why(const char *name, int error, const char *fetch, char *text, size_t size)
{
	char dir[PATH_MAX];

	if (cache_path(dir, "kernels"))
		snprintf(text, size, "HOME is not set, so there is no cache; set HOME or KTSTR_CACHE_DIR");
	else if (error == -ENOENT)
		snprintf(text, size, "not in the cache; run %s", fetch);
	else
		snprintf(text, size,
			 "%s/%s: %s; make the cache readable for this user, or set KTSTR_CACHE_DIR to another", dir,
			 name, strerror(-error));
	return text;
}
