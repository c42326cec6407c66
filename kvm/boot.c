/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prepares the first instruction: loads kernel and initrd (load.c), and writes what both boot protocols need: memory
 * map, command line, ACPI tables, registers.
 */
#include "kvm/boot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/acpi.h"

/* Where things are put (guest-physical) */
#define GDT_ADDR 0x500u
#define PVH_INFO_ADDR 0x6000u
#define ZERO_PAGE_ADDR 0x7000u
#define STACK_ADDR 0x8ff0u
#define PML4_ADDR 0x9000u
#define PDPT_ADDR 0xa000u
#define PD_ADDR 0xb000u /* four of them: 4 GiB, identity */
#define CMDLINE_ADDR 0x20000u
#define EBDA_ADDR 0x9fc00u

#define PVH_MAGIC 0x336ec578u

/* include/xen/interface/hvm/start_info.h, version 1 */
struct pvh_start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};
struct pvh_module {
	uint64_t paddr, size, cmdline, reserved;
};
struct pvh_memmap {
	uint64_t addr, size;
	uint32_t type, reserved;
};

/* --- command line, memory map, ACPI ------------------------------------------ */

static int make_cmdline(struct boot *b, struct vm_error *err)
{
	const struct vm *vm = b->vm;
	size_t n = (size_t)snprintf(b->cmdline, sizeof b->cmdline, "%s", vm->cfg.cmdline ? vm->cfg.cmdline : "");

	for (unsigned i = 0; i < vm->n_devices && vm->cfg.cmdline_devices && n < sizeof b->cmdline; i++)
		n += (size_t)snprintf(b->cmdline + n, sizeof b->cmdline - n, " virtio_mmio.device=0x%x@0x%x:%u",
				      VIRTIO_MMIO_SIZE, vm->device[i].base, vm->device[i].gsi);
	if (n >= sizeof b->cmdline)
		return vm_fail_as(err, VM_FAULT_CMDLINE, E2BIG, "kernel command line: more than %u bytes",
				  CMDLINE_MAX - 1);
	memcpy(low(b, CMDLINE_ADDR, CMDLINE_MAX), b->cmdline, n + 1);
	return 0;
}

static unsigned memory_map(const struct boot *b, struct boot_e820_entry *e)
{
	const struct guest_memory *m = &b->vm->mem;
	unsigned n = 0;

	e[n++] = (struct boot_e820_entry){ 0, EBDA_ADDR, 1 };
	e[n++] = (struct boot_e820_entry){ ACPI_BASE, ACPI_SIZE, 2 };
	e[n++] = (struct boot_e820_entry){ KERNEL_ADDR, m->region[0].size - KERNEL_ADDR, 1 };
	for (unsigned i = 1; i < m->n; i++)
		e[n++] = (struct boot_e820_entry){ m->region[i].gpa, m->region[i].size, 1 };
	return n;
}

static int write_acpi(struct boot *b, struct vm_error *err)
{
	struct vm *vm = b->vm;
	struct acpi_device device[VM_DEVICES_MAX];
	struct acpi_config cfg = { .topology = &vm->topology, .device = device };
	int rc;

	/* A device that the command line announces must not be announced by ACPI too. */
	for (unsigned i = 0; i < vm->n_devices && !vm->cfg.cmdline_devices; i++)
		device[cfg.n_devices++] =
			(struct acpi_device){ vm->device[i].base, VIRTIO_MMIO_SIZE, vm->device[i].gsi };
	rc = acpi_build(low(b, ACPI_BASE, ACPI_SIZE), ACPI_SIZE, &cfg, NULL, NULL);
	return rc < 0 ? vm_fail(err, -rc, "ACPI tables: more than %u bytes", ACPI_SIZE) : 0;
}

static void write_zero_page(struct boot *b)
{
	struct boot_params *p = low(b, ZERO_PAGE_ADDR, sizeof *p);

	memset(p, 0, sizeof *p);
	p->hdr = b->header;
	p->hdr.type_of_loader = 0xff;
	p->hdr.cmd_line_ptr = CMDLINE_ADDR;
	p->hdr.ramdisk_image = (uint32_t)b->initrd_addr;
	p->hdr.ramdisk_size = (uint32_t)b->initrd_size;
	p->acpi_rsdp_addr = ACPI_BASE;
	p->e820_entries = (uint8_t)memory_map(b, p->e820_table);
}

