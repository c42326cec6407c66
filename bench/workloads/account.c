/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/workloads/account.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/workloads/kernel_file.h"

static bool read_file(int tid, const char *name, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", tid, name);
	return kernel_file_read(path, text, size);
}

/* The number after @key and a colon. */
static bool find_number(const char *text, const char *key, uint64_t *out)
{
	const char *at = strstr(text, key), *colon = at ? strchr(at, ':') : NULL;

	if (colon)
		*out = strtoull(colon + 1, NULL, 10);
	return colon;
}

void account_read(struct account *a, int tid)
{
	char text[8192];

	memset(a, 0, sizeof(*a));
	if (read_file(tid, "schedstat", text, sizeof(text)) &&
	    sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64, &a->run_ns, &a->wait_ns, &a->slices) != 3)
		a->run_ns = a->wait_ns = a->slices = 0;
	if (read_file(tid, "status", text, sizeof(text))) {
		find_number(text, "\nvoluntary_ctxt_switches", &a->voluntary);
		find_number(text, "\nnonvoluntary_ctxt_switches", &a->involuntary);
	}
	if (read_file(tid, "sched", text, sizeof(text)))
		a->has_migrations = find_number(text, "nr_migrations", &a->migrations);
}

void account_since(struct account *a, const struct account *begin)
{
	a->run_ns -= begin->run_ns;
	a->wait_ns -= begin->wait_ns;
	a->slices -= begin->slices;
	a->voluntary -= begin->voluntary;
	a->involuntary -= begin->involuntary;
	a->migrations -= begin->migrations;
}

void account_add(struct account *sum, const struct account *a)
{
	sum->run_ns += a->run_ns;
	sum->wait_ns += a->wait_ns;
	sum->slices += a->slices;
	sum->voluntary += a->voluntary;
	sum->involuntary += a->involuntary;
	sum->migrations += a->migrations;
	sum->has_migrations |= a->has_migrations;
}
