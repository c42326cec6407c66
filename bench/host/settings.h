/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Settings of the host that change what is measured on it: how fast its CPUs run, who shares them, and what the kernel
 * does with memory beside. Read before and after a measurement; a benchmark's figures belong to these settings.
 */
#ifndef KTSTR_BENCH_HOST_SETTINGS_H
#define KTSTR_BENCH_HOST_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "bench/base/bits.h"

#define HOST_SETTINGS_MAX 64
#define HOST_SETTING_TEXT 128

struct host_settings {
	unsigned n;
	struct host_setting {
		char name[40];
		char text[HOST_SETTING_TEXT]; /* "": this host does not have it */
	} item[HOST_SETTINGS_MAX];
};

/* Of the tree at @root: "", or one with the same /sys and /proc. @cpus: those whose governor counts. */
void host_settings_read(struct host_settings *s, const char *root, const struct bits *cpus);
/* The text of one, "" if there is none. */
const char *host_setting(const struct host_settings *s, const char *name);
/* An object, null for what this host does not have. */
json_t *host_settings_json(const struct host_settings *s);

/* Calls @fn for each setting that is not the same in both. Returns how many. */
unsigned host_settings_compare(const struct host_settings *a, const struct host_settings *b,
			       void (*fn)(void *ctx, const char *name, const char *before, const char *after),
			       void *ctx);

#endif
