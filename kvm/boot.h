/* SPDX-License-Identifier: GPL-2.0-only */
/* Between boot.c, which enters a kernel, and load.c, which puts it and its initrd into guest memory. */
#ifndef KTSTR_KVM_BOOT_H
#define KTSTR_KVM_BOOT_H

#include <asm/bootparam.h>

#include "kvm/internal.h"

#define CMDLINE_MAX 4096u
#define KERNEL_ADDR 0x100000u

struct image {
	const char *path;
	const uint8_t *data;
	size_t size;
	int fd; /* of a file, else -1 */
};

#define INITRD_PARTS 3 /* vm_config's */

struct boot {
	struct vm *vm;
	struct image kernel, initrd[INITRD_PARTS];
	uint64_t initrd_size;
	bool pvh;
	uint64_t entry;
	uint64_t kernel_end; /* first byte that the running kernel does not need */
	uint64_t initrd_max; /* last byte that the initrd may use, plus one */
	uint64_t initrd_addr;
	char cmdline[CMDLINE_MAX];
	struct setup_header header;
};

static inline void *low(const struct boot *b, uint64_t gpa, uint64_t len)
{
	return guest_memory_at(&b->vm->mem, gpa, len);
}

/*
 * The kernel is told apart by its content: a bzImage, entered at its 64-bit
 * entry, or an ELF with a PVH note, entered in 32-bit protected mode. Fills
 * pvh, entry, kernel_end, initrd_max and header.
 */
int load_kernel(struct boot *b, struct vm_error *err);
/* The initrd goes to the top of low memory. */
int load_initrd(struct boot *b, struct vm_error *err);
/* The files, which guest memory needs no more. */
void load_done(struct boot *b);

#endif
