/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From files to a first instruction: the kernel is told apart by its content
 * (bzImage, entered at its 64-bit entry; ELF with a PVH note, entered in 32-bit
 * protected mode), the initrd goes to the top of low memory, and what both
 * protocols need (memory map, command line, ACPI) is written beside them.
 */
#include <asm/bootparam.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kvm/acpi.h"
#include "kvm/internal.h"

/* Where things are put (guest-physical) */
#define GDT_ADDR 0x500u
#define PVH_INFO_ADDR 0x6000u
#define ZERO_PAGE_ADDR 0x7000u
#define STACK_ADDR 0x8ff0u
#define PML4_ADDR 0x9000u
#define PDPT_ADDR 0xa000u
#define PD_ADDR 0xb000u /* four of them: 4 GiB, identity */
#define CMDLINE_ADDR 0x20000u
#define CMDLINE_MAX 4096u
#define EBDA_ADDR 0x9fc00u
#define KERNEL_ADDR 0x100000u

#define PVH_MAGIC 0x336ec578u
#define PVH_NOTE_TYPE 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
#define XLF_64 (1 << 0)

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

struct image {
	const char *path;
	const uint8_t *data;
	size_t size;
};

struct boot {
	struct vm *vm;
	struct image kernel, initrd;
	bool pvh;
	uint64_t entry;
	uint64_t kernel_end; /* first byte that the running kernel does not need */
	uint64_t initrd_max; /* last byte that the initrd may use, plus one */
	uint64_t initrd_addr;
	char cmdline[CMDLINE_MAX];
	struct setup_header header;
};

/* --- files ---------------------------------------------------------------- */

static int image_map(struct image *im, const char *what, const char *path, struct vm_error *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	void *p;

	im->path = path;
	if (fd < 0)
		return vm_fail(err, errno, "%s: cannot open the %s: %s", path, what, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		rc = vm_fail(err, EINVAL, "%s: the %s is not a regular file", path, what);
	} else if (st.st_size == 0) {
		rc = vm_fail(err, EINVAL, "%s: the %s is empty", path, what);
	} else {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED)
			rc = vm_fail(err, errno, "%s: cannot map the %s: %s", path, what, strerror(errno));
		else
			*im = (struct image){ .path = path, .data = p, .size = (size_t)st.st_size };
	}
	close(fd);
	return rc;
}

static void image_unmap(struct image *im)
{
	if (im->data)
		munmap((void *)im->data, im->size);
	im->data = NULL;
}

static void *low(const struct boot *b, uint64_t gpa, uint64_t len)
{
	return guest_memory_at(&b->vm->mem, gpa, len);
}

/* --- bzImage --------------------------------------------------------------- */

static bool is_bzimage(const struct image *k)
{
	return k->size > 0x268 && !memcmp(k->data + 0x202, "HdrS", 4);
}

static int load_bzimage(struct boot *b, struct vm_error *err)
{
	const struct image *k = &b->kernel;
	struct setup_header *h = &b->header;
	size_t setup, payload, available;
	uint8_t *dst;

	memcpy(h, k->data + 0x1f1, sizeof *h);
	if (h->version < 0x20c || !(h->xloadflags & XLF_64) || !(h->loadflags & LOADED_HIGH))
		return vm_fail(
			err, EINVAL,
			"%s: this bzImage has no 64-bit entry (boot protocol %u.%02u); ktstr needs an x86-64 kernel",
			k->path, h->version >> 8, h->version & 0xff);
	setup = ((h->setup_sects ? h->setup_sects : 4) + 1u) * 512u;
	payload = (size_t)h->syssize * 16;
	/* syssize counts paragraphs, so the last one may be short of the file. */
	available = k->size > setup ? k->size - setup : 0;
	if (payload > available + 15)
		return vm_fail(err, EINVAL, "%s: truncated kernel: %zu bytes of %zu are there; fetch it again", k->path,
			       k->size, setup + payload);
	if (payload > available)
		payload = available;
	/* The decompressor works in place: it needs init_size from where it is,
	 * and from the preferred address when it moves there. */
	b->kernel_end = (h->pref_address > KERNEL_ADDR ? h->pref_address : KERNEL_ADDR) + h->init_size;
	b->initrd_max = (uint64_t)h->initrd_addr_max + 1;
	dst = low(b, KERNEL_ADDR, payload);
	if (!dst || !low(b, b->kernel_end - 1, 1))
		return vm_fail(err, ENOSPC, "%s: the kernel needs %llu MiB and the guest has %llu; raise --memory",
			       k->path, (unsigned long long)(b->kernel_end >> 20) + 1,
			       (unsigned long long)(b->vm->ram_size >> 20));
	memcpy(dst, k->data + setup, payload);
	b->entry = KERNEL_ADDR + 0x200;
	if (h->cmdline_size && strlen(b->cmdline) > h->cmdline_size)
		return vm_fail(err, E2BIG, "kernel command line: %zu bytes; %s takes at most %u", strlen(b->cmdline),
			       k->path, h->cmdline_size);
	return 0;
}

