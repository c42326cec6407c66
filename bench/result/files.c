/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int read_file(const char *path, files_fn *fn, void *ctx, char *why, size_t size)
{
	json_error_t error;
	json_t *json = json_load_file(path, 0, &error);
	int rc = -EINVAL;

	if (json)
		rc = fn(ctx, path, json, why, size);
	else
		snprintf(why, size, "%s: line %d: %s", path, error.line, error.text);
	json_decref(json);
	return rc;
}

static int is_result(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return *d->d_name != '.' && n > 5 && !strcmp(d->d_name + n - 5, ".json");
}

static int read_directory(const char *path, files_fn *fn, void *ctx, char *why, size_t size)
{
	struct dirent **names;
	int n = scandir(path, &names, is_result, alphasort), rc = n < 0 ? -errno : 0;
	char file[PATH_MAX + NAME_MAX + 2];

	if (n < 0)
		snprintf(why, size, "%s: %s", path, strerror(-rc));
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		if (!rc)
			rc = read_file(file, fn, ctx, why, size);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	if (!rc && !n) {
		snprintf(why, size, "%s: no results (*.json) in this directory", path);
		rc = -ENOENT;
	}
	return rc;
}

int files_each(const char *path, files_fn *fn, void *ctx, char *why, size_t size)
{
	struct stat st;

	if (stat(path, &st)) {
		int rc = -errno;

		snprintf(why, size, "%s: %s", path, strerror(-rc));
		return rc;
	}
	return S_ISDIR(st.st_mode) ? read_directory(path, fn, ctx, why, size) : read_file(path, fn, ctx, why, size);
}