static void write_pvh_info(struct boot *b)
{
	struct {
		struct pvh_start_info info;
		struct pvh_module module;
		struct pvh_memmap map[8];
	} *p = low(b, PVH_INFO_ADDR, sizeof *p);
	struct boot_e820_entry e[8];

	memset(p, 0, sizeof *p);
	p->info = (struct pvh_start_info){
		.magic = PVH_MAGIC,
		.version = 1,
		.cmdline = CMDLINE_ADDR,
		.rsdp = ACPI_BASE,
		.memmap = PVH_INFO_ADDR + ((uint8_t *)p->map - (uint8_t *)p),
		.memmap_entries = memory_map(b, e),
	};
	for (unsigned i = 0; i < p->info.memmap_entries; i++)
		p->map[i] = (struct pvh_memmap){ .addr = e[i].addr, .size = e[i].size, .type = e[i].type };
	if (b->initrd_size) {
		p->info.nr_modules = 1;
		p->info.modlist = PVH_INFO_ADDR + ((uint8_t *)&p->module - (uint8_t *)p);
		p->module = (struct pvh_module){ .paddr = b->initrd_addr, .size = b->initrd_size };
	}
}

/* --- the first vCPU ------------------------------------------------------------ */

#define SEG_CODE64 0xa09b
#define SEG_CODE32 0xc09b
#define SEG_DATA 0xc093
#define SEG_TSS 0x008b

/* Selector @index with attributes @attr (as in bytes 5 and 6 of a descriptor). */
static struct kvm_segment make_segment(unsigned index, unsigned attr, uint32_t limit)
{
	return (struct kvm_segment){
		.limit = limit,
		.selector = (uint16_t)(index * 8),
		.type = attr & 0xf,
		.s = attr >> 4 & 1,
		.dpl = attr >> 5 & 3,
		.present = attr >> 7 & 1,
		.l = attr >> 13 & 1,
		.db = attr >> 14 & 1,
		.g = attr >> 15 & 1,
	};
}

static uint64_t gdt_entry(unsigned attr, uint32_t limit_field)
{
	return (uint64_t)(attr & 0xf0ff) << 40 | (uint64_t)(limit_field & 0xf0000) << 32 | (limit_field & 0xffff);
}

static void set_segments(struct boot *b, struct kvm_sregs *s)
{
	unsigned code = b->pvh ? SEG_CODE32 : SEG_CODE64;
	/* The 64-bit boot protocol wants __BOOT_CS 0x10 and __BOOT_DS 0x18. */
	uint64_t gdt[5] = { 0, 0, gdt_entry(code, 0xfffff), gdt_entry(SEG_DATA, 0xfffff), gdt_entry(SEG_TSS, 0x67) };

	memcpy(low(b, GDT_ADDR, sizeof gdt), gdt, sizeof gdt);
	s->gdt.base = GDT_ADDR;
	s->gdt.limit = sizeof gdt - 1;
	s->idt.limit = 0;
	s->cs = make_segment(2, code, 0xffffffff);
	s->ds = s->es = s->fs = s->gs = s->ss = make_segment(3, SEG_DATA, 0xffffffff);
	s->tr = make_segment(4, SEG_TSS, 0x67);
	s->cr0 = 1; /* PE */
}

static void set_paging(struct boot *b, struct kvm_sregs *s)
{
	uint64_t *pml4 = low(b, PML4_ADDR, 4096), *pdpt = low(b, PDPT_ADDR, 4096), *pd = low(b, PD_ADDR, 4 * 4096);

	pml4[0] = PDPT_ADDR | 3;
	for (unsigned i = 0; i < 4; i++)
		pdpt[i] = (PD_ADDR + i * 4096ull) | 3;
	for (uint64_t i = 0; i < 4 * 512; i++)
		pd[i] = i << 21 | 0x83; /* 2 MiB, present, writable */
	s->cr3 = PML4_ADDR;
	s->cr4 = 1 << 5;	    /* PAE */
	s->cr0 |= 1u << 31;	    /* PG */
	s->efer = 1 << 10 | 1 << 8; /* LMA, LME */
}

