/* SPDX-License-Identifier: GPL-2.0-only */
/* Taking the directory of a matrix, and giving it back. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "bench/base/json.h"
#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/matrix/records.h"

#define RESULT_BYTES (64 << 10) /* of a boot with its log, roughly */

static const char *matrix_path(const char *dir, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.3000s/matrix.json", dir);
	return path;
}

int records_load(struct matrix *m, const char *dir)
{
	char path[PATH_MAX];
	json_error_t error;
	json_t *json = json_load_file(matrix_path(dir, path), 0, &error);
	int rc;

	if (!json) {
		say_error("--resume: %s: %s; name the directory of an earlier ktstr bench run by --out", path,
			  error.text);
		return EXIT_UNAVAILABLE;
	}
	rc = matrix_read(m, json);
	json_decref(json);
	if (!rc)
		return 0;
	say_error("--resume: %s: %s", path, rc == -ENOMEM ? "out of memory" : "not what ktstr bench run writes");
	return EXIT_UNAVAILABLE;
}

/* Results of another matrix are not mixed with these. 1: there are results of this one; 0: none; or an exit code. */
static int check_earlier(const struct records *r, bool resume)
{
	char path[PATH_MAX];
	struct matrix old;
	int code = 1;

	if (access(matrix_path(r->dir, path), F_OK))
		return 0;
	if (!resume) {
		say_error("--out %s: has results already; use --resume to go on with them, or another directory",
			  r->dir);
		return EXIT_USAGE;
	}
	code = records_load(&old, r->dir);
	if (!code && !matrix_is_same(&old, r->m)) {
		say_error("--resume: %s was made by other words (%s); repeat those, leave all out, or use another "
			  "directory",
			  r->dir, path);
		code = EXIT_USAGE;
	}
	matrix_free(&old);
	return code ? code : 1;
}

static int write_matrix(const struct records *r)
{
	char path[PATH_MAX];
	json_t *json = matrix_json(r->m);
	int rc;

	if (!json) {
		say_error("out of memory, or a word that is not UTF-8");
		return EXIT_INTERNAL;
	}
	rc = json_put_file(matrix_path(r->dir, path), json, JSON_RESULT_FLAGS);
	json_decref(json);
	if (!rc)
		return 0;
	say_error("%s: can't be written: %s", path, strerror(-rc));
	return EXIT_UNAVAILABLE;
}

static int make_dir(const char *path)
{
	if (!mkdir(path, 0777) || errno == EEXIST)
		return 0;
	say_error("--out %s: %s; name a directory that can be made", path, strerror(errno));
	return EXIT_UNAVAILABLE;
}

/* What a process that was killed left. */
static void remove_parts(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (!strncmp(d->d_name, ".ktstr-", 7))
			unlinkat(dirfd(dir), d->d_name, 0);
	if (dir)
		closedir(dir);
}

static int make_cells(const struct records *r)
{
	char path[PATH_MAX];
	int code;

	snprintf(path, sizeof(path), "%.3000s/cells", r->dir);
	code = make_dir(path);
	remove_parts(r->dir);
	for (unsigned i = 0; i < r->m->n_cells && !code; i++) {
		code = make_dir(records_cell_dir(r, i, path));
		remove_parts(path);
	}
	return code;
}

static int take_lock(struct records *r)
{
	r->lock = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->lock < 0) {
		say_error("--out %s: %s; name a directory", r->dir, strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	if (!flock(r->lock, LOCK_EX | LOCK_NB))
		return 0;
	/* Some network file systems have no such locks: then it is for the user to mind. */
	if (errno != EWOULDBLOCK)
		return 0;
	say_error("--out %s: another ktstr bench run works in it; wait for its end, or use another directory", r->dir);
	return EXIT_UNAVAILABLE;
}

static int check_room(const struct records *r)
{
	char have[SIZE_TEXT], need[SIZE_TEXT];
	struct statvfs st;
	uint64_t room, bytes = 0;

	for (unsigned i = 0; i < r->m->n_cells; i++) {
		unsigned had = records_count(r, i), wanted = plan_runs_min(r->m);

		bytes += wanted > had ? (uint64_t)(wanted - had) * RESULT_BYTES : 0;
	}
	if (statvfs(r->dir, &st))
		return 0;
	room = (uint64_t)st.f_bavail * st.f_frsize;
	/* Some file systems know no size. */
	if (!st.f_blocks || room >= bytes)
		return 0;
	say_error("--out %s: %s are free, and the results may need %s; free some, or use another directory", r->dir,
		  size_format(have, room), size_format(need, bytes));
	return EXIT_UNAVAILABLE;
}

static int set_dir(struct records *r, const struct matrix *m, const char *dir)
{
	*r = (struct records){ .m = m, .lock = -1 };
	if (strlen(dir) > 3000) {
		say_error("--out %.40s...: the path is too long; shorten it", dir);
		return EXIT_USAGE;
	}
	snprintf(r->dir, sizeof(r->dir), "%s", dir);
	return make_dir(dir);
}

int records_open_nested(struct records *r, const struct matrix *m, const char *dir)
{
	int code = set_dir(r, m, dir);

	return code ? code : make_cells(r);
}

int records_open(struct records *r, const struct matrix *m, const char *dir, bool resume)
{
	int code = set_dir(r, m, dir), earlier;

	if (!code)
		code = take_lock(r);
	if (code)
		return code;
	earlier = check_earlier(r, resume);
	if (earlier > 1)
		return earlier;
	code = make_cells(r);
	if (!code)
		code = check_room(r);
	/* The number of boots may be another than it was. */
	return code ? code : write_matrix(r);
}

void records_close(struct records *r)
{
	if (r->lock >= 0)
		close(r->lock);
	r->lock = -1;
}
