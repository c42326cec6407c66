/* SPDX-License-Identifier: GPL-2.0-only */
/* Tries whether a guest of this KVM can use a register page (kvm/vm.h), and measures the gain. */
#ifndef KTSTR_KVM_PROBE_PAGE_H
#define KTSTR_KVM_PROBE_PAGE_H

#include <stdbool.h>
#include <stdint.h>

struct kvm_page_probe {
	bool works;
	/* A round trip: kick, interrupt, InterruptStatus, InterruptACK, end of interrupt; the best of several. 0:
	 * unknown */
	uint64_t exits_ns; /* reading InterruptStatus is an exit to user space */
	uint64_t page_ns;  /* reading InterruptStatus is a memory access */
	char why[128];	   /* why it does not work; without commas or line ends */
};

/*
 * Runs guests of a few instructions, alternating both ways; takes some milliseconds, ten times that under nested KVM.
 * Returns 0, or a negative errno: not even the guest without a page ran.
 */
int kvm_probe_page(struct kvm_page_probe *out);

#endif
