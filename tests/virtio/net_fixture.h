/* SPDX-License-Identifier: GPL-2.0-only */
/* A net device under the in-process driver. */
#ifndef KTSTR_TESTS_VIRTIO_NET_FIXTURE_H
#define KTSTR_TESTS_VIRTIO_NET_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/virtio/driver.h"
#include "virtio/net.h"
#include "virtio/net/internal.h"

#define F_V1 (1ull << VIRTIO_F_VERSION_1)
#define F_MAC (1ull << 5)
#define RXQ NET_RXQ
#define TXQ NET_TXQ
#define HDR NET_HEADER_SIZE

struct fixture {
	struct reactor *r;
	struct net *n;
	const struct net_counters *count;
	struct driver d;
};

static inline void open_fixture(struct fixture *f, struct net *n)
{
	f->n = n;
	f->count = net_counters(n);
	driver_open(&f->d, net_device(n), 48u << 20);
}

static inline int setup_raw(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct net *n;
	char why[200];

	assert_non_null(f);
	assert_int_equal(reactor_create(&f->r, 32, 64), 0);
	assert_int_equal(net_create(&n, f->r, &(struct net_config){ 0 }, why, sizeof(why)), 0);
	open_fixture(f, n);
	*state = f;
	return 0;
}

static inline int setup(void **state)
{
	struct fixture *f;

	setup_raw(state);
	f = *state;
	driver_init(&f->d, F_V1 | F_MAC, NET_QUEUES, 256);
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	net_destroy(f->n);
	driver_close(&f->d);
	assert_int_equal(reactor_destroy(f->r, 1000000000), 0);
	free(f);
	return 0;
}

static inline void settle(struct fixture *f)
{
	for (int i = 0; i < 10000; i++) {
		int n = reactor_step(f->r, false);

		assert_true(n >= 0);
		if (n == 0 && !f->n->again.rung)
			return;
	}
	fail_msg("the device does not come to rest");
}

static inline uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 37 + (i >> 8) * 101 + 5);
}

/* A TX chain of one descriptor: a header of garbage and @len bytes of pattern. */
static inline uint64_t post_frame(struct fixture *f, uint32_t len)
{
	uint64_t gpa = driver_alloc(&f->d, HDR + len, 1);
	uint8_t *p = driver_ptr(&f->d, gpa, HDR + len);

	memset(p, 0xee, HDR);
	for (uint32_t i = 0; i < len; i++)
		p[HDR + i] = pattern(i);
	assert_true(driver_add(&f->d, TXQ, &(struct driver_seg){ gpa, HDR + len, false }, 1) >= 0);
	return gpa;
}

/* An RX chain of one descriptor, filled with 0xaa. */
static inline uint64_t post_buffer(struct fixture *f, uint32_t len)
{
	uint64_t gpa = driver_alloc(&f->d, len ? len : 1, 1);

	if (len)
		memset(driver_ptr(&f->d, gpa, len), 0xaa, len);
	assert_true(driver_add(&f->d, RXQ, &(struct driver_seg){ gpa, len, true }, 1) >= 0);
	return gpa;
}

static inline uint32_t take_used(struct fixture *f, unsigned q)
{
	uint16_t head;
	uint32_t len = 0;

	assert_true(driver_used(&f->d, q, &head, &len));
	return len;
}

static inline void assert_frame(struct fixture *f, uint64_t gpa, uint32_t len)
{
	static const uint8_t header[HDR] = { [10] = 1 };
	const uint8_t *p = driver_ptr(&f->d, gpa, HDR + len);

	assert_memory_equal(p, header, HDR);
	for (uint32_t i = 0; i < len; i++) {
		if (p[HDR + i] != pattern(i))
			fail_msg("byte %u of a frame of %u is 0x%x", i, len, p[HDR + i]);
	}
}

#endif
