/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/baseline.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/base/atomic.h"
#include "bench/base/file.h"
#include "bench/base/why.h"
#include "bench/result/files.h"
#include "bench/result/validity.h"

#define NAME_LONGEST 64u

/* --- places ------------------------------------------------------------- */

/* A plain name, so that it leads nowhere else. */
static bool is_name(const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+";

	return *name && *name != '.' && *name != '-' && strlen(name) < NAME_LONGEST && !name[strspn(name, plain)];
}

static int place(char path[PATH_MAX], const char *name, char *why, size_t size)
{
	const char *data = getenv("KTSTR_DATA_DIR"), *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (!is_name(name) && *name)
		return why_fail(why, size, -EINVAL,
				"%.80s: not a baseline's name; use letters, digits, '.', '_', '-' and '+'", name);
	if (data && *data)
		snprintf(path, PATH_MAX, "%.3600s/baselines/%s", data, name);
	else if (xdg && *xdg)
		snprintf(path, PATH_MAX, "%.3600s/ktstr/baselines/%s", xdg, name);
	else if (home && *home)
		snprintf(path, PATH_MAX, "%.3600s/.local/share/ktstr/baselines/%s", home, name);
	else
		return why_fail(why, size, -ENOENT, "HOME is not set; name a directory by KTSTR_DATA_DIR");
	return 0;
}

/* All directories on the way to @path, and it. */
static int make_directories(const char *path)
{
	char part[PATH_MAX];

	for (size_t n = 1; path[n - 1]; n++) {
		if (path[n] && path[n] != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)n, path);
		if (mkdir(part, 0777) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* --- lists -------------------------------------------------------------- */

static int is_shown(const struct dirent *d)
{
	return is_name(d->d_name);
}

void baseline_free(char **list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static int list_directory(const char *path, char ***list, unsigned *n, char *why, size_t size)
{
	struct dirent **names;
	int count = scandir(path, &names, is_shown, alphasort);

	*n = 0;
	*list = NULL;
	if (count < 0 && errno == ENOENT)
		return 0;
	if (count < 0)
		return why_fail(why, size, -errno, "%s: %s", path, strerror(errno));
	*list = calloc((size_t)count + 1, sizeof(**list));
	for (int i = 0; i < count; i++) {
		char *copy = *list && *n < BASELINES_MAX ? strdup(names[i]->d_name) : NULL;

		if (copy)
			(*list)[(*n)++] = copy;
		free(names[i]);
	}
	free(names);
	return *list ? 0 : why_fail(why, size, -ENOMEM, "out of memory");
}

int baseline_list(char ***names, unsigned *n, char *why, size_t size)
{
	char path[PATH_MAX];
	int rc = place(path, "", why, size);

	return rc ? rc : list_directory(path, names, n, why, size);
}

int baseline_generations(const char *name, char ***generations, unsigned *n, char *why, size_t size)
{
	char path[PATH_MAX];
	int rc = *name ? place(path, name, why, size) : -EINVAL;

	*generations = NULL;
	*n = 0;
	if (!rc)
		rc = list_directory(path, generations, n, why, size);
	else if (!*name)
		why_fail(why, size, rc, "a baseline's name is missing");
	if (!rc && !*n) {
		baseline_free(*generations, 0);
		*generations = NULL;
		return why_fail(why, size, -ENOENT, "%s: no such baseline; see ktstr bench baseline list", name);
	}
	return rc;
}

int baseline_path(const char *name, const char *generation, char path[PATH_MAX], char *why, size_t size)
{
	char **all, dir[PATH_MAX];
	unsigned n;
	int rc = baseline_generations(name, &all, &n, why, size);

	if (rc)
		return rc;
	rc = place(dir, name, why, size);
	if (!rc)
		snprintf(path, PATH_MAX, "%.3800s/%.64s", dir, generation ? generation : all[n - 1]);
	baseline_free(all, n);
	return rc;
}

/* --- one more, and all away --------------------------------------------- */

struct copy {
	const char *dir;
	unsigned n;
};

static int copy_valid(void *ctx, const char *file, json_t *json, char *why, size_t size)
{
	struct copy *c = ctx;
	const char *schema = json_string_value(json_object_get(json, "schema"));
	char path[PATH_MAX], *text;
	struct validity v;
	size_t len;
	int rc;

	if (!schema || strcmp(schema, "ktstr-bench/1") || !validity_read(&v, json))
		return why_fail(why, size, -EINVAL, "%s: not a result of ktstr bench --json", file);
	if (v.status)
		return 0;
	text = file_read_text(file, &len);
	if (!text)
		return why_fail(why, size, -errno, "%s: %s", file, strerror(errno));
	snprintf(path, sizeof(path), "%.3900s/run-%03u.json", c->dir, ++c->n);
	rc = atomic_write(path, text, len);
	free(text);
	return rc ? why_fail(why, size, rc, "%s: %s", path, strerror(-rc)) : 0;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path) ? -errno : 0;
}

static int remove_tree(const char *path)
{
	return nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* The generation appears whole or not at all, and none is replaced. */
static int publish(const char *part, const char *dir, char generation[BASELINE_GENERATION])
{
	char target[PATH_MAX], time_text[20];
	time_t now = time(NULL);
	struct tm tm;

	strftime(time_text, sizeof(time_text), "%Y%m%d-%H%M%S", gmtime_r(&now, &tm));
	for (unsigned i = 1; i < 1000; i++) {
		snprintf(generation, BASELINE_GENERATION, i > 1 ? "%s-%03u" : "%s", time_text, i);
		snprintf(target, sizeof(target), "%.3800s/%s", dir, generation);
		if (!access(target, F_OK))
			continue;
		if (!rename(part, target))
			return 0;
		if (errno != ENOTEMPTY && errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int baseline_save(const char *name, const char *path, char generation[BASELINE_GENERATION], char *why, size_t size)
{
	char dir[PATH_MAX], part[PATH_MAX];
	struct copy c = { .dir = part };
	int rc = place(dir, name, why, size);

	if (rc)
		return rc;
	snprintf(part, sizeof(part), "%.3900s/.part-%d", dir, (int)getpid());
	rc = make_directories(part);
	if (rc)
		return why_fail(why, size, rc, "%s: %s; name another directory by KTSTR_DATA_DIR", part, strerror(-rc));
	rc = files_each(path, copy_valid, &c, why, size);
	if (!rc && !c.n)
		rc = why_fail(why, size, -ENODATA, "%s: no valid result", path);
	if (!rc) {
		rc = publish(part, dir, generation);
		if (rc)
			why_fail(why, size, rc, "%s: %s", dir, strerror(-rc));
	}
	if (rc) {
		remove_tree(part);
		rmdir(dir); /* only one that is empty goes */
	}
	return rc;
}

int baseline_remove(const char *name, char *why, size_t size)
{
	char **all, dir[PATH_MAX];
	unsigned n;
	int rc = baseline_generations(name, &all, &n, why, size);

	baseline_free(all, n);
	if (!rc)
		rc = place(dir, name, why, size);
	if (rc)
		return rc;
	rc = remove_tree(dir);
	return rc ? why_fail(why, size, rc, "%s: %s", dir, strerror(-rc)) : 0;
}
