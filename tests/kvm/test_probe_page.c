/* SPDX-License-Identifier: GPL-2.0-only */
/* The probe of the register page on the real /dev/kvm, and on ones that lack or break it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "kvm/probe_page.h"

/* --- a KVM that breaks in between: the linker's --wrap=ioctl ------------------- */

static enum { HONEST, NO_READONLY, REFUSES, LOSES_INTERRUPT, NO_IRQCHIP } kvm_is;
static int page_vm, page_vcpu, vms; /* of the second guest: the one with the page */
static unsigned page_runs;
static struct kvm_run *page_run; /* mapped once more */

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, void *arg);
static int run_page_guest(int fd, void *arg)
{
	int rc;

	page_runs++;
	if (kvm_is == LOSES_INTERRUPT) {
		usleep(500000);
		errno = EINTR;
		return -1;
	}
	rc = __real_ioctl(fd, KVM_RUN, arg);
	if (kvm_is == REFUSES && !rc) {
		page_run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
		page_run->internal.suberror = KVM_INTERNAL_ERROR_DELIVERY_EV;
	}
	return rc;
}

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	int rc;

	if (request == KVM_SET_USER_MEMORY_REGION && kvm_is == NO_READONLY &&
	    ((struct kvm_userspace_memory_region *)arg)->flags & KVM_MEM_READONLY) {
		errno = EINVAL;
		return -1;
	}
	if (request == KVM_CREATE_IRQCHIP && kvm_is == NO_IRQCHIP) {
		errno = EPERM;
		return -1;
	}
	if (request == KVM_RUN && fd == page_vcpu)
		return run_page_guest(fd, arg);
	rc = __real_ioctl(fd, request, arg);
	if (request == KVM_CREATE_VM && vms++ == 1)
		page_vm = rc;
	if (request == KVM_CREATE_VCPU && fd == page_vm) {
		page_vcpu = rc;
		page_run = mmap(NULL, sizeof *page_run, PROT_READ | PROT_WRITE, MAP_SHARED, rc, 0);
		assert_true(page_run != MAP_FAILED);
	}
	return rc;
}

static int probe(int kind, struct kvm_page_probe *p)
{
	int rc;

	kvm_is = kind;
	page_vm = page_vcpu = -1;
	vms = 0;
	page_runs = 0;
	rc = kvm_probe_page(p);
	if (page_run)
		munmap(page_run, sizeof *page_run);
	page_run = NULL;
	return rc;
}

static int open_files(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* --- tests --------------------------------------------------------------------- */

static void both_ways_are_measured(void **state)
{
	int before = open_files();
	struct kvm_page_probe p;

	assert_int_equal(probe(HONEST, &p), 0);
	print_message("works %d, %u ns by exits, %u ns from memory; %s\n", p.works, (unsigned)p.exits_ns,
		      (unsigned)p.page_ns, p.why);
	assert_true(p.exits_ns > 0);
	assert_int_equal(p.works, p.page_ns > 0);
	assert_int_equal(!p.works, strlen(p.why) > 0);
	/* One exit a round, where InterruptStatus is none: its Status at the end. */
	if (p.works)
		assert_true(page_runs >= 12 && page_runs < 24);
	assert_int_equal(open_files(), before);
}

static void a_refused_store_is_told(void **state)
{
	struct kvm_page_probe p;

	assert_int_equal(probe(REFUSES, &p), 0);
	assert_false(p.works);
	assert_int_equal(p.page_ns, 0);
	assert_true(p.exits_ns > 0);
	assert_string_equal(p.why, "this KVM refuses to emulate what comes behind an exception (internal error 3)");
	/* It is not asked twice. */
	assert_int_equal(page_runs, 1);
}

static void no_read_only_memory_is_told(void **state)
{
	struct kvm_page_probe p;

	assert_int_equal(probe(NO_READONLY, &p), 0);
	assert_false(p.works);
	assert_true(p.exits_ns > 0);
	assert_string_equal(p.why, "this KVM has none: Invalid argument");
}

static void a_lost_interrupt_hangs_nothing(void **state)
{
	struct kvm_page_probe p;

	assert_int_equal(probe(LOSES_INTERRUPT, &p), 0);
	assert_false(p.works);
	assert_true(p.exits_ns > 0);
	assert_string_equal(p.why, "on this KVM interrupts and registers did not come as they should with it");
}

static void nothing_runs(void **state)
{
	struct kvm_page_probe p;
	int before = open_files();

	assert_int_equal(probe(NO_IRQCHIP, &p), -EPERM);
	assert_false(p.works);
	assert_int_equal(open_files(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_are_measured),
		cmocka_unit_test(a_refused_store_is_told),
		cmocka_unit_test(no_read_only_memory_is_told),
		cmocka_unit_test(a_lost_interrupt_hangs_nothing),
		cmocka_unit_test(nothing_runs),
	};
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0) {
		fprintf(stderr, "skipped: /dev/kvm: %s\n", strerror(errno));
		return 77;
	}
	close(kvm);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
