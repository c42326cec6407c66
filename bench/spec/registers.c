/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/spec/registers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *const register_choice_names[] = {
	[REGISTERS_AUTO] = "auto", [REGISTERS_ON] = "on", [REGISTERS_OFF] = "off"
};

int register_choice_parse(const char *text, enum register_choice *out)
{
	for (unsigned i = 0; i < sizeof(register_choice_names) / sizeof(*register_choice_names); i++)
		if (!strcmp(text, register_choice_names[i])) {
			*out = (enum register_choice)i;
			return 0;
		}
	return -EINVAL;
}

void register_page_choose(enum register_choice choice, int probe_rc, const struct kvm_page_probe *probe,
			  struct register_page *out)
{
	*out = (struct register_page){ .used = choice == REGISTERS_ON, .why = "asked for" };
	if (!probe_rc) {
		out->exits_ns = probe->exits_ns;
		out->page_ns = probe->page_ns;
	}
	if (choice != REGISTERS_AUTO)
		return;
	if (probe_rc) {
		snprintf(out->why, sizeof(out->why), "auto: it could not be tried: %s", strerror(-probe_rc));
		return;
	}
	if (!probe->works) {
		snprintf(out->why, sizeof(out->why), "auto: %s", probe->why);
		return;
	}
	out->used = probe->page_ns * 100 <= probe->exits_ns * REGISTER_PAGE_PERCENT;
	snprintf(out->why, sizeof(out->why), "auto: a round trip takes %.1f us from memory, %.1f us by exits",
		 (double)probe->page_ns / 1e3, (double)probe->exits_ns / 1e3);
}

static json_t *ns_or_null(uint64_t ns)
{
	return ns ? json_integer((json_int_t)ns) : json_null();
}

json_t *register_page_facts(const struct register_page *p)
{
	return json_pack("{sb ss so so}", "used", p->used, "why", p->why, "exits_round_trip_ns",
			 ns_or_null(p->exits_ns), "page_round_trip_ns", ns_or_null(p->page_ns));
}
