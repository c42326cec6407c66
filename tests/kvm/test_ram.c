/* SPDX-License-Identifier: GPL-2.0-only */
/* How guest memory is backed, as the host's kernel tells of it; what can't be had is an error with the remedy. */
#include <errno.h>
#include <linux/mempolicy.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "kvm/vm.h"

#define MIB (1ull << 20)
#define SIZE (64 * MIB)

static struct reactor *r;
static struct vm *vm;
static struct vm_error err;

static int create(const struct vm_backing *b, const struct topology *t, uint64_t memory)
{
	struct vm_config cfg = { .kernel = "none", .cpus = 1, .memory = memory, .topology = t, .backing = *b };

	vm = NULL;
	err.text[0] = '\0';
	assert_int_equal(reactor_create(&r, 16, 64), 0);
	return vm_create(&vm, r, &cfg, &err);
}

static void destroy(void)
{
	vm_destroy(vm);
	assert_int_equal(reactor_destroy(r, 1000000000ull), 0);
}

/* A line of smaps: a figure in KiB, of all the guest's memory; or the flags of what holds its first byte. */
static uint64_t smaps(const char *key, char flags[256])
{
	uintptr_t want = (uintptr_t)vm_memory(vm)->region[0].hva;
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long start, end, kib, sum = 0;
	bool here = false;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = want < end && want + vm_memory(vm)->region[0].size > start;
		else if (here && !strncmp(line, key, strlen(key))) {
			if (sscanf(line + strlen(key), ": %lu", &kib) == 1)
				sum += kib;
			if (flags && !*flags)
				snprintf(flags, 256, "%s", line + strlen(key));
		}
	}
	fclose(f);
	return sum;
}

static bool has_flag(const char *flag)
{
	char flags[256] = "", word[8];

	smaps("VmFlags", flags);
	snprintf(word, sizeof(word), " %s ", flag);
	return strstr(flags, word) != NULL;
}

static void one_line_about(enum vm_fault fault, const char *what)
{
	if (err.fault != fault || !strstr(err.text, what) || strstr(err.text, "--") || strchr(err.text, '\n'))
		fail_msg("fault %d, '%s' is not about %s", err.fault, err.text, what);
}

static void nothing_is_touched_or_pinned_unasked(void **state)
{
	const struct vm_backing b = { 0 };

	assert_int_equal(create(&b, NULL, SIZE), 0);
	assert_true(smaps("Rss", NULL) <= 2048);
	assert_int_equal(smaps("Locked", NULL), 0);
	assert_false(has_flag("lo"));
	/* What a start writes at its beginning (command line, tables) is not paid for with a huge page. */
	*(volatile uint8_t *)vm_memory(vm)->region[0].hva = 1;
	assert_true(smaps("Rss", NULL) <= 64);
	destroy();
	/* More than the host has may be asked for. */
	assert_int_equal(create(&b, NULL, 4ull << 40), 0);
	destroy();
}

static void prefault_has_it_there(void **state)
{
	const struct vm_backing b = { .prefault = true };

	assert_int_equal(create(&b, NULL, SIZE), 0);
	assert_true(smaps("Rss", NULL) >= SIZE >> 10);
	assert_int_equal(smaps("Locked", NULL), 0);
	destroy();
	/* and does not take the host with it */
	assert_int_equal(create(&b, NULL, 1ull << 44), -ENOMEM);
	one_line_about(VM_FAULT_PREFAULT_MEMORY, "MiB");
	destroy();
}

static void mlock_locks_it(void **state)
{
	const struct vm_backing b = { .lock = true };
	int rc = create(&b, NULL, SIZE);
#ifdef __has_feature
	bool ignored = __has_feature(address_sanitizer); /* it takes mlock() and does nothing */
#else
	bool ignored = false;
#endif

	if (rc || ignored) {
		if (rc)
			one_line_about(VM_FAULT_LOCK, "MiB");
		destroy();
		skip();
	}
	assert_true(has_flag("lo"));
	assert_true(smaps("Locked", NULL) >= SIZE >> 10);
	destroy();
}

static void advice_reaches_the_kernel(void **state)
{
	const struct vm_backing off = { .pages = VM_PAGES_SMALL, .dontdump = true };
	const struct vm_backing merge = { .mergeable = true };
	const struct vm_backing thp = { .pages = VM_PAGES_THP };

	assert_int_equal(create(&off, NULL, SIZE), 0);
	assert_true(has_flag("nh") || !has_flag("hg"));
	assert_true(has_flag("dd"));
	assert_true(has_flag("dc")); /* not copied by a fork */
	destroy();
	if (create(&merge, NULL, SIZE))
		one_line_about(VM_FAULT_MERGEABLE, "MiB");
	else
		assert_true(has_flag("mg"));
	destroy();
	if (create(&thp, NULL, SIZE))
		one_line_about(err.fault == VM_FAULT_PAGES_THP_OFF ? VM_FAULT_PAGES_THP_OFF : VM_FAULT_PAGES_THP,
			       "host");
	else
		assert_true(has_flag("hg"));
	destroy();
}

