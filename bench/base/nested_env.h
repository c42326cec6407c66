/* SPDX-License-Identifier: GPL-2.0-only */
/* The environment of a ktstr that runs in the nested host (bench/nested/run.h). */
#ifndef KTSTR_BENCH_BASE_NESTED_ENV_H
#define KTSTR_BENCH_BASE_NESTED_ENV_H

#define NESTED_ENV "KTSTR_NESTED" /* set to 1 in the environment of what runs in L1 */
/* In the environment of a ktstr in L1: its events go to the descriptor of this number, whatever file was named. */
#define NESTED_EVENTS_ENV "KTSTR_NESTED_EVENTS"
/* Set to 1: what runs in L1 does so in the name of the same verb here. Its VM is L1's, whatever its --host says. */
#define NESTED_VERB_ENV "KTSTR_NESTED_VERB"
/* The image that --kernel means, for what runs in L1 in the name of a verb here. */
#define NESTED_KERNEL_ENV "KTSTR_NESTED_KERNEL"

#endif
