/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/matrix/records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/json.h"
#include "bench/base/say.h"

#define ROOM_BYTES (256 << 10)
#define TRIES_MAX 1000

/* --- names -------------------------------------------------------------- */

const char *records_cell_dir(const struct records *r, unsigned cell, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.3000s/cells/%s", r->dir, r->m->cell[cell].key);
	return path;
}

static void run_path(const struct records *r, unsigned cell, unsigned index, const char *end, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.3000s/cells/%s/run-%03u%s", r->dir, r->m->cell[cell].key, index + 1, end);
}

bool records_has(const struct records *r, unsigned cell, unsigned index)
{
	char path[PATH_MAX];

	run_path(r, cell, index, ".json", path);
	return !access(path, F_OK);
}

unsigned records_count(const struct records *r, unsigned cell)
{
	unsigned n = 0;

	for (unsigned i = 0; i < plan_runs_max(r->m); i++)
		n += records_has(r, cell, i);
	return n;
}

static void aside_path(const struct records *r, unsigned cell, unsigned index, enum validity_status status,
		       unsigned attempt, const char *end, char path[PATH_MAX])
{
	char name[64];

	snprintf(name, sizeof(name), ".%s-%u%s", validity_name(status), attempt, end);
	run_path(r, cell, index, name, path);
}

static bool was_tried(const struct records *r, unsigned cell, unsigned index, unsigned attempt)
{
	char path[PATH_MAX];

	for (enum validity_status s = VALIDITY_INVALID; s < VALIDITY_STATUSES; s++) {
		aside_path(r, cell, index, s, attempt, ".json", path);
		if (!access(path, F_OK))
			return true;
	}
	return false;
}

void records_try(const struct records *r, const struct plan_place *place, struct record_try *t)
{
	*t = (struct record_try){ .cell = place->cell,
				  .index = place->index,
				  .position = place->position,
				  .attempt = 1,
				  .seed = r->m->seed + place->index };
	while (t->attempt < TRIES_MAX && was_tried(r, t->cell, t->index, t->attempt))
		t->attempt++;
	snprintf(t->part, sizeof(t->part), "%.3000s/cells/%s/.ktstr-part-%d-%03u.json", r->dir, r->m->cell[t->cell].key,
		 (int)getpid(), t->index + 1);
	snprintf(t->log, sizeof(t->log), "%.3000s/cells/%s/.ktstr-part-%d-%03u.log", r->dir, r->m->cell[t->cell].key,
		 (int)getpid(), t->index + 1);
}

/* --- publishing --------------------------------------------------------- */

void records_last_line(const char *log, char *line, size_t size)
{
	char text[512];
	FILE *f = fopen(log, "re");

	*line = '\0';
	while (f && fgets(text, sizeof(text), f))
		if (*text != '\n')
			snprintf(line, size, "%.*s", (int)strcspn(text, "\n"), text);
	if (f)
		fclose(f);
}

/* What ktstr bench left no file for: its exit code and last line are the result. */
static void judge_code(const struct record_try *t, int code, struct validity *v)
{
	enum validity_status status = VALIDITY_FAILED;
	char line[VALIDITY_REASON_SIZE - 24];
	const char *what = "";

	records_last_line(t->log, line, sizeof(line));
	if (code == EXIT_INCONCLUSIVE)
		status = VALIDITY_INVALID;
	else if (code == EXIT_SKIPPED || code == EXIT_UNAVAILABLE)
		status = VALIDITY_SKIPPED;
	else if (code == EXIT_TIMEOUT)
		what = "time-out: ";
	else if (code == EXIT_PANIC)
		what = "guest panic: ";
	if (!*line)
		snprintf(line, sizeof(line), "exit code %d, and nothing was said", code);
	validity_add(v, status, "%s%s", what, !strncmp(line, "ktstr: ", 7) ? line + 7 : line);
}

/* Times of the guest are those of a host that others used too: then nobody else may have what they had alone. */
static bool was_shared(const json_t *result)
{
	const json_t *resources =
		json_object_get(json_object_get(json_object_get(result, "machine"), "host"), "resources");

	return json_is_true(json_object_get(resources, "overcommitted")) ||
	       json_is_true(json_object_get(resources, "shared_at_end"));
}

