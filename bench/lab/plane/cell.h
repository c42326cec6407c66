/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A cell of the table: one storage, one operation, one queue depth; and the
 * contenders that are measured on it in turn.
 */
#ifndef KTSTR_BENCH_LAB_PLANE_CELL_H
#define KTSTR_BENCH_LAB_PLANE_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/lab/plane/storage.h"

/* The first four are the device: as it comes, without its busy-wait, and by its engines. */
enum contender { AUTO, STILL, URING, SYNC, FIO_URING, FIO_PSYNC, CONTENDERS };
extern const char *const contender_names[CONTENDERS];
#define is_fio(c) ((c) >= FIO_URING)

#define ROUNDS_MAX 99

/* One contender's run. Times and counts are per request. */
struct sample {
	double iops; /* 0: not measured */
	/* CPU us: the reactor's thread (fio: its thread), its io-wq workers (fio: not seen), the driver's thread. */
	double cpu_us, workers_us, driver_us;
	double kicks, interrupts, enters;
	double poll_us; /* of cpu_us: busy-waiting in vain or not */
	uint64_t in_flight_max;
	int64_t allocations; /* after DRIVER_OK, in all; -1: not counted */
};

struct cell {
	const struct storage *storage;
	bool write;
	uint64_t poll_ns; /* at most, of auto and uring */
	unsigned depth;
	struct sample sample[ROUNDS_MAX][CONTENDERS];
	char engine[CONTENDERS][16], reason[CONTENDERS][96]; /* the device's */
	char why[CONTENDERS][256];			     /* not measured, or failed */
};

/* Measure @who for @ns into round @round. False: it could not be, and @why
 * says the reason; it is not to be tried again. */
bool cell_measure(struct cell *c, enum contender who, unsigned round, uint64_t ns);

/* fio.c: the same by fio. 0 or a negative errno with a reason. */
int fio_measure(const struct cell *c, enum contender who, uint64_t ns, struct sample *s, char *why, size_t why_size);

#endif
