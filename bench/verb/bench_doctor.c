/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr bench doctor: what will disturb a measurement on this host, and the smallest difference that it can show: boots
 * of one and the same cell, whose spread says what a difference must be beyond.
 */
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/base/json.h"
#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/cli/parse.h"
#include "bench/host/disturb.h"
#include "bench/host/facts.h"
#include "bench/result/boots.h"
#include "bench/result/order.h"
#include "bench/result/verdict.h"
#include "bench/verb/bench_verbs.h"

#define BOOTS_DEFAULT 10
#define BOOTS_MIN 4 /* fewer say nothing about their spread */
#define THRESHOLD 0.03
#define DISTURBANCES_MAX 32
#define PASSED_MAX 8

enum { OPT_BOOTS = 0x100, OPT_NO_BOOTS, OPT_RESULTS, OPT_JSON, OPT_HOST, OPT_KERNEL, OPT_MODE };

struct arguments {
	uint64_t boots;
	bool no_boots, json;
	const char *results;		    /* of boots that were made before, or NULL */
	const char *passed[PASSED_MAX + 1]; /* to ktstr bench */
	unsigned n_passed;
};

static volatile sig_atomic_t stopped;
static volatile pid_t child;

static void on_signal(int signo)
{
	stopped = signo;
	if (child > 0)
		kill(child, signo);
}

/* --- command line ------------------------------------------------------- */

static void pass(struct arguments *a, const char *option, const char *value)
{
	if (a->n_passed + 2 > PASSED_MAX)
		say_usage("%s %s: given too often; once is enough", option, value);
	a->passed[a->n_passed++] = option;
	a->passed[a->n_passed++] = value;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPT_BOOTS:
		if (number_parse(arg, BOOTS_MIN, BOOTS_MAX, &a->boots))
			say_usage("--boots %s: not a number from %d to %d; use %d", arg, BOOTS_MIN, BOOTS_MAX,
				  BOOTS_DEFAULT);
		return 0;
	case OPT_NO_BOOTS:
		a->no_boots = true;
		return 0;
	case OPT_RESULTS:
		a->results = arg;
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	case OPT_HOST:
		pass(a, "--host", arg);
		return 0;
	case OPT_KERNEL:
		pass(a, "--kernel", arg);
		return 0;
	case OPT_MODE:
		pass(a, "--mode", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "boots", OPT_BOOTS, "N", 0, "Boots of the same guest, whose spread is measured (10)", 0 },
	{ "no-boots", OPT_NO_BOOTS, NULL, 0, "Print only what will disturb", 0 },
	{ "results", OPT_RESULTS, "DIR", 0, "Do not boot, but take the boots of one guest whose results are in DIR",
	  0 },
	{ "json", OPT_JSON, NULL, 0, "Print JSON", 0 },
	{ "kernel", OPT_KERNEL, "K", 0, "For the boots, as in ktstr bench", 0 },
	{ "mode", OPT_MODE, "MODE", 0, "For the boots, as in ktstr bench", 0 },
	{ "host", OPT_HOST, "HOST", 0, "For the boots, as in ktstr bench", 0 },
	{ 0 },
};
const struct argp bench_doctor_argp = {
	.options = options,
	.parser = parse,
	.doc = "List what will disturb measurements on this host, each with its remedy, and find the smallest "
	       "difference between two schedulers that this host can show.\v"
	       "For the latter a guest with one CPU runs wakeup for a second, boot after boot. The differences "
	       "between these boots are noise: a scheduler must differ by more. The exit code is 0 whatever the "
	       "findings are, and 1 if the boots gave no figures.\n\n"
	       "EXAMPLES\n"
	       "  ktstr bench doctor\n"
	       "  ktstr bench doctor --no-boots\n"
	       "  ktstr bench doctor --mode performance --boots 20",
};

/* --- what disturbs ------------------------------------------------------ */

