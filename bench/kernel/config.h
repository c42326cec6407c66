/* SPDX-License-Identifier: GPL-2.0-only */
/* What a kernel's configuration says that makes its timings its own. */
#ifndef KTSTR_BENCH_KERNEL_CONFIG_H
#define KTSTR_BENCH_KERNEL_CONFIG_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>

/* The configuration of @image that lies beside it: config, config-RELEASE, or .config of its build tree. */
bool kernel_config_file(const char *image, char path[PATH_MAX]);

/*
 * The options of the kernel @image that check it while it runs (lockdep, KASAN and the like), as strings without
 * CONFIG_; empty: it has none. From the config beside it, else the one it carries (IKCONFIG). JSON null: neither is
 * there.
 */
json_t *kernel_config_debug(const char *image);
/* "PROVE_LOCKING, KASAN" for a list with elements, else "". */
void kernel_config_text(const json_t *debug, char *text, size_t size);

#endif
