/* SPDX-License-Identifier: GPL-2.0-only */
/* What --kernel names: an image, a kernel of the cache, a build tree, or the host's own. */
#ifndef KTSTR_BENCH_KERNEL_FIND_H
#define KTSTR_BENCH_KERNEL_FIND_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct kernel_found {
	char image[PATH_MAX];
	char module_dir[PATH_MAX]; /* with a modules.dep, or "" */
	char name[NAME_MAX + 1];   /* in the cache, or "" */
};

/*
 * @given: "host" is /boot/vmlinuz of the running release; a directory is a build tree (arch/x86/boot/bzImage, and its
 * modules by modules.order); a file is an image; any other word a name in the cache, NULL is default. 0, or an exit
 * code after a word on stderr, also for a kernel of the cache whose image is not the one that was put there.
 */
int kernel_find(const char *given, struct kernel_found *k);

/* Where the memory ends that a bzImage or an x86-64 ELF needs to start, from address 0; 0: it is neither. */
uint64_t kernel_image_end(const char *path);

/* The release that a bzImage or an ELF names itself; false: it names none. */
bool kernel_image_release(const char *path, char release[NAME_MAX + 1]);

/*
 * A modules.dep for the modules of the build tree @tree, kept in the cache as long as its modules.order stays the same.
 * @dir gets the directory that has it. 0; -ENOENT: the tree has no modules; or -errno.
 */
int kernel_tree_modules(const char *tree, char dir[PATH_MAX]);

#endif
