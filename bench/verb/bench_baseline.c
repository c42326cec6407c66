/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr bench baseline: results kept under a name, and how they changed over time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/say.h"
#include "bench/cli/parse.h"
#include "bench/result/baseline.h"
#include "bench/result/compare.h"
#include "bench/result/rank.h"
#include "bench/result/text.h"
#include "bench/verb/bench_verbs.h"

#define DRIFT_P 0.01

struct arguments {
	const char *word[3]; /* "save", NAME, DIR */
	unsigned n;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	if (a->n == 3)
		say_usage("bench baseline: %s: too many words; see ktstr bench baseline --help", arg);
	a->word[a->n++] = arg;
	return 0;
}

const struct argp bench_baseline_argp = {
	.parser = parse,
	.args_doc = "list\nsave NAME DIR\nshow NAME\nrm NAME",
	.doc = "Keep results under a name, and compare later ones with them: ktstr bench compare @NAME DIR.\v"
	       "save copies the valid results of a cell, or of any directory of results of ktstr bench --json, into a "
	       "new generation of NAME; compare takes the latest. show prints the history of each metric, each "
	       "generation compared with the one before (at 3% and 5%, Holm), and whether all boots together drift. "
	       "Baselines are in ~/.local/share/ktstr/baselines (XDG_DATA_HOME, KTSTR_DATA_DIR).\n\n"
	       "EXAMPLES\n"
	       "  ktstr bench baseline save mine r/cells/scx_mine\n"
	       "  ktstr bench compare @mine r2/cells/scx_mine\n"
	       "  ktstr bench baseline show mine",
};

static int failed(const char *why)
{
	say_error("bench baseline: %s", why);
	return EXIT_UNAVAILABLE;
}

static int save(const char *name, const char *path)
{
	char generation[BASELINE_GENERATION], why[512];

	if (baseline_save(name, path, generation, why, sizeof(why)))
		return failed(why);
	printf("%s %s\n", name, generation);
	return EXIT_OK;
}

static int list(void)
{
	char **names, **generations, why[512];
	unsigned n, m;

	if (baseline_list(&names, &n, why, sizeof(why)))
		return failed(why);
	for (unsigned i = 0; i < n; i++) {
		if (baseline_generations(names[i], &generations, &m, why, sizeof(why)))
			continue;
		printf("%-24s %3u generation%s, the latest %s\n", names[i], m, m == 1 ? " " : "s", generations[m - 1]);
		baseline_free(generations, m);
	}
	baseline_free(names, n);
	return EXIT_OK;
}

/* --- the history of one ------------------------------------------------- */

struct history {
	char **generation;
	unsigned n;
	struct boots *boots;
	struct compare *compare; /* each with the one before; [0] is unused */
};

static void print_value(const struct history *h, unsigned i, const struct metric *m)
{
	char value[SIZE_TEXT + 8], change[16];
	struct summary s;

	summary_make(m->value, m->n, &s);
	printf("  %-20s %3u boots  %-10s", h->generation[i], m->n, text_value(value, m->unit, s.median));
	for (unsigned k = 0; i && k < h->compare[i].n; k++) {
		const struct compare_row *r = &h->compare[i].row[k];

		if (!strcmp(r->base->name, m->name))
			printf("  %7s%%  %s", text_percent(change, r->c.ratio - 1), verdict_name(r->verdict));
	}
	printf("\n");
}

/* All boots of all generations, in the order of time. */
static void print_drift(const struct history *h, const char *name)
{
	static double all[SAMPLES_MAX];
	double p, tau;
	unsigned n = 0;

	for (unsigned i = 0; i < h->n; i++) {
		const struct metric *m = boots_find(&h->boots[i], name);

		for (unsigned k = 0; m && k < m->n && n < SAMPLES_MAX; k++)
			all[n++] = m->value[k];
	}
	tau = drift(all, n, &p);
	if (p < DRIFT_P)
		printf("  drifts: tau %+.2f over %u boots, p %.2g\n", tau, n, p);
}

