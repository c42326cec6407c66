/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The topology in CPUID, for the vendor that the host's leaves name: leaves 1, 4, 0xB and 0x1F (Intel), 1, 0xB,
 * 0x80000001, 0x80000008, 0x8000001D and 0x8000001E (AMD, Hygon). Pure functions, so that each vendor can be tested on
 * any machine. Caches keep the host's sizes; a level that the host does not report is made up, since a guest recognises
 * an LLC only by its L3.
 */
#ifndef KTSTR_KVM_CPUID_TOPOLOGY_H
#define KTSTR_KVM_CPUID_TOPOLOGY_H

#include <linux/kvm.h>
#include <stdbool.h>

#include "kvm/topology.h"

#define CPUID_ENTRIES_MAX 256

/* Laid out as struct kvm_cpuid2, with room. */
struct cpuid {
	uint32_t nent, padding;
	struct kvm_cpuid_entry2 entry[CPUID_ENTRIES_MAX];
};
_Static_assert(offsetof(struct cpuid, entry) == offsetof(struct kvm_cpuid2, entries), "struct cpuid is a kvm_cpuid2");

struct cpuid_features {
	bool tsc_deadline; /* KVM emulates the LAPIC's TSC deadline */
	bool ext_dest_id;  /* the IOAPIC and MSIs reach APIC ids above 255 (KVM_FEATURE_MSI_EXT_DEST_ID) */
};

/* Linux assumes 8 APIC ids per LLC on Hygon's CPUs and AMD's first Zen: fit @t to the CPU that @host (KVM's supported
 * leaves) shows. 0; -EINVAL with @why. */
int cpuid_fit_topology(const struct cpuid *host, struct topology *t, char why[TOPOLOGY_WHY]);
/* Turn @c from what KVM supports into the leaves of CPU @index of @t. */
void cpuid_for_cpu(struct cpuid *c, const struct topology *t, unsigned index, const struct cpuid_features *f);

#endif
