/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that a guest brings back (WIRE_FOUT, WIRE_FEND). Only those that were
 * asked for are written. A regular file appears whole or not at all, by a
 * rename; what is none (a pipe, /dev/stdout) is written as it comes.
 */
#ifndef KTSTR_BENCH_OUTPUTS_H
#define KTSTR_BENCH_OUTPUTS_H

#include <stddef.h>
#include <stdint.h>

struct output;

struct outputs {
	struct output *files;
	size_t n;
	int error; /* the first failure, negative errno */
	char why[256];
};

/* @paths: NULL-terminated, or NULL; as the user gave them. 0 or -errno. */
int outputs_init(struct outputs *o, const char *const *paths);
/* A FOUT or FEND frame; the guest's path is the absolute form of one of ours. */
void outputs_frame(struct outputs *o, uint32_t type, const uint8_t *payload, size_t len);
/* 0, or why a file that came could not be written (@o->why names it). */
int outputs_error(const struct outputs *o);
/* What has not come whole is removed; @o->error and @o->why stay. */
void outputs_free(struct outputs *o);

#endif