static void reserved_huge_pages_or_an_error(void **state)
{
	struct vm_backing b = { .pages = VM_PAGES_2M };

	/* Far more than any host has reserved. */
	assert_true(create(&b, NULL, 1ull << 45) < 0);
	one_line_about(VM_FAULT_PAGES_2M, "pages of 2 MiB");
	destroy();
	assert_int_equal(create(&b, NULL, SIZE + MIB), -EINVAL);
	one_line_about(VM_FAULT_WHOLE_PAGES_2M, "whole pages");
	destroy();
	b.pages = VM_PAGES_1G;
	assert_int_equal(create(&b, NULL, 1536 * MIB), -EINVAL);
	one_line_about(VM_FAULT_WHOLE_PAGES_1G, "whole pages");
	destroy();
	b.pages = VM_PAGES_2M;
	if (create(&b, NULL, SIZE)) {
		one_line_about(VM_FAULT_PAGES_2M, "pages of 2 MiB");
		destroy();
		skip();
	}
	assert_int_equal(smaps("KernelPageSize", NULL), 2048);
	destroy();
}

static int policy_at(uint64_t offset)
{
	int mode = -1;

	if (syscall(SYS_get_mempolicy, &mode, NULL, 0, vm_memory(vm)->region[0].hva + offset, MPOL_F_ADDR))
		return -errno;
	return mode;
}

static void nodes_are_bound_when_asked(void **state)
{
	const struct vm_backing strict = { .bind = VM_BIND_STRICT, .n_host_nodes = 2, .host_node = { 0, 0 } };
	const struct vm_backing spread = { .bind = VM_BIND_INTERLEAVE, .n_host_nodes = 1, .host_node = { 0 } };
	const struct vm_backing nowhere = { .bind = VM_BIND_STRICT, .n_host_nodes = 2, .host_node = { 0, 1023 } };
	static struct topology t;
	char why[TOPOLOGY_WHY];

	assert_int_equal(topology_init(&t, 2, 2, 1, 1, why), 0);
	assert_int_equal(topology_finish(&t, why), 0);
	assert_int_equal(topology_share_memory(&t, SIZE, why), 0);
	assert_int_equal(create(&(struct vm_backing){ 0 }, &t, SIZE), 0);
	if (policy_at(0) == -ENOSYS) {
		destroy();
		print_message("skipped: this host's kernel has no NUMA\n");
		skip();
	}
	assert_int_equal(policy_at(0), MPOL_DEFAULT);
	destroy();
	assert_int_equal(create(&strict, &t, SIZE), 0);
	assert_int_equal(policy_at(0), MPOL_BIND);
	assert_int_equal(policy_at(SIZE - 4096), MPOL_BIND);
	destroy();
	assert_int_equal(create(&spread, &t, SIZE), 0);
	assert_int_equal(policy_at(0), MPOL_INTERLEAVE);
	destroy();
	assert_true(create(&nowhere, &t, SIZE) < 0);
	one_line_about(VM_FAULT_BIND, "host node 1023");
	destroy();
}

/* What this KVM can't do is refused in words. */
static void too_many_cpus_are_refused(void **state)
{
	static struct topology t;
	char why[TOPOLOGY_WHY];

	assert_int_equal(topology_init(&t, 1, 4, 512, 2, why), 0);
	assert_int_equal(topology_finish(&t, why), 0);
	assert_int_equal(topology_share_memory(&t, 1ull << 30, why), 0);
	assert_int_equal(create(&(struct vm_backing){ 0 }, &t, 1ull << 30), -EINVAL);
	one_line_about(VM_FAULT_CPUS, "KVM takes at most");
	destroy();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_touched_or_pinned_unasked),
		cmocka_unit_test(prefault_has_it_there),
		cmocka_unit_test(mlock_locks_it),
		cmocka_unit_test(advice_reaches_the_kernel),
		cmocka_unit_test(reserved_huge_pages_or_an_error),
		cmocka_unit_test(nodes_are_bound_when_asked),
		cmocka_unit_test(too_many_cpus_are_refused),
	};

	if (access("/dev/kvm", R_OK | W_OK)) {
		fprintf(stderr, "skipped: /dev/kvm: %s\n", strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
