/* SPDX-License-Identifier: GPL-2.0-only */
#include "kvm/acpi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kvm/acpi_table.h"
#include "kvm/internal.h"

/* Generic address structure (5.2.3.2) */
struct __attribute__((packed)) gas {
	uint8_t space, width, offset, access;
	uint64_t address;
};

struct __attribute__((packed)) fadt {
	struct acpi_header h;
	uint32_t firmware_ctrl, dsdt;
	uint8_t reserved0, preferred_pm_profile;
	uint16_t sci_int;
	uint32_t smi_cmd;
	uint8_t legacy_pm[57]; /* from ACPI_ENABLE to CENTURY: absent here */
	uint16_t iapc_boot_arch;
	uint8_t reserved1;
	uint32_t flags;
	struct gas reset_reg;
	uint8_t reset_value;
	uint16_t arm_boot_arch;
	uint8_t minor;
	uint64_t x_firmware_ctrl, x_dsdt;
	struct gas x_pm[8];
	struct gas sleep_control, sleep_status;
	uint64_t hypervisor_vendor;
};

_Static_assert(offsetof(struct fadt, iapc_boot_arch) == 109, "FADT: IAPC_BOOT_ARCH is at 109");
_Static_assert(offsetof(struct fadt, reset_reg) == 116, "FADT: RESET_REG is at 116");
_Static_assert(offsetof(struct fadt, x_dsdt) == 140, "FADT: X_DSDT is at 140");
_Static_assert(offsetof(struct fadt, sleep_control) == 244, "FADT: SLEEP_CONTROL_REG is at 244");
_Static_assert(sizeof(struct fadt) == 276, "FADT: 276 bytes in revision 6");

#define FADT_WBINVD (1u << 0)
#define FADT_RESET_REG_SUP (1u << 10)
#define FADT_HW_REDUCED (1u << 20)
#define BOOT_ARCH_NO_VGA (1u << 2)
#define BOOT_ARCH_NO_MSI (1u << 3)
#define BOOT_ARCH_NO_ASPM (1u << 4)
#define BOOT_ARCH_NO_CMOS_RTC (1u << 5)

struct __attribute__((packed)) rsdp {
	char signature[8];
	uint8_t checksum;
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum, reserved[3];
};

struct __attribute__((packed)) madt_lapic {
	uint8_t type, length, uid, apic_id;
	uint32_t flags;
};

struct __attribute__((packed)) madt_ioapic {
	uint8_t type, length, id, reserved;
	uint32_t address, gsi_base;
};

struct __attribute__((packed)) madt_lapic_nmi {
	uint8_t type, length, uid;
	uint16_t flags;
	uint8_t lint;
};

struct __attribute__((packed)) madt_x2apic {
	uint8_t type, length;
	uint16_t reserved;
	uint32_t x2apic_id, flags, uid;
};

struct __attribute__((packed)) madt_x2apic_nmi {
	uint8_t type, length;
	uint16_t flags;
	uint32_t uid;
	uint8_t lint, reserved[3];
};

static void dsdt_serial(struct aml *a, const char *name, unsigned uid, uint16_t port, unsigned gsi)
{
	size_t dev = aml_device_begin(a, name), res;

	aml_name(a, "_HID");
	aml_eisa_id(a, "PNP0501");
	aml_name(a, "_UID");
	aml_integer(a, uid);
	aml_name(a, "_CRS");
	res = aml_resources_begin(a);
	aml_io(a, port, 8);
	aml_interrupt(a, gsi);
	aml_resources_end(a, res);
	aml_end(a, dev);
}

static void dsdt_virtio(struct aml *a, unsigned index, const struct acpi_device *d)
{
	char name[5];
	size_t dev, res;

	snprintf(name, sizeof name, "VR%02X", index & 0xff);
	dev = aml_device_begin(a, name);
	aml_name(a, "_HID");
	aml_string(a, "LNRO0005");
	aml_name(a, "_UID");
	aml_integer(a, index);
	aml_name(a, "_CCA");
	aml_integer(a, 1);
	aml_name(a, "_CRS");
	res = aml_resources_begin(a);
	aml_memory32_fixed(a, d->base, d->size);
	aml_interrupt(a, d->gsi);
	aml_resources_end(a, res);
	aml_end(a, dev);
}

static uint64_t build_dsdt(struct acpi_builder *b, const struct acpi_config *cfg)
{
	struct aml *a = &b->out;
	size_t sb, pkg;

	acpi_table_begin(b, "DSDT", 2);
	sb = aml_scope_begin(a, "\\_SB_");
	dsdt_serial(a, "COM1", 1, PORT_COM1, GSI_COM1);
	dsdt_serial(a, "COM2", 2, PORT_COM2, GSI_COM2);
	for (unsigned i = 0; i < cfg->n_devices; i++)
		dsdt_virtio(a, i, &cfg->device[i]);
	aml_end(a, sb);
	aml_name(a, "\\_S5_");
	pkg = aml_package_begin(a, 4);
	aml_integer(a, SLEEP_TYPE_S5);
	for (int i = 0; i < 3; i++)
		aml_integer(a, 0);
	aml_end(a, pkg);
	return acpi_table_end(b);
}

