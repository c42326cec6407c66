/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guest's command finds around it, as options: environment, working directory, modules. */
#ifndef KTSTR_BENCH_MACHINE_GUEST_OPTIONS_H
#define KTSTR_BENCH_MACHINE_GUEST_OPTIONS_H

#include <argp.h>
#include <limits.h>
#include <stdint.h>

#include "bench/machine/arguments.h"

/* Of what --cwd copies: it lies in the guest's memory, and twice while it is unpacked. */
#define GUEST_CWD_MAX (512ull << 20)

/* The options, as an argp child whose input is struct machine_arguments. */
extern const struct argp guest_options_argp;
/* Find and measure the directory of --cwd; its whole @path, "" for none. 0, or an exit code after a line on stderr. */
int guest_options_check(const struct guest_options *o, char path[PATH_MAX]);
/* Of all files in a directory, or of a file; no more than some bytes over @max are counted. */
uint64_t guest_tree_bytes(const char *path, uint64_t max);
/* @item to the end of @list. Ends the process with a usage error where it is empty or one too many. */
void machine_list_add(struct word_list *list, const char *option, const char *item);

/* A copy of @arg in place of what @text was. */
void machine_text_set(char **text, const char *arg);

#endif
