/* SPDX-License-Identifier: GPL-2.0-only */
#include <asm/kvm_para.h>
#include <string.h>

#include "kvm/cpuid_topology.h"

enum vendor { INTEL, AMD, HYGON };

struct view {
	struct cpuid *c;
	const struct topology *t;
	struct topology_cpu cpu;
	enum vendor vendor;
	unsigned family, model;
	unsigned package_shift;
};

static struct kvm_cpuid_entry2 *find(const struct cpuid *c, uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entry[i].function == function && c->entry[i].index == index)
			return (struct kvm_cpuid_entry2 *)&c->entry[i];
	return NULL;
}

/* Find or add the entry; NULL if there is no room. */
static struct kvm_cpuid_entry2 *find_or_add(struct cpuid *c, uint32_t function, uint32_t index, bool indexed)
{
	struct kvm_cpuid_entry2 *e = find(c, function, index);

	if (e || c->nent == CPUID_ENTRIES_MAX)
		return e;
	e = &c->entry[c->nent++];
	*e = (struct kvm_cpuid_entry2){
		.function = function,
		.index = index,
		.flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
	};
	return e;
}

/* @base is 0 or 0x80000000, whose EAX is the last leaf of its range. */
static void at_least(struct cpuid *c, uint32_t base, uint32_t leaf)
{
	struct kvm_cpuid_entry2 *e = find_or_add(c, base, 0, false);

	if (e && e->eax < leaf)
		e->eax = leaf;
}

static enum vendor vendor_of(const struct cpuid *c)
{
	const struct kvm_cpuid_entry2 *e = find(c, 0, 0);

	if (e && e->ebx == 0x68747541) /* "Auth"enticAMD */
		return AMD;
	if (e && e->ebx == 0x6f677948) /* "Hygo"nGenuine */
		return HYGON;
	return INTEL;
}

static void family_of(const struct cpuid *c, unsigned *family, unsigned *model)
{
	const struct kvm_cpuid_entry2 *e = find(c, 1, 0);
	uint32_t eax = e ? e->eax : 0;

	*family = eax >> 8 & 0xf;
	*model = eax >> 4 & 0xf;
	if (*family == 0xf)
		*family += eax >> 20 & 0xff;
	if (*family >= 6)
		*model |= (eax >> 16 & 0xf) << 4;
}

static uint32_t at_most(uint32_t n, uint32_t max)
{
	return n < max ? n : max;
}

/* APIC ids in a field of @bits, less one. */
static uint32_t apic_ids_less_one(unsigned bits)
{
	return (1u << bits) - 1;
}

/* --- caches: leaf 4, and 0x8000001D of the same layout ---------------------- */

enum cache_type { NONE, DATA, CODE, UNIFIED };

static void cache_put(struct kvm_cpuid_entry2 *e, enum cache_type type, unsigned level, unsigned ways, unsigned kib)
{
	unsigned line = 64;

	e->eax = type | level << 5 | 1 << 8; /* self-initialising */
	e->ebx = (line - 1) | (ways - 1) << 22;
	e->ecx = (kib << 10) / line / ways - 1;
	e->edx = 0;
}

static bool has_cache(const struct cpuid *c, uint32_t leaf, unsigned level)
{
	const struct kvm_cpuid_entry2 *e;

	for (uint32_t i = 0; (e = find(c, leaf, i)) && (e->eax & 0x1f); i++)
		if ((e->eax >> 5 & 7) == level)
			return true;
	return false;
}

static void cache_add(struct cpuid *c, uint32_t leaf, enum cache_type type, unsigned level, unsigned ways, unsigned kib)
{
	struct kvm_cpuid_entry2 *e;
	uint32_t i = 0;

	while ((e = find(c, leaf, i)) && (e->eax & 0x1f))
		i++;
	e = find_or_add(c, leaf, i, true);
	if (e)
		cache_put(e, type, level, ways, kib);
	find_or_add(c, leaf, i + 1, true); /* of type 0: the end */
}

static void caches(struct view *v, uint32_t leaf)
{
	unsigned core = v->t->thread_bits, llc = core + v->t->core_bits;
	struct kvm_cpuid_entry2 *e;

	if (!has_cache(v->c, leaf, 1)) {
		cache_add(v->c, leaf, DATA, 1, 8, 32);
		cache_add(v->c, leaf, CODE, 1, 8, 32);
	}
	if (!has_cache(v->c, leaf, 2))
		cache_add(v->c, leaf, UNIFIED, 2, 8, 512);
	if (!has_cache(v->c, leaf, 3))
		cache_add(v->c, leaf, UNIFIED, 3, 16, 16 << 10);
	for (uint32_t i = 0; (e = find(v->c, leaf, i)) && (e->eax & 0x1f); i++) {
		unsigned level = e->eax >> 5 & 7, bits = level < 3 ? core : level == 3 ? llc : v->package_shift;

		e->eax = (e->eax & 0x3fff) | at_most(apic_ids_less_one(bits), 0xfff) << 14;
		if (leaf == 4) /* ids of cores in the package; 6 bits, and 0xB and 0x1F tell it all */
			e->eax |= at_most(apic_ids_less_one(v->package_shift - core), 0x3f) << 26;
	}
}

/* --- levels: leaves 0xB and 0x1F ------------------------------------------- */

