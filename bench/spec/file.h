/* SPDX-License-Identifier: GPL-2.0-only */
/* Files that options name. */
#ifndef KTSTR_BENCH_SPEC_FILE_H
#define KTSTR_BENCH_SPEC_FILE_H

/* A file or directory to copy into the guest. The strings are owned. */
struct file_pair {
	char *host;
	char *guest; /* NULL: the absolute form of @host */
};

/* HOST[:GUEST], split at its last colon. 0; -EINVAL: too long, or a part is empty; -ENOMEM. */
int file_pair_parse(const char *word, struct file_pair *out);
/* The same again. To free(); NULL: no memory. */
char *file_pair_unparse(const struct file_pair *f);
void file_pair_free(struct file_pair *f);
/*
 * Whether the file @path of @option can be written; it need not exist, but its directory must. 0, or an exit code after
 * a line on stderr.
 */
int file_output_check(const char *option, const char *path);
/* The same for a file that is replaced as a whole (base/atomic.h): one in a directory that takes no new file is none.
 */
int file_result_check(const char *option, const char *path);
/* For the directory @path of results, which may be missing, but not its parent. Likewise. */
int file_result_dir_check(const char *option, const char *path);

#endif
