/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr bench as a child process. */
#ifndef KTSTR_BENCH_MATRIX_CHILD_H
#define KTSTR_BENCH_MATRIX_CHILD_H

#include <sys/types.h>

#include "bench/spec/list.h"

/*
 * Start `ktstr bench WORDS` with stdout and stderr going to these descriptors and nothing to read; it ends when this
 * process does. Its process id, or -errno. $KTSTR_TEST_BENCH is run in place of this program, for tests.
 */
pid_t child_start(const struct word_list *words, int out, int err);
/* What a wait status says as an exit code: 128 + N for signal N. */
int child_code(int status);

#endif
