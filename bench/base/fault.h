/* SPDX-License-Identifier: GPL-2.0-only */
/* Fatal signals of this process: print a line that names the fault and restore the terminal, then die of it. */
#ifndef KTSTR_BENCH_BASE_FAULT_H
#define KTSTR_BENCH_BASE_FAULT_H

/* Once per process, for all threads. An earlier handler (a sanitizer's) is called after ours. */
void fault_catch(void);

#endif
