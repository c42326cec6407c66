/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/matrix/check.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/base/file.h"
#include "bench/base/say.h"
#include "bench/matrix/child.h"
#include "bench/matrix/plan.h"
#include "bpf/words.h"

#define SECOND_NS 1000000000ull
/* Of a boot, beside what its workloads take; and of the nested host. */
#define START_DIRECT_NS (2 * SECOND_NS)
#define START_NESTED_NS (8 * SECOND_NS)
#define NESTED_HOST_NS (25 * SECOND_NS)

/* --- a dry run ---------------------------------------------------------- */

struct dry_run {
	int out, err, code;
};

static char *text_of(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return file_read_text(path, NULL);
}

static void dry_run_close(struct dry_run *d)
{
	if (d->out >= 0)
		close(d->out);
	if (d->err >= 0)
		close(d->err);
}

/* 0, or an exit code after a line on stderr: it could not be run at all. */
static int dry_run(struct dry_run *d, const struct matrix *m, const struct matrix_cell *cell)
{
	static const char *const extra[] = { "--dry-run=needs", NULL };
	struct word_list words = { 0 };
	pid_t pid = -ENOMEM;
	int status;

	*d = (struct dry_run){ .out = memfd_create("out", MFD_CLOEXEC), .err = memfd_create("err", MFD_CLOEXEC) };
	if (d->out < 0 || d->err < 0)
		pid = -errno;
	else if (!matrix_words(m, cell, extra, &words))
		pid = child_start(&words, d->out, d->err);
	word_list_free(&words);
	if (pid < 0) {
		say_error("bench run: a child process can't be started: %s; %s", strerror(-(int)pid),
			  say_limit(-(int)pid));
		dry_run_close(d);
		return EXIT_INTERNAL;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	d->code = child_code(status);
	return 0;
}

/* What it said becomes ours. */
static void pass_on(const struct dry_run *d)
{
	char *text = text_of(d->err);

	if (text)
		fputs(text, stderr);
	free(text);
}

static void last_line(const struct dry_run *d, char line[MATRIX_REASON_MAX])
{
	char *text = text_of(d->err), *next = text, *one;

	snprintf(line, MATRIX_REASON_MAX, "exit code %d", d->code);
	while (next && (one = strsep(&next, "\n")))
		if (*one)
			snprintf(line, MATRIX_REASON_MAX, "%s", strncmp(one, "ktstr: ", 7) ? one : one + 7);
	free(text);
}

/* --- what it says ------------------------------------------------------- */

/* The workloads of the guest's command, its last words, and how long each is measured. */
static uint64_t measured_ns(const json_t *command)
{
	static const char duration[] = "--duration=";
	uint64_t each = 0, workloads = 0;
	const json_t *word;
	size_t i;

	json_array_foreach((json_t *)command, i, word)
	{
		const char *text = json_string_value(word);
		bool is_option = text && !strncmp(text, "--", 2);

		if (text && !strncmp(text, duration, strlen(duration)))
			each = strtoull(text + strlen(duration), NULL, 10);
		workloads = is_option || !i ? 0 : workloads + 1;
	}
	return each * (workloads ? workloads : 1);
}

static int take_plan(struct matrix_check *c, unsigned cell, const struct dry_run *d)
{
	char *text = text_of(d->out);
	json_t *json = text ? json_loads(text, 0, NULL) : NULL;
	const char *host = json_string_value(json_object_get(json, "host"));
	json_int_t cpus = json_integer_value(json_object_get(json, "cpus"));
	bool nested = host && !strcmp(host, "nested");

	free(text);
	if (!json) {
		say_error("bench run: ktstr bench --dry-run gave no plan; report this as a fault");
		return EXIT_INTERNAL;
	}
	c->nested |= nested;
	if (cpus > 0 && (unsigned)cpus > c->cpus)
		c->cpus = (unsigned)cpus;
	c->cell[cell].needs = json_incref(json_object_get(json, "needs"));
	c->cell[cell].timeout_ns = (uint64_t)json_integer_value(json_object_get(json, "timeout_ns"));
	c->cell[cell].run_ns = (nested ? START_NESTED_NS : START_DIRECT_NS) +
			       measured_ns(json_object_get(json, "command"));
	json_decref(json);
	return 0;
}

/* --- the cells ---------------------------------------------------------- */

static bool is_eevdf(const struct matrix *m, const struct matrix_cell *cell)
{
	return !strcmp(matrix_text(m, cell, MATRIX_SCHEDULERS), MATRIX_EEVDF);
}

/* Whether the cell could be had with the kernel's own scheduler. What it says then is the error. */
static bool is_else_fine(const struct matrix *m, const struct matrix_cell *cell)
{
	struct matrix_cell base = *cell;
	struct matrix plain = *m;
	struct dry_run d;
	bool fine;

	plain.list[MATRIX_SCHEDULERS].n = 0;
	base.at[MATRIX_SCHEDULERS] = 0;
	if (dry_run(&d, &plain, &base))
		return false;
	fine = !d.code;
	if (!fine)
		pass_on(&d);
	dry_run_close(&d);
	return fine;
}

static int check_cell(const struct matrix *m, struct matrix_check *c, unsigned i)
{
	const struct matrix_cell *cell = &m->cell[i];
	struct dry_run d;
	int code = dry_run(&d, m, cell);

	if (code)
		return code;
	code = d.code;
	if (!code) {
		code = take_plan(c, i, &d);
	} else if (is_eevdf(m, cell) || (code != EXIT_UNAVAILABLE && code != EXIT_SKIPPED)) {
		pass_on(&d);
	} else if (is_else_fine(m, cell)) {
		last_line(&d, c->cell[i].skip);
		code = 0;
	}
	dry_run_close(&d);
	return code;
}

/* A program that is not there is a slip of the pen, and no kernel's fault. */
static int check_programs(const struct matrix *m)
{
	const struct matrix_list *list = &m->list[MATRIX_SCHEDULERS];
	struct stat st;
	int code = 0;

	for (unsigned i = 0; i < list->n && !code; i++) {
		char **words = words_split(list->value[i].text);

		if (words && words[0] && strchr(words[0], '/') && stat(list->value[i].text, &st) &&
		    stat(words[0], &st)) {
			say_error("--sched %s: %s: %s; name a program or a BPF object", list->value[i].text, words[0],
				  strerror(errno));
			code = EXIT_UNAVAILABLE;
		}
		free(words);
	}
	return code;
}

int matrix_check(const struct matrix *m, struct matrix_check *c)
{
	unsigned skipped = 0;
	int code = check_programs(m);

	memset(c, 0, sizeof(*c));
	for (unsigned i = 0; i < m->n_cells && !code; i++) {
		code = check_cell(m, c, i);
		skipped += *c->cell[i].skip != '\0';
	}
	if (code || skipped < m->n_cells)
		return code;
	say_error("bench run: no cell can be had: %s", c->cell[0].skip);
	return EXIT_SKIPPED;
}

/* That this process may use; $KTSTR_TEST_CPUS in tests. */
static unsigned cpus_allowed(void)
{
	const char *text = getenv("KTSTR_TEST_CPUS");
	cpu_set_t cpus;

	if (text && *text)
		return (unsigned)atoi(text);
	return sched_getaffinity(0, sizeof(cpus), &cpus) ? (unsigned)sysconf(_SC_NPROCESSORS_ONLN)
							 : (unsigned)CPU_COUNT(&cpus);
}

unsigned matrix_jobs(const struct matrix *m, const struct matrix_check *c, unsigned wanted)
{
	unsigned each = (c->cpus ? c->cpus : 1) + 1; /* and one for the devices' thread */
	unsigned most = cpus_allowed() > each ? cpus_allowed() / each : 1;

	if (most > m->n_groups)
		most = m->n_groups;
	return wanted && wanted < most ? wanted : most;
}

uint64_t matrix_estimate(const struct matrix *m, const struct matrix_check *c, unsigned jobs)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < m->n_cells; i++)
		sum += *c->cell[i].skip ? 0 : c->cell[i].run_ns * plan_runs_max(m);
	return sum / jobs + (c->nested ? NESTED_HOST_NS : 0);
}

