/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr bench compare: a verdict on the results of several boots of two sides. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/atomic.h"
#include "bench/base/say.h"
#include "bench/cli/parse.h"
#include "bench/result/baseline.h"
#include "bench/result/rundir.h"
#include "bench/result/text.h"
#include "bench/verb/bench_compare.h"
#include "bench/verb/bench_verbs.h"

enum {
	OPT_METRIC = 0x100,
	OPT_ALPHA,
	OPT_THRESHOLD,
	OPT_CORRECTION,
	OPT_FORMAT,
	OPT_ACROSS,
	OPT_FAIL_ON,
	OPT_QUANTILES
};

#define SIDES_MAX 16

struct arguments {
	struct compare_options o;
	const char *path[SIDES_MAX];
	unsigned n;
};

/* "0.05" or "5%", in (0, 1). */
static double take_part(const char *option, const char *arg)
{
	char *end;
	double value = strtod(arg, &end);

	if (*end == '%' && end != arg) {
		value /= 100;
		end++;
	}
	if (end == arg || *end || !(value > 0 && value < 1))
		say_usage("--%s %s: not a part between 0 and 1; write it as 3%%", option, arg);
	return value;
}

static unsigned take_word(const char *option, const char *arg, const char *const *words)
{
	for (unsigned i = 0; words[i]; i++)
		if (!strcmp(arg, words[i]))
			return i;
	say_usage("--%s %s: unknown; see ktstr bench compare --help", option, arg);
}

bool compare_option(struct compare_options *o, int key, const char *arg)
{
	static const char *const formats[] = { "text", "json", "markdown", "junit", "tap", "csv", "lkml", NULL };
	static const char *const corrections[] = { "holm", "bh", NULL };
	static const char *const fails[] = { "worse", "inconclusive", "none", NULL };

	switch (key) {
	case OPT_METRIC:
		o->metric = arg;
		return true;
	case OPT_ALPHA:
		o->gates.alpha = take_part("alpha", arg);
		return true;
	case OPT_THRESHOLD:
		o->gates.threshold = take_part("threshold", arg);
		return true;
	case OPT_CORRECTION:
		o->correction = (enum correction)take_word("correction", arg, corrections);
		return true;
	case OPT_FORMAT:
		o->format = (enum compare_format)take_word("format", arg, formats);
		return true;
	case OPT_QUANTILES:
		o->quantiles = true;
		return true;
	case OPT_ACROSS:
		o->across = true;
		return true;
	case OPT_FAIL_ON:
		o->fail_on = (enum compare_fail)take_word("fail-on", arg, fails);
		return true;
	default:
		return false;
	}
}

static error_t parse_options(int key, char *arg, struct argp_state *state)
{
	return compare_option(state->input, key, arg) ? 0 : ARGP_ERR_UNKNOWN;
}

static const struct argp_option verdict_options[] = {
	{ NULL, 0, NULL, 0, "The verdict:", 1 },
	{ "metric", OPT_METRIC, "GLOB", 0,
	  "Judge the metrics that match, such as '*.p9*' (p50, p99 and rate of each workload)", 1 },
	{ "threshold", OPT_THRESHOLD, "PART", 0, "Changes up to this are no difference (3%)", 1 },
	{ "alpha", OPT_ALPHA, "PART", 0, "Error that is accepted for all metrics together (5%)", 1 },
	{ "correction", OPT_CORRECTION, "holm|bh", 0, "For several metrics: Holm, or Benjamini and Hochberg (holm)",
	  1 },
	{ "across", OPT_ACROSS, NULL, 0, "Judge also where kernel, host, guest or ktstr differ", 1 },
	{ 0 },
};
const struct argp verdict_options_argp = { .options = verdict_options, .parser = parse_options };

static error_t parse_output(int key, char *arg, struct argp_state *state)
{
	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = state->input;
		return 0;
	}
	return parse_options(key, arg, state);
}

