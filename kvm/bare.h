/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest of a few instructions in 64-bit mode, without kernel file and devices, for the probes. Its one vCPU runs on
 * the caller's thread.
 */
#ifndef KTSTR_KVM_BARE_H
#define KTSTR_KVM_BARE_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BARE_CODE 0x8000u     /* where the code lies and begins */
#define BARE_DATA 0x9000u     /* a page of zeroes */
#define BARE_RAM (1u << 20)   /* bytes, from 0 */
#define BARE_SPACE (2u << 20) /* what the guest's page tables reach, from 0 */

struct bare {
	int vm, vcpu;
	struct kvm_run *run;
	size_t run_size;
	uint8_t *mem;
};

/* The handler of vector @vector starts @offset bytes into the code. */
struct bare_gate {
	uint8_t vector;
	size_t offset;
};

struct bare_code {
	const uint8_t *bytes;
	size_t size; /* at most a page */
	/* With gates the guest has an irqchip and a local APIC in x2APIC mode; interrupts are off at the start. */
	const struct bare_gate *gates;
	unsigned n_gates;
};

/* Makes the guest, ready for KVM_RUN. 0, or a negative errno; bare_free() in both cases. */
int bare_create(struct bare *g, int kvm, const struct bare_code *code);
void bare_free(struct bare *g);

#endif
