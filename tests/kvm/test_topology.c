/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Topologies, thousands of them: APIC ids are unique and their fields as wide
 * as need be, and CPUID, decoded in the way of Linux' parsers
 * (arch/x86/kernel/cpu/topology_ext.c, topology_amd.c, cacheinfo.c), gives
 * back what was asked for, for each vendor, whatever CPU the test runs on.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <asm/kvm_para.h>

#include "bench/spec/topology.h"
#include "kvm/cpuid_topology.h"

#define ROUNDS 3000

static struct topology t;
static char why[TOPOLOGY_WHY];
static const struct cpuid_features features = { .tsc_deadline = true };

static unsigned below(unsigned *seed, unsigned n)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % n;
}

/* A shape of up to some 500 CPUs, uneven half of the time, with memory-only nodes a third of the time. */
static void random_shape(unsigned *seed)
{
	unsigned packages = 1 + below(seed, 5), bare = below(seed, 3) ? 0 : 1 + below(seed, 3), llcs = 0, uneven;
	unsigned each[8];

	for (unsigned p = 0; p < packages; p++)
		llcs += each[p] = 1 + below(seed, 5);
	assert_int_equal(topology_init(&t, packages + bare, llcs, 1 + below(seed, 9), 1u << below(seed, 3), why), 0);
	memset(t.llcs, 0, sizeof(t.llcs));
	for (unsigned p = 0; p < packages; p++)
		t.llcs[p] = (uint16_t)each[p];
	uneven = below(seed, 2);
	for (unsigned l = 0; l < llcs && uneven; l++)
		t.cores[l] = (uint16_t)(1 + below(seed, 9));
	assert_int_equal(topology_finish(&t, why), 0);
}

/* --- a host's leaves ------------------------------------------------------ */

static void leaf(struct cpuid *c, uint32_t function, uint32_t index, uint32_t a, uint32_t b, uint32_t x, uint32_t d)
{
	c->entry[c->nent++] = (struct kvm_cpuid_entry2){
		.function = function, .index = index, .eax = a, .ebx = b, .ecx = x, .edx = d
	};
}

/* As a server of Intel's tells, with an 0x1F that has dies. */
static void host_intel(struct cpuid *c)
{
	memset(c, 0, sizeof(*c));
	leaf(c, 0, 0, 0x20, 0x756e6547, 0x6c65746e, 0x49656e69);
	leaf(c, 1, 0, 0x000806f8, 0x12400800, 0x7ffafbff, 0xbfebfbff);
	leaf(c, 4, 0, 0xfc004121, 0x02c0003f, 0x3f, 0);
	leaf(c, 4, 1, 0xfc004122, 0x01c0003f, 0x3f, 0);
	leaf(c, 4, 2, 0xfc01c143, 0x03c0003f, 0x7ff, 0);
	leaf(c, 4, 3, 0xfc1fc163, 0x0380003f, 0x1bfff, 4);
	leaf(c, 4, 4, 0, 0, 0, 0);
	leaf(c, 0xa, 0, 0x08300805, 0, 0xf, 0x8604);
	leaf(c, 0xb, 0, 1, 2, 0x100, 0x12);
	leaf(c, 0xb, 1, 7, 112, 0x201, 0x12);
	for (uint32_t i = 0; i < 5; i++)
		leaf(c, 0x1f, i, i ? 7 : 1, 112, i | (i + 1) << 8, 0x12);
	leaf(c, 0x40000001, 0, 0x01007efb, 0, 0, 0);
	leaf(c, 0x80000000, 0, 0x80000008, 0, 0, 0);
	leaf(c, 0x80000001, 0, 0, 0, 0x121, 0x2c100800);
	leaf(c, 0x80000008, 0, 0x3034, 0, 0, 0);
}

