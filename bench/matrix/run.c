/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/matrix/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/base/say.h"
#include "bench/matrix/child.h"
#include "bench/matrix/lane.h"
#include "bench/matrix/state.h"
#include "reactor/reactor.h"

#define SECOND_NS 1000000000ull
#define INVALID_REPEATS 3
#define FAILED_REPEATS 1
/* ktstr bench ends at its own time-out; one that does not is ended. */
#define GRACE_NS (60 * SECOND_NS)
#define TERM_NS (10 * SECOND_NS)

struct matrix_loop {
	const struct matrix *m;
	struct matrix_check *c;
	const struct records *r;
	const struct matrix_options *o;
	struct matrix_end *end;
	struct progress progress;
	struct lane lane[MATRIX_CELLS_MAX];
	uint64_t start_ns;
	unsigned running;
	int error; /* results can't be written: -errno */
};

/* How long after its own time-out; $KTSTR_TEST_GRACE_MS in tests. */
static uint64_t grace_ns(void)
{
	const char *ms = getenv("KTSTR_TEST_GRACE_MS");

	return ms && *ms ? strtoull(ms, NULL, 10) * 1000000 : GRACE_NS;
}

static const int signos[] = { SIGINT, SIGTERM, SIGHUP };

/* --- one boot ----------------------------------------------------------- */

static int spawn(struct matrix_loop *x, struct lane *l)
{
	const struct matrix_cell *cell = &x->m->cell[l->try_.cell];
	char seed[32];
	const char *extra[] = { "--seed", seed, "--json", l->try_.part, NULL };
	struct word_list words = { 0 };
	int log = open(l->try_.log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)l->try_.seed);
	l->pid = log < 0 ? -errno : matrix_words(x->m, cell, extra, &words);
	if (!l->pid)
		l->pid = child_start(&words, log, log);
	word_list_free(&words);
	if (log >= 0)
		close(log);
	return l->pid < 0 ? (int)l->pid : 0;
}

static void start(struct matrix_loop *x, struct lane *l)
{
	uint64_t timeout = x->c->cell[lane_place(l)->cell].timeout_ns;
	int rc;

	records_try(x->r, lane_place(l), &l->try_);
	progress_boot(&x->progress, x->m->cell[l->try_.cell].key, l->try_.index + 1, l->invalid + l->failed + 1);
	rc = spawn(x, l);
	if (rc) {
		progress_clear(&x->progress);
		say_error("bench run: %s: %s", l->try_.log, strerror(-rc));
		x->error = rc;
		return;
	}
	l->state = LANE_BUSY;
	l->start_ns = monotonic_ns();
	l->deadline_ns = timeout ? l->start_ns + timeout + grace_ns() : 0;
	l->signals = 0;
	x->running++;
}

/* For a boot that did not count. */
static void take_bad(struct matrix_loop *x, struct lane *l, const struct validity *v)
{
	struct matrix_check_cell *cell = &x->c->cell[l->try_.cell];
	const char *key = x->m->cell[l->try_.cell].key, *reason = v->n ? v->reason[0] : "no reason was given";

	progress_clear(&x->progress);
	if (v->status == VALIDITY_SKIPPED) {
		snprintf(cell->skip, sizeof(cell->skip), "%s", reason);
		say_error("bench run: %s: skipped: %s", key, reason);
		return;
	}
	if (v->status == VALIDITY_INVALID) {
		l->invalid++;
		x->end->invalid++;
	} else {
		l->failed++;
		x->end->failed++;
	}
	x->progress.invalid = x->end->invalid;
	x->progress.failed = x->end->failed;
	l->given_up = l->invalid > INVALID_REPEATS || l->failed > FAILED_REPEATS;
	x->end->lost += l->given_up;
	say_error("bench run: %s, run %u: %s: %s%s", key, l->try_.index + 1, validity_name(v->status), reason,
		  l->given_up ? "; no more tries" : "");
}

static void finish(struct matrix_loop *x, struct lane *l, int code)
{
	bool hung = l->signals && l->deadline_ns && monotonic_ns() >= l->deadline_ns;
	struct validity v;
	int rc;

	l->state = LANE_READY;
	x->running--;
	/* We ended it, or its result is of no use: it is as if it had not begun. */
	if (x->end->signal || x->error) {
		unlink(l->try_.part);
		unlink(l->try_.log);
		return;
	}
	rc = records_finish(x->r, &l->try_, hung ? EXIT_TIMEOUT : code, &v);
	if (!rc && v.status != VALIDITY_VALID)
		rc = records_room(x->r);
	if (rc) {
		progress_clear(&x->progress);
		say_error("bench run: %s: a result can't be written: %s; the others are kept, go on with --resume",
			  x->r->dir, strerror(-rc));
		x->error = rc;
		return;
	}
	if (v.status != VALIDITY_VALID)
		take_bad(x, l, &v);
	x->progress.done += v.status == VALIDITY_VALID || l->given_up;
}

/* --- all of them -------------------------------------------------------- */

static bool is_late(const struct matrix_loop *x)
{
	return x->o->time_limit_ns && monotonic_ns() - x->start_ns >= x->o->time_limit_ns;
}