static json_t *run_json(const struct records *r, const struct record_try *t, const json_t *result)
{
	const json_t *guest = json_object_get(json_object_get(result, "machine"), "guest");
	const char *boot = json_string_value(json_object_get(json_object_get(guest, "environment"), "boot_id"));

	return json_pack("{ss si si sI si ss? sb}", "cell", r->m->cell[t->cell].key, "index", (int)t->index + 1,
			 "position", (int)t->position + 1, "seed", (json_int_t)t->seed, "attempt", (int)t->attempt,
			 "boot_id", boot, "shared", was_shared(result));
}

static int write_result(const json_t *result, const char *path)
{
	return access(path, F_OK) ? json_put_file(path, result, JSON_RESULT_FLAGS) : -EEXIST;
}

static void publish_paths(const struct records *r, const struct record_try *t, enum validity_status status,
			  char json[PATH_MAX], char log[PATH_MAX])
{
	if (status == VALIDITY_VALID) {
		run_path(r, t->cell, t->index, ".json", json);
		run_path(r, t->cell, t->index, ".log", log);
	} else {
		aside_path(r, t->cell, t->index, status, t->attempt, ".json", json);
		aside_path(r, t->cell, t->index, status, t->attempt, ".log", log);
	}
}

int records_finish(const struct records *r, const struct record_try *t, int code, struct validity *v)
{
	json_t *result = json_load_file(t->part, 0, NULL);
	char json[PATH_MAX], log[PATH_MAX];
	int rc;

	memset(v, 0, sizeof(*v));
	if (result && !validity_read(v, result))
		validity_add(v, VALIDITY_FAILED, "a result whose validity can't be read");
	/* By a signal or a time-out it ended after its file was written. */
	if (!result || (v->status == VALIDITY_VALID && code != EXIT_OK && code != EXIT_FAILED))
		judge_code(t, code, v);
	if (!result)
		result = json_pack("{ss ss s[] si}", "schema", "ktstr-bench/1", "ktstr", KTSTR_VERSION, "results",
				   "exit_code", code);
	if (json_object_set_new(result, "run", run_json(r, t, result)) ||
	    json_object_set_new(result, "validity", validity_json(v))) {
		json_decref(result);
		return -ENOMEM;
	}
	publish_paths(r, t, v->status, json, log);
	rc = write_result(result, json);
	json_decref(result);
	if (rc)
		return rc;
	/* The log after the result: without it the boot is repeated, and a log alone would be in its way. */
	rename(t->log, log);
	unlink(t->part);
	return 0;
}

int records_skip(const struct records *r, unsigned cell, const char *reason)
{
	const struct record_try t = { .cell = cell, .attempt = 1, .seed = r->m->seed };
	struct validity v = { 0 };
	char path[PATH_MAX];
	json_t *json;
	int rc;

	aside_path(r, cell, 0, VALIDITY_SKIPPED, 1, ".json", path);
	if (!access(path, F_OK))
		return 0;
	validity_add(&v, VALIDITY_SKIPPED, "%s", reason);
	json = json_pack("{ss ss s[] so so}", "schema", "ktstr-bench/1", "ktstr", KTSTR_VERSION, "results", "run",
			 run_json(r, &t, NULL), "validity", validity_json(&v));
	rc = json ? write_result(json, path) : -ENOMEM;
	json_decref(json);
	return rc;
}

int records_room(const struct records *r)
{
	char path[PATH_MAX];
	int fd, rc;

	snprintf(path, sizeof(path), "%.3000s/.ktstr-part-room", r->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	rc = fd < 0 ? -errno : -posix_fallocate(fd, 0, ROOM_BYTES);
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	return rc;
}

int records_state(const struct records *r, const json_t *state)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.3000s/state.json", r->dir);
	return json_put_file(path, state, JSON_RESULT_FLAGS);
}

/* --- reading ------------------------------------------------------------ */

struct boots *records_boots(const struct records *r, unsigned cell)
{
	struct boots *b = calloc(1, sizeof(*b));
	char path[PATH_MAX];

	for (unsigned i = 0; b && i < plan_runs_max(r->m); i++) {
		json_t *json;

		run_path(r, cell, i, ".json", path);
		json = json_load_file(path, 0, NULL);
		if (json)
			boots_add(b, json);
		json_decref(json);
	}
	return b;
}
