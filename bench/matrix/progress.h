/* SPDX-License-Identifier: GPL-2.0-only */
/* How far a matrix is, on stderr: one line that is rewritten on a terminal, else a line for each boot. */
#ifndef KTSTR_BENCH_MATRIX_PROGRESS_H
#define KTSTR_BENCH_MATRIX_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* AUTO: LINE on a terminal, else PLAIN. */
enum progress_kind { PROGRESS_AUTO, PROGRESS_LINE, PROGRESS_PLAIN, PROGRESS_NONE };
extern const char *const progress_kinds[PROGRESS_NONE + 2]; /* NULL at the end */

struct progress {
	enum progress_kind kind;
	unsigned all;		  /* boots that are still to come at most, from where this process began */
	unsigned done;		  /* of these */
	unsigned invalid, failed; /* tries that did not count */
	unsigned before;	  /* boots that an earlier process did */
	uint64_t start_ns;
	bool shown; /* an unfinished line stands on the terminal */
};

void progress_init(struct progress *p, enum progress_kind kind, unsigned before, unsigned all);
/* A boot of the cell begins: "boot 3 of 16: wakeup+fifo, run 2, repeat 1; 3m 20s to go; 1 invalid so far". */
void progress_boot(struct progress *p, const char *cell, unsigned run, unsigned attempt);
/* On a terminal: the same with the time that the boot has taken so far. */
void progress_tick(struct progress *p, const char *cell, unsigned run, uint64_t since_ns);
/* A line of its own, for what a user should see even later; not with PROGRESS_NONE. */
__attribute__((format(printf, 2, 3))) void progress_say(struct progress *p, const char *fmt, ...);
/* Before something else is written to stderr. */
void progress_clear(struct progress *p);

#endif
