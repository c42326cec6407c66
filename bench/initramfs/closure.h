/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The other files that a program needs to run: its ELF interpreter and, recursively,
 * the shared libraries of DT_NEEDED, found as ld.so(8) finds them: by DT_RPATH and
 * DT_RUNPATH (with $ORIGIN and $LIB), in the directories of /etc/ld.so.conf, and in the
 * built-in ones. Libraries that are loaded by dlopen() are not included.
 */
#ifndef KTSTR_BENCH_INITRAMFS_CLOSURE_H
#define KTSTR_BENCH_INITRAMFS_CLOSURE_H

#include <stddef.h>

/*
 * Calls @found once for each file, with the absolute path that ld.so would use; not for
 * @path itself, so never for a static program. 0; -ENOEXEC: not an ELF file; -ENOENT: a
 * library is not found; or another -errno. @why gets one line.
 */
int elf_closure(const char *path, void (*found)(void *ctx, const char *path), void *ctx, char *why, size_t why_size);

#endif
