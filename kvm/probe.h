/* SPDX-License-Identifier: GPL-2.0-only */
/* What kind of KVM this host has, found out by trying. */
#ifndef KTSTR_KVM_PROBE_H
#define KTSTR_KVM_PROBE_H

#include "kvm/fault.h"

enum kvm_kind {
	KVM_NONE,     /* no /dev/kvm, or it can't be opened */
	KVM_SOFTWARE, /* works, but can't run stock kernels (cmpxchg16b is not emulated) */
	KVM_HARDWARE, /* runs stock kernels */
};

struct kvm_probe {
	enum kvm_kind kind;
	int error;	     /* of KVM_NONE: an errno */
	enum vm_fault fault; /* unless KVM_HARDWARE */
	char why[256];	     /* one line: how it was found out, or what failed and why */
};

/* Opens KVM and runs a guest of a few instructions; takes about a millisecond. */
void kvm_probe(struct kvm_probe *out);
/* Whether guests of this KVM have cmpxchg16b: 1 or 0, or -errno when it can't be asked. */
int kvm_guests_have_cx16(void);
const char *kvm_kind_name(enum kvm_kind kind);

#endif
