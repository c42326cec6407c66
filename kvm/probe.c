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
#include <unistd.h>

#include "kvm/bare.h"

#define CPUID_ENTRIES 256

/* lea rdi, [0x9000]; xor eax, eax; xor edx, edx; cmpxchg16b [rdi]; mov al, 42; out 0x80, al; hlt */
static const uint8_t code[] = { 0x48, 0x8d, 0x3c, 0x25, 0x00, 0x90, 0x00, 0x00, 0x31, 0xc0, 0x31,
				0xd2, 0x48, 0x0f, 0xc7, 0x0f, 0xb0, 0x2a, 0xe6, 0x80, 0xf4 };

/* The exit reason of the guest, or a negative errno. */
static int run_guest(int kvm)
{
	const struct bare_code bare_code = { .bytes = code, .size = sizeof code };
	struct bare g;
	int rc = bare_create(&g, kvm, &bare_code);

	if (!rc)
		rc = ioctl(g.vcpu, KVM_RUN, 0) ? -errno : (int)g.run->exit_reason;
	bare_free(&g);
	return rc;
}

static bool cpu_has_cx16(void)
{
	unsigned eax, ebx, ecx = 0, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_CMPXCHG16B);
}

int kvm_guests_have_cx16(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), rc = 0;
	struct kvm_cpuid2 *c;

	if (kvm < 0)
		return -errno;
	c = calloc(1, sizeof *c + CPUID_ENTRIES * sizeof c->entries[0]);
	if (!c)
		rc = -ENOMEM;
	else if (c->nent = CPUID_ENTRIES, ioctl(kvm, KVM_GET_SUPPORTED_CPUID, c))
		rc = -errno;
	for (uint32_t i = 0; !rc && i < c->nent; i++)
		rc = c->entries[i].function == 1 && c->entries[i].ecx & bit_CMPXCHG16B;
	free(c);
	close(kvm);
	return rc;
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
		out->fault = errno == EACCES || errno == EPERM	  ? VM_FAULT_KVM_DENIED
			     : errno == EMFILE || errno == ENFILE ? VM_FAULT_DESCRIPTORS
								  : VM_FAULT_KVM_MISSING;
		snprintf(out->why, sizeof out->why, "/dev/kvm: %s", strerror(errno));
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
		out->fault = VM_FAULT_KVM_INCAPABLE;
		snprintf(out->why, sizeof out->why,
			 "/dev/kvm: emulates its guests and knows no cmpxchg16b, so it can't boot a stock kernel");
	} else {
		out->error = exit_reason < 0 ? -exit_reason : EIO;
		snprintf(out->why, sizeof out->why, "/dev/kvm: a test guest did not run (%s %d)",
			 exit_reason < 0 ? strerror(-exit_reason) : "exit reason", exit_reason);
	}
}
