/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr bench run: many boots of ktstr bench in a fair order, then the verdict. The work is bench/matrix's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/cli/parse.h"
#include "bench/cli/table.h"
#include "bench/result/order.h"
#include "bench/verb/bench_matrix.h"
#include "bench/verb/bench_verbs.h"
#include "bench/verb/verbs.h"

#define RUNS_MAX BOOTS_MAX
#define AUTO_WIDTH 0.05

enum {
	OPT_OUT = 0x200,
	OPT_KERNEL,
	OPT_TOPOLOGY,
	OPT_SCHED,
	OPT_RUNS,
	OPT_TARGET,
	OPT_TIME_LIMIT,
	OPT_ORDER_SEED,
	OPT_SEED,
	OPT_JOBS,
	OPT_PROGRESS,
	OPT_RESUME,
	OPT_DRY_RUN,
	OPT_MATRIX,
};

/* --- command line ------------------------------------------------------- */

static void add_value(struct matrix_arguments *a, enum matrix_dimension d, const char *option, const char *arg)
{
	const char *slash = strrchr(arg, '/');
	int rc;

	if (!*arg)
		say_usage("%s: is empty; see ktstr bench run --help", option);
	/* Of a path the last part is its name; of DIR/ the whole. */
	rc = matrix_add(&a->matrix, d, arg, d == MATRIX_KERNELS && slash && slash[1] ? slash + 1 : arg);
	if (rc)
		say_usage("%s %s: %s", option, arg,
			  rc == -E2BIG ? "given too often; at most 16 times" : "out of memory");
}

static void take_runs(struct matrix *m, const char *arg)
{
	uint64_t n = 0;
	char *end;

	if (strncmp(arg, "auto", 4) != 0) {
		if (number_parse(arg, 1, RUNS_MAX, &n))
			say_usage("--runs %s: not a number from 1 to %d, and not auto; use 10", arg, RUNS_MAX);
		m->runs = (unsigned)n;
		return;
	}
	m->runs = 0;
	m->width = AUTO_WIDTH;
	if (!arg[4])
		return;
	m->width = arg[4] == ':' ? strtod(arg + 5, &end) : 0;
	if (arg[4] == ':' && *end == '%' && !end[1])
		m->width /= 100;
	else if (arg[4] != ':' || *end)
		m->width = 0;
	if (!(m->width >= 0.001 && m->width < 1))
		say_usage("--runs %s: not auto:WIDTH with a part from 0.1%% up; write it as auto:5%%", arg);
}

static void take_sched(struct matrix_arguments *a, const char *arg)
{
	char why[512];

	if (matrix_add_scheduler(&a->matrix, arg, why, sizeof(why)))
		say_usage("--sched %s: %s", arg, why);
}

static enum progress_kind take_progress(const char *arg)
{
	for (unsigned i = 0; progress_kinds[i]; i++)
		if (!strcmp(arg, progress_kinds[i]))
			return (enum progress_kind)i;
	say_usage("--progress %s: unknown; use auto, line, plain or none", arg);
}

static uint64_t take_number(const char *option, const char *arg, uint64_t min, uint64_t max)
{
	uint64_t value;

	if (number_parse(arg, min, max, &value))
		say_usage("%s %s: not a number from %llu to %llu", option, arg, (unsigned long long)min,
			  (unsigned long long)max);
	return value;
}

static void take_target(struct matrix *m, const char *arg)
{
	free(m->metric);
	m->metric = strdup(arg);
	if (!m->metric)
		say_usage("--target %s: out of memory", arg);
}

