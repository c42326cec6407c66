/* SPDX-License-Identifier: GPL-2.0-only */
/* A kernel's configuration, and the debug options in it that distort timings. */
#ifndef KTSTR_BENCH_KERNEL_CONFIG_H
#define KTSTR_BENCH_KERNEL_CONFIG_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>

/* Finds the configuration file of @image: config or config-RELEASE beside it, or .config of its build tree. */
bool kernel_config_file(const char *image, char path[PATH_MAX]);

/*
 * The debug options of kernel @image that slow it down (lockdep, KASAN and the like), as strings without CONFIG_; an
 * empty list: none. From the configuration file, else from the one in the image (IKCONFIG). JSON null: there is
 * neither.
 */
json_t *kernel_config_debug(const char *image);
/* The list as "PROVE_LOCKING, KASAN", or "". */
void kernel_config_text(const json_t *debug, char *text, size_t size);

#endif
