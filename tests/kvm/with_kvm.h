/* SPDX-License-Identifier: GPL-2.0-only */
/* main() of tests that run a freestanding guest, the path of which is their argument; exit code 77 without a KVM. */
#ifndef KTSTR_TESTS_KVM_WITH_KVM_H
#define KTSTR_TESTS_KVM_WITH_KVM_H

#include <stdbool.h>
#include <stdio.h>

#include "kvm/probe.h"

static const char *guest_path;

static inline bool kvm_is_there(int argc, char **argv)
{
	struct kvm_probe probe;

	kvm_probe(&probe);
	if (probe.kind == KVM_NONE || argc < 2) {
		printf("skipped: %s\n", probe.why);
		return false;
	}
	printf("%s\n", probe.why);
	guest_path = argv[1];
	return true;
}

#define RUN_WITH_KVM(argc, argv, tests) (kvm_is_there(argc, argv) ? cmocka_run_group_tests(tests, NULL, NULL) : 77)

#endif