/* --- ELF with a PVH note ---------------------------------------------------- */

static bool is_elf(const struct image *k)
{
	return k->size > sizeof(Elf64_Ehdr) && !memcmp(k->data, ELFMAG, SELFMAG);
}

static bool within(const struct image *k, uint64_t offset, uint64_t len)
{
	return offset <= k->size && len <= k->size - offset;
}

static bool find_pvh_entry(const struct image *k, const Elf64_Phdr *ph, uint64_t *entry)
{
	uint64_t at = ph->p_offset, end = ph->p_offset + ph->p_filesz;

	while (at + sizeof(Elf64_Nhdr) <= end) {
		Elf64_Nhdr n;
		uint64_t name, desc;

		memcpy(&n, k->data + at, sizeof n);
		name = at + sizeof n;
		desc = name + ((n.n_namesz + 3ull) & ~3ull);
		at = desc + ((n.n_descsz + 3ull) & ~3ull);
		if (desc + n.n_descsz > end)
			return false;
		if (n.n_type == PVH_NOTE_TYPE && n.n_namesz == 4 && !memcmp(k->data + name, "Xen", 4) &&
		    (n.n_descsz == 4 || n.n_descsz == 8)) {
			*entry = 0;
			memcpy(entry, k->data + desc, n.n_descsz);
			return true;
		}
	}
	return false;
}

static int load_segment(struct boot *b, const Elf64_Phdr *ph, struct vm_error *err)
{
	const struct image *k = &b->kernel;
	uint8_t *dst;

	if (!ph->p_memsz)
		return 0;
	if (!within(k, ph->p_offset, ph->p_filesz) || ph->p_filesz > ph->p_memsz)
		return vm_fail(err, EINVAL, "%s: truncated kernel: a segment is not in the file; fetch it again",
			       k->path);
	dst = low(b, ph->p_paddr, ph->p_memsz);
	if (!dst || ph->p_paddr < KERNEL_ADDR)
		return vm_fail(err, ENOSPC,
			       "%s: a kernel segment at 0x%llx (%llu MiB) is outside guest memory; raise --memory",
			       k->path, (unsigned long long)ph->p_paddr, (unsigned long long)(ph->p_memsz >> 20));
	memcpy(dst, k->data + ph->p_offset, ph->p_filesz); /* the rest of fresh memory is zero */
	if (ph->p_paddr + ph->p_memsz > b->kernel_end)
		b->kernel_end = ph->p_paddr + ph->p_memsz;
	return 0;
}

