/* SPDX-License-Identifier: GPL-2.0-only */
/* A fault of this process's own: a line that names it, and the terminal as it was, before the process dies of it. */
#ifndef KTSTR_BENCH_BASE_FAULT_H
#define KTSTR_BENCH_BASE_FAULT_H

/* For all threads, once. A handler that is there already (a sanitizer's) still gets the fault after this. */
void fault_catch(void);

#endif
