/* SPDX-License-Identifier: GPL-2.0-only */
/* How many boots, and in which order. Pure functions. */
#ifndef KTSTR_BENCH_RESULT_ORDER_H
#define KTSTR_BENCH_RESULT_ORDER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The order of @runs boots each of @sides: blocks of a random order of all sides followed by the same backwards (ABBA),
 * so that a drift that is even within a block hits all alike; the last block is half of one when @runs is odd. @out has
 * room for sides * runs side numbers. The same seed gives the same order.
 */
void order_make(unsigned sides, unsigned runs, uint64_t seed, unsigned *out);

enum enough { ENOUGH_NO, ENOUGH_PRECISE, ENOUGH_CEILING };
#define RUNS_AUTO_MIN 6
#define RUNS_AUTO_MAX 30
/*
 * --runs auto: whether the boots so far do, by the width of the median's interval as a part of the median, or because
 * there are RUNS_AUTO_MAX. Never by a difference between sides: stopping on that finds differences that are not there.
 */
enum enough runs_enough(const double *values, unsigned n, double width);

/*
 * The smallest change, as a part, that @n boots a side with the coefficient of variation @cv find in 95 % of the cases
 * with the gates' @threshold (bench/result/verdict.h); for roughly log-normal boots, and 4 or more.
 */
double detectable(double cv, unsigned n, double threshold);
/* How many boots a side find @change in 95 % of the cases: 4..@most, or 0 when even these don't. */
unsigned boots_needed(double cv, double change, double threshold, unsigned most);
/*
 * How many boots a side make the interval of a ratio narrow enough to lie within @threshold where the change is
 * @change, a smaller one: 6..@most, or 0 when even these don't.
 */
unsigned boots_for_same(double cv, double change, double threshold, unsigned most);

#endif
