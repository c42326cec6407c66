/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the device fuzzers share: the input is a program of small actions of a
 * hostile driver over registers, rings and guest memory. One device serves all
 * inputs, as one VMM serves a guest that resets and goes on.
 */
#ifndef KTSTR_TESTS_FUZZ_FUZZ_H
#define KTSTR_TESTS_FUZZ_FUZZ_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/virtio/driver.h"

#define FUZZ_RAM (1u << 20)
#define FUZZ_QUEUE_SIZE 16
#define FUZZ_ACTIONS_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
	const uint8_t *data;
	size_t left;
};

struct fuzz {
	struct reactor *r;
	struct driver d;
	uint64_t features;
	unsigned n_queues;
	uint64_t data_gpa; /* 64 KiB that descriptors mostly point to */
};

/* Little-endian; zeros behind the end. */
static inline uint64_t fuzz_take(struct fuzz_input *in, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes && in->left; i++, in->left--)
		v |= (uint64_t)*in->data++ << 8 * i;
	return v;
}

static inline void fuzz_restart(struct fuzz *f)
{
	f->d.heap = DRIVER_RAM_GPA;
	driver_init(&f->d, f->features, f->n_queues, FUZZ_QUEUE_SIZE);
	f->data_gpa = driver_alloc(&f->d, 65536, 1);
}

static inline void fuzz_open(struct fuzz *f, struct reactor *r, struct virtio_device *dev, uint64_t features)
{
	f->r = r;
	f->features = features;
	f->n_queues = dev->ops->n_queues;
	driver_open(&f->d, dev, FUZZ_RAM);
	driver_add_region(&f->d, DRIVER_RAM_GPA + FUZZ_RAM, 8192); /* adjoins, elsewhere in the host */
}

static inline uint64_t fuzz_address(struct fuzz *f, struct fuzz_input *in)
{
	uint64_t at = fuzz_take(in, 2);

	switch (fuzz_take(in, 1)) {
	case 0:
		return fuzz_take(in, 8);
	case 1:
		return DRIVER_RAM_GPA + FUZZ_RAM + 8192 - at % 64; /* the end of memory */
	case 2:
		return DRIVER_RAM_GPA + FUZZ_RAM - at % 4096; /* across the two regions */
	case 3:
		return DRIVER_RAM_GPA + at; /* the rings themselves */
	default:
		return f->data_gpa + at;
	}
}

static inline void fuzz_descriptor(struct fuzz *f, struct fuzz_input *in, unsigned q)
{
	uint8_t bits = (uint8_t)fuzz_take(in, 1);
	uint16_t i = bits & 15, flags = bits >> 4 & 3;
	uint64_t gpa = fuzz_address(f, in);
	uint32_t len = (uint32_t)fuzz_take(in, bits & 0x40 ? 4 : 2);

	driver_raw_desc(&f->d, q, i, gpa, len, bits & 0x80 ? (uint16_t)fuzz_take(in, 2) : flags,
			bits & 0x80 ? (uint16_t)fuzz_take(in, 2) : (i + 1) & 15);
}

static inline void fuzz_memory(struct fuzz *f, struct fuzz_input *in)
{
	uint64_t at = fuzz_take(in, 2);
	uint8_t n = (uint8_t)fuzz_take(in, 1) & 31;

	for (unsigned i = 0; i < n; i++)
		*(uint8_t *)driver_ptr(&f->d, f->data_gpa + (at + i) % 65536, 1) = (uint8_t)fuzz_take(in, 1);
}

static inline void fuzz_register(struct fuzz *f, struct fuzz_input *in)
{
	uint32_t offset = (uint32_t)fuzz_take(in, 2) % VIRTIO_MMIO_SIZE;
	uint8_t bits = (uint8_t)fuzz_take(in, 1);
	uint64_t value = fuzz_take(in, bits & 8 ? 4 : 1);

	if (bits & 4)
		virtio_mmio_write(f->d.dev, offset, &value, 1u << (bits & 3));
	else
		virtio_mmio_read(f->d.dev, offset, &value, 1u << (bits & 3));
}

/* One action of the driver. False: @action is none of these. */
static inline bool fuzz_act(struct fuzz *f, struct fuzz_input *in, uint8_t action)
{
	unsigned q = (action >> 4) % f->n_queues;

	switch (action & 15) {
	case 0:
	case 1:
	case 2:
		fuzz_descriptor(f, in, q);
		return true;
	case 3:
	case 4:
		driver_raw_avail(&f->d, q, (uint16_t)(fuzz_take(in, 1) % (FUZZ_QUEUE_SIZE + 1)));
		return true;
	case 5:
		driver_raw_avail_idx(&f->d, q, (uint16_t)(f->d.q[q].avail_idx + (int8_t)fuzz_take(in, 1)));
		return true;
	case 6:
	case 7:
		driver_kick(&f->d, q);
		return true;
	case 8:
		fuzz_memory(f, in);
		return true;
	case 9:
		assert_true(reactor_step(f->r, false) >= 0);
		return true;
	case 10:
		fuzz_register(f, in);
		return true;
	case 11:
		fuzz_restart(f);
		return true;
	default:
		return false;
	}
}

#endif
