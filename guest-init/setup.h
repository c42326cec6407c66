/* SPDX-License-Identifier: GPL-2.0-only */
/* What makes a bare kernel a system that programs expect. */
#ifndef KTSTR_GUEST_INIT_SETUP_H
#define KTSTR_GUEST_INIT_SETUP_H

/* The kernel's file systems and /dev's links. What the kernel lacks is left
 * out; without /proc, /sys or /dev init panics. */
void mounts_make(void);
/* Hostname and the loopback device. */
void network_up(void);
/* Each path of the NULL-terminated @paths, in order; compressed ones too. A
 * failure is a warning, unless the host can't be reached without the module. */
void modules_load(char *const *paths);
/* Wait, 30 s at most, until @n disks /dev/vd? are there. 0 or -ETIMEDOUT. */
int disks_wait(unsigned n);

#endif
