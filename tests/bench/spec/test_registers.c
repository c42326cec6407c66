/* SPDX-License-Identifier: GPL-2.0-only */
/* --register-page: asked for, or chosen by what the probe measured. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/spec/registers.h"

static struct register_page chosen;

static void choose(enum register_choice choice, int rc, struct kvm_page_probe probe)
{
	memset(&chosen, 0xff, sizeof chosen);
	register_page_choose(choice, rc, &probe, &chosen);
}

static void on_and_off_are_asked_for(void **state)
{
	choose(REGISTERS_ON, -EIO, (struct kvm_page_probe){ .works = false });
	assert_true(chosen.used);
	assert_string_equal(chosen.why, "asked for");
	assert_int_equal(chosen.exits_ns + chosen.page_ns, 0);
	choose(REGISTERS_OFF, 0, (struct kvm_page_probe){ .works = true, .exits_ns = 9000, .page_ns = 1000 });
	assert_false(chosen.used);
	assert_string_equal(chosen.why, "asked for");
}

static void auto_takes_what_is_not_slower(void **state)
{
	choose(REGISTERS_AUTO, 0, (struct kvm_page_probe){ .works = true, .exits_ns = 34500, .page_ns = 24000 });
	assert_true(chosen.used);
	assert_string_equal(chosen.why, "auto: a round trip takes 24.0 us from memory, 34.5 us by exits");
	assert_int_equal(chosen.exits_ns, 34500);
	assert_int_equal(chosen.page_ns, 24000);
	/* Five in a hundred are noise; more are not. */
	choose(REGISTERS_AUTO, 0, (struct kvm_page_probe){ .works = true, .exits_ns = 10000, .page_ns = 10500 });
	assert_true(chosen.used);
	choose(REGISTERS_AUTO, 0, (struct kvm_page_probe){ .works = true, .exits_ns = 10000, .page_ns = 10501 });
	assert_false(chosen.used);
	assert_string_equal(chosen.why, "auto: a round trip takes 10.5 us from memory, 10.0 us by exits");
}

static void auto_leaves_what_does_not_work(void **state)
{
	choose(REGISTERS_AUTO, 0, (struct kvm_page_probe){ .exits_ns = 34500, .why = "this KVM refuses it" });
	assert_false(chosen.used);
	assert_string_equal(chosen.why, "auto: this KVM refuses it");
	assert_int_equal(chosen.exits_ns, 34500);
	assert_int_equal(chosen.page_ns, 0);
	choose(REGISTERS_AUTO, -EMFILE, (struct kvm_page_probe){ .works = true });
	assert_false(chosen.used);
	assert_string_equal(chosen.why, "auto: it could not be tried: Too many open files");
}

static void facts_tell_it_all(void **state)
{
	json_t *facts;

	choose(REGISTERS_AUTO, 0, (struct kvm_page_probe){ .exits_ns = 34500, .why = "no" });
	facts = register_page_facts(&chosen);
	assert_true(json_is_false(json_object_get(facts, "used")));
	assert_string_equal(json_string_value(json_object_get(facts, "why")), "auto: no");
	assert_int_equal(json_integer_value(json_object_get(facts, "exits_round_trip_ns")), 34500);
	assert_true(json_is_null(json_object_get(facts, "page_round_trip_ns")));
	json_decref(facts);
}

static void words(void **state)
{
	enum register_choice c;

	for (int i = REGISTERS_AUTO; i <= REGISTERS_OFF; i++) {
		assert_int_equal(register_choice_parse(register_choice_names[i], &c), 0);
		assert_int_equal(c, i);
	}
	assert_int_equal(register_choice_parse("yes", &c), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_and_off_are_asked_for),
		cmocka_unit_test(auto_takes_what_is_not_slower),
		cmocka_unit_test(auto_leaves_what_does_not_work),
		cmocka_unit_test(facts_tell_it_all),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