/* @signature is leaf 1's EAX. */
static void host_amd(struct cpuid *c, uint32_t signature, bool hygon)
{
	memset(c, 0, sizeof(*c));
	if (hygon)
		leaf(c, 0, 0, 0xd, 0x6f677948, 0x656e6975, 0x6e65476e);
	else
		leaf(c, 0, 0, 0x10, 0x68747541, 0x444d4163, 0x69746e65);
	leaf(c, 1, 0, signature, 0x05800800, 0x7ed8320b, 0x178bfbff);
	leaf(c, 0x40000001, 0, 0x01007efb, 0, 0, 0);
	leaf(c, 0x80000000, 0, 0x80000028, 0, 0, 0);
	leaf(c, 0x80000001, 0, signature, 0x40000000, 0x75c237ff, 0x2fd3fbff);
	leaf(c, 0x80000006, 0, 0x48002200, 0x68004200, 0x02006140, 0x00009140);
	leaf(c, 0x80000008, 0, 0x3030, 0x111ef657, 0x707f, 0);
	leaf(c, 0x8000001d, 0, 0x00004121, 0x01c0003f, 0x3f, 0);
	leaf(c, 0x8000001d, 1, 0x00004122, 0x01c0003f, 0x3f, 0);
	leaf(c, 0x8000001d, 2, 0x00004143, 0x01c0003f, 0x3ff, 2);
	leaf(c, 0x8000001d, 3, 0x0003c163, 0x03c0003f, 0x7fff, 1);
	leaf(c, 0x8000001e, 0, 0x05, 0x102, 0, 0);
	leaf(c, 0x80000026, 0, 1, 2, 0x100, 0x05);
	leaf(c, 0x80000026, 1, 7, 128, 0x401, 0x05);
}

/* As QEMU's TCG tells: family 15, no TOPOEXT, nothing above. */
static void host_tcg(struct cpuid *c)
{
	memset(c, 0, sizeof(*c));
	leaf(c, 0, 0, 0xd, 0x68747541, 0x444d4163, 0x69746e65);
	leaf(c, 1, 0, 0x00060fb1, 0x00000800, 0x80202001, 0x178bfbff);
	leaf(c, 0x80000000, 0, 0x8000000a, 0, 0, 0);
	leaf(c, 0x80000001, 0, 0x00060fb1, 0, 0x7, 0x2191abfd);
}

/* --- Linux' way to read them ------------------------------------------------ */

static const struct kvm_cpuid_entry2 *get(const struct cpuid *c, uint32_t function, uint32_t index)
{
	static const struct kvm_cpuid_entry2 none;
	const struct kvm_cpuid_entry2 *found = NULL;

	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entry[i].function == function && c->entry[i].index == index) {
			assert_null(found); /* KVM would take the first */
			found = &c->entry[i];
		}
	return found ? found : &none;
}

struct seen {
	uint32_t apic_id, core, package; /* ids: of the core in the machine, of the package */
	uint32_t l1, l2, llc;		 /* caches' ids */
	unsigned threads;		 /* that the core tells of */
};

/* topology_ext.c, parse_topology_leaf(): false when the leaf is of no use. */
static bool parse_levels(const struct cpuid *c, uint32_t leaf_no, struct seen *s)
{
	unsigned smt = 0, package = 0;

	for (uint32_t i = 0; i < 8; i++) {
		const struct kvm_cpuid_entry2 *e = get(c, leaf_no, i);
		unsigned type = e->ecx >> 8 & 0xff;

		if (i == 0 && (!e->ebx || type != 1))
			return false;
		if (!type)
			break;
		assert_int_equal(e->ecx & 0xff, i);
		assert_true((e->eax & 0x1f) >= package); /* shifts don't fall */
		if (type == 1) {
			smt = e->eax & 0x1f;
			s->threads = e->ebx & 0xffff;
		}
		package = e->eax & 0x1f;
		s->apic_id = e->edx;
	}
	s->core = s->apic_id >> smt;
	s->package = s->apic_id >> package;
	return true;
}

/* Sharing of a cache: the id that all have who share it. */
static uint32_t cache_id(const struct cpuid *c, uint32_t leaf_no, unsigned level, uint32_t apic_id)
{
	for (uint32_t i = 0; i < 8; i++) {
		const struct kvm_cpuid_entry2 *e = get(c, leaf_no, i);
		unsigned sharing = (e->eax >> 14 & 0xfff) + 1, bits = 0;

		if (!(e->eax & 0x1f))
			break;
		if ((e->eax >> 5 & 7) != level)
			continue;
		/* Above L1 Linux 6 counts on a power of two, and on ids in groups of it. */
		while ((1u << bits) < sharing)
			bits++;
		assert_int_equal(1u << bits, sharing);
		return apic_id >> bits;
	}
	fail_msg("no cache of level %u", level);
	return 0;
}