/* What the matrix is made of. False: @key is none of these. */
static bool take_matrix(struct matrix_arguments *a, int key, const char *arg)
{
	switch (key) {
	case OPT_KERNEL:
		add_value(a, MATRIX_KERNELS, "--kernel", arg);
		return true;
	case OPT_TOPOLOGY:
		add_value(a, MATRIX_TOPOLOGIES, "--topology", arg);
		return true;
	case 'w':
		add_value(a, MATRIX_WORKLOADS, "--workload", arg);
		return true;
	case OPT_SCHED:
		take_sched(a, arg);
		return true;
	case OPT_RUNS:
		take_runs(&a->matrix, arg);
		a->runs_given = true;
		return true;
	case OPT_TARGET:
		take_target(&a->matrix, arg);
		return true;
	case OPT_ORDER_SEED:
		a->matrix.order_seed = take_number("--order-seed", arg, 0, INT64_MAX);
		return true;
	case OPT_SEED:
		a->matrix.seed = take_number("--seed", arg, 1, INT32_MAX);
		return true;
	default:
		return false;
	}
}

static void take_own(struct matrix_arguments *a, int key, const char *arg)
{
	if (take_matrix(a, key, arg))
		return;
	switch (key) {
	case OPT_OUT:
		a->out = arg;
		break;
	case OPT_TIME_LIMIT:
		if (duration_parse(arg, &a->options.time_limit_ns) || !a->options.time_limit_ns)
			say_usage("--time-limit %s: not a time; write it as 10m or 2h", arg);
		break;
	case OPT_JOBS:
		a->jobs = strcmp(arg, "auto") != 0 ? (unsigned)take_number("--jobs", arg, 1, 256) : 0;
		break;
	case OPT_PROGRESS:
		a->options.progress = take_progress(arg);
		break;
	case OPT_RESUME:
		a->resume = true;
		break;
	case OPT_DRY_RUN:
		if (arg && strcmp(arg, "json") != 0)
			say_usage("--dry-run %s: not a form; use --dry-run or --dry-run=json", arg);
		a->dry_run = arg ? DRY_RUN_JSON : DRY_RUN_TEXT;
		break;
	case OPT_MATRIX:
		a->inner = arg;
		break;
	case 'o':
		if (!*arg)
			say_usage("--verdict: is empty; name a file, or - for stdout");
		a->compare.output = arg;
		break;
	default:
		compare_option(&a->compare, key, arg);
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)key;
	(void)arg;
	(void)state;
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "The matrix:", 0 },
	{ "kernel", OPT_KERNEL, "K", 0, "What ktstr bench --kernel takes; may be repeated", 0 },
	{ "topology", OPT_TOPOLOGY, "SHAPE", 0, "What ktstr bench --topology takes; may be repeated", 0 },
	{ "workload", 'w', "WORKLOAD", 0, "A workload of ktstr bench, in boots of its own; may be repeated", 0 },
	{ "sched", OPT_SCHED, "S", 0,
	  "eevdf, what --scheduler takes, PATH:ARGUMENTS of a program, or @FILE[:NAME], profiles in lines NAME = "
	  "WORDS; may be repeated, the first is the base (eevdf)",
	  0 },
	{ "runs", OPT_RUNS, "N|auto[:WIDTH]", 0,
	  "Boots of each cell; auto: 6 to 30, until the interval of each median is no wider than WIDTH (10; WIDTH: 5%)",
	  0 },
	{ "target", OPT_TARGET, "METRIC", 0, "Whose interval decides with --runs auto (the first of the table)", 0 },
	{ "order-seed", OPT_ORDER_SEED, "N", 0, "Of the order of the boots (1)", 0 },
	{ "seed", OPT_SEED, "N", 0, "Of what is random in the workloads of the first boot of each cell (1)", 0 },
	{ NULL, 0, NULL, 0, "The run:", 0 },
	{ "out", OPT_OUT, "DIR", 0, "Where results go; made if it is not there", 0 },
	{ "resume", OPT_RESUME, NULL, 0,
	  "Go on with what is in DIR: boots that are there are kept. The words need not be repeated; another --runs "
	  "may be given",
	  0 },
	{ "time-limit", OPT_TIME_LIMIT, "TIME", 0, "Begin no further round of boots after TIME", 0 },
	{ "verdict", 'o', "FILE", 0, "Write the verdict to FILE, whole or not at all; -: to stdout (-)", 0 },
	{ "jobs", OPT_JOBS, "N|auto", 0,
	  "Boot as many guests side by side, each on CPUs of its own; auto: as many as fit (1)", 0 },
	{ "progress", OPT_PROGRESS, "auto|line|plain|none", 0,
	  "On stderr: one line that changes, or a line for each boot (auto: line on a terminal)", 0 },
	{ "dry-run", OPT_DRY_RUN, "json", OPTION_ARG_OPTIONAL,
	  "Print the cells, the order of the boots and an estimate of the time, and boot none", 0 },
	{ "matrix", OPT_MATRIX, "FILE", OPTION_HIDDEN, NULL, 0 },
	{ 0 },
};
static const struct argp_child children[] = { { &compare_options_argp, 0, NULL, 0 }, { 0 } };
const struct argp bench_run_argp = {
	.options = options,
	.parser = parse,
	.children = children,
	.args_doc = "[WORDS OF KTSTR BENCH]...",
	.doc = "Boot again and again and run workloads, under each scheduler, on each kernel and topology; then "
	       "compare each scheduler with the first, as ktstr bench compare does.\v"
	       "All other options and words are those of ktstr bench: workloads, --cpus, --duration and so on; "
	       "workloads that are named without -w run one after the other in each boot. The product of what may be "
	       "repeated gives the cells. The order is a random one of the schedulers, then the same backwards, again "
	       "and again, so that a slow change of the host hits all alike. With --jobs it is cells of different "
	       "workloads, kernels and topologies that run side by side, never those that are compared.\n\n"
	       "A boot whose figures do not count is repeated three times, one that failed once; a scheduler that a "
	       "kernel can't have is skipped. DIR/cells/KEY has run-NNN.json, what each boot said in run-NNN.log, and "
	       "run-NNN.invalid-K.json, run-NNN.failed-K.json of what did not count. Where guests need the nested "
	       "host, it is started once for all of them, and results arrive in DIR one by one.\n\n"
	       "EXAMPLES\n"
	       "  ktstr bench run --out r --sched eevdf --sched ./scx_mine wakeup\n"
	       "  ktstr bench run --out r --resume\n"
	       "  ktstr bench run --out r --sched eevdf --sched './scx_mine:-s 5000' \\\n"
	       "      -w wakeup -w messaging --topology 1n1l4c1t --topology 1n2l4c1t --dry-run\n"
	       "  ktstr bench run --out r --sched fifo --sched wrr --runs auto:3% --cpus 8",
};

