/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a guest of this KVM can have a page of registers (kvm/vm.h), and what it gains by it: found out by trying. */
#ifndef KTSTR_KVM_PROBE_PAGE_H
#define KTSTR_KVM_PROBE_PAGE_H

#include <stdbool.h>
#include <stdint.h>

struct kvm_page_probe {
	bool works;
	/* A round trip: kick, interrupt, InterruptStatus, InterruptACK, end of interrupt; the best of some. 0: not
	 * known */
	uint64_t exits_ns; /* InterruptStatus is an exit to user space */
	uint64_t page_ns;  /* InterruptStatus is memory */
	char why[128];	   /* why it does not work; without commas or line ends */
};

/*
 * Runs guests of a few instructions, both ways in turn; some milliseconds, ten times that where KVM is nested. Returns
 * 0, or a negative errno: not even the guest without a page ran.
 */
int kvm_probe_page(struct kvm_page_probe *out);

#endif