static void see_intel(const struct cpuid *c, struct seen *s)
{
	struct seen b;

	assert_true(parse_levels(c, 0x1f, s));
	assert_true(parse_levels(c, 0xb, &b));
	assert_int_equal(b.package, s->package); /* both leaves tell the same */
	assert_int_equal(b.core, s->core);
	s->l1 = cache_id(c, 4, 1, s->apic_id);
	s->l2 = cache_id(c, 4, 2, s->apic_id);
	s->llc = cache_id(c, 4, 3, s->apic_id);
}

/* topology_amd.c and cacheinfo_amd_init_llc_id() */
static void see_amd(const struct cpuid *c, struct seen *s)
{
	uint32_t eax = get(c, 1, 0)->eax, family = eax >> 8 & 0xf, model = (eax >> 4 & 0xf) | (eax >> 12 & 0xf0);
	bool hygon = get(c, 0, 0)->ebx == 0x6f677948;
	const struct kvm_cpuid_entry2 *e = get(c, 0x8000001e, 0);

	family += family == 0xf ? eax >> 20 & 0xff : 0;
	assert_true(get(c, 0x80000001, 0)->ecx & 1u << 22);
	assert_true(get(c, 0x80000000, 0)->eax >= 0x8000001e);
	assert_true(get(c, 0, 0)->eax >= 0xb);
	assert_false(parse_levels(c, 0x80000026, s));
	assert_true(parse_levels(c, 0xb, s));
	assert_int_equal(e->eax, s->apic_id);
	assert_int_equal((e->ebx >> 8 & 0xff) + 1, s->threads);
	assert_int_equal(s->package, s->apic_id >> (get(c, 0x80000008, 0)->ecx >> 12 & 0xf));
	s->l1 = cache_id(c, 0x8000001d, 1, s->apic_id);
	s->l2 = cache_id(c, 0x8000001d, 2, s->apic_id);
	assert_true(get(c, 0x80000006, 0)->edx);
	if (hygon || (family == 0x17 && model <= 0x1f))
		s->llc = s->apic_id >> 3;
	else if (family < 0x17)
		s->llc = e->ecx & 0xff;
	else
		s->llc = cache_id(c, 0x8000001d, 3, s->apic_id);
}

/* Two CPUs have equal ids exactly where the topology has them together. */
static void compare(const struct seen *a, unsigned i, const struct seen *b, unsigned k)
{
	struct topology_cpu x, y;

	topology_cpu(&t, i, &x);
	topology_cpu(&t, k, &y);
	assert_int_equal(a->apic_id == b->apic_id, i == k);
	assert_int_equal(a->core == b->core, x.core_first == y.core_first);
	assert_int_equal(a->l1 == b->l1, x.core_first == y.core_first);
	assert_int_equal(a->l2 == b->l2, x.core_first == y.core_first);
	assert_int_equal(a->llc == b->llc, x.llc == y.llc);
	assert_int_equal(a->package == b->package, x.package == y.package);
}

static void check_vendor(const struct cpuid *host, bool amd)
{
	static struct seen seen[4096];
	struct topology_cpu cpu;
	struct cpuid c;

	for (unsigned i = 0; i < t.n_cpus; i++) {
		c = *host;
		cpuid_for_cpu(&c, &t, i, &features);
		topology_cpu(&t, i, &cpu);
		if (amd)
			see_amd(&c, &seen[i]);
		else
			see_intel(&c, &seen[i]);
		assert_int_equal(seen[i].apic_id, cpu.apic_id);
		assert_int_equal(seen[i].threads, t.threads);
		assert_int_equal(seen[i].package, cpu.package);
		assert_int_equal(get(&c, 1, 0)->ebx >> 24, cpu.apic_id & 0xff);
		assert_int_equal(get(&c, 1, 0)->edx >> 28 & 1, cpu.package_n > 1);
		assert_int_equal(get(&c, 0xa, 0)->eax, 0);
		assert_int_equal(get(&c, 0xb, 1)->ebx, cpu.package_n);
		assert_true(get(&c, 0xb, 2)->ecx >> 8 == 0);
	}
	for (unsigned i = 0; i < t.n_cpus; i++)
		for (unsigned k = 0; k < t.n_cpus; k++)
			compare(&seen[i], i, &seen[k], k);
}

