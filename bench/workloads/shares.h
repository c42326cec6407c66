/* SPDX-License-Identifier: GPL-2.0-only */
/* How CPU time is shared out, against what weights entitle to. */
#ifndef KTSTR_WORKLOADS_SHARES_H
#define KTSTR_WORKLOADS_SHARES_H

struct shares {
	double jain;	  /* index of what each got over its ideal: 1 is even, 1/n is all for one */
	double error_max; /* the farthest from its ideal, as a part of that */
	double least;	  /* the least of what each got over its ideal */
	unsigned starved; /* that got less than a tenth of their ideal */
};

/*
 * The ideal of @n workers with these weights who want all they can get, each at most one CPU: @total shared by weight;
 * what is beyond @cap for one is shared by the others.
 */
void shares_ideal(const double *weight, unsigned n, double total, double cap, double *ideal);
struct shares shares_of(const double *got, const double *ideal, unsigned n);

#endif
