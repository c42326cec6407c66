/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a program needs beside itself to be executed: its ELF interpreter and,
 * recursively, the shared libraries of DT_NEEDED, found as ld.so(8) finds them:
 * DT_RPATH, DT_RUNPATH (with $ORIGIN and $LIB), the directories of
 * /etc/ld.so.conf, the built-in ones. What dlopen() loads is not among them.
 */
#ifndef KTSTR_BENCH_INITRAMFS_CLOSURE_H
#define KTSTR_BENCH_INITRAMFS_CLOSURE_H

#include <stddef.h>

/*
 * Call @found once for each file, by an absolute path that ld.so would use;
 * none for a static program, and not for @path. 0; -ENOEXEC: not an ELF file;
 * -ENOENT: a library is not found; another -errno. @why gets one line.
 */
int elf_closure(const char *path, void (*found)(void *ctx, const char *path), void *ctx, char *why, size_t why_size);

#endif