/* --- tests ---------------------------------------------------------------- */

static void apic_ids_are_unique_and_fields_just_wide_enough(void **state)
{
	unsigned seed = 1;

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned widest = 0, most = 0, n = 0;
		struct topology_cpu cpu, last = { 0 };

		random_shape(&seed);
		for (unsigned l = 0; l < t.n_llcs; l++)
			widest = t.cores[l] > widest ? t.cores[l] : widest;
		for (unsigned p = 0; p < t.n_packages; p++)
			most = t.llcs[p] > most ? t.llcs[p] : most;
		assert_true(1u << t.thread_bits >= t.threads && 1u << t.thread_bits < 2 * t.threads);
		assert_true(1u << t.core_bits >= widest && 1u << t.core_bits < 2 * widest);
		assert_true(1u << t.llc_bits >= most && 1u << t.llc_bits < 2 * most);
		for (unsigned l = 0; l < t.n_llcs; l++)
			n += t.cores[l] * t.threads;
		assert_int_equal(t.n_cpus, n);
		for (unsigned i = 0; i < t.n_cpus; i++) {
			topology_cpu(&t, i, &cpu);
			assert_true(!i || cpu.apic_id > last.apic_id);
			assert_in_range(i, cpu.core_first, cpu.core_first + cpu.core_n - 1);
			assert_in_range(cpu.core_first, cpu.llc_first, cpu.llc_first + cpu.llc_n - cpu.core_n);
			assert_in_range(cpu.llc_first, cpu.package_first,
					cpu.package_first + cpu.package_n - cpu.llc_n);
			last = cpu;
		}
		assert_int_equal(topology_apic_id_max(&t), last.apic_id);
	}
}

static void linux_reads_cpuid_as_it_was_meant(void **state)
{
	static const uint32_t signatures[] = { 0x00060fb1, 0x00600f20, 0x00830f10, 0x00a20f10, 0x00b40f40 };
	unsigned seed = 2;
	struct cpuid host;

	for (unsigned round = 0; round < 150; round++) {
		random_shape(&seed);
		host_intel(&host);
		check_vendor(&host, false);
		host_amd(&host, signatures[round % 5], false);
		assert_int_equal(cpuid_fit_topology(&host, &t, why), 0);
		check_vendor(&host, true);
		host_tcg(&host);
		check_vendor(&host, true);
	}
}

static void presets_for_each_vendor(void **state)
{
	struct cpuid host;

	for (const struct topology_preset *p = topology_presets; p->name; p++) {
		assert_int_equal(topology_parse(p->shape, &t, why), 0);
		host_intel(&host);
		check_vendor(&host, false);
		host_amd(&host, 0x00a20f10, false);
		check_vendor(&host, true);
		host_tcg(&host);
		check_vendor(&host, true);
	}
}

/* First Zen and Hygon: 8 ids an LLC, or a refusal that says so. */
static void fixed_llc_fields(void **state)
{
	unsigned seed = 3, refused = 0, fitted = 0;
	struct cpuid host;

	for (unsigned round = 0; round < 300; round++) {
		random_shape(&seed);
		host_amd(&host, round % 2 ? 0x00800f11 : 0x00900f01, round % 2 == 0);
		if (t.n_llcs > 1 && t.thread_bits + t.core_bits > 3) {
			assert_int_equal(cpuid_fit_topology(&host, &t, why), -EINVAL);
			assert_non_null(strstr(why, "; use"));
			refused++;
			continue;
		}
		assert_int_equal(cpuid_fit_topology(&host, &t, why), 0);
		if (t.n_llcs == 1)
			continue;
		check_vendor(&host, true);
		fitted++;
	}
	assert_true(refused > 10 && fitted > 10);
}

