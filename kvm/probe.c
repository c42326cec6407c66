/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tells a KVM that runs guests on the CPU from one that emulates them: a guest
 * in long mode executes cmpxchg16b, which every stock kernel does and which the
 * instruction emulator does not know.
 */
#include "kvm/probe.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEM_SIZE (2u << 20)
#define PML4 0x1000u
#define PDPT 0x2000u
#define PD 0x3000u
#define CODE 0x8000u
#define DATA 0x9000u
#define CPUID_ENTRIES 256

/* lea rdi, [0x9000]; xor eax, eax; xor edx, edx; cmpxchg16b [rdi]; mov al, 42; out 0x80, al; hlt */
static const uint8_t code[] = { 0x48, 0x8d, 0x3c, 0x25, 0x00, 0x90, 0x00, 0x00, 0x31, 0xc0, 0x31,
				0xd2, 0x48, 0x0f, 0xc7, 0x0f, 0xb0, 0x2a, 0xe6, 0x80, 0xf4 };

static void segment(struct kvm_segment *s, bool is_code)
{
	*s = (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = is_code ? 8 : 16,
		.type = is_code ? 11 : 3,
		.present = 1,
		.db = !is_code,
		.s = 1,
		.l = is_code,
		.g = 1,
	};
}

static int enter_long_mode(int vcpu, uint8_t *mem)
{
	struct kvm_sregs s;
	struct kvm_regs r = { .rip = CODE, .rflags = 2, .rsp = DATA };

	*(uint64_t *)(mem + PML4) = PDPT | 3;
	*(uint64_t *)(mem + PDPT) = PD | 3;
	*(uint64_t *)(mem + PD) = 0x83; /* one page of 2 MiB */
	memcpy(mem + CODE, code, sizeof code);
	if (ioctl(vcpu, KVM_GET_SREGS, &s))
		return -errno;
	segment(&s.cs, true);
	segment(&s.ds, false);
	s.es = s.fs = s.gs = s.ss = s.ds;
	s.cr3 = PML4;
	s.cr4 = 1 << 5;		   /* PAE */
	s.cr0 = 1u << 31 | 1;	   /* PG, PE */
	s.efer = 1 << 10 | 1 << 8; /* LMA, LME */
	if (ioctl(vcpu, KVM_SET_SREGS, &s) || ioctl(vcpu, KVM_SET_REGS, &r))
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

/* The exit reason of the guest, or a negative errno. */
static int run_guest(int kvm)
{
	int vm = ioctl(kvm, KVM_CREATE_VM, 0ul), vcpu = -1, rc = -EIO;
	size_t run_size = (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_run *run = MAP_FAILED;
	struct kvm_userspace_memory_region region = { .memory_size = MEM_SIZE };
	uint8_t *mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (vm < 0 || mem == MAP_FAILED)
		goto out;
	region.userspace_addr = (uint64_t)(uintptr_t)mem;
	/* Intel without unrestricted guest wants a place for its own use. */
	ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000ul);
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		goto out_errno;
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0ul);
	if (vcpu < 0)
		goto out_errno;
	run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		goto out_errno;
	rc = set_cpuid(kvm, vcpu);
	if (!rc)
		rc = enter_long_mode(vcpu, mem);
	if (rc)
		goto out;
	if (ioctl(vcpu, KVM_RUN, 0))
		goto out_errno;
	rc = (int)run->exit_reason;
	goto out;

out_errno:
	rc = -errno;
out:
	if (run != MAP_FAILED)
		munmap(run, run_size);
	if (vcpu >= 0)
		close(vcpu);
	if (vm >= 0)
		close(vm);
	if (mem != MAP_FAILED)
		munmap(mem, MEM_SIZE);
	return rc;
}

static bool cpu_has_cx16(void)
{
	unsigned eax, ebx, ecx = 0, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_CMPXCHG16B);
}

const char *kvm_kind_name(enum kvm_kind kind)
{
	return kind == KVM_HARDWARE ? "hardware" : kind == KVM_SOFTWARE ? "software" : "none";
}

void kvm_probe(struct kvm_probe *out)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), exit_reason;

	memset(out, 0, sizeof *out);
	if (kvm < 0) {
		out->error = errno;
		snprintf(out->why, sizeof out->why, "/dev/kvm: %s; %s", strerror(errno),
			 errno == EACCES ? "add yourself to group kvm" : "load kvm_intel or kvm_amd");
		return;
	}
	exit_reason = run_guest(kvm);
	close(kvm);
	if (exit_reason == KVM_EXIT_IO || (exit_reason == KVM_EXIT_SHUTDOWN && !cpu_has_cx16())) {
		/* A CPU without cmpxchg16b raises #UD, which ends our guest: also an
		 * answer of the CPU, an emulator gives none. */
		out->kind = KVM_HARDWARE;
		snprintf(out->why, sizeof out->why, "/dev/kvm: a test guest ran cmpxchg16b on the CPU%s",
			 exit_reason == KVM_EXIT_IO ? "" : ", which lacks it");
	} else if (exit_reason == KVM_EXIT_INTERNAL_ERROR) {
		out->kind = KVM_SOFTWARE;
		snprintf(out->why, sizeof out->why,
			 "/dev/kvm: emulates its guests and knows no cmpxchg16b, so it can't boot a stock kernel; use "
			 "--host nested");
	} else {
		out->error = exit_reason < 0 ? -exit_reason : EIO;
		snprintf(out->why, sizeof out->why, "/dev/kvm: a test guest did not run (%s %d)",
			 exit_reason < 0 ? strerror(-exit_reason) : "exit reason", exit_reason);
	}
}