static struct gas io_register(uint64_t port)
{
	return (struct gas){ .space = 1, .width = 8, .access = 1, .address = port };
}

static uint64_t build_fadt(struct acpi_builder *b, uint64_t dsdt)
{
	struct fadt f = {
		.dsdt = (uint32_t)dsdt,
		.x_dsdt = dsdt,
		.iapc_boot_arch = BOOT_ARCH_NO_VGA | BOOT_ARCH_NO_MSI | BOOT_ARCH_NO_ASPM | BOOT_ARCH_NO_CMOS_RTC,
		.flags = FADT_WBINVD | FADT_RESET_REG_SUP | FADT_HW_REDUCED,
		.reset_reg = io_register(PORT_RESET),
		.reset_value = RESET_VALUE,
		.minor = 4,
		.sleep_control = io_register(PORT_SLEEP_CONTROL),
		.sleep_status = io_register(PORT_SLEEP_STATUS),
	};

	memcpy(&f.hypervisor_vendor, "KTSTR\0\0", 8);
	acpi_table_begin(b, "FACP", 6);
	aml_bytes(&b->out, (uint8_t *)&f + sizeof f.h, sizeof f - sizeof f.h);
	return acpi_table_end(b);
}

static void madt_cpu(struct aml *a, uint32_t uid, uint32_t apic_id)
{
	struct madt_lapic l = { .length = sizeof l, .uid = (uint8_t)uid, .apic_id = (uint8_t)apic_id, .flags = 1 };
	struct madt_x2apic x = { .type = 9, .length = sizeof x, .x2apic_id = apic_id, .flags = 1, .uid = uid };

	if (apic_id < ACPI_X2APIC_FIRST)
		aml_bytes(a, &l, sizeof l);
	else
		aml_bytes(a, &x, sizeof x);
}

static uint64_t build_madt(struct acpi_builder *b, const struct topology *t)
{
	uint32_t fixed[2] = { LAPIC_BASE, 0 }; /* flags 0: no 8259 for the guest to mind */
	struct madt_ioapic io = { .type = 1, .length = sizeof io, .address = IOAPIC_BASE };
	struct madt_lapic_nmi nmi = { .type = 4, .length = sizeof nmi, .uid = 0xff, .lint = 1 };
	struct madt_x2apic_nmi nmi2 = { .type = 10, .length = sizeof nmi2, .uid = 0xffffffff, .lint = 1 };
	struct topology_cpu cpu;

	acpi_table_begin(b, "APIC", 5);
	aml_bytes(&b->out, fixed, sizeof fixed);
	for (unsigned i = 0; i < t->n_cpus; i++) {
		topology_cpu(t, i, &cpu);
		madt_cpu(&b->out, i, cpu.apic_id);
	}
	aml_bytes(&b->out, &io, sizeof io);
	aml_bytes(&b->out, &nmi, sizeof nmi);
	if (topology_apic_id_max(t) >= ACPI_X2APIC_FIRST)
		aml_bytes(&b->out, &nmi2, sizeof nmi2);
	return acpi_table_end(b);
}

int acpi_build(uint8_t *dst, size_t size, const struct acpi_config *cfg, struct acpi_table *tables, unsigned *n_tables)
{
	struct acpi_builder b = { .out = { .buf = dst, .cap = size } };
	struct rsdp r = { .revision = 2, .length = sizeof r };
	uint64_t entry[5];
	unsigned n = 0;

	memcpy(r.signature, "RSD PTR ", 8);
	memcpy(r.oem_id, ACPI_OEM_ID, sizeof ACPI_OEM_ID);
	aml_bytes(&b.out, &r, sizeof r);

	entry[n++] = build_fadt(&b, build_dsdt(&b, cfg));
	entry[n++] = build_madt(&b, cfg->topology);
	if (cfg->topology->n_nodes > 1) {
		entry[n++] = acpi_build_srat(&b, cfg->topology);
		entry[n++] = acpi_build_slit(&b, cfg->topology);
		entry[n++] = acpi_build_hmat(&b, cfg->topology);
	}
	acpi_table_begin(&b, "XSDT", 1);
	aml_bytes(&b.out, entry, n * sizeof *entry);
	r.xsdt = acpi_table_end(&b);
	if (b.out.overflow)
		return -ENOSPC;

	r.checksum = acpi_checksum(&r, 20);
	r.extended_checksum = acpi_checksum(&r, sizeof r);
	memcpy(dst, &r, sizeof r);
	if (tables) {
		memcpy(tables, b.table, b.n * sizeof *tables);
		*n_tables = b.n;
	}
	return (int)b.out.len;
}
