/* SPDX-License-Identifier: GPL-2.0-only */
/* Environment variables of a ktstr that runs in the nested host, called L1 (bench/nested/run.h). */
#ifndef KTSTR_BENCH_BASE_NESTED_ENV_H
#define KTSTR_BENCH_BASE_NESTED_ENV_H

#define NESTED_ENV "KTSTR_NESTED" /* set to 1 for all programs in L1 */

#endif