static const struct argp_option output_options[] = {
	{ "format", OPT_FORMAT, "text|json|markdown|junit|tap|csv|lkml", 0, "What is printed (text)", 1 },
	{ "quantiles", OPT_QUANTILES, NULL, 0, "Print where the distributions differ too, from p1 to p99.9", 1 },
	{ "fail-on", OPT_FAIL_ON, "worse|inconclusive|none", 0, "What makes the exit code 1 (worse)", 1 },
	{ 0 },
};
static const struct argp_child verdict_child[] = { { &verdict_options_argp, 0, NULL, 0 }, { 0 } };
const struct argp compare_options_argp = { .options = output_options,
					   .parser = parse_output,
					   .children = verdict_child };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->o;
		return 0;
	case 'o':
		if (!*arg)
			say_usage("--output: is empty; name a file, or - for stdout");
		a->o.output = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->n == SIDES_MAX)
			say_usage("bench compare %s: more than %d sides; compare fewer", arg, SIDES_MAX);
		a->path[a->n++] = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &compare_options_argp, 0, NULL, 0 }, { 0 } };
/* Not one of those that ktstr bench run has too: there --output is the machine's. */
static const struct argp_option own_options[] = {
	{ "output", 'o', "FILE", 0, "Write it to FILE, whole or not at all; -: to stdout (-)", 0 },
	{ 0 },
};
const struct argp bench_compare_argp = {
	.options = own_options,
	.parser = parse,
	.children = children,
	.args_doc = "DIR\nBASE NEW...",
	.doc = "Say whether schedulers are better or worse than others. DIR is what ktstr bench run left: under each "
	       "kernel, topology and workload each scheduler is compared with the first. Else each NEW is compared "
	       "with BASE; each of these is a directory with a result of ktstr bench --json for each boot, one such "
	       "file, "
	       "or @NAME, a baseline.\v"
	       "The sample is the boot. worse and better need a p below alpha after the correction for several metrics "
	       "(Mann-Whitney), a 95% interval of the ratio of medians that excludes 1 (bootstrap), and a change "
	       "beyond "
	       "the threshold and for latencies beyond 500 ns; same needs the interval within the threshold; all else "
	       "is inconclusive, and the reason is printed. Fewer than 4 boots a side are always inconclusive. Runs "
	       "that are not valid are not counted, but named. junit and tap have a test for each metric: one that is "
	       "worse fails, one that is inconclusive is skipped (--fail-on says otherwise).\n\n"
	       "The exit code is 1 when a metric is worse, else 2 when one is inconclusive or there is no verdict, "
	       "else "
	       "0; 69 when results can't be read.\n\n"
	       "EXAMPLES\n"
	       "  ktstr bench run --out r --sched eevdf --sched ./scx_mine wakeup\n"
	       "  ktstr bench compare r\n"
	       "  ktstr bench compare r/cells/eevdf r/cells/scx_mine --metric '*'\n"
	       "  ktstr bench compare r --format junit -o results.xml\n"
	       "  ktstr bench compare r --format lkml",
};

/* --- comparisons -------------------------------------------------------- */

struct pairs {
	const struct compare_options *o;
	struct compare *list;
	unsigned n;
	int code;
};

/* 1 (worse) outranks 2 (inconclusive); what can't be compared outranks both. */
static void add_code(struct pairs *p, int code)
{
	static const int rank[] = { EXIT_OK, EXIT_INCONCLUSIVE, EXIT_FAILED, EXIT_UNAVAILABLE, EXIT_INTERNAL };
	unsigned now = 0, next = 0;

	for (unsigned i = 0; i < sizeof(rank) / sizeof(*rank); i++) {
		now = rank[i] == p->code ? i : now;
		next = rank[i] == code ? i : next;
	}
	p->code = next > now ? code : p->code;
}

static int code_of(const struct compare *c, enum compare_fail on)
{
	bool inconclusive = c->count[VERDICT_INCONCLUSIVE];

	for (unsigned v = 0; v < 4; v++)
		if (c->count[v] && compare_failed((enum verdict)v, on))
			return EXIT_FAILED;
	return on != FAIL_NONE && inconclusive ? EXIT_INCONCLUSIVE : EXIT_OK;
}

