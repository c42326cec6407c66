/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that a guest sends to this host (WIRE_FOUT, WIRE_FEND, WIRE_FDEL). Only
 * those that were asked for are written, by their names or as files of a
 * directory (output_dir.h). A regular file appears whole or not at all, by a
 * rename; what is none (a pipe, /dev/stdout) is written as it comes, through the
 * reactor, so that a slow reader holds the guest and nobody else.
 */
#ifndef KTSTR_BENCH_SESSION_OUTPUTS_H
#define KTSTR_BENCH_SESSION_OUTPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reactor/reactor.h"

/* Bytes of one file that wait to be written above which no more should come. */
#define OUTPUTS_HIGH (256u << 10)

struct output;
struct output_dir;

struct outputs {
	struct output *files;
	size_t n;
	struct output_dir *dirs;
	size_t n_dirs;
	int error; /* the first failure, negative errno; -ENODATA: the guest did not write it */
	char why[320];
	struct reactor *r;
	void (*drained)(void *ctx);
	void *ctx;
};

/* @paths: NULL-terminated, or NULL; as the user gave them, a directory with a slash at its end. 0; or -errno, and
 * @o->why if it is a directory's. */
int outputs_init(struct outputs *o, const char *const *paths);
/* Finished files of the guest's directory @guest go into @host, which is made if it is not there. After
 * outputs_init(). 0; or -errno and @o->why. */
int outputs_add_dir(struct outputs *o, const char *host, const char *guest);
/* Before the first frame: what writes them. @drained is called when outputs_full() or outputs_idle() may have changed.
 */
void outputs_attach(struct outputs *o, struct reactor *r, void (*drained)(void *ctx), void *ctx);
/* A FOUT, FEND or FDEL frame; the guest's path is the absolute form of one of ours, or below one of our directories. */
void outputs_frame(struct outputs *o, uint32_t type, const uint8_t *payload, size_t len);
/* 0, or why a file that came could not be written (@o->why names it). */
int outputs_error(const struct outputs *o);
bool outputs_full(const struct outputs *o);
/* All that came is written. */
bool outputs_idle(const struct outputs *o);
/*
 * Nothing more comes, and what did not come whole is dropped. Not from a handler. @ended: the command ran to its end.
 * Then a file that it did not write is an error, and a regular file of this name from before is removed: it is none of
 * this run's. Else what was there stays, for the machine may have died before the command wrote anything.
 */
void outputs_end(struct outputs *o, bool ended);
/* After outputs_end(o, false): the first file that did not come, if one from before is there under its name; or NULL.
 */
const char *outputs_stale(const struct outputs *o);
void outputs_free(struct outputs *o);

#endif
