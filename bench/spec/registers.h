/* SPDX-License-Identifier: GPL-2.0-only */
/* --register-page: whether the guest reads device registers from memory, as asked for or as measured on this KVM. */
#ifndef KTSTR_BENCH_SPEC_REGISTERS_H
#define KTSTR_BENCH_SPEC_REGISTERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "kvm/probe_page.h"

enum register_choice { REGISTERS_AUTO, REGISTERS_ON, REGISTERS_OFF };
extern const char *const register_choice_names[REGISTERS_OFF + 1];
/* "auto", "on" or "off". 0 or -EINVAL. */
int register_choice_parse(const char *text, enum register_choice *out);

/* What was chosen. All zero: nothing was, and there is none. */
struct register_page {
	bool used;
	uint64_t exits_ns, page_ns; /* round trips, what auto chooses by (kvm/probe_page.h), or 0 */
	char why[160];
};

/*
 * @probe as by host_probe_page() and its result in @probe_rc. REGISTERS_AUTO: the page is used where it works and a
 * round trip takes at most REGISTER_PAGE_PERCENT of one without.
 */
#define REGISTER_PAGE_PERCENT 105
void register_page_choose(enum register_choice choice, int probe_rc, const struct kvm_page_probe *probe,
			  struct register_page *out);
/* {"used", "why", "exits_round_trip_ns", "page_round_trip_ns"}; null for what was not measured. */
json_t *register_page_facts(const struct register_page *p);

#endif
