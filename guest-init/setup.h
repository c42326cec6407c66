/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets up the system that programs expect on a freshly booted kernel. */
#ifndef KTSTR_GUEST_INIT_SETUP_H
#define KTSTR_GUEST_INIT_SETUP_H

/* The kernel's file systems, /dev's links and /lib/modules/RELEASE. File systems that the kernel lacks are left out;
 * without /proc, /sys or /dev init panics. */
void mounts_make(void);
/* Below /dev, which the kernel makes: @links as of struct config, in the place of what is there. */
void links_make(char *const *pairs);
/* Hostname and the loopback device. */
void network_up(void);
/* Each path of the NULL-terminated @paths, in order; compressed ones too. A
 * failure is a warning, unless the host can't be reached without the module. */
void modules_load(char *const *paths);
/* Leave CPU 0 to the kernel: from now on this process and its children run on the others. 0, or -errno. */
int cpu0_spare(void);
/*
 * Keep idle VMs to the end of this process. KVM patches its own code and the scheduler's when the first VM or vCPU of a
 * kind is created and when the last one goes away. QEMU's TCG sometimes lets another CPU execute the int3 of such a
 * patch after it was removed: "Oops: int3". 0, or -errno.
 */
int vm_hold(void);
/* Wait, 30 s at most, until @n disks /dev/vd? are there. 0 or -ETIMEDOUT. */
int disks_wait(unsigned n);
/* Flush the first @n of them. 0; -errno: disk @disk (counted from 1) lost data. */
int disks_sync(unsigned n, unsigned *disk);

#endif