/* @order and @repeat: see struct compare. */
static void add_pair(struct pairs *p, const struct boots *base, const struct boots *test, const char *order,
		     const char *repeat)
{
	const struct compare_options *o = p->o;
	struct compare *c = &p->list[p->n];

	if (compare_delta(base, test, stderr) && !o->across) {
		say_error("bench compare: %s and %s: the above differs, so a verdict would not be on the scheduler "
			  "alone; use --across to get one all the same",
			  base->label, test->label);
		add_code(p, EXIT_INCONCLUSIVE);
		return;
	}
	if (compare_make(c, base, test, o->metric, &o->gates, o->correction, 1)) {
		say_error("out of memory");
		add_code(p, EXIT_INTERNAL);
	} else if (!c->n && !c->n_absent) {
		say_error("bench compare: %s and %s: no metric that both have%s%s; see those of one by --metric '*'",
			  base->label, test->label, o->metric ? " matches " : "", o->metric ? o->metric : "");
		add_code(p, EXIT_UNAVAILABLE);
	} else {
		c->with_quantiles = o->quantiles;
		c->order = order;
		c->repeat = repeat;
		p->n++;
		add_code(p, c->n ? code_of(c, o->fail_on) : EXIT_INCONCLUSIVE);
		return;
	}
	compare_free(c);
}

/* All of it into the file or to stdout. */
static int print(const struct pairs *p)
{
	const struct compare_options *o = p->o;
	bool to_stdout = !o->output || !strcmp(o->output, "-");
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int rc = f ? compare_write(p->list, p->n, o->format, o->fail_on, f) : -ENOMEM;

	if (f && fclose(f) && !rc)
		rc = -ENOMEM;
	if (!rc && to_stdout)
		rc = fwrite(text, 1, size, stdout) != size || fflush(stdout) ? -errno : 0;
	else if (!rc)
		rc = atomic_write(o->output, text, size);
	free(text);
	if (rc)
		say_error("%s: %s", to_stdout ? "stdout" : o->output, strerror(-rc));
	return rc;
}

static int finish(struct pairs *p)
{
	if (p->n && print(p))
		p->code = EXIT_FAILED;
	for (unsigned i = 0; i < p->n; i++)
		compare_free(&p->list[i]);
	free(p->list);
	return p->code;
}

static int no_memory(void)
{
	say_error("out of memory");
	return EXIT_INTERNAL;
}

/* "@NAME" is the latest generation of a baseline. */
static int read_side(struct boots *b, const char *path, char *why, size_t size)
{
	char dir[PATH_MAX];
	int rc;

	if (*path != '@')
		return boots_read(b, path, why, size);
	rc = baseline_path(path + 1, NULL, dir, why, size);
	if (!rc)
		rc = boots_read(b, dir, why, size);
	text_clean(b->label, sizeof(b->label), path);
	return rc;
}

/* Cells of one run directory tell how to repeat it. To free(); NULL: they are none. */
static struct rundir *common_rundir(const char *const *path, unsigned n)
{
	struct rundir *d = calloc(1, sizeof(*d));
	char first[PATH_MAX] = "", other[PATH_MAX], above[PATH_MAX], why[512];
	bool same = d;

	for (unsigned i = 0; i < n && same; i++) {
		snprintf(above, sizeof(above), "%.4000s/../..", path[i]);
		same = realpath(above, i ? other : first) && (!i || !strcmp(first, other));
	}
	if (same && rundir_is(first) && !rundir_read(d, first, why, sizeof(why)))
		return d;
	if (d)
		rundir_free(d);
	free(d);
	return NULL;
}

