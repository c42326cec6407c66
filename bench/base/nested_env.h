/* SPDX-License-Identifier: GPL-2.0-only */
/* The environment of a ktstr that runs in the nested host (bench/nested/run.h). */
#ifndef KTSTR_BENCH_BASE_NESTED_ENV_H
#define KTSTR_BENCH_BASE_NESTED_ENV_H

#define NESTED_ENV "KTSTR_NESTED" /* set to 1 in the environment of what runs in L1 */

#endif
