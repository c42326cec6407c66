/* SPDX-License-Identifier: GPL-2.0-only */
/* Every kind of fault of a VM has a remedy, and the message is one line: the option, what failed, what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/host/remedy.h"

static void every_fault_has_a_remedy(void **state)
{
	char message[REMEDY_MESSAGE];

	for (unsigned i = VM_FAULT_OTHER + 1; i < VM_FAULTS; i++) {
		const char *at =
			strstr(remedy_message(message, (enum vm_fault)i, "what failed: why"), "what failed: why; ");

		if (!at || at[strlen("what failed: why; ")] == '\0')
			fail_msg("fault %u: %s", i, message);
		assert_null(strchr(message, '\n'));
	}
	assert_string_equal(remedy_message(message, VM_FAULT_OTHER, "what failed: why"), "what failed: why");
}

static void the_option_that_asked_for_it_is_named(void **state)
{
	char message[REMEDY_MESSAGE];

	assert_string_equal(
		remedy_message(message, VM_FAULT_PAGES_2M, "512 pages of 2 MiB are needed and the host has 3"),
		"--hugepages 2M: 512 pages of 2 MiB are needed and the host has 3; reserve them in "
		"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages, or use --hugepages auto");
	assert_string_equal(remedy_message(message, VM_FAULT_KVM_DENIED, "/dev/kvm: permission denied"),
			    "/dev/kvm: permission denied; add yourself to group kvm, or use --host nested");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fault_has_a_remedy),
		cmocka_unit_test(the_option_that_asked_for_it_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