static void fill_levels(struct view *v, uint32_t leaf)
{
	const struct {
		uint32_t shift, cpus, type;
	} level[] = {
		{ v->t->thread_bits, v->cpu.core_n, 1 },
		{ v->package_shift, v->cpu.package_n, 2 },
		{ 0, 0, 0 },
	};
	struct kvm_cpuid_entry2 *e;

	for (uint32_t i = 0; i < 3; i++) {
		e = find_or_add(v->c, leaf, i, true);
		if (!e)
			return;
		e->eax = level[i].shift;
		e->ebx = level[i].cpus;
		e->ecx = i | level[i].type << 8;
		e->edx = v->cpu.apic_id;
	}
	/* Levels of the host that the guest lacks. */
	for (uint32_t i = 3; (e = find(v->c, leaf, i)); i++) {
		e->eax = e->ebx = 0;
		e->ecx = i;
		e->edx = v->cpu.apic_id;
	}
}

/* --- AMD -------------------------------------------------------------------- */

static void amd_leaves(struct view *v)
{
	struct kvm_cpuid_entry2 *e;

	at_least(v->c, 0x80000000, 0x8000001e);
	e = find_or_add(v->c, 0x80000001, 0, false);
	if (e) {
		e->ecx |= 1u << 22; /* TOPOEXT: 0x8000001D and 1E are there */
		e->ecx = v->cpu.package_n > 1 ? e->ecx | 1u << 1 : e->ecx & ~(1u << 1); /* CmpLegacy */
	}
	/* Linux looks for the LLC only where there is an L3: 16 MiB, 16 ways, lines of 64. */
	e = find_or_add(v->c, 0x80000006, 0, false);
	if (e && !e->edx)
		e->edx = 32u << 18 | 8 << 12 | 1 << 8 | 64;
	e = find_or_add(v->c, 0x80000008, 0, false);
	if (e)
		e->ecx = (e->ecx & ~0xf0ffu) | v->package_shift << 12 | at_most(v->cpu.package_n - 1, 0xff);
	caches(v, 0x8000001d);
	e = find_or_add(v->c, 0x8000001e, 0, false);
	if (e) {
		e->eax = v->cpu.apic_id;
		e->ebx = (v->cpu.apic_id >> v->t->thread_bits &
			  apic_ids_less_one(v->package_shift - v->t->thread_bits) & 0xff) |
			 (v->t->threads - 1) << 8;
		/* Before family 17h a node is what shares an L3, and Linux reads the LLC from it. */
		e->ecx = (v->family < 0x17 ? v->cpu.llc : v->cpu.package) & 0xff;
		e->edx = 0;
	}
	/* Leave it empty: Linux then takes the levels from leaf 0xB. */
	for (uint32_t i = 0; i < v->c->nent; i++) {
		e = &v->c->entry[i];
		if (e->function == 0x80000026)
			e->eax = e->ebx = e->ecx = e->edx = 0;
	}
}

/* --- all of it --------------------------------------------------------------- */

static void feature_leaves(struct view *v, const struct cpuid_features *f)
{
	struct kvm_cpuid_entry2 *e = find(v->c, 1, 0);
	uint32_t n = v->vendor == INTEL ? 1u << v->package_shift : v->cpu.package_n;

	if (e) {
		e->ebx = (e->ebx & 0x0000ffff) | v->cpu.apic_id << 24 | at_most(n, 255) << 16;
		e->ecx |= 1u << 31 | 1u << 21; /* a hypervisor is present; x2APIC */
		if (f->tsc_deadline)
			e->ecx |= 1u << 24;
		e->edx = v->cpu.package_n > 1 ? e->edx | 1u << 28 : e->edx & ~(1u << 28);
	}
	e = find(v->c, 0xa, 0); /* no PMU in the guest */
	if (e)
		e->eax = e->ebx = e->ecx = e->edx = 0;
	e = find(v->c, KVM_CPUID_FEATURES, 0);
	if (e && f->ext_dest_id)
		e->eax |= 1u << KVM_FEATURE_MSI_EXT_DEST_ID;
}

void cpuid_for_cpu(struct cpuid *c, const struct topology *t, unsigned index, const struct cpuid_features *f)
{
	struct view v = {
		.c = c,
		.t = t,
		.vendor = vendor_of(c),
		.package_shift = t->thread_bits + t->core_bits + t->llc_bits,
	};

	topology_cpu(t, index, &v.cpu);
	family_of(c, &v.family, &v.model);
	at_least(c, 0, 0xb);
	feature_leaves(&v, f);
	fill_levels(&v, 0xb);
	if (v.vendor != INTEL) {
		amd_leaves(&v);
		return;
	}
	caches(&v, 4);
	if (find(c, 0, 0)->eax >= 0x1f)
		fill_levels(&v, 0x1f);
}

int cpuid_fit_topology(const struct cpuid *host, struct topology *t, char why[TOPOLOGY_WHY])
{
	enum vendor vendor = vendor_of(host);
	unsigned family, model;

	family_of(host, &family, &model);
	if (t->n_llcs > 1 && (vendor == HYGON || (vendor == AMD && family == 0x17 && model <= 0x1f)))
		return topology_fix_llc_bits(t, 3, why);
	return 0;
}
