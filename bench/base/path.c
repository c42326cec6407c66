/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int path_absolute(const char *path, char out[PATH_MAX])
{
	char joined[2 * PATH_MAX];
	size_t len = 0;
	char *part, *rest;

	if (path[0] == '/') {
		snprintf(joined, sizeof(joined), "%s", path);
	} else {
		if (!getcwd(joined, PATH_MAX))
			return -errno;
		len = strlen(joined);
		snprintf(joined + len, sizeof(joined) - len, "/%s", path);
	}
	len = 0;
	out[0] = '\0';
	for (part = strtok_r(joined, "/", &rest); part; part = strtok_r(NULL, "/", &rest)) {
		size_t n = strlen(part);

		if (!strcmp(part, "."))
			continue;
		if (!strcmp(part, "..")) {
			while (len && out[--len] != '/')
				;
			out[len] = '\0';
			continue;
		}
		if (len + n + 2 > PATH_MAX)
			return -ENAMETOOLONG;
		out[len++] = '/';
		memcpy(out + len, part, n + 1);
		len += n;
	}
	if (!len)
		strcpy(out, "/");
	return 0;
}

bool path_is_dir(const char *path)
{
	size_t n = strlen(path);

	return n && path[n - 1] == '/';
}
