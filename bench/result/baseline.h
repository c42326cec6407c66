/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Results that were kept under a name, to compare later ones with: DIR/NAME/GENERATION/run-NNN.json, a generation for
 * each time that NAME was saved. DIR is $KTSTR_DATA_DIR/baselines, else $XDG_DATA_HOME/ktstr/baselines, else
 * $HOME/.local/share/ktstr/baselines: unlike what is in the cache, they can't be made again.
 */
#ifndef KTSTR_BENCH_RESULT_BASELINE_H
#define KTSTR_BENCH_RESULT_BASELINE_H

#include <limits.h>
#include <stddef.h>

#define BASELINE_GENERATION 32
#define BASELINE_GENERATIONS_MAX 64 /* that are shown: the latest */
#define BASELINES_MAX 1000

/* All return 0, or -errno and @why: one line. */

/* Copies the valid results of @path (a directory or file) into a new generation: its name, the time in UTC. */
int baseline_save(const char *name, const char *path, char generation[BASELINE_GENERATION], char *why, size_t size);
/* The names, sorted; *@n of them, to free() each and the list. None is no error. */
int baseline_list(char ***names, unsigned *n, char *why, size_t size);
/* Its generations, the oldest first, in the same way. None: -ENOENT. */
int baseline_generations(const char *name, char ***generations, unsigned *n, char *why, size_t size);
/* The directory of a generation; NULL: the latest. */
int baseline_path(const char *name, const char *generation, char path[PATH_MAX], char *why, size_t size);
int baseline_remove(const char *name, char *why, size_t size);

void baseline_free(char **list, unsigned n);

#endif
