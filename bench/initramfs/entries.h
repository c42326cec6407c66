/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside the builder of the initramfs: the entries, and how a failure is kept. */
#ifndef KTSTR_BENCH_INITRAMFS_ENTRIES_H
#define KTSTR_BENCH_INITRAMFS_ENTRIES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct initramfs; /* bench/initramfs/archive.h */

struct initramfs_entry {
	char *path;    /* absolute, free of "." and "..", links to directories followed */
	unsigned mode; /* type and permissions, as in struct stat */
	char *host;    /* regular file: read from here, if not NULL */
	uint8_t *data; /* regular file: else this; link: its target */
	size_t len;    /* of data */
	unsigned major, minor;
	bool kept; /* adopted: in the archive that this one is laid over */
};

struct initramfs_list {
	char **items;
	size_t n;
};

struct initramfs {
	struct initramfs_entry **entries; /* in the order of the archive */
	size_t n, cap;
	void *by_path; /* tsearch() tree of the same */
	struct initramfs_list argv, env, options, modules, outputs, output_dirs;
	struct initramfs_list links;  /* below /dev: path and target in turn */
	struct initramfs_list inputs; /* host files read */
	int error;
	char why[512];
	char note[512]; /* what did not come, though it may be wanted */
};

/* Keep the first failure. Returns the one that is kept. */
__attribute__((format(printf, 3, 4))) int initramfs_fail(struct initramfs *in, int error, const char *fmt, ...);
/* The same for -ENOMEM. */
int initramfs_no_memory(struct initramfs *in);
/* NULL: the archive has no such path (as initramfs_entry.path has it). */
struct initramfs_entry *initramfs_find(const struct initramfs *in, const char *path);
/* As initramfs_add_data(), but @data, from malloc(), is taken over, also on failure. */
int initramfs_give_data(struct initramfs *in, const char *guest, unsigned mode, void *data, size_t len);
/* Room for an entry at the end, as append() gives it, for a @path that is not there yet. NULL: failed. */
struct initramfs_entry *initramfs_append(struct initramfs *in, const char *path);
/* @path as the guest's kernel will resolve it: "." and ".." gone, and each
 * leading component that is a link in the archive replaced by its target. */
int initramfs_resolve(struct initramfs *in, const char *path, char out[PATH_MAX]);
/* Where @program is an interpreter that needs a tree of files (perl, python, ruby): that too. 0 or the failure. */
int initramfs_add_interpreter_files(struct initramfs *in, const char *program);
int initramfs_list_add(struct initramfs *in, struct initramfs_list *list, const char *item);
void initramfs_list_free(struct initramfs_list *list);

#endif
