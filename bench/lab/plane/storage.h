/* SPDX-License-Identifier: GPL-2.0-only */
/* The files that are read and written. They have no name: nothing is left behind, however the program ends. */
#ifndef KTSTR_BENCH_LAB_PLANE_STORAGE_H
#define KTSTR_BENCH_LAB_PLANE_STORAGE_H

#include <stdbool.h>
#include <stdint.h>

enum storage_kind { STORAGE_DISK, STORAGE_CACHE, STORAGE_TMPFS, STORAGES };

extern const char *const storage_names[STORAGES];

struct storage {
	const char *name;
	bool direct; /* O_DIRECT */
	int fd;	     /* -1: not to be had, @why says the reason */
	uint64_t size;
	char path[64]; /* for any process of this user, while we run */
	char why[256];
};

/* A file of @size bytes in directory @dir, written through; -1 in fd without. */
void storage_open(struct storage *s, enum storage_kind kind, const char *dir, uint64_t size);
/* Write back what an earlier run left dirty, so that the next doesn't pay for it. */
void storage_settle(const struct storage *s);
void storage_close(struct storage *s);

#endif
