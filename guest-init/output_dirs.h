/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Directories whose finished files the host gets while the command runs. A file is finished when it is renamed to its
 * name or closed by its writer; so one that a program writes beside its target and renames arrives exactly as it was
 * published. It is sent as WIRE_FOUT chunks and a WIRE_FEND; its removal, or that it could not be read, as a WIRE_FDEL.
 * What was there before the command, temporary files of ktstr (.ktstr-*), empty directories and what is no regular file
 * are not sent.
 *
 * inotify tells what changed. Where it can't (none in the kernel, events lost), the sweep after the command's end still
 * finds all that differs from what was sent.
 */
#ifndef KTSTR_GUEST_INIT_OUTPUT_DIRS_H
#define KTSTR_GUEST_INIT_OUTPUT_DIRS_H

#include <stddef.h>

#include "guest-init/bulk.h"

struct output_file;
struct output_watch;

struct output_dirs {
	struct bulk *bulk;
	char *const *roots; /* NULL-terminated; NULL: none */
	int fd;		    /* inotify; -1: none */
	struct output_watch *watches;
	size_t n_watches;
	struct output_file **files; /* that the host has, sorted by path */
	size_t n_files, cap;
	int error; /* of the bulk port: negative errno */
};

/* Nothing is watched. */
void output_dirs_init(struct output_dirs *d);
/* Watch @roots, which are borrowed. 0; -errno: their files are sent by output_dirs_finish() only. */
int output_dirs_open(struct output_dirs *d, struct bulk *bulk, char *const *roots);
/* Send what has changed; may wait for the bulk port. 0 or the port's -errno. */
int output_dirs_serve(struct output_dirs *d);
/* The command has ended: send what the host does not have yet. 0 or the port's -errno. */
int output_dirs_finish(struct output_dirs *d);
void output_dirs_close(struct output_dirs *d);

#endif
