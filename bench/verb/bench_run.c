/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr bench run: ktstr bench again and again, a boot each, under several schedulers in a fair order; then the
 * verdict. Each boot is a child process. Its result appears whole or not at all, so a run that was killed is taken up
 * again.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/base/atomic.h"
#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/cli/parse.h"
#include "bench/cli/table.h"
#include "bench/result/order.h"
#include "bench/verb/bench_compare.h"
#include "bench/verb/bench_result.h"
#include "bench/verb/bench_verbs.h"
#include "reactor/reactor.h"

#define SIDES_MAX 16
#define RUNS_MAX BOOTS_MAX
#define WORDS_MAX 256
/* A boot whose figures do not count (the scheduler restarted, say) is repeated so often. */
#define REPEATS 3

enum { OPT_OUT = 0x200, OPT_RUNS, OPT_SCHED, OPT_ORDER_SEED, OPT_RESUME, OPT_LIST };

struct side {
	const char *scheduler; /* "eevdf": the kernel's own */
	char label[64], dir[PATH_MAX];
};

struct matrix {
	struct compare_options compare;
	const char *out;
	uint64_t runs, seed;
	struct side side[SIDES_MAX];
	unsigned n_sides;
	bool resume, list;
	char *word[WORDS_MAX]; /* for ktstr bench */
	unsigned n_words;
	unsigned done, failed;
	uint64_t start_ns;
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

static void take_own(struct matrix *m, int key, const char *arg)
{
	switch (key) {
	case OPT_OUT:
		m->out = arg;
		break;
	case OPT_RUNS:
		if (number_parse(arg, 1, RUNS_MAX, &m->runs))
			say_usage("--runs %s: not a number from 1 to %d; use 10", arg, RUNS_MAX);
		break;
	case OPT_ORDER_SEED:
		if (number_parse(arg, 0, INT64_MAX, &m->seed))
			say_usage("--order-seed %s: not a number; use 1", arg);
		break;
	case OPT_SCHED:
		if (m->n_sides == SIDES_MAX)
			say_usage("--sched %s: more than %d schedulers", arg, SIDES_MAX);
		if (!*arg)
			say_usage("--sched: is empty; use eevdf, or what --scheduler takes");
		m->side[m->n_sides++].scheduler = arg;
		break;
	case OPT_RESUME:
		m->resume = true;
		break;
	case OPT_LIST:
		m->list = true;
		break;
	default:
		compare_option(&m->compare, key, arg);
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
	{ "out", OPT_OUT, "DIR", 0, "Where results go, a directory for each scheduler; made if it is not there", 0 },
	{ "sched", OPT_SCHED, "S", 0,
	  "eevdf, or what --scheduler takes; may be repeated, the first is the base (eevdf)", 0 },
	{ "runs", OPT_RUNS, "N", 0, "Boots under each (10)", 0 },
	{ "order-seed", OPT_ORDER_SEED, "N", 0, "Of the order of the boots (1)", 0 },
	{ "resume", OPT_RESUME, NULL, 0, "Go on with what is in DIR: boots that are there are kept", 0 },
	{ "list", OPT_LIST, NULL, 0, "Print the boots in their order and run none", 0 },
	{ 0 },
};
static const struct argp_child children[] = { { &compare_options_argp, 0, NULL, 0 }, { 0 } };
const struct argp bench_run_argp = {
	.options = options,
	.parser = parse,
	.children = children,
	.args_doc = "[WORDS OF KTSTR BENCH]...",
	.doc = "Run workloads again and again, each time in a new boot, under each scheduler; then compare each "
	       "scheduler with "
	       "the first, as ktstr bench compare does.\v"
	       "All other options and words are those of ktstr bench: workloads, --cpus, --kernel, --duration and so "
	       "on. The order "
	       "is a random one of all schedulers, then the same backwards, again and again, so that a slow change of "
	       "the host "
	       "hits all alike. A boot whose figures do not count (exit code 2) is repeated three times. DIR/SCHEDULER "
	       "has "
	       "run-NNN.json and what each boot said, run-NNN.log.\n\n"
	       "EXAMPLES\n"
	       "  ktstr bench run --out r --sched eevdf --sched ./scx_mine wakeup\n"
	       "  ktstr bench run --out r --resume --sched eevdf --sched ./scx_mine wakeup\n"
	       "  ktstr bench run --out r --sched fifo --sched wrr --runs 20 --cpus 8",
};

/* Own options are taken out, all else is for ktstr bench, which checks it. */
static void take_words(struct matrix *m, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const struct argp_option *o = strncmp(argv[i], "--", 2) ? NULL : cli_option(&bench_run_argp, argv[i]);
		char *value = strchr(argv[i], '=');

		/* An abbreviation may be one of ktstr bench's. */
		if (!o || strncmp(argv[i] + 2, o->name, strlen(o->name)) ||
		    !strchr("=", argv[i][2 + strlen(o->name)])) {
			if (!strcmp(argv[i], "--help"))
				cli_parse(&bench_run_argp, "bench run", 2, (char *[]){ argv[0], argv[i], NULL }, m);
			if (m->n_words == WORDS_MAX)
				say_usage("bench run: more than %d words", WORDS_MAX);
			m->word[m->n_words++] = argv[i];
		} else if (!o->arg) {
			if (value)
				say_usage("%s: takes no value; see ktstr bench run --help", argv[i]);
			take_own(m, o->key, NULL);
		} else {
			if (!value && i + 1 == argc)
				say_usage("%s: wants a value %s; see ktstr bench run --help", argv[i], o->arg);
			take_own(m, o->key, value ? value + 1 : argv[++i]);
		}
	}
}

/* The file's name in the first word of @scheduler: "./scx_mine -v" is scx_mine. */
static void name_of(const char *scheduler, char *name, size_t size)
{
	size_t n = strcspn(scheduler, " \t'\""), from;

	while (n && scheduler[n - 1] == '/')
		n--;
	for (from = n; from && scheduler[from - 1] != '/';)
		from--;
	snprintf(name, size, "%.*s", (int)(n - from), scheduler + from);
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		snprintf(name, size, "scheduler");
}

static bool is_label_before(const struct matrix *m, unsigned side, const char *label)
{
	for (unsigned i = 0; i < side; i++)
		if (!strcmp(m->side[i].label, label))
			return true;
	return false;
}

/* Each side has a directory of its own: a second scx_mine is scx_mine-2. */
static void name_sides(struct matrix *m)
{
	for (unsigned i = 0; i < m->n_sides; i++) {
		struct side *s = &m->side[i];
		char name[48];

		name_of(s->scheduler, name, sizeof(name));
		snprintf(s->label, sizeof(s->label), "%s", name);
		for (unsigned n = 2; is_label_before(m, i, s->label); n++)
			snprintf(s->label, sizeof(s->label), "%s-%u", name, n);
		snprintf(s->dir, sizeof(s->dir), "%.3000s/%s", m->out, s->label);
	}
}

/* --- what was asked, beside the results --------------------------------- */

static char *matrix_text(const struct matrix *m)
{
	json_t *sides = json_array(), *words = json_array(), *json;
	char *text;

	for (unsigned i = 0; i < m->n_sides; i++)
		json_array_append_new(
			sides, json_pack("{ss ss}", "label", m->side[i].label, "scheduler", m->side[i].scheduler));
	for (unsigned i = 0; i < m->n_words; i++)
		json_array_append_new(words, json_string(m->word[i]));
	json = json_pack("{ss so sI sI so}", "schema", "ktstr-matrix/1", "sides", sides, "runs", (json_int_t)m->runs,
			 "order_seed", (json_int_t)m->seed, "bench", words);
	text = json ? json_dumps(json, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	json_decref(json);
	return text;
}

/* 0, or an exit code after a line on stderr. */
static int open_directory(const struct matrix *m)
{
	char path[PATH_MAX], *text = matrix_text(m), *there;
	json_t *old;
	int rc = 0;

	snprintf(path, sizeof(path), "%.3000s/matrix.json", m->out);
	if (!text) {
		say_error("out of memory, or a word that is not UTF-8");
		return EXIT_INTERNAL;
	}
	if (mkdir(m->out, 0777) && errno != EEXIST) {
		say_error("--out %s: %s; name a directory that can be made", m->out, strerror(errno));
		rc = EXIT_UNAVAILABLE;
	}
	old = rc ? NULL : json_load_file(path, 0, NULL);
	there = old ? json_dumps(old, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	if (there && !m->resume) {
		say_error("--out %s: has results already; use --resume to go on with them, or another directory",
			  m->out);
		rc = EXIT_USAGE;
	} else if (there && strcmp(there, text)) {
		say_error("--resume: %s was made by other words (%s); repeat those, or use another directory", m->out,
			  path);
		rc = EXIT_USAGE;
	} else if (!rc && !there) {
		int error = atomic_write(path, text, strlen(text));

		if (error) {
			say_error("%s: %s", path, strerror(-error));
			rc = EXIT_UNAVAILABLE;
		}
	}
	for (unsigned i = 0; i < m->n_sides && !rc; i++)
		if (mkdir(m->side[i].dir, 0777) && errno != EEXIST) {
			say_error("%s: %s", m->side[i].dir, strerror(errno));
			rc = EXIT_UNAVAILABLE;
		}
	json_decref(old);
	free(there);
	free(text);
	return rc;
}

/* --- boots -------------------------------------------------------------- */

static void exec_bench(const struct matrix *m, const struct side *s, const char *json, bool dry)
{
	char *argv[WORDS_MAX + 10];
	unsigned n = 0;

	argv[n++] = (char *)"ktstr";
	argv[n++] = (char *)"bench";
	if (strcmp(s->scheduler, "eevdf")) {
		argv[n++] = (char *)"--scheduler";
		argv[n++] = (char *)s->scheduler;
	}
	if (dry)
		argv[n++] = (char *)"--dry-run";
	if (json) {
		argv[n++] = (char *)"--json";
		argv[n++] = (char *)json;
	}
	memcpy(argv + n, m->word, m->n_words * sizeof(*argv));
	argv[n + m->n_words] = NULL;
	execv("/proc/self/exe", argv);
	say_error("/proc/self/exe: %s", strerror(errno));
	_exit(EXIT_INTERNAL);
}

/* ktstr bench with stdout and stderr into @log_path; NULL: stdout nowhere, stderr is ours. Its exit code. */
static int bench_once(const struct matrix *m, const struct side *s, const char *json, const char *log_path, bool dry)
{
	int status, log = open(log_path ? log_path : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	pid_t pid = log < 0 ? -1 : fork();

	if (!pid) {
		dup2(log, STDOUT_FILENO);
		if (log_path)
			dup2(log, STDERR_FILENO);
		exec_bench(m, s, json, dry);
	}
	if (log >= 0)
		close(log);
	if (pid < 0) {
		say_error("bench run: %s: %s", log_path ? log_path : "fork", strerror(errno));
		return EXIT_INTERNAL;
	}
	child = pid;
	/* Came before there was someone to hand it on to. */
	if (stopped)
		kill(pid, stopped);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	child = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void progress(const struct matrix *m, const struct side *s, unsigned at, unsigned run)
{
	unsigned all = m->n_sides * (unsigned)m->runs;
	char rest[SIZE_TEXT];

	fprintf(stderr, "ktstr: bench run: boot %u of %u: %s, run %u", at + 1, all, s->label, run + 1);
	if (m->done)
		fprintf(stderr, "; %s to go",
			duration_format(rest, (monotonic_ns() - m->start_ns) / m->done * (all - at)));
	fprintf(stderr, m->failed ? "; %u failed so far\n" : "\n", m->failed);
}

/* The last line that a boot said, for a failure. */
static void say_failure(const struct side *s, unsigned run, int code, const char *log_path)
{
	char line[512], last[512] = "";
	FILE *f = fopen(log_path, "re");

	while (f && fgets(line, sizeof(line), f))
		if (*line != '\n')
			snprintf(last, sizeof(last), "%.*s", (int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
	say_error("bench run: %s, run %u: exit code %d: %s (%s)", s->label, run + 1, code, last, log_path);
}

static void boot(struct matrix *m, const struct side *s, unsigned run)
{
	char json[PATH_MAX], log[PATH_MAX];
	int code = EXIT_INCONCLUSIVE;
	bool valid = false;

	snprintf(json, sizeof(json), "%.4000s/run-%03u.json", s->dir, run + 1);
	snprintf(log, sizeof(log), "%.4000s/run-%03u.log", s->dir, run + 1);
	if (m->resume && !access(json, F_OK))
		return;
	for (unsigned i = 0; i <= REPEATS && code == EXIT_INCONCLUSIVE && !stopped; i++) {
		code = bench_once(m, s, json, log, false);
		valid = bench_result_keep(json, i);
	}
	m->done++;
	/* Fewer samples than ktstr bench wants: the percentiles that they can't tell are left out of the verdict. */
	if (!code || valid || stopped)
		return;
	m->failed++;
	say_failure(s, run, code, log);
}

static int run_all(struct matrix *m, const unsigned *order)
{
	unsigned next[SIDES_MAX] = { 0 }, all = m->n_sides * (unsigned)m->runs;

	m->start_ns = monotonic_ns();
	for (unsigned at = 0; at < all && !stopped; at++) {
		struct side *s = &m->side[order[at]];

		progress(m, s, at, next[order[at]]);
		boot(m, s, next[order[at]]++);
	}
	if (!stopped)
		return 0;
	say_error("bench run: stopped after %u boots; go on with --resume", m->done);
	return 128 + stopped;
}

static int compare_all(const struct matrix *m)
{
	int code = EXIT_OK;

	for (unsigned i = 1; i < m->n_sides; i++) {
		int rc = compare_paths(&m->compare, m->side[0].dir, m->side[i].dir);

		if (i + 1 < m->n_sides)
			printf("\n");
		/* 1 (worse) outranks 2 (inconclusive); what can't be compared outranks both. */
		code = rc > EXIT_INCONCLUSIVE || code > EXIT_INCONCLUSIVE ? (rc > code ? rc : code)
		       : rc == EXIT_FAILED || code == EXIT_FAILED	  ? EXIT_FAILED
									  : (rc > code ? rc : code);
	}
	return code;
}

int verb_bench_run(int argc, char **argv)
{
	static struct matrix m = { .compare = COMPARE_OPTIONS_INIT, .runs = 10, .seed = 1 };
	const struct sigaction sa = { .sa_handler = on_signal };
	unsigned order[SIDES_MAX * RUNS_MAX];
	int code = 0;

	take_words(&m, argc, argv);
	if (!m.n_sides)
		m.side[m.n_sides++].scheduler = "eevdf";
	if (!m.out)
		say_usage("bench run: --out is missing; name a directory for the results");
	name_sides(&m);
	order_make(m.n_sides, (unsigned)m.runs, m.seed, order);
	for (unsigned i = 0; i < m.n_sides && !code; i++)
		code = bench_once(&m, &m.side[i], NULL, NULL, true);
	if (code)
		return code;
	if (m.list) {
		for (unsigned i = 0; i < m.n_sides * m.runs; i++)
			printf("%u %s\n", i + 1, m.side[order[i]].label);
		return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
	}
	code = open_directory(&m);
	if (code)
		return code;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	code = run_all(&m, order);
	if (!code && m.n_sides > 1)
		code = compare_all(&m);
	if (m.failed) {
		say_error("bench run: %u boot%s failed, and %s not counted", m.failed, m.failed == 1 ? "" : "s",
			  m.failed == 1 ? "is" : "are");
		code = code ? code : EXIT_FAILED;
	}
	return code;
}