/* A host that knows of no caches or levels at all: they are made up. */
static void missing_leaves_are_made(void **state)
{
	struct cpuid host = { 0 }, c;

	assert_int_equal(topology_init(&t, 1, 2, 2, 2, why), 0);
	assert_int_equal(topology_finish(&t, why), 0);
	leaf(&host, 0, 0, 2, 0x756e6547, 0x6c65746e, 0x49656e69);
	leaf(&host, 1, 0, 0x00000f61, 0, 0, 0);
	c = host;
	cpuid_for_cpu(&c, &t, 5, &features);
	assert_true(get(&c, 0, 0)->eax >= 0xb);
	assert_int_equal(get(&c, 0xb, 0)->edx, 5);
	assert_int_equal(cache_id(&c, 4, 3, 5), 1);
	assert_int_equal(cache_id(&c, 4, 1, 5), 2);
	assert_int_equal(get(&c, 0x1f, 0)->ebx, 0); /* not of this CPU */
}

static void large_ids_need_their_feature_bit(void **state)
{
	const struct cpuid_features far = { .ext_dest_id = true };
	struct cpuid c;

	assert_int_equal(topology_parse("x2apic-256", &t, why), 0);
	host_intel(&c);
	cpuid_for_cpu(&c, &t, 255, &far);
	assert_true(get(&c, 0x40000001, 0)->eax & 1u << KVM_FEATURE_MSI_EXT_DEST_ID);
	assert_true(get(&c, 1, 0)->ecx & 1u << 21);
	host_intel(&c);
	cpuid_for_cpu(&c, &t, 255, &features);
	assert_false(get(&c, 0x40000001, 0)->eax & 1u << KVM_FEATURE_MSI_EXT_DEST_ID);
}

/* Each byte of memory belongs to one node, and none lies in the gap. */
static void memory_lies_around_the_gap(void **state)
{
	struct topology_range range[TOPOLOGY_RANGES_MAX];
	unsigned seed = 4;

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t total, at = 0, of_node[TOPOLOGY_NODES_MAX] = { 0 };
		unsigned n;

		random_shape(&seed);
		total = (t.n_nodes * 8ull + below(&seed, 6000)) * TOPOLOGY_MEMORY_UNIT;
		if (t.n_nodes > 1 && below(&seed, 2))
			t.node[below(&seed, t.n_nodes)].memory = TOPOLOGY_NODE_MIN;
		assert_int_equal(topology_share_memory(&t, total, why), 0);
		n = topology_ranges(&t, range);
		assert_true(n <= t.n_nodes + 1);
		for (unsigned i = 0; i < n; i++) {
			uint64_t end = range[i].gpa + range[i].size;

			assert_true(range[i].size && range[i].size % TOPOLOGY_MEMORY_UNIT == 0);
			assert_int_equal(range[i].offset, at);
			assert_true(end <= 0xc0000000 || range[i].gpa >= 0x100000000);
			assert_true(!i || range[i].gpa >= range[i - 1].gpa + range[i - 1].size);
			of_node[range[i].node] += range[i].size;
			at += range[i].size;
		}
		assert_int_equal(at, total);
		for (unsigned i = 0; i < t.n_nodes; i++) {
			assert_int_equal(of_node[i], t.node[i].memory);
			assert_true(of_node[i] >= TOPOLOGY_NODE_MIN);
		}
	}
}

static void latency_grows_with_distance(void **state)
{
	assert_int_equal(topology_parse("cxl-2", &t, why), 0);
	assert_int_equal(topology_latency_ns(&t, 0, 0), 100);
	assert_int_equal(topology_latency_ns(&t, 0, 1), 200);
	assert_int_equal(topology_latency_ns(&t, 0, 2), 300);
	assert_int_equal(topology_latency_ns(&t, 1, 2), 300 * 36 / 28);
	assert_int_equal(topology_bandwidth_mbs(&t, 0, 0), 51200);
	assert_int_equal(topology_bandwidth_mbs(&t, 0, 2), 20480);
	assert_true(topology_bandwidth_mbs(&t, 1, 2) < 20480);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(apic_ids_are_unique_and_fields_just_wide_enough),
		cmocka_unit_test(linux_reads_cpuid_as_it_was_meant),
		cmocka_unit_test(presets_for_each_vendor),
		cmocka_unit_test(fixed_llc_fields),
		cmocka_unit_test(missing_leaves_are_made),
		cmocka_unit_test(large_ids_need_their_feature_bit),
		cmocka_unit_test(memory_lies_around_the_gap),
		cmocka_unit_test(latency_grows_with_distance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
