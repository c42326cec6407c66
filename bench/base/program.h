/* SPDX-License-Identifier: GPL-2.0-only */
/* Where programs are: those of the host by name, this one, and the files that belong to it. */
#ifndef KTSTR_BENCH_BASE_PROGRAM_H
#define KTSTR_BENCH_BASE_PROGRAM_H

#include <limits.h>
#include <stdbool.h>

/* Whether @path is a regular file that this user may execute. */
bool program_is(const char *path);

/* The first program @name in $PATH, as an absolute path. 0 or -ENOENT. */
int program_in_path(const char *name, char path[PATH_MAX]);

/* The same, then in the directories of a guest's PATH: a user's own PATH often lacks the sbin ones. 0 or -ENOENT. */
int program_find(const char *name, char path[PATH_MAX]);

/* This program, and the file at @relative to its directory, with links followed. 0 or -errno. */
int program_self(char path[PATH_MAX]);
int program_sibling(char path[PATH_MAX], const char *relative);

#endif
