/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr bench export: distributions for the tools of others. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/atomic.h"
#include "bench/base/say.h"
#include "bench/cli/parse.h"
#include "bench/result/export.h"
#include "bench/result/files.h"
#include "bench/result/hdr.h"
#include "bench/result/report.h"
#include "bench/result/rundir.h"
#include "bench/result/validity.h"
#include "bench/verb/bench_verbs.h"

enum { OPT_FORMAT = 0x100, OPT_WORKLOAD };
enum format { FORMAT_HLOG, FORMAT_HGRM, FORMAT_FIO, FORMAT_SCHBENCH, FORMATS };
static const char *const formats[FORMATS] = { "hlog", "hgrm", "fio", "schbench" };

struct export
{
	const char *path, *output, *workload;
	enum format format;
	FILE *f;
	bool foreign;		     /* a result was written as another program's */
	const char *cell;	     /* of a run directory, or NULL */
	double at_s;		     /* where the next line begins: one boot after the other */
	struct hist all;	     /* hgrm: of all boots */
	char of[64];		     /* whose that is */
	struct report_result result; /* large */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct export *e = state->input;

	switch (key) {
	case OPT_FORMAT:
		for (e->format = 0; e->format < FORMATS && strcmp(arg, formats[e->format]) != 0;)
			e->format++;
		if (e->format == FORMATS)
			say_usage("--format %s: unknown; use hlog, hgrm, fio or schbench", arg);
		return 0;
	case OPT_WORKLOAD:
		e->workload = arg;
		return 0;
	case 'o':
		if (!*arg)
			say_usage("--output: is empty; name a file, or - for stdout");
		e->output = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (e->path)
			say_usage("bench export %s: a second one; export one at a time", arg);
		e->path = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "format", OPT_FORMAT, "hlog|hgrm|fio|schbench", 0,
	  "A log of histograms, one distribution by percentiles, or one result as that program would write it (hlog)",
	  0 },
	{ "workload", OPT_WORKLOAD, "NAME", 0, "Only this one (all; hgrm needs one where there are several)", 0 },
	{ "output", 'o', "FILE", 0, "Write it to FILE, whole or not at all; -: to stdout (-)", 0 },
	{ 0 },
};
const struct argp bench_export_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "DIR",
	.doc = "Print the latencies of results as HdrHistogram's tools read them. DIR is what ktstr bench run left, "
	       "one "
	       "of its cells, or a file of ktstr bench --json.\v"
	       "hlog is a histogram log in the V2 encoding: a line for each boot and workload, tagged CELL/WORKLOAD or "
	       "WORKLOAD, from the first boot on as if each had begun when the one before ended. hgrm is for "
	       "HdrHistogram's plotter: all boots of one cell together, in ns; it shows a distribution and is not what "
	       "a verdict rests on. No value is rounded. Runs that are not valid are left out.\n\n"
	       "fio and schbench are JSON with the key names and units of their own, of one result file: a job of "
	       "fio's "
	       "json+ for each io-* workload, its latency as clat_ns; schbench's wakeup latencies for the first "
	       "wakeup.\n\n"
	       "EXAMPLES\n"
	       "  ktstr bench export r -o r.hlog\n"
	       "  ktstr bench export r/cells/eevdf --format hgrm -o eevdf.hgrm",
};

static int add_hgrm(struct export *e, const char *workload, char *why, size_t size)
{
	if (*e->of && strcmp(e->of, workload)) {
		snprintf(why, size, "%s: %s and %s are two distributions; choose by --workload", e->path, e->of,
			 workload);
		return -EINVAL;
	}
	snprintf(e->of, sizeof(e->of), "%s", workload);
	hist_merge(&e->all, &e->result.latency);
	return 0;
}

static int add_line(struct export *e, json_t *line, const char *file, char *why, size_t size)
{
	double length = json_number_value(json_object_get(line, "measured_ns")) / 1e9;
	char tag[256];
	int rc = 0;

	if (!report_result_read(&e->result, line)) {
		snprintf(why, size, "%s: not a result of ktstr bench --json", file);
		return -EINVAL;
	}
	if (e->workload && strcmp(e->workload, e->result.workload))
		return 0;
	if (e->format == FORMAT_HGRM)
		return add_hgrm(e, e->result.workload, why, size);
	snprintf(tag, sizeof(tag), "%s%s%s", e->cell ? e->cell : "", e->cell ? "/" : "", e->result.workload);
	rc = hdr_log_line(e->f, tag, e->at_s, length, &e->result.latency);
	e->at_s += length;
	if (rc)
		snprintf(why, size, "%s: out of memory", file);
	return rc;
}