static int load_elf(struct boot *b, struct vm_error *err)
{
	const struct image *k = &b->kernel;
	Elf64_Ehdr eh;
	bool found = false;
	int rc = 0;

	memcpy(&eh, k->data, sizeof eh);
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_machine != EM_X86_64)
		return vm_fail(err, EINVAL, "%s: not an x86-64 ELF; ktstr needs an x86-64 kernel", k->path);
	if (eh.e_phentsize != sizeof(Elf64_Phdr) || !within(k, eh.e_phoff, (uint64_t)eh.e_phnum * sizeof(Elf64_Phdr)))
		return vm_fail(err, EINVAL, "%s: truncated kernel: no program headers; fetch it again", k->path);
	for (unsigned i = 0; i < eh.e_phnum && !rc; i++) {
		Elf64_Phdr ph;

		memcpy(&ph, k->data + eh.e_phoff + i * sizeof ph, sizeof ph);
		if (ph.p_type == PT_NOTE && within(k, ph.p_offset, ph.p_filesz) && !found)
			found = find_pvh_entry(k, &ph, &b->entry);
		else if (ph.p_type == PT_LOAD)
			rc = load_segment(b, &ph, err);
	}
	if (!rc && !found)
		rc = vm_fail(err, EINVAL,
			     "%s: an ELF without a PVH note; build the kernel with CONFIG_PVH, or use its bzImage",
			     k->path);
	b->pvh = true;
	b->initrd_max = GAP_START;
	return rc;
}

/* --- initrd, command line, memory map, ACPI ---------------------------------- */

static int load_initrd(struct boot *b, struct vm_error *err)
{
	const struct image *im = &b->initrd;
	uint64_t top = b->vm->mem.region[0].size, floor = (b->kernel_end + 0xfff) & ~0xfffull;

	if (!im->data)
		return 0;
	if (top > b->initrd_max)
		top = b->initrd_max;
	if (im->size > top || ((top - im->size) & ~0xfffull) < floor)
		return vm_fail(err, ENOSPC,
			       "%s: the initrd (%zu MiB) does not fit behind the kernel (%llu MiB) into %llu MiB of "
			       "guest memory; raise --memory",
			       im->path, (im->size >> 20) + 1, (unsigned long long)(floor >> 20),
			       (unsigned long long)(b->vm->ram_size >> 20));
	b->initrd_addr = (top - im->size) & ~0xfffull;
	memcpy(low(b, b->initrd_addr, im->size), im->data, im->size);
	return 0;
}

static int make_cmdline(struct boot *b, struct vm_error *err)
{
	const struct vm *vm = b->vm;
	size_t n = (size_t)snprintf(b->cmdline, sizeof b->cmdline, "%s", vm->cfg.cmdline ? vm->cfg.cmdline : "");

	for (unsigned i = 0; i < vm->n_devices && vm->cfg.cmdline_devices && n < sizeof b->cmdline; i++)
		n += (size_t)snprintf(b->cmdline + n, sizeof b->cmdline - n, " virtio_mmio.device=0x%x@0x%x:%u",
				      VIRTIO_MMIO_SIZE, vm->device[i].base, vm->device[i].gsi);
	if (n >= sizeof b->cmdline)
		return vm_fail(err, E2BIG, "kernel command line: more than %u bytes; shorten --append",
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
	struct acpi_config cfg = { .cpus = vm->cfg.cpus, .device = device };
	int rc;

	/* A device that the command line announces must not be there twice. */
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
	p->hdr.ramdisk_size = (uint32_t)b->initrd.size;
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
	if (b->initrd.data) {
		p->info.nr_modules = 1;
		p->info.modlist = PVH_INFO_ADDR + ((uint8_t *)&p->module - (uint8_t *)p);
		p->module = (struct pvh_module){ .paddr = b->initrd_addr, .size = b->initrd.size };
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
		rc = image_map(&b.kernel, "kernel", vm->cfg.kernel, err);
	if (!rc && vm->cfg.initrd_data)
		b.initrd = (struct image){ "initrd", vm->cfg.initrd_data, vm->cfg.initrd_size };
	else if (!rc && vm->cfg.initrd)
		rc = image_map(&b.initrd, "initrd", vm->cfg.initrd, err);
	if (rc)
		goto out;

	if (is_bzimage(&b.kernel))
		rc = load_bzimage(&b, err);
	else if (is_elf(&b.kernel))
		rc = load_elf(&b, err);
	else
		rc = vm_fail(err, EINVAL, "%s: not a kernel (neither bzImage nor ELF); give a vmlinuz to --kernel",
			     vm->cfg.kernel);
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
	if (!rc)
		rc = set_firmware_state(vm, err);
out:
	image_unmap(&b.kernel);
	if (!vm->cfg.initrd_data)
		image_unmap(&b.initrd);
	return rc;
}