static int compare_sides(const struct compare_options *o, const char *const *path, unsigned n)
{
	struct boots *side = calloc(n, sizeof(*side));
	struct pairs p = { .o = o, .list = calloc(n, sizeof(*p.list)), .code = EXIT_OK };
	struct rundir *d = common_rundir(path, n);
	char why[512];

	if (!side || !p.list) {
		free(side);
		free(p.list);
		if (d)
			rundir_free(d);
		free(d);
		return no_memory();
	}
	for (unsigned i = 0; i < n && !p.code; i++)
		if (read_side(&side[i], path[i], why, sizeof(why))) {
			say_error("bench compare: %s", why);
			add_code(&p, EXIT_UNAVAILABLE);
		}
	for (unsigned i = 1; i < n && p.code != EXIT_UNAVAILABLE; i++)
		add_pair(&p, &side[0], &side[i], d ? "ABBA" : NULL, d ? d->repeat : NULL);
	finish(&p);
	if (d)
		rundir_free(d);
	free(d);
	for (unsigned i = 0; i < n; i++)
		boots_free(&side[i]);
	free(side);
	return p.code;
}

int compare_paths(const struct compare_options *o, const char *base, const char *test)
{
	return compare_sides(o, (const char *[]){ base, test }, 2);
}

/* A cell without a valid run is no error of the others. */
static bool can_judge(struct pairs *p, const struct rundir_cell *cell, const struct boots *b, int rc, const char *why)
{
	if (rc) {
		say_error("bench compare: %s", why);
		add_code(p, EXIT_UNAVAILABLE);
		return false;
	}
	if (b->n)
		return true;
	for (unsigned i = 0; i < VALIDITY_STATUSES; i++)
		if (b->other[i])
			say_error("bench compare: cell %s: no valid run; %u %s: %s", cell->key, b->other[i],
				  validity_name((enum validity_status)i), b->why[i]);
	add_code(p, EXIT_INCONCLUSIVE);
	return false;
}

static void compare_cells(struct pairs *p, const struct rundir *d, struct boots *side)
{
	bool good[RUNDIR_CELLS_MAX];
	char why[512];

	for (unsigned i = 0; i < d->n; i++) {
		int rc = rundir_boots(d, &d->cell[i], &side[i], why, sizeof(why));

		good[i] = can_judge(p, &d->cell[i], &side[i], rc, why);
	}
	for (unsigned i = 0; i < d->n; i++) {
		const struct rundir_cell *base = rundir_base(d, &d->cell[i]);

		if (base != &d->cell[i] && good[i] && good[base - d->cell])
			add_pair(p, &side[base - d->cell], &side[i], "ABBA", d->repeat);
	}
}

int compare_rundir(const struct compare_options *o, const char *path)
{
	struct rundir *d = malloc(sizeof(*d));
	struct boots *side = calloc(RUNDIR_CELLS_MAX, sizeof(*side));
	struct pairs p = { .o = o, .list = calloc(RUNDIR_CELLS_MAX, sizeof(*p.list)), .code = EXIT_OK };
	char why[512];

	if (!d || !side || !p.list) {
		free(d);
		free(side);
		free(p.list);
		return no_memory();
	}
	if (rundir_read(d, path, why, sizeof(why))) {
		say_error("bench compare: %s", why);
		add_code(&p, EXIT_UNAVAILABLE);
	} else {
		compare_cells(&p, d, side);
		if (!p.n && !p.code) {
			say_error("bench compare: %s: one scheduler alone; run another beside it, or name two sides",
				  path);
			add_code(&p, EXIT_UNAVAILABLE);
		}
	}
	finish(&p);
	for (unsigned i = 0; i < RUNDIR_CELLS_MAX; i++)
		boots_free(&side[i]);
	rundir_free(d);
	free(side);
	free(d);
	return p.code;
}

int verb_bench_compare(int argc, char **argv)
{
	struct arguments a = { .o = COMPARE_OPTIONS_INIT };

	cli_parse(&bench_compare_argp, "bench compare", argc, argv, &a);
	if (a.n == 1 && rundir_is(a.path[0]))
		return compare_rundir(&a.o, a.path[0]);
	if (a.n < 2)
		say_usage("bench compare: name a directory that ktstr bench run left, or two sides, BASE and NEW");
	return compare_sides(&a.o, a.path, a.n);
}