/* One result in the words of another program. */
static int add_foreign(struct export *e, const json_t *result, const char *file, char *why, size_t size)
{
	bool fio = e->format == FORMAT_FIO;
	json_t *json = e->foreign ? NULL : fio ? export_fio(result) : export_schbench(result);

	if (!json) {
		snprintf(why, size,
			 e->foreign ? "%s: one result more than one; name a file"
			 : fio	    ? "%s: has no result of an io-* workload; export one that has"
				    : "%s: has no result of the wakeup workload; export one that has",
			 file);
		return -EINVAL;
	}
	e->foreign = true;
	json_dumpf(json, e->f, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	fputc('\n', e->f);
	json_decref(json);
	return 0;
}

static int add_file(void *ctx, const char *file, json_t *json, char *why, size_t size)
{
	const char *schema = json_string_value(json_object_get(json, "schema"));
	struct export *e = ctx;
	struct validity v;
	json_t *line;
	size_t i;

	if (!schema || strcmp(schema, "ktstr-bench/1") || !validity_read(&v, json)) {
		snprintf(why, size, "%s: not a result of ktstr bench --json", file);
		return -EINVAL;
	}
	if (e->format >= FORMAT_FIO)
		return v.status ? 0 : add_foreign(e, json, file, why, size);
	json_array_foreach(json_object_get(json, "results"), i, line)
	{
		int rc = v.status ? 0 : add_line(ctx, line, file, why, size);

		if (rc)
			return rc;
	}
	return 0;
}

static int add_cells(struct export *e, char *why, size_t size)
{
	struct rundir *d = malloc(sizeof(*d));
	char path[PATH_MAX];
	int rc = d ? rundir_read(d, e->path, why, size) : -ENOMEM;

	if (!rc && e->format == FORMAT_HGRM && d->n > 1) {
		snprintf(why, size, "%s: has %u distributions; name one cell, such as %s/cells/%s", e->path, d->n,
			 e->path, d->cell[0].key);
		rc = -EINVAL;
	}
	for (unsigned i = 0; i < (d ? d->n : 0) && !rc; i++) {
		e->cell = d->cell[i].key;
		e->at_s = 0;
		rc = files_each(rundir_cell_path(d, &d->cell[i], path), add_file, e, why, size);
	}
	if (d)
		rundir_free(d);
	free(d);
	return rc;
}

static int write_out(const struct export *e, const char *text, size_t size)
{
	bool to_stdout = !e->output || !strcmp(e->output, "-");
	int rc;

	if (to_stdout)
		rc = fwrite(text, 1, size, stdout) != size || fflush(stdout) ? -errno : 0;
	else
		rc = atomic_write(e->output, text, size);
	if (rc)
		say_error("%s: %s", to_stdout ? "stdout" : e->output, strerror(-rc));
	return rc ? EXIT_FAILED : EXIT_OK;
}

int verb_bench_export(int argc, char **argv)
{
	static struct export e; /* histograms are large */
	char why[512] = "out of memory", *text = NULL;
	size_t size = 0;
	int rc;

	cli_parse(&bench_export_argp, "bench export", argc, argv, &e);
	if (!e.path)
		say_usage("bench export: name what ktstr bench run left, a cell of it, or a result file");
	if (e.format >= FORMAT_FIO && e.workload)
		say_usage("--workload %s: fio and schbench choose by themselves; leave it out", e.workload);
	e.f = open_memstream(&text, &size);
	if (!e.f) {
		say_error("out of memory");
		return EXIT_INTERNAL;
	}
	if (e.format == FORMAT_HLOG)
		hdr_log_head(e.f);
	rc = rundir_is(e.path) ? add_cells(&e, why, sizeof(why)) : files_each(e.path, add_file, &e, why, sizeof(why));
	if (!rc && e.format == FORMAT_HGRM)
		hdr_distribution(e.f, &e.all);
	fclose(e.f);
	if (rc)
		say_error("bench export: %s", why);
	rc = rc ? EXIT_UNAVAILABLE : write_out(&e, text, size);
	free(text);
	return rc;
}
