/* SPDX-License-Identifier: GPL-2.0-only */
/* Our IOAPIC's registers, and the messages that its pins become. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kvm/ioapic.h"

static uint32_t get(struct ioapic *a, uint32_t reg)
{
	ioapic_write(a, 0, reg);
	return ioapic_read(a, 0x10);
}

static int put(struct ioapic *a, uint32_t reg, uint32_t value)
{
	ioapic_write(a, 0, reg);
	return ioapic_write(a, 0x10, value);
}

static void registers(void **state)
{
	struct ioapic a;

	ioapic_init(&a, -1);
	assert_int_equal(get(&a, 1), 0x00170011); /* 24 pins, version 11h: no EOI register */
	for (uint32_t i = 0; i < IOAPIC_PINS; i++)
		assert_int_equal(get(&a, 0x10 + 2 * i), 1 << 16); /* masked */
	assert_int_equal(put(&a, 0x10, 0x1a041), 0);
	assert_int_equal(put(&a, 0x11, 0xab000000), 0);
	assert_int_equal(get(&a, 0x10), 0x1a041);
	assert_int_equal(get(&a, 0x11), 0xab000000);
	/* delivery status and remote IRR are the IOAPIC's */
	assert_int_equal(put(&a, 0x12, 0x1ffff), 0);
	assert_int_equal(get(&a, 0x12), 0x1afff);
	/* what is not there */
	assert_int_equal(put(&a, 0x10 + 2 * IOAPIC_PINS, 5), 0);
	assert_int_equal(get(&a, 0x10 + 2 * IOAPIC_PINS), 0);
	assert_int_equal(get(&a, 0xff), 0);
	assert_int_equal(ioapic_read(&a, 0x20), 0);
	assert_int_equal(ioapic_write(&a, 0x40, 1), 0);
	assert_int_equal(ioapic_write(&a, 0, 0xffffff11), 0);
	assert_int_equal(ioapic_read(&a, 0), 0x11);
}

static void entries_become_messages(void **state)
{
	struct kvm_irq_routing_msi m;

	assert_false(ioapic_message(1 << 16 | 0x41, &m));
	/* fixed, physical, CPU 5 */
	assert_true(ioapic_message(5ull << 56 | 0x41, &m));
	assert_int_equal(m.address_lo, 0xfee05000);
	assert_int_equal(m.address_hi, 0);
	assert_int_equal(m.data, 0x4041);
	/* lowest priority, logical, level, everybody */
	assert_true(ioapic_message(0xffull << 56 | 1 << 15 | 1 << 11 | 1 << 8 | 0x31, &m));
	assert_int_equal(m.address_lo, 0xfeeff004);
	assert_int_equal(m.data, 0xc131);
	/* CPU 0x1234 of 15 bits: the low byte above, the rest below it */
	assert_true(ioapic_message(0x34ull << 56 | 0x12ull << 49 | 0x50, &m));
	assert_int_equal(m.address_lo, 0xfee34000);
	assert_int_equal(m.address_hi, 0x1200);
}

/* A KVM that takes no route ends the VM: told once. */
static void a_refused_route_is_told_once(void **state)
{
	struct ioapic a;

	ioapic_init(&a, -1);
	assert_int_equal(put(&a, 0x11, 0), 0); /* masked still: no route is asked for */
	assert_int_equal(put(&a, 0x10, 0x41), -EBADF);
	assert_int_equal(put(&a, 0x12, 0x42), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers),
		cmocka_unit_test(entries_become_messages),
		cmocka_unit_test(a_refused_route_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
