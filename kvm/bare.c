/* SPDX-License-Identifier: GPL-2.0-only */
#include "kvm/bare.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PML4 0x1000u
#define PDPT 0x2000u
#define PD 0x3000u
#define GDT 0x4000u
#define IDT 0x5000u
#define STACK_TOP 0x8000u
#define CPUID_ENTRIES 256
#define CODE_SELECTOR 8
#define DATA_SELECTOR 16
#define X2APIC_ENABLED (3u << 10)

static void segment(struct kvm_segment *s, bool is_code)
{
	*s = (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = is_code ? CODE_SELECTOR : DATA_SELECTOR,
		.type = is_code ? 11 : 3,
		.present = 1,
		.db = !is_code,
		.s = 1,
		.l = is_code,
		.g = 1,
	};
}

/* Interrupt delivery and iret load segments from the GDT. */
static void write_tables(uint8_t *mem, const struct bare_code *code)
{
	uint64_t *gdt = (uint64_t *)(mem + GDT);

	gdt[CODE_SELECTOR / 8] = 0x00af9b000000ffff;
	gdt[DATA_SELECTOR / 8] = 0x00cf93000000ffff;
	for (unsigned i = 0; i < code->n_gates; i++) {
		uint64_t *gate = (uint64_t *)(mem + IDT + 16u * code->gates[i].vector);
		uint64_t at = BARE_CODE + code->gates[i].offset;

		gate[0] = (at & 0xffff) | CODE_SELECTOR << 16 | 0x8e00ull << 32 | (at >> 16) << 48;
		gate[1] = 0;
	}
}

static int enter_long_mode(struct bare *g, const struct bare_code *code)
{
	struct kvm_sregs s;
	struct kvm_regs r = { .rip = BARE_CODE, .rflags = 2, .rsp = STACK_TOP };

	*(uint64_t *)(g->mem + PML4) = PDPT | 3;
	*(uint64_t *)(g->mem + PDPT) = PD | 3;
	*(uint64_t *)(g->mem + PD) = 0x83; /* one page of 2 MiB */
	if (ioctl(g->vcpu, KVM_GET_SREGS, &s))
		return -errno;
	segment(&s.cs, true);
	segment(&s.ds, false);
	s.es = s.fs = s.gs = s.ss = s.ds;
	s.cr3 = PML4;
	s.cr4 = 1 << 5;		   /* PAE */
	s.cr0 = 1u << 31 | 1;	   /* PG, PE */
	s.efer = 1 << 10 | 1 << 8; /* LMA, LME */
	if (code->n_gates) {
		write_tables(g->mem, code);
		s.gdt = (struct kvm_dtable){ .base = GDT, .limit = 0xfff };
		s.idt = (struct kvm_dtable){ .base = IDT, .limit = 0xfff };
		s.apic_base |= X2APIC_ENABLED;
	}
	if (ioctl(g->vcpu, KVM_SET_SREGS, &s) || ioctl(g->vcpu, KVM_SET_REGS, &r))
		return -errno;
	return 0;
}

static int set_cpuid(int kvm, int vcpu)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof *c + CPUID_ENTRIES * sizeof c->entries[0]);
	int rc = 0;

	if (!c)
		return -ENOMEM;
	c->nent = CPUID_ENTRIES;
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, c) || ioctl(vcpu, KVM_SET_CPUID2, c))
		rc = -errno;
	free(c);
	return rc;
}

int bare_create(struct bare *g, int kvm, const struct bare_code *code)
{
	struct kvm_userspace_memory_region ram = { .memory_size = BARE_RAM };
	int rc;

	assert(code->size <= BARE_DATA - BARE_CODE);
	*g = (struct bare){ .vm = -1, .vcpu = -1 };
	g->mem = mmap(NULL, BARE_RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g->mem == MAP_FAILED) {
		g->mem = NULL;
		return -errno;
	}
	memcpy(g->mem + BARE_CODE, code->bytes, code->size);
	g->vm = ioctl(kvm, KVM_CREATE_VM, 0ul);
	if (g->vm < 0)
		return -errno;
	ram.userspace_addr = (uint64_t)(uintptr_t)g->mem;
	/* KVM on Intel without unrestricted guest needs room for its TSS. */
	ioctl(g->vm, KVM_SET_TSS_ADDR, 0xfffbd000ul);
	if (ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &ram) || (code->n_gates && ioctl(g->vm, KVM_CREATE_IRQCHIP, 0ul)))
		return -errno;
	g->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 0ul);
	if (g->vcpu < 0)
		return -errno;
	g->run_size = (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	g->run = mmap(NULL, g->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
	if (g->run == MAP_FAILED) {
		g->run = NULL;
		return -errno;
	}
	/* Before the registers: KVM refuses EFER.LME before CPUID has long mode. */
	rc = set_cpuid(kvm, g->vcpu);
	return rc ? rc : enter_long_mode(g, code);
}

void bare_free(struct bare *g)
{
	if (g->run)
		munmap(g->run, g->run_size);
	if (g->vcpu >= 0)
		close(g->vcpu);
	if (g->vm >= 0)
		close(g->vm);
	if (g->mem)
		munmap(g->mem, BARE_RAM);
}
