/* SPDX-License-Identifier: GPL-2.0-only */
/* The build-id of a kernel: two builds of the same release differ in it. */
#ifndef KTSTR_BENCH_KERNEL_BUILD_ID_H
#define KTSTR_BENCH_KERNEL_BUILD_ID_H

#include <stdbool.h>

#define BUILD_ID_HEX 65

/* Of the ELF open at @elf, or, where that is 0, of the ELF @image; in hexadecimal. False: it has none. */
bool kernel_build_id(int elf, const char *image, char hex[BUILD_ID_HEX]);

#endif