/*
 * The option of ours that @word names: in full, or as ktstr bench would take it for one that both have. NULL: it is for
 * ktstr bench, which checks it.
 */
static const struct argp_option *own_option(const char *word)
{
	const struct argp_option *o = strncmp(word, "--", 2) ? NULL : cli_option(&bench_run_argp, word);
	const struct argp_option *theirs = strncmp(word, "--", 2) ? NULL : cli_option(&bench_argp, word);
	const char letter[] = { '-', word[0] == '-' ? word[1] : '\0', '\0' };
	char full[64];

	if (letter[1] && letter[1] != '-')
		return cli_option(&bench_run_argp, letter);
	if (o && !strncmp(word + 2, o->name, strlen(o->name)) && strchr("=", word[2 + strlen(o->name)]))
		return o;
	if (!theirs || !theirs->name)
		return NULL;
	if (!strcmp(theirs->name, "json") || !strcmp(theirs->name, "spec"))
		say_usage("--%s: bench run has results of its own; use --out", theirs->name);
	if (!strcmp(theirs->name, "scheduler"))
		say_usage("--scheduler: bench run takes it as --sched, which may be repeated");
	snprintf(full, sizeof(full), "--%s", theirs->name);
	o = cli_option(&bench_run_argp, full);
	return o && !strcmp(o->name, theirs->name) ? o : NULL;
}