static void print_history(const struct history *h)
{
	const struct boots *last = &h->boots[h->n - 1];

	printf("%u generation%s; the latest under %s, kernel %s, on %s\n", h->n, h->n == 1 ? "" : "s",
	       last->trait[TRAIT_SCHEDULER], last->trait[TRAIT_KERNEL], last->trait[TRAIT_SHAPE]);
	for (unsigned i = 1; i < h->n; i++) {
		unsigned lines;

		printf("%s:\n", h->generation[i]);
		lines = compare_delta(&h->boots[i - 1], &h->boots[i], stdout);
		if (!lines)
			printf("  on the same as before\n");
	}
	for (unsigned k = 0; k < last->n_metrics; k++) {
		const struct metric *m = last->metric[k];

		if (!m->usual || !m->n)
			continue;
		printf("\n%s\n", m->name);
		for (unsigned i = 0; i < h->n; i++) {
			const struct metric *then = boots_find(&h->boots[i], m->name);

			if (then && then->n)
				print_value(h, i, then);
		}
		print_drift(h, m->name);
	}
}

static int read_history(struct history *h, const char *name, char *why, size_t size)
{
	const struct gates gates = { .alpha = 0.05, .threshold = 0.03 };
	char path[PATH_MAX];
	unsigned skip = h->n > BASELINE_GENERATIONS_MAX ? h->n - BASELINE_GENERATIONS_MAX : 0;
	int rc = 0;

	h->boots = calloc(h->n, sizeof(*h->boots));
	h->compare = calloc(h->n, sizeof(*h->compare));
	if (!h->boots || !h->compare) {
		snprintf(why, size, "out of memory");
		return -1;
	}
	/* The latest of a long history. */
	for (unsigned i = 0; i < skip; i++)
		free(h->generation[i]);
	h->n -= skip;
	memmove(h->generation, h->generation + skip, h->n * sizeof(*h->generation));
	for (unsigned i = 0; i < h->n && !rc; i++) {
		rc = baseline_path(name, h->generation[i], path, why, size);
		if (!rc)
			rc = boots_read(&h->boots[i], path, why, size);
		if (!rc && i &&
		    compare_make(&h->compare[i], &h->boots[i - 1], &h->boots[i], NULL, &gates, CORRECTION_HOLM, 1)) {
			snprintf(why, size, "out of memory");
			rc = -1;
		}
	}
	return rc;
}

static int show(const char *name)
{
	struct history h = { 0 };
	char why[512];
	int code = EXIT_OK;

	if (baseline_generations(name, &h.generation, &h.n, why, sizeof(why)))
		return failed(why);
	if (read_history(&h, name, why, sizeof(why)))
		code = failed(why);
	else
		print_history(&h);
	for (unsigned i = 0; i < h.n && h.boots && h.compare; i++) {
		boots_free(&h.boots[i]);
		compare_free(&h.compare[i]);
	}
	baseline_free(h.generation, h.n);
	free(h.boots);
	free(h.compare);
	return code;
}

int verb_bench_baseline(int argc, char **argv)
{
	struct arguments a = { 0 };
	char why[512];
	int code = EXIT_OK;

	cli_parse(&bench_baseline_argp, "bench baseline", argc, argv, &a);
	if (a.n == 3 && !strcmp(a.word[0], "save"))
		code = save(a.word[1], a.word[2]);
	else if (a.n == 1 && !strcmp(a.word[0], "list"))
		code = list();
	else if (a.n == 2 && !strcmp(a.word[0], "show"))
		code = show(a.word[1]);
	else if (a.n == 2 && !strcmp(a.word[0], "rm"))
		code = baseline_remove(a.word[1], why, sizeof(why)) ? failed(why) : EXIT_OK;
	else
		say_usage("bench baseline: list, save NAME DIR, show NAME or rm NAME; see ktstr bench baseline --help");
	return fflush(stdout) ? EXIT_FAILED : code;
}
