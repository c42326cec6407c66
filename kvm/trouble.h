/* SPDX-License-Identifier: GPL-2.0-only */
/* The console lines by which Linux announces a panic, or that it goes on damaged. */
#ifndef KTSTR_KVM_TROUBLE_H
#define KTSTR_KVM_TROUBLE_H

#define PANIC_MARK "Kernel panic - not syncing"
/* Before there are handlers: the CPU halts for good. */
#define EARLY_MARK "PANIC: early exception"
/* Elements of an array. */
#define TROUBLE_MARKS PANIC_MARK, EARLY_MARK, "Oops: ", "BUG: ", "general protection fault"

#endif
