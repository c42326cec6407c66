/* SPDX-License-Identifier: GPL-2.0-only */
/* A console device under the in-process driver, with consumers that record. */
#ifndef KTSTR_TESTS_VIRTIO_CONSOLE_FIXTURE_H
#define KTSTR_TESTS_VIRTIO_CONSOLE_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/virtio_console.h>
#include <stdlib.h>
#include <string.h>

#include "tests/virtio/driver.h"
#include "virtio/console.h"
#include "virtio/console/internal.h"

#define KIB 1024u
#define F_V1 (1ull << VIRTIO_F_VERSION_1)
#define F_MULTIPORT (1ull << VIRTIO_CONSOLE_F_MULTIPORT)
#define RXQ(port) port_rx_queue(port)
#define TXQ(port) port_tx_queue(port)
#define IVQ CONSOLE_CONTROL_IN
#define OVQ CONSOLE_CONTROL_OUT

struct record {
	uint8_t *data;
	size_t len, cap;
	unsigned calls;
};

struct fixture {
	struct reactor *r;
	struct console *c;
	struct driver d;
	struct record got[CONSOLE_PORTS];
};

static inline void record(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct record *rec = &((struct fixture *)ctx)->got[port];

	if (rec->len + len > rec->cap) {
		rec->cap = 2 * (rec->len + len);
		rec->data = realloc(rec->data, rec->cap);
		assert_non_null(rec->data);
	}
	memcpy(rec->data + rec->len, data, len);
	rec->len += len;
	rec->calls++;
}

/* A device with consumers on every port; the driver has not touched it. */
static inline int setup_raw(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(reactor_create(&f->r, 32, 64), 0);
	assert_int_equal(console_create(&f->c, f->r), 0);
	driver_open(&f->d, console_device(f->c), 16u << 20);
	for (unsigned port = 0; port < CONSOLE_PORTS; port++)
		console_consume(f->c, port, record, f);
	*state = f;
	return 0;
}

/* The same, with a multiport driver at DRIVER_OK that said nothing yet. */
static inline int setup(void **state)
{
	struct fixture *f;

	setup_raw(state);
	f = *state;
	driver_init(&f->d, F_V1 | F_MULTIPORT, CONSOLE_QUEUES, 256);
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	console_destroy(f->c);
	driver_close(&f->d);
	assert_int_equal(reactor_destroy(f->r, 1000000000), 0);
	for (unsigned port = 0; port < CONSOLE_PORTS; port++)
		free(f->got[port].data);
	free(f);
	return 0;
}

/* Step until nothing is left to do. */
static inline void settle(struct fixture *f)
{
	for (int i = 0; i < 10000; i++) {
		int n = reactor_step(f->r, false);

		assert_true(n >= 0);
		if (n == 0 && !f->c->again.rung)
			return;
	}
	fail_msg("the device does not come to rest");
}

/* One chain of one descriptor with @len bytes of @data (NULL: whatever). */
static inline void post_tx(struct fixture *f, unsigned q, const void *data, uint32_t len)
{
	uint64_t gpa = driver_alloc(&f->d, len ? len : 1, 1);
	struct driver_seg seg = { .gpa = gpa, .len = len };

	if (data)
		memcpy(driver_ptr(&f->d, gpa, len), data, len);
	assert_true(driver_add(&f->d, q, &seg, 1) >= 0);
}

static inline uint64_t post_rx(struct fixture *f, unsigned q, uint32_t len)
{
	uint64_t gpa = driver_alloc(&f->d, len ? len : 1, 1);
	struct driver_seg seg = { .gpa = gpa, .len = len, .writable = true };

	assert_true(driver_add(&f->d, q, &seg, 1) >= 0);
	return gpa;
}

/* Say something on c_ovq, without the kick. */
static inline void post_control(struct fixture *f, uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control m = { .id = id, .event = event, .value = value };

	post_tx(f, OVQ, &m, sizeof(m));
}

static inline void say(struct fixture *f, uint32_t id, uint16_t event, uint16_t value)
{
	post_control(f, id, event, value);
	driver_kick(&f->d, OVQ);
}

/* Take the used entry that must be there; its length. */
static inline uint32_t take_used(struct fixture *f, unsigned q)
{
	uint16_t head;
	uint32_t len = 0;

	assert_true(driver_used(&f->d, q, &head, &len));
	return len;
}

static inline void assert_got(struct fixture *f, unsigned port, const void *data, size_t len)
{
	assert_int_equal(f->got[port].len, len);
	if (len)
		assert_memory_equal(f->got[port].data, data, len);
}

static inline void assert_guest_has(struct fixture *f, uint64_t gpa, const void *data, size_t len)
{
	assert_memory_equal(driver_ptr(&f->d, gpa, len), data, len);
}

/* Bytes that differ from place to place. */
static inline uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 131 + (i >> 8) * 17 + (i >> 16));
}

static inline void fill_pattern(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = pattern(i);
}

static inline void assert_pattern(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != pattern(i))
			fail_msg("byte %zu of %zu is 0x%x, not 0x%x", i, len, p[i], pattern(i));
	}
}

static inline void open_ports(struct fixture *f)
{
	say(f, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	say(f, 2, VIRTIO_CONSOLE_PORT_OPEN, 1);
	driver_irqs(&f->d);
}

#endif
