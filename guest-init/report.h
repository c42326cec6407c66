/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of init about itself. COM2 is the crash channel; the kernel log, and with it COM1, gets the same line.
 */
#ifndef KTSTR_GUEST_INIT_REPORT_H
#define KTSTR_GUEST_INIT_REPORT_H

/* From now on a fatal signal in init ends in report_panic(). */
void report_fatal_signals(void);
__attribute__((format(printf, 1, 2))) void report_warn(const char *fmt, ...);
/* "PANIC: ..." and a reboot. */
__attribute__((format(printf, 1, 2), noreturn)) void report_panic(const char *fmt, ...);
/* Wait until COM1 and COM2 have sent what was written to them. */
void report_drain(void);
/* Disks synced, machine off. */
__attribute__((noreturn)) void report_power_off(void);

#endif