/* --- for the nested host ------------------------------------------------ */

json_t *matrix_check_json(const struct matrix *m, const struct matrix_check *c)
{
	json_t *cells = json_array();

	for (unsigned i = 0; i < m->n_cells; i++)
		json_array_append_new(cells, json_pack("{ss sI sI}", "skip", c->cell[i].skip, "timeout_ns",
						       (json_int_t)c->cell[i].timeout_ns, "run_ns",
						       (json_int_t)c->cell[i].run_ns));
	return json_pack("{so si}", "cells", cells, "cpus", (int)c->cpus);
}

int matrix_check_read(const struct matrix *m, struct matrix_check *c, const json_t *json)
{
	const json_t *cells = json_object_get(json, "cells");

	memset(c, 0, sizeof(*c));
	c->cpus = (unsigned)json_integer_value(json_object_get(json, "cpus"));
	for (unsigned i = 0; i < m->n_cells; i++) {
		const json_t *cell = json_array_get(cells, i);
		const char *skip = json_string_value(json_object_get(cell, "skip"));

		if (!skip)
			return -EINVAL;
		snprintf(c->cell[i].skip, sizeof(c->cell[i].skip), "%s", skip);
		c->cell[i].timeout_ns = (uint64_t)json_integer_value(json_object_get(cell, "timeout_ns"));
		c->cell[i].run_ns = (uint64_t)json_integer_value(json_object_get(cell, "run_ns"));
	}
	return 0;
}
