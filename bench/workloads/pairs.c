/* SPDX-License-Identifier: GPL-2.0-only */
/* pipe and futex: pairs of threads of which one at a time runs; a sample is from the first thread's call until it is
 * its turn again. */
#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/workloads/crew.h"

enum { PAIRS };

struct pair {
	int fd[2][2];	  /* pipe: read and write end of the way to thread 0, and to thread 1 */
	_Atomic int turn; /* futex: whose it is */
};

struct pairs {
	struct pair *pair;
	unsigned n;
};

static bool give_by_pipe(struct pair *p, unsigned me)
{
	return write(p->fd[!me][1], "", 1) == 1;
}

static bool wait_by_pipe(struct pair *p, unsigned me)
{
	char byte;

	return read(p->fd[me][0], &byte, 1) == 1;
}

static bool give_by_futex(struct pair *p, unsigned me)
{
	atomic_store(&p->turn, (int)!me);
	syscall(SYS_futex, &p->turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	return true;
}

static bool wait_by_futex(struct pair *p, unsigned me)
{
	while (atomic_load(&p->turn) == (int)!me)
		syscall(SYS_futex, &p->turn, FUTEX_WAIT_PRIVATE, (int)!me, NULL, NULL, 0);
	return true;
}

typedef bool step(struct pair *p, unsigned me);

static void pass(struct hand *h, step *give, step *wait)
{
	struct pairs *pairs = h->ctx;
	struct pair *p = &pairs->pair[h->index / 2];
	unsigned me = h->index % 2;
	bool ok = true;

	/* Thread 0 begins, and counts the round trips. */
	while (ok && !hand_stops(h)) {
		uint64_t start = now_ns();

		ok = me ? wait(p, me) && give(p, me) : give(p, me) && wait(p, me);
		hand_turn(h);
		if (ok && !me)
			hand_sample(h, now_ns() - start);
	}
	if (!ok)
		run_fail(h->run, errno ? errno : EIO);
}

static void work_pipe(struct hand *h)
{
	pass(h, give_by_pipe, wait_by_pipe);
}

static void work_futex(struct hand *h)
{
	pass(h, give_by_futex, wait_by_futex);
}

static void release_pipe(void *ctx)
{
	struct pairs *pairs = ctx;

	for (unsigned i = 0; i < pairs->n; i++)
		for (unsigned side = 0; side < 2; side++)
			if (write(pairs->pair[i].fd[side][1], "", 1) != 1)
				return;
}

static void release_futex(void *ctx)
{
	struct pairs *pairs = ctx;

	for (unsigned i = 0; i < pairs->n; i++) {
		atomic_store(&pairs->pair[i].turn, 2);
		syscall(SYS_futex, &pairs->pair[i].turn, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0);
	}
}

static int open_pipes(struct pair *p)
{
	for (unsigned side = 0; side < 2; side++) {
		int fd[2];

		if (pipe(fd))
			return errno;
		memcpy(p->fd[side], fd, sizeof(fd));
	}
	return 0;
}

static void close_pipes(struct pair *p)
{
	for (unsigned i = 0; i < 4; i++)
		if (p->fd[i / 2][i % 2] > 0)
			close(p->fd[i / 2][i % 2]);
}

static int pairs_run(struct run *run, bool pipes)
{
	struct pairs pairs = { .n = (unsigned)run->asked->value[PAIRS] };
	struct crew crew = { .n = 2 * pairs.n,
			     .work = pipes ? work_pipe : work_futex,
			     .release = pipes ? release_pipe : release_futex,
			     .ctx = &pairs };
	int error = 0, code = 69;

	pairs.pair = calloc(pairs.n, sizeof(*pairs.pair));
	for (unsigned i = 0; pipes && pairs.pair && i < pairs.n && !error; i++)
		error = open_pipes(&pairs.pair[i]);
	if (pairs.pair && !error)
		code = crew_run(run, &crew);
	else
		fprintf(stderr, "ktstr-workload: %s: %u pairs: %s; ask for fewer\n", run->asked->kind->name, pairs.n,
			strerror(pairs.pair ? error : ENOMEM));
	for (unsigned i = 0; pairs.pair && i < pairs.n; i++)
		close_pipes(&pairs.pair[i]);
	free(pairs.pair);
	return code;
}

static int pipe_run(struct run *run)
{
	return pairs_run(run, true);
}

static int futex_run(struct run *run)
{
	return pairs_run(run, false);
}

const struct workload pipe_workload = { "pipe", pipe_run };
const struct workload futex_workload = { "futex", futex_run };
