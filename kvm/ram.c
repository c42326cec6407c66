/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest memory: one reservation, mapped below and above the gap. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kvm/internal.h"

#define HUGE_PAGE (2ull << 20)

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
	uint64_t size = vm->cfg.memory, low = size < GAP_START ? size : GAP_START;
	uint8_t *base;
	int rc;

	/* Nothing is reserved or touched before the guest does; both parts start
	 * on a huge page in the guest and in the host, or THP can't be used. */
	vm->ram_mapped = size + HUGE_PAGE;
	base = mmap(NULL, vm->ram_mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return vm_fail(err, errno, "guest memory: cannot map %llu MiB: %s; ask for less with --memory",
			       (unsigned long long)(size >> 20), strerror(errno));
	vm->ram = base;
	vm->ram_size = size;
	base = (uint8_t *)(((uintptr_t)base + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
	/* A page fault of the guest costs two world switches, under nesting many
	 * more. Both are wishes: a kernel without them runs the guest as well. */
	madvise(base, size, MADV_HUGEPAGE);
	madvise(base, size, MADV_DONTFORK);

	rc = map_slot(vm, 0, 0, low, base, err);
	if (!rc && size > low)
		rc = map_slot(vm, 1, GAP_END, size - low, base + low, err);
	return rc;
}

bool ram_map_file(struct vm *vm, uint64_t gpa, uint64_t len, int fd, uint64_t offset)
{
	void *at = guest_memory_at(&vm->mem, gpa, len);

	if (!at || (gpa | len | offset) & 0xfff)
		return false;
	if (mmap(at, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd, (off_t)offset) != at)
		return false;
	madvise(at, len, MADV_DONTFORK);
	return true;
}

void ram_destroy(struct vm *vm)
{
	if (vm->ram)
		munmap(vm->ram, vm->ram_mapped);
	vm->ram = NULL;
	vm->mem.n = 0;
}
