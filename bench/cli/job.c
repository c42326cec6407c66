/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/cli/job.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/say.h"
#include "bench/cli/line.h"
#include "bench/workloads/catalog.h"
#include "bpf/words.h"

struct reader {
	struct job_file *job;
	const char *origin; /* FILE:LINE of the line that is read */
	char section[64];   /* "": before the first */
	bool named;	    /* the section's workload is known: the last of the job's */
};

static char *copy(const char *text)
{
	char *c = strdup(text);

	if (!c)
		say_usage("out of memory; free some");
	return c;
}

/* So that an error has the line of its option. */
static void check_workload(const struct reader *r, const char *word)
{
	struct workload_asked asked;
	char why[512];

	if (!workload_parse(word, &asked, why, sizeof(why)))
		say_usage("%s: [%s]: %s", r->origin, r->section, why);
}

static void add_workload(struct reader *r, const char *kind)
{
	check_workload(r, kind);
	if (r->job->n_workloads == JOB_WORKLOADS_MAX)
		say_usage("%s: [%s]: more workloads than fit; use at most %d", r->origin, r->section,
			  JOB_WORKLOADS_MAX);
	r->job->workload[r->job->n_workloads++] = copy(kind);
	r->named = true;
}

/* A section of another name says first which workload it is. */
static void need_workload(struct reader *r)
{
	if (*r->section && !r->named)
		add_workload(r, r->section);
}

static void begin_section(struct reader *r, char *line)
{
	size_t n = strlen(line);
	char *name;

	need_workload(r);
	if (line[n - 1] != ']')
		say_usage("%s: %s: no ] at its end; write a section as [wakeup]", r->origin, line);
	line[n - 1] = '\0';
	name = line_trim(line + 1);
	if (!*name || strlen(name) >= sizeof(r->section))
		say_usage("%s: [%.80s]: no name of a section; use a workload's, such as [wakeup]", r->origin, name);
	strcpy(r->section, name);
	r->named = false;
}

static void add_workload_option(struct reader *r, const char *name, const char *value)
{
	char **word, *longer, one[600];
	struct job_file *job = r->job;

	if (!strcmp(name, "workload")) {
		if (r->named)
			say_usage("%s: [%s]: workload = %s: the section is one already; put this line first", r->origin,
				  r->section, value);
		add_workload(r, value);
		return;
	}
	need_workload(r);
	word = &job->workload[job->n_workloads - 1];
	if (strchr(value, ','))
		say_usage("%s: [%s]: %s = %s: has a comma, which separates options; leave it out", r->origin,
			  r->section, name, value);
	snprintf(one, sizeof(one), "%.*s:%.200s=%.300s", (int)strcspn(*word, ":"), *word, name, value);
	check_workload(r, one);
	if (asprintf(&longer, "%s%c%s=%s", *word, strchr(*word, ':') ? ',' : ':', name, value) < 0)
		say_usage("out of memory; free some");
	free(*word);
	*word = longer;
}

static void add_option(struct reader *r, const char *name, const char *value)
{
	struct job_file *job = r->job;

	if (!strcmp(name, "command")) {
		if (job->command)
			say_usage("%s: command: is given twice; use one", r->origin);
		job->command = words_split(value);
		if (!job->command || !*job->command)
			say_usage("%s: command = %s: %s; quote as for a shell", r->origin, value,
				  job->command ? "names no program" : "a quote is not closed");
		for (unsigned n = 0; job->command[n]; n++)
			if (n == JOB_COMMAND_MAX)
				say_usage("%s: command: more than %d words; put it into a script", r->origin,
					  JOB_COMMAND_MAX);
		return;
	}
	if (job->n_options == JOB_OPTIONS_MAX)
		say_usage("%s: %s: more options than fit; use at most %d", r->origin, name, JOB_OPTIONS_MAX);
	job->option[job->n_options++] = (struct job_option){ copy(name), copy(value), copy(r->origin) };
}

static void read_line(struct reader *r, char *line)
{
	char *equals, *name, *value;

	line = line_trim(line);
	if (!*line || *line == '#' || *line == ';')
		return;
	if (*line == '[') {
		begin_section(r, line);
		return;
	}
	equals = strchr(line, '=');
	if (!equals)
		say_usage("%s: %.80s: neither NAME = VALUE nor [WORKLOAD]; see man ktstr-bench", r->origin, line);
	*equals = '\0';
	name = line_trim(line);
	value = line_trim(equals + 1);
	if (*r->section)
		add_workload_option(r, name, value);
	else
		add_option(r, name, value);
}

void job_read(const char *path, struct job_file *job)
{
	char *line = NULL, origin[PATH_MAX + 24];
	struct reader r = { .job = job, .origin = origin };
	FILE *f = fopen(path, "re");
	size_t size = 0;

	for (unsigned n = 1; f && getline(&line, &size, f) >= 0; n++) {
		snprintf(origin, sizeof(origin), "%s:%u", path, n);
		read_line(&r, line);
	}
	if (!f || ferror(f))
		say_usage("--job %s: can't be read: %s; name another file", path, strerror(errno));
	need_workload(&r);
	if (job->command && job->n_workloads)
		say_usage("%s: a command and [%s]; ask for one of them", path, job->workload[0]);
	free(line);
	fclose(f);
}
