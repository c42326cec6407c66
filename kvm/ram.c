/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory: one reservation, mapped below and above the gap; guest nodes are ranges of it, so that a kernel may
 * span several small nodes. struct vm_backing says how it is backed: what is asked for and can't be had is an error.
 */
#include <errno.h>
#include <linux/mempolicy.h>
#include <linux/mman.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvm/internal.h"

#define HUGE_PAGE (2ull << 20)
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

static uint64_t page_size(const struct vm *vm)
{
	return vm->cfg.backing.pages == VM_PAGES_1G ? 1ull << 30 : HUGE_PAGE;
}

/* The value of @key in /proc/meminfo; 0 if there is none. */
static uint64_t host_kib(const char *key)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, key, strlen(key)) && sscanf(line + strlen(key), ": %llu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

static uint64_t free_pages(uint64_t size)
{
	char path[96];
	unsigned long long n = 0;
	FILE *f;

	snprintf(path, sizeof path, "/sys/kernel/mm/hugepages/hugepages-%llukB/free_hugepages",
		 (unsigned long long)(size >> 10));
	f = fopen(path, "re");
	if (f && fscanf(f, "%llu", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

static int map_reserved(struct vm *vm, struct vm_error *err)
{
	uint64_t size = vm->ram_size, page = page_size(vm);
	const char *name = page == HUGE_PAGE ? "2 MiB" : "1 GiB";
	bool small = page == HUGE_PAGE;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (page == HUGE_PAGE ? MAP_HUGE_2MB : MAP_HUGE_1GB);
	void *base;

	if (size % page)
		return vm_fail_as(err, small ? VM_FAULT_WHOLE_PAGES_2M : VM_FAULT_WHOLE_PAGES_1G, EINVAL,
				  "%llu MiB of memory are not whole pages of %s", (unsigned long long)(size >> 20),
				  name);
	vm->ram_mapped = size;
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (base == MAP_FAILED)
		return vm_fail_as(err, small ? VM_FAULT_PAGES_2M : VM_FAULT_PAGES_1G, errno,
				  "%llu pages of %s are needed and the host has %llu free (%s)",
				  (unsigned long long)(size / page), name, (unsigned long long)free_pages(page),
				  strerror(errno));
	vm->ram = vm->ram_aligned = base;
	return 0;
}

static int map_ordinary(struct vm *vm, struct vm_error *err)
{
	uint8_t *base;

	/* Nothing is reserved, and nothing populated before the guest touches it. Both parts start on a huge page
	 * boundary in the guest and in the host; otherwise THP can't be used. */
	vm->ram_mapped = vm->ram_size + HUGE_PAGE;
	base = mmap(NULL, vm->ram_mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return vm_fail_as(err, VM_FAULT_HOST_MEMORY, errno, "guest memory: cannot map %llu MiB: %s",
				  (unsigned long long)(vm->ram_size >> 20), strerror(errno));
	vm->ram = base;
	vm->ram_aligned = (uint8_t *)(((uintptr_t)base + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
	return 0;
}

/* --- advice --------------------------------------------------------------- */

static int advise(struct vm *vm, int advice, enum vm_fault fault, struct vm_error *err)
{
	if (!madvise(vm->ram_aligned, vm->ram_size, advice))
		return 0;
	return vm_fail_as(err, fault, errno, "the host refuses it for %llu MiB: %s",
			  (unsigned long long)(vm->ram_size >> 20), strerror(errno));
}

static bool thp_is_never(void)
{
	FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
	char line[64] = "[never]";

	if (f && !fgets(line, sizeof line, f))
		line[0] = '\0';
	if (f)
		fclose(f);
	return strstr(line, "[never]");
}

static int advise_pages(struct vm *vm, struct vm_error *err)
{
	const struct vm_backing *b = &vm->cfg.backing;
	uint64_t skip;

	switch (b->pages) {
	case VM_PAGES_AUTO:
		/* A page fault of the guest costs two world switches, under nesting many more. A failure is ignored:
		 * the guest also runs without huge pages. The first 2 MiB stay small: we use only a few of their pages
		 * before the guest starts, and clearing all of them took a third of the CPU time of a start without
		 * copies. */
		skip = b->prefault || b->lock || b->copy_images || vm->ram_size < HUGE_PAGE ? 0 : HUGE_PAGE;
		madvise(vm->ram_aligned + skip, vm->ram_size - skip, MADV_HUGEPAGE);
		return 0;
	case VM_PAGES_THP:
		if (thp_is_never())
			return vm_fail_as(err, VM_FAULT_PAGES_THP_OFF, ENOTSUP,
					  "this host has transparent huge pages off");
		return advise(vm, MADV_HUGEPAGE, VM_FAULT_PAGES_THP, err);
	case VM_PAGES_SMALL:
		return thp_is_never() ? 0 : advise(vm, MADV_NOHUGEPAGE, VM_FAULT_PAGES_SMALL, err);
	default:
		return 0;
	}
}

static int advise_rest(struct vm *vm, struct vm_error *err)
{
	const struct vm_backing *b = &vm->cfg.backing;
	int rc = 0;

	madvise(vm->ram_aligned, vm->ram_size, MADV_DONTFORK);
	if (b->mergeable)
		rc = advise(vm, MADV_MERGEABLE, VM_FAULT_MERGEABLE, err);
	if (!rc && b->dontdump)
		rc = advise(vm, MADV_DONTDUMP, VM_FAULT_DONTDUMP, err);
	return rc;
}

/* --- host nodes ------------------------------------------------------------ */

static int bind_range(struct vm *vm, const struct topology_range *r, struct vm_error *err)
{
	static const int mode[] = { [VM_BIND_STRICT] = MPOL_BIND,
				    [VM_BIND_PREFERRED] = MPOL_PREFERRED,
				    [VM_BIND_INTERLEAVE] = MPOL_INTERLEAVE };
	const struct vm_backing *b = &vm->cfg.backing;
	unsigned long mask[VM_HOST_NODES_MAX / 64] = { 0 };
	unsigned from = r->node % b->n_host_nodes, to = from + 1;

	if (b->bind == VM_BIND_INTERLEAVE) {
		from = 0;
		to = b->n_host_nodes;
	}
	for (unsigned i = from; i < to; i++)
		mask[b->host_node[i] / 64] |= 1ul << b->host_node[i] % 64;
	if (!syscall(SYS_mbind, vm->ram_aligned + r->offset, r->size, mode[b->bind], mask, VM_HOST_NODES_MAX + 1, 0))
		return 0;
	return vm_fail_as(err, VM_FAULT_BIND, errno, "guest node %u can't be bound to host node %u: %s", r->node,
			  b->host_node[from], strerror(errno));
}

static int bind_nodes(struct vm *vm, struct vm_error *err)
{
	struct topology_range range[TOPOLOGY_RANGES_MAX];
	unsigned n = topology_ranges(&vm->topology, range);
	int rc = 0;

	if (vm->cfg.backing.bind == VM_BIND_NONE)
		return 0;
	if (vm->cfg.backing.pages == VM_PAGES_1G)
		for (unsigned i = 0; i < n; i++)
			if (range[i].size % page_size(vm))
				return vm_fail_as(err, VM_FAULT_BIND_WHOLE_PAGES, EINVAL,
						  "the memory of node %u is not whole pages of 1 GiB", range[i].node);
	for (unsigned i = 0; i < n && !rc; i++)
		rc = bind_range(vm, &range[i], err);
	return rc;
}

/* --- before the guest starts ------------------------------------------------ */

static int populate(struct vm *vm, struct vm_error *err)
{
	const struct vm_backing *b = &vm->cfg.backing;
	uint64_t available = host_kib("MemAvailable") << 10;
	bool reserved = b->pages == VM_PAGES_2M || b->pages == VM_PAGES_1G;
	int rc = 0;

	if (!b->prefault && !b->lock)
		return 0;
	/* Populating more than there is would not fail: the OOM killer would run. */
	if (!reserved && available && vm->ram_size > available)
		return vm_fail_as(err, b->lock ? VM_FAULT_LOCK_MEMORY : VM_FAULT_PREFAULT_MEMORY, ENOMEM,
				  "%llu MiB are asked for and the host has %llu",
				  (unsigned long long)(vm->ram_size >> 20), (unsigned long long)(available >> 20));
	if (b->prefault)
		rc = advise(vm, MADV_POPULATE_WRITE, VM_FAULT_PREFAULT, err);
	if (!rc && b->collapse)
		rc = advise(vm, MADV_COLLAPSE, VM_FAULT_COLLAPSE, err);
	if (!rc && b->lock && mlock(vm->ram_aligned, vm->ram_size))
		rc = vm_fail_as(err, VM_FAULT_LOCK, errno, "%llu MiB can't be locked: %s",
				(unsigned long long)(vm->ram_size >> 20), strerror(errno));
	return rc;
}

static int map_slot(struct vm *vm, unsigned slot, uint64_t gpa, uint64_t size, uint8_t *hva, struct vm_error *err)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uint64_t)(uintptr_t)hva,
	};

	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		return vm_fail(err, errno, "guest memory: KVM refuses a slot of %llu bytes: %s",
			       (unsigned long long)size, strerror(errno));
	vm->mem.region[vm->mem.n++] = (struct guest_region){ .gpa = gpa, .size = size, .hva = hva };
	return 0;
}

int ram_create(struct vm *vm, struct vm_error *err)
{
	bool reserved = vm->cfg.backing.pages == VM_PAGES_2M || vm->cfg.backing.pages == VM_PAGES_1G;
	uint64_t size = vm->cfg.memory, low = size < GAP_START ? size : GAP_START;
	int rc;

	vm->ram_size = size;
	rc = reserved ? map_reserved(vm, err) : map_ordinary(vm, err);
	if (!rc)
		rc = advise_pages(vm, err);
	if (!rc)
		rc = advise_rest(vm, err);
	if (!rc)
		rc = bind_nodes(vm, err);
	if (!rc)
		rc = populate(vm, err);
	if (!rc)
		rc = map_slot(vm, 0, 0, low, vm->ram_aligned, err);
	if (!rc && size > low)
		rc = map_slot(vm, 1, GAP_END, size - low, vm->ram_aligned + low, err);
	return rc;
}

bool ram_map_file(struct vm *vm, uint64_t gpa, uint64_t len, int fd, uint64_t offset)
{
	const struct vm_backing *b = &vm->cfg.backing;
	void *at = guest_memory_at(&vm->mem, gpa, len);

	if (!at || (gpa | len | offset) & 0xfff)
		return false;
	/* Pages of a file are small, on whichever node they are cached, and not populated: that contradicts these
	 * settings. */
	if (b->copy_images || (b->pages != VM_PAGES_AUTO && b->pages != VM_PAGES_SMALL) || b->prefault || b->lock ||
	    b->bind != VM_BIND_NONE)
		return false;
	if (mmap(at, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd, (off_t)offset) != at)
		return false;
	madvise(at, len, MADV_DONTFORK);
	vm->images_mapped = true;
	return true;
}

bool vm_images_mapped(const struct vm *vm)
{
	return vm->images_mapped;
}

void ram_destroy(struct vm *vm)
{
	if (vm->ram)
		munmap(vm->ram, vm->ram_mapped);
	vm->ram = NULL;
	vm->mem.n = 0;
}
