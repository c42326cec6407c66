/* SPDX-License-Identifier: GPL-2.0-only */
/* A file that is written while a run goes on: events, a scheduler's output. */
#ifndef KTSTR_BENCH_SESSION_FILE_SINK_H
#define KTSTR_BENCH_SESSION_FILE_SINK_H

#include <stddef.h>

#include "reactor/reactor.h"

/* Make @path, or empty it. @high: bytes waiting above which it is full. *@fd is -1 unless the result is 0. -ENXIO: a
 * fifo without a reader; or another -errno. */
int file_sink_open(struct sink *s, int *fd, struct reactor *r, const char *path, size_t high,
		   void (*drained)(struct sink *s));

#endif
