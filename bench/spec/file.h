/* SPDX-License-Identifier: GPL-2.0-only */
/* Files that options name. */
#ifndef KTSTR_BENCH_SPEC_FILE_H
#define KTSTR_BENCH_SPEC_FILE_H

#include <limits.h>
#include <stdbool.h>

/* HOST[:GUEST]: the host's part in @host; in @guest the guest's, or NULL. False: too long, or a part is empty. */
bool file_split(const char *word, char host[PATH_MAX], const char **guest);
/*
 * Whether the file @path of @option can be written; it need not exist, but its directory must. 0, or an exit code after
 * a line on stderr.
 */
int file_output_check(const char *option, const char *path);
/* The same for a file that is replaced as a whole (base/atomic.h): one in a directory that takes no new file is none.
 */
int file_result_check(const char *option, const char *path);

#endif
