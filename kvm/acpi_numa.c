/* SPDX-License-Identifier: GPL-2.0-only */
/* NUMA in ACPI 6.4: SRAT (5.2.16), SLIT (5.2.17) and HMAT (5.2.28, revision 2). Proximity domains are our nodes. */
#include "kvm/acpi_table.h"

struct __attribute__((packed)) srat_lapic {
	uint8_t type, length, domain_low, apic_id;
	uint32_t flags;
	uint8_t sapic_eid, domain_high[3];
	uint32_t clock_domain;
};

struct __attribute__((packed)) srat_memory {
	uint8_t type, length;
	uint32_t domain;
	uint16_t reserved0;
	uint64_t base, size;
	uint32_t reserved1, flags;
	uint64_t reserved2;
};

struct __attribute__((packed)) srat_x2apic {
	uint8_t type, length;
	uint16_t reserved0;
	uint32_t domain, x2apic_id, flags, clock_domain, reserved1;
};

#define SRAT_ENABLED 1u

static void srat_cpu(struct aml *a, const struct topology_cpu *cpu)
{
	struct srat_lapic l = {
		.length = sizeof l,
		.domain_low = (uint8_t)cpu->package,
		.apic_id = (uint8_t)cpu->apic_id,
		.flags = SRAT_ENABLED,
	};
	struct srat_x2apic x = {
		.type = 2,
		.length = sizeof x,
		.domain = cpu->package,
		.x2apic_id = cpu->apic_id,
		.flags = SRAT_ENABLED,
	};

	if (cpu->apic_id < ACPI_X2APIC_FIRST)
		aml_bytes(a, &l, sizeof l);
	else
		aml_bytes(a, &x, sizeof x);
}

uint64_t acpi_build_srat(struct acpi_builder *b, const struct topology *t)
{
	struct topology_range range[TOPOLOGY_RANGES_MAX];
	unsigned n_ranges = topology_ranges(t, range);
	uint32_t revision = 1; /* "reserved, must be 1" */
	uint64_t reserved = 0;
	struct topology_cpu cpu;

	acpi_table_begin(b, "SRAT", 3);
	aml_bytes(&b->out, &revision, sizeof revision);
	aml_bytes(&b->out, &reserved, sizeof reserved);
	for (unsigned i = 0; i < t->n_cpus; i++) {
		topology_cpu(t, i, &cpu);
		srat_cpu(&b->out, &cpu);
	}
	for (unsigned i = 0; i < n_ranges; i++) {
		struct srat_memory m = {
			.type = 1,
			.length = sizeof m,
			.domain = range[i].node,
			.base = range[i].gpa,
			.size = range[i].size,
			.flags = SRAT_ENABLED,
		};

		aml_bytes(&b->out, &m, sizeof m);
	}
	return acpi_table_end(b);
}

uint64_t acpi_build_slit(struct acpi_builder *b, const struct topology *t)
{
	uint64_t n = t->n_nodes;

	acpi_table_begin(b, "SLIT", 1);
	aml_bytes(&b->out, &n, sizeof n);
	for (unsigned from = 0; from < t->n_nodes; from++)
		aml_bytes(&b->out, t->distance[from], t->n_nodes);
	return acpi_table_end(b);
}

/* --- HMAT ---------------------------------------------------------------- */

struct __attribute__((packed)) hmat_domain {
	uint16_t type, reserved0;
	uint32_t length;
	uint16_t flags, reserved1;
	uint32_t initiator, memory, reserved2;
	uint64_t reserved3, reserved4;
};

struct __attribute__((packed)) hmat_locality {
	uint16_t type, reserved0;
	uint32_t length;
	uint8_t flags, data_type, min_transfer, reserved1;
	uint32_t n_initiators, n_targets, reserved2;
	uint64_t entry_base_unit;
};

struct __attribute__((packed)) hmat_cache {
	uint16_t type, reserved0;
	uint32_t length, domain, reserved1;
	uint64_t size;
	uint32_t attributes;
	uint16_t address_mode, n_smbios;
};

enum { HMAT_ACCESS_LATENCY = 0, HMAT_ACCESS_BANDWIDTH = 3 };
#define HMAT_INITIATOR_VALID 1u
#define HMAT_LATENCY_UNIT_PS 1000u
#define HMAT_BANDWIDTH_UNIT_MBS 10u

/* Latency, or bandwidth, from each node with CPUs to the memory of each node. */
static void hmat_matrix(struct aml *a, const struct topology *t, bool bandwidth)
{
	struct hmat_locality l = {
		.type = 1,
		.length = (uint32_t)(sizeof l + 4 * t->n_packages + 4 * t->n_nodes + 2 * t->n_packages * t->n_nodes),
		.data_type = bandwidth ? HMAT_ACCESS_BANDWIDTH : HMAT_ACCESS_LATENCY,
		.n_initiators = t->n_packages,
		.n_targets = t->n_nodes,
		.entry_base_unit = bandwidth ? HMAT_BANDWIDTH_UNIT_MBS : HMAT_LATENCY_UNIT_PS,
	};

	aml_bytes(a, &l, sizeof l);
	for (uint32_t n = 0; n < t->n_packages; n++)
		aml_bytes(a, &n, sizeof n);
	for (uint32_t n = 0; n < t->n_nodes; n++)
		aml_bytes(a, &n, sizeof n);
	for (unsigned from = 0; from < t->n_packages; from++)
		for (unsigned to = 0; to < t->n_nodes; to++) {
			uint16_t v = (uint16_t)(bandwidth
							? topology_bandwidth_mbs(t, from, to) / HMAT_BANDWIDTH_UNIT_MBS
							: topology_latency_ns(t, from, to));

			aml_bytes(a, &v, sizeof v);
		}
}

uint64_t acpi_build_hmat(struct acpi_builder *b, const struct topology *t)
{
	uint32_t reserved = 0;

	acpi_table_begin(b, "HMAT", 2);
	aml_bytes(&b->out, &reserved, sizeof reserved);
	for (uint32_t n = 0; n < t->n_nodes; n++) {
		struct hmat_domain d = { .length = sizeof d, .memory = n };

		/* A node without CPUs has no attached initiator. */
		if (t->llcs[n]) {
			d.flags = HMAT_INITIATOR_VALID;
			d.initiator = n;
		}
		aml_bytes(&b->out, &d, sizeof d);
	}
	hmat_matrix(&b->out, t, false);
	hmat_matrix(&b->out, t, true);
	for (uint32_t n = 0; n < t->n_nodes; n++) {
		/* One level, and this is it; direct-mapped, write-back, lines of 64. */
		struct hmat_cache c = {
			.type = 2,
			.length = sizeof c,
			.domain = n,
			.size = t->node[n].side_cache,
			.attributes = 1 | 1 << 4 | 1 << 8 | 1 << 12 | 64u << 16,
		};

		if (c.size)
			aml_bytes(&b->out, &c, sizeof c);
	}
	return acpi_table_end(b);
}