static struct lane *next_lane(struct matrix_loop *x)
{
	struct lane *best = NULL;
	unsigned rank = 0;

	for (unsigned g = 0; g < x->m->n_groups; g++) {
		struct lane *l = &x->lane[g];
		enum lane_state before = l->state;

		lane_advance(l, x->m, x->c, x->r, is_late(x));
		if (before == LANE_READY && l->state == LANE_DONE)
			state_write(x->m, x->c, x->r, x->lane);
		if (l->state != LANE_READY)
			continue;
		if (best &&
		    (l->block > best->block || (l->block == best->block && plan_rank(x->m, l->block, g) > rank)))
			continue;
		best = l;
		rank = plan_rank(x->m, l->block, g);
	}
	return best;
}

static void reap(struct matrix_loop *x)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned g = 0; g < x->m->n_groups; g++)
			if (x->lane[g].state == LANE_BUSY && x->lane[g].pid == pid)
				finish(x, &x->lane[g], child_code(status));
}

static void signal_all(struct matrix_loop *x, int signo)
{
	for (unsigned g = 0; g < x->m->n_groups; g++)
		if (x->lane[g].state == LANE_BUSY) {
			kill(x->lane[g].pid, signo);
			x->lane[g].signals++;
		}
}

/* One that is beyond its time is ended in order, and then not. */
static void watch(struct matrix_loop *x)
{
	uint64_t now = monotonic_ns();

	for (unsigned g = 0; g < x->m->n_groups; g++) {
		struct lane *l = &x->lane[g];

		if (l->state != LANE_BUSY)
			continue;
		progress_tick(&x->progress, x->m->cell[l->try_.cell].key, l->try_.index + 1, l->start_ns);
		if (!l->deadline_ns || now < l->deadline_ns + l->signals * TERM_NS)
			continue;
		kill(l->pid, l->signals ? SIGKILL : SIGTERM);
		l->signals++;
	}
}

/* Until a child ends, a signal comes, or a second has passed. */
static void wait_event(struct matrix_loop *x, const sigset_t *set)
{
	const struct timespec second = { .tv_sec = 1 };
	int signo = sigtimedwait(set, NULL, &second);

	if (signo > 0 && signo != SIGCHLD) {
		x->end->signal = signo;
		signal_all(x, signo);
	}
	watch(x);
	reap(x);
}

static void loop(struct matrix_loop *x, const sigset_t *set)
{
	bool over = false;

	for (;;) {
		while (!over && x->running < x->o->jobs) {
			struct lane *l = next_lane(x);

			if (!l)
				break;
			start(x, l);
			over = x->error != 0;
		}
		if (!x->running)
			break;
		wait_event(x, set);
		if (x->error && !over)
			signal_all(x, SIGTERM);
		over = x->end->signal || x->error;
	}
}

static void count_before(struct matrix_loop *x)
{
	unsigned before = 0, all = 0;

	for (unsigned i = 0; i < x->m->n_cells; i++) {
		before += records_count(x->r, i);
		all += *x->c->cell[i].skip ? 0 : plan_runs_max(x->m);
	}
	progress_init(&x->progress, x->o->progress, before, all > before ? all - before : 0);
}

static int outcome(struct matrix_loop *x)
{
	for (unsigned g = 0; g < x->m->n_groups; g++) {
		if (x->lane[g].state != LANE_DONE)
			x->lane[g].stop = STOP_INTERRUPTED;
		x->end->by_time |= x->lane[g].stop == STOP_TIME;
	}
	for (unsigned i = 0; i < x->m->n_cells; i++)
		x->end->skipped += *x->c->cell[i].skip != '\0';
	state_write(x->m, x->c, x->r, x->lane);
	progress_clear(&x->progress);
	if (x->end->signal)
		return 128 + x->end->signal;
	return x->error ? EXIT_FAILED : EXIT_OK;
}

int matrix_run(const struct matrix *m, struct matrix_check *c, const struct records *r,
	       const struct matrix_options *options, struct matrix_end *end)
{
	struct matrix_loop *x = calloc(1, sizeof(*x));
	struct sigaction sa;
	sigset_t set, old;
	int code;

	memset(end, 0, sizeof(*end));
	if (!x) {
		say_error("out of memory");
		return EXIT_INTERNAL;
	}
	*x = (struct matrix_loop){ .m = m, .c = c, .r = r, .o = options, .end = end, .start_ns = monotonic_ns() };
	for (unsigned g = 0; g < m->n_groups; g++)
		lane_init(&x->lane[g], m, g);
	count_before(x);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	/* Those that were ignored when the process began stay so: nohup. */
	for (size_t i = 0; i < sizeof(signos) / sizeof(*signos); i++)
		if (!sigaction(signos[i], NULL, &sa) && sa.sa_handler != SIG_IGN)
			sigaddset(&set, signos[i]);
	sigprocmask(SIG_BLOCK, &set, &old);
	loop(x, &set);
	code = outcome(x);
	sigprocmask(SIG_SETMASK, &old, NULL);
	free(x);
	return code;
}
