/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A QEMU process: found, started with nothing of the terminal, ended and
 * reaped. It dies with the thread that started it. What it says on stderr and
 * what its guest says on the serial line is kept in memory.
 */
#ifndef KTSTR_BENCH_NESTED_QEMU_H
#define KTSTR_BENCH_NESTED_QEMU_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#define QEMU_MAJOR_MIN 11 /* up to 10.0 interrupts of a vCPU got lost or came twice: nested guests hung or died */

struct qemu {
	pid_t pid;     /* 0: not running */
	int status;    /* of waitpid(), once it has ended */
	int stderr_fd; /* memfd */
	int serial_fd; /* memfd */
};

/*
 * $KTSTR_QEMU, else the cache's, which bench/kernel/fetch put there when PATH had none that was new enough; else one in
 * PATH that is new enough. -ENOENT and an empty @path: none of these. What $KTSTR_QEMU names is not replaced by
 * another: -EPROTONOSUPPORT: it is too old, or -errno; nor is the cache's without a word where it may not be read:
 * -EACCES.
 */
int qemu_find(char path[PATH_MAX]);

/*
 * Start @path with @argv (NULL-terminated; the caller's words, argv[0]
 * included), to which -serial is added. The @n_keep descriptors in @keep stay
 * open in it under their own numbers; all others but 0-2 must be close-on-exec.
 */
int qemu_start(struct qemu *q, const char *path, const char *const *argv, const int *keep, size_t n_keep);

/* Wait for its end, at most until @deadline_ns (monotonic); then kill it. */
void qemu_end(struct qemu *q, unsigned long long deadline_ns);
void qemu_free(struct qemu *q);

/* How it ended, in words: "exited with status 1", "was killed by signal 9". */
const char *qemu_ended(const struct qemu *q, char *buf, size_t size);

/*
 * The last @lines lines of a log, and before them all from the first one on that has one of @marks (ended by NULL, or
 * NULL), as far as it is within the last 16 KiB: in a buffer to free(), "" if there is none.
 */
char *qemu_tail(int log_fd, unsigned lines, const char *const *marks);

/* Take the registers of a vCPU, which QEMU writes in some 35 lines after its one word, out of @text; all but the line
 * with the instruction pointer. Gives the last line that is left, "" if there is none; it lives as long as @text. */
const char *qemu_last_word(char *text, unsigned *registers);

#endif