static int set_registers(struct boot *b, struct vm_error *err)
{
	int fd = b->vm->vcpu[0].fd;
	struct kvm_sregs s;
	struct kvm_regs r = { .rip = b->entry, .rflags = 2, .rsp = STACK_ADDR, .rbp = STACK_ADDR };

	if (ioctl(fd, KVM_GET_SREGS, &s))
		return vm_fail(err, errno, "vCPU 0: cannot read its registers: %s", strerror(errno));
	set_segments(b, &s);
	if (b->pvh) {
		r.rbx = PVH_INFO_ADDR;
	} else {
		set_paging(b, &s);
		r.rsi = ZERO_PAGE_ADDR;
	}
	if (ioctl(fd, KVM_SET_SREGS, &s) || ioctl(fd, KVM_SET_REGS, &r))
		return vm_fail(err, errno, "vCPU 0: cannot set its registers: %s", strerror(errno));
	return 0;
}

#define X2APIC_MODE (1u << 10) /* of IA32_APIC_BASE */

/* Firmware hands over such a machine in x2APIC mode (Intel SDM 3, 11.12.8.1). A kernel that finds the APICs in xAPIC
 * mode drops each CPU whose id exceeds 8 bits before it considers x2APIC mode. */
static int set_x2apic_mode(struct vm *vm, struct vm_error *err)
{
	struct kvm_sregs s;

	for (unsigned i = 0; i < vm->n_vcpus; i++) {
		if (ioctl(vm->vcpu[i].fd, KVM_GET_SREGS, &s))
			return vm_fail(err, errno, "vCPU %u: cannot read its registers: %s", i, strerror(errno));
		s.apic_base |= X2APIC_MODE;
		if (ioctl(vm->vcpu[i].fd, KVM_SET_SREGS, &s))
			return vm_fail(err, errno, "vCPU %u: no x2APIC mode: %s", i, strerror(errno));
	}
	return 0;
}

#define MSR_IA32_MISC_ENABLE 0x1a0
#define MSR_MTRR_DEF_TYPE 0x2ff

/* What firmware would have done on every CPU: write-back memory, fast strings,
 * NMIs by LINT1. */
static int set_firmware_state(struct vm *vm, struct vm_error *err)
{
	union {
		struct kvm_msrs msrs;
		uint8_t room[sizeof(struct kvm_msrs) + 2 * sizeof(struct kvm_msr_entry)];
	} u = { .msrs = { .nmsrs = 2 } };

	u.msrs.entries[0] = (struct kvm_msr_entry){ .index = MSR_IA32_MISC_ENABLE, .data = 1 };
	u.msrs.entries[1] = (struct kvm_msr_entry){ .index = MSR_MTRR_DEF_TYPE, .data = 1 << 11 | 6 };
	for (unsigned i = 0; i < vm->n_vcpus; i++) {
		struct kvm_lapic_state lapic;
		uint32_t masked_extint = 0x10700, nmi = 0x400;

		if (ioctl(vm->vcpu[i].fd, KVM_SET_MSRS, &u.msrs) != 2)
			return vm_fail(err, EIO, "vCPU %u: KVM refuses MISC_ENABLE or MTRR_DEF_TYPE", i);
		if (ioctl(vm->vcpu[i].fd, KVM_GET_LAPIC, &lapic))
			return vm_fail(err, errno, "vCPU %u: no LAPIC: %s", i, strerror(errno));
		memcpy(lapic.regs + 0x350, &masked_extint, 4);
		memcpy(lapic.regs + 0x360, &nmi, 4);
		if (ioctl(vm->vcpu[i].fd, KVM_SET_LAPIC, &lapic))
			return vm_fail(err, errno, "vCPU %u: cannot set its LAPIC: %s", i, strerror(errno));
	}
	return 0;
}

int boot_load(struct vm *vm, struct vm_error *err)
{
	struct boot b = { .vm = vm };
	int rc = make_cmdline(&b, err);

	if (!rc)
		rc = load_kernel(&b, err);
	if (!rc)
		rc = load_initrd(&b, err);
	if (!rc)
		rc = write_acpi(&b, err);
	if (rc)
		goto out;
	if (b.pvh)
		write_pvh_info(&b);
	else
		write_zero_page(&b);
	rc = set_registers(&b, err);
	if (!rc && vm->split)
		rc = set_x2apic_mode(vm, err);
	if (!rc)
		rc = set_firmware_state(vm, err);
out:
	load_done(&b);
	return rc;
}
