/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/path.h"

bool program_is(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

static int find_in(const char *dirs, const char *name, char path[PATH_MAX])
{
	char joined[PATH_MAX];

	for (; dirs && *dirs; dirs += strspn(dirs, ":")) {
		int len = (int)strcspn(dirs, ":");

		if (snprintf(joined, sizeof(joined), "%.*s/%s", len, dirs, name) < PATH_MAX && program_is(joined))
			return path_absolute(joined, path);
		dirs += len;
	}
	return -ENOENT;
}

int program_in_path(const char *name, char path[PATH_MAX])
{
	return find_in(getenv("PATH"), name, path);
}

int program_find(const char *name, char path[PATH_MAX])
{
	static const char guest_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	int rc = program_in_path(name, path);

	return rc ? find_in(guest_path, name, path) : 0;
}

int program_self(char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	if (n < 0)
		return -errno;
	path[n] = '\0';
	return 0;
}

int program_sibling(char path[PATH_MAX], const char *relative)
{
	char program[PATH_MAX], joined[PATH_MAX];
	int rc = program_self(program);

	if (rc)
		return rc;
	*strrchr(program, '/') = '\0';
	if (snprintf(joined, sizeof(joined), "%s/%s", program, relative) >= PATH_MAX)
		return -ENAMETOOLONG;
	return realpath(joined, path) ? 0 : -errno;
}