static void print_disturbances(const struct disturbance *d, unsigned n)
{
	printf(n ? "These disturb measurements here, the worst first:\n" : "Nothing is known to disturb here.\n");
	for (unsigned i = 0; i < n; i++)
		printf("  %-18s %s\n  %18s remedy: %s\n", d[i].name, d[i].what, "", d[i].remedy);
	fflush(stdout);
}

static json_t *disturbances_json(const struct disturbance *d, unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(
			list, json_pack("{ss ss ss}", "name", d[i].name, "what", d[i].what, "remedy", d[i].remedy));
	return list;
}

/* --- boots -------------------------------------------------------------- */

/* ktstr bench run, with its stdout nowhere. Its exit code. */
static int run_boots(const struct arguments *a, const char *dir)
{
	char runs[24];
	const char *argv[16 + PASSED_MAX] = { "ktstr",	 "bench", "run",    "--out", dir,	   "--runs", runs,
					      "--sched", "eevdf", "--cpus", "1",     "--duration", "1s",     "wakeup" };
	unsigned n = 14;
	int status;

	snprintf(runs, sizeof(runs), "%" PRIu64, a->boots);
	memcpy(argv + n, a->passed, a->n_passed * sizeof(*argv));
	child = fork();
	if (!child) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(EXIT_INTERNAL);
		execv("/proc/self/exe", (char **)argv);
		say_error("/proc/self/exe: %s", strerror(errno));
		_exit(EXIT_INTERNAL);
	}
	if (child < 0) {
		say_error("bench doctor: fork: %s; %s", strerror(errno), say_limit(errno));
		return EXIT_INTERNAL;
	}
	/* Came before there was a child to hand it on to. */
	if (stopped)
		kill(child, stopped);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	child = 0;
	if (stopped)
		return 128 + stopped;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static char found[PATH_MAX];

/* The directory of the first run's result. */
static int find_results(const char *path, const struct stat *st, int type, struct FTW *at)
{
	if (type != FTW_F || strcmp(path + at->base, "run-001.json") != 0)
		return 0;
	snprintf(found, sizeof(found), "%.*s", at->base - 1, path);
	return 1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

/* --- what they show ----------------------------------------------------- */

struct spread {
	const struct metric *metric;
	struct summary summary;
	double smallest; /* difference, as a part, with as many boots a side as there were */
	double apart;	 /* of the two halves of the boots; NaN where that can't be said */
};

/* Every second boot against the others: a drift falls on both. */
static void halves_of(const struct metric *m, struct spread *s)
{
	double half[2][BOOTS_MAX];
	unsigned n[2] = { 0 };
	struct summary a, b;

	for (unsigned i = 0; i < m->n; i++)
		half[i % 2][n[i % 2]++] = m->value[i];
	summary_make(half[0], n[0], &a);
	summary_make(half[1], n[1], &b);
	s->apart = a.median > 0 ? b.median / a.median - 1 : NAN;
}

static unsigned spreads_of(const struct boots *b, struct spread *s, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->n_metrics && n < max; i++) {
		const struct metric *m = b->metric[i];

		if (!m->usual || m->n < BOOTS_MIN)
			continue;
		s[n].metric = m;
		summary_make(m->value, m->n, &s[n].summary);
		s[n].smallest = detectable(s[n].summary.cv, m->n, THRESHOLD);
		halves_of(m, &s[n++]);
	}
	return n;
}

static void print_spreads(const struct boots *b, const struct spread *s, unsigned n)
{
	printf("\nA/A: %u boots of one and the same guest, scheduler %s, kernel %s:\n", b->n, b->trait[TRAIT_SCHEDULER],
	       b->trait[TRAIT_KERNEL]);
	printf("  %-30s %8s %8s %20s\n", "metric", "CV", "halves", "smallest difference");
	for (unsigned i = 0; i < n; i++)
		printf("  %-30s %6.1f %% %+6.1f %% %18.1f %%\n", s[i].metric->name, 100 * s[i].summary.cv,
		       100 * s[i].apart, 100 * s[i].smallest);
	printf("The smallest difference is found 95 times of 100 with %u boots a side, at the usual threshold of "
	       "%.0f %%.\n",
	       b->n, 100 * THRESHOLD);
}

