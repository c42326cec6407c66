/* SPDX-License-Identifier: GPL-2.0-only */
/* What Linux says first when it is about to panic, or goes on crippled: looked for in the lines of its console. */
#ifndef KTSTR_KVM_TROUBLE_H
#define KTSTR_KVM_TROUBLE_H

#define PANIC_MARK "Kernel panic - not syncing"
/* Before there are handlers: the CPU halts for good. */
#define EARLY_MARK "PANIC: early exception"
/* Elements of an array. */
#define TROUBLE_MARKS PANIC_MARK, EARLY_MARK, "Oops: ", "BUG: ", "general protection fault"

#endif
