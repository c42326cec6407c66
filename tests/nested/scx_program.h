/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests/nested/scx_program.c asks of the scheduler in scx_ender.bpf.c. */
#ifndef KTSTR_TESTS_SCX_PROGRAM_H
#define KTSTR_TESTS_SCX_PROGRAM_H

#define ENDER_NEVER 0
#define ENDER_ERROR 1 /* by scx_bpf_error() */
#define ENDER_EXIT 2  /* by scx_bpf_exit() with @code */

/* enum scx_exit_code: the program shall attach its scheduler again. */
#define ECODE_ACT_RESTART (1ull << 48)

#define ENDER_ORDER ".data.order" /* the section, a map of its own, that is set before the object is loaded */

struct ender_order {
	unsigned long long after_ns; /* since the first task was queued */
	unsigned long long code;
	unsigned how;
	unsigned pad;
};

#endif