/* @argv[i] and maybe the next. The index of the last one that was taken. */
static int take_option(struct matrix_arguments *a, const struct argp_option *o, int argc, char **argv, int i)
{
	bool is_short = argv[i][1] != '-';
	char *value = is_short ? (argv[i][2] ? argv[i] + 2 : NULL) : strchr(argv[i], '=');

	if (value && !is_short)
		value++;
	if (value && !o->arg)
		say_usage("%s: takes no value; see ktstr bench run --help", argv[i]);
	if (!value && o->arg && !(o->flags & OPTION_ARG_OPTIONAL)) {
		if (i + 1 == argc)
			say_usage("%s: wants a value %s; see ktstr bench run --help", argv[i], o->arg);
		value = argv[++i];
	}
	take_own(a, o->key, value);
	return i;
}

/* Own options are taken out, all else is for ktstr bench. */
static void take_words(struct matrix_arguments *a, int argc, char **argv)
{
	bool over = false; /* what follows is a command's */

	for (int i = 1; i < argc; i++) {
		const struct argp_option *o = over ? NULL : own_option(argv[i]);

		over |= !strcmp(argv[i], "--");
		if (o) {
			i = take_option(a, o, argc, argv, i);
			continue;
		}
		if (!over && (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")))
			cli_parse(&bench_run_argp, "bench run", 2, (char *[]){ argv[0], argv[i], NULL }, a);
		if (a->matrix.words.n == MATRIX_WORDS_MAX)
			say_usage("bench run: more than %d words", MATRIX_WORDS_MAX);
		if (word_list_add(&a->matrix.words, argv[i]))
			say_usage("bench run: out of memory");
	}
}

/* --resume without words: what was asked for stands in the directory. */
static int load_matrix(struct matrix_arguments *a)
{
	struct matrix asked = a->matrix;
	bool none = !asked.words.n;
	int code;

	for (unsigned d = 0; d < MATRIX_DIMENSIONS; d++)
		none &= !asked.list[d].n;
	if (!a->resume || !none)
		return 0;
	code = records_load(&a->matrix, a->out);
	if (!code && a->runs_given) {
		a->matrix.runs = asked.runs;
		a->matrix.width = asked.width;
	}
	return code;
}

static void make_cells(struct matrix *m)
{
	int rc = matrix_make_cells(m);

	if (rc == -E2BIG)
		say_usage("bench run: the product has more than %d cells; ask for less at a time", MATRIX_CELLS_MAX);
	if (rc)
		say_usage("bench run: out of memory");
}

int verb_bench_run(int argc, char **argv)
{
	static struct matrix_arguments a = { .compare = COMPARE_OPTIONS_INIT,
					     .matrix = { .runs = 10, .order_seed = 1, .seed = 1 },
					     .jobs = 1 };
	static struct matrix_check check;
	int code;

	take_words(&a, argc, argv);
	if (!a.out && !a.dry_run)
		say_usage("bench run: --out is missing; name a directory for the results");
	if (a.inner)
		return bench_matrix_inner(&a, &check);
	code = a.out ? load_matrix(&a) : 0;
	if (code)
		return code;
	make_cells(&a.matrix);
	code = matrix_check(&a.matrix, &check);
	if (code)
		return code;
	a.options.jobs = matrix_jobs(&a.matrix, &check, a.jobs);
	if (a.options.jobs < a.jobs)
		say_error("--jobs %u: %u guest%s of %u CPUs side by side have CPUs of their own here; so many run",
			  a.jobs, a.options.jobs, a.options.jobs == 1 ? "" : "s", check.cpus);
	if (a.dry_run)
		return bench_matrix_show(&a, &check);
	return bench_matrix_run(&a, &check);
}