static json_t *spreads_json(const struct boots *b, const struct spread *s, unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(
			list, json_pack("{ss ss so so so so}", "name", s[i].metric->name, "unit", s[i].metric->unit,
					"median", json_real_or_null(s[i].summary.median), "cv",
					json_real_or_null(s[i].summary.cv), "halves", json_real_or_null(s[i].apart),
					"smallest_difference", json_real_or_null(s[i].smallest)));
	return json_pack("{si sf so}", "boots", (int)b->n, "threshold", THRESHOLD, "metrics", list);
}

/* What the results in @path show. 0, or an exit code after a line on stderr. */
static int show(const struct arguments *a, const char *path, json_t **json)
{
	static struct boots boots;
	struct spread spread[16];
	char why[512] = "";
	int rc = boots_read(&boots, path, why, sizeof(why)), code = 0;
	unsigned n = 0;

	if (!rc && boots.n >= BOOTS_MIN)
		n = spreads_of(&boots, spread, sizeof(spread) / sizeof(*spread));
	if (rc) {
		say_error("bench doctor: %s", why);
		code = EXIT_FAILED;
	} else if (!n) {
		say_error("bench doctor: %s: %u boots gave figures, and %d are needed; run more of them", path, boots.n,
			  BOOTS_MIN);
		code = EXIT_FAILED;
	} else if (a->json) {
		*json = spreads_json(&boots, spread, n);
	} else {
		print_spreads(&boots, spread, n);
	}
	boots_free(&boots);
	return code;
}

static int measure(const struct arguments *a, const char *dir, json_t **json)
{
	char out[PATH_MAX];
	int code;

	snprintf(out, sizeof(out), "%.3000s/aa", dir);
	code = run_boots(a, out);
	if (stopped)
		return code;
	if (nftw(out, find_results, 16, FTW_PHYS) == 1)
		return show(a, found, json);
	say_error("bench doctor: no boot gave a result; run ktstr bench wakeup --cpus 1 to see why");
	return code ? code : EXIT_FAILED;
}

static int measure_in_directory(const struct arguments *a, json_t **json)
{
	const struct sigaction sa = { .sa_handler = on_signal };
	const char *tmp = getenv("TMPDIR");
	char dir[PATH_MAX];
	int code;

	snprintf(dir, sizeof(dir), "%.3000s/ktstr-doctor-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(dir)) {
		say_error("%s: %s; set TMPDIR to a directory that can be written", dir, strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	code = measure(a, dir, json);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return code;
}

int verb_bench_doctor(int argc, char **argv)
{
	struct arguments a = { .boots = BOOTS_DEFAULT };
	struct disturbance list[DISTURBANCES_MAX];
	static struct disturb_facts facts;
	json_t *spread = NULL, *whole;
	struct kvm_probe probe;
	int code = EXIT_OK;
	unsigned n;

	cli_parse(&bench_doctor_argp, "bench doctor", argc, argv, &a);
	disturb_read(&facts, "");
	host_probe(&probe);
	facts.kvm = probe.kind;
	facts.nested = host_is_nested();
	n = disturb_list(&facts, list, DISTURBANCES_MAX);
	if (!a.json)
		print_disturbances(list, n);
	if (a.results)
		code = show(&a, a.results, &spread);
	else if (!a.no_boots)
		code = measure_in_directory(&a, &spread);
	if (a.json) {
		whole = json_pack("{ss ss so so so}", "schema", "ktstr-bench-doctor/1", "ktstr", KTSTR_VERSION,
				  "disturbances", disturbances_json(list, n), "settings",
				  host_settings_json(&facts.settings), "aa", spread ? spread : json_null());
		json_dumpf(whole, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
		putchar('\n');
		json_decref(whole);
	}
	return fflush(stdout) ? EXIT_FAILED : code;
}
