/* SPDX-License-Identifier: GPL-2.0-only */
#include "tests/virtio/blk_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#define RAM (32u << 20)
#define SLOTS 1024

static void open_common(struct blk_fixture *f)
{
	memset(f, 0, sizeof(*f));
	assert_int_equal(reactor_create(&f->r, 256, SLOTS), 0);
}

void blk_fixture_open(struct blk_fixture *f, const struct blk_config *cfg, size_t size)
{
	char why[256];

	open_common(f);
	fault_init(&f->fault, size);
	assert_int_equal(blk_create_on(&f->blk, f->r, cfg, &f->fault.b, why, sizeof(why)), 0);
	driver_open(&f->d, blk_device(f->blk), RAM);
}

void blk_fixture_open_file(struct blk_fixture *f, const struct blk_config *cfg)
{
	char why[256];
	int err;

	open_common(f);
	err = blk_create(&f->blk, f->r, cfg, why, sizeof(why));
	if (err)
		fail_msg("%s", why);
	driver_open(&f->d, blk_device(f->blk), RAM);
}

void blk_fixture_start(struct blk_fixture *f, uint64_t features, uint16_t size)
{
	driver_init(&f->d, features, 1, size);
}

void blk_fixture_patterned(struct blk_fixture *f, const struct blk_config *cfg, size_t size)
{
	blk_fixture_open(f, cfg, size);
	for (size_t i = 0; i < f->fault.data_size; i++)
		f->fault.data[i] = (uint8_t)(i / 512 * 7 + i);
	blk_fixture_start(f, BLK_F_ALL, 256);
}

void blk_fixture_close(struct blk_fixture *f)
{
	fault_finish_all(&f->fault);
	assert_int_equal(blk_destroy(f->blk, 10000000000ull), 0);
	assert_int_equal(reactor_destroy(f->r, 10000000000ull), 0);
	driver_close(&f->d);
	fault_free(&f->fault);
}

struct blk_io blk_io_new(struct blk_fixture *f, uint32_t len)
{
	return (struct blk_io){ .header = driver_alloc(&f->d, 16, 16),
				.data = len ? driver_alloc(&f->d, len, 512) : 0,
				.status = driver_alloc(&f->d, 1, 1),
				.len = len,
				.head = -1 };
}

static void write_header(struct blk_fixture *f, uint64_t gpa, uint32_t type, uint64_t sector)
{
	*(struct virtio_blk_outhdr *)driver_ptr(&f->d, gpa, 16) =
		(struct virtio_blk_outhdr){ .type = type, .sector = sector };
}

void blk_io_add(struct blk_fixture *f, struct blk_io *io, uint32_t type, uint64_t sector)
{
	struct driver_seg seg[3] = { { io->header, 16, false } };
	unsigned n = 1;

	write_header(f, io->header, type, sector);
	*(uint8_t *)driver_ptr(&f->d, io->status, 1) = STATUS_UNSET;
	if (io->len)
		seg[n++] = (struct driver_seg){ io->data, io->len, type != VIRTIO_BLK_T_OUT };
	seg[n++] = (struct driver_seg){ io->status, 1, true };
	io->head = driver_add(&f->d, 0, seg, n);
	assert_true(io->head >= 0);
}

uint8_t *blk_io_data(struct blk_fixture *f, const struct blk_io *io)
{
	return driver_ptr(&f->d, io->data, io->len);
}

uint8_t blk_io_status(struct blk_fixture *f, const struct blk_io *io)
{
	return *(uint8_t *)driver_ptr(&f->d, io->status, 1);
}

void blk_settle(struct blk_fixture *f)
{
	for (unsigned quiet = 0; quiet < 2;) {
		int n = reactor_step(f->r, false);

		assert_true(n >= 0);
		quiet = n || f->blk->dirty ? 0 : quiet + 1;
	}
}

uint8_t blk_do(struct blk_fixture *f, struct blk_io *io, uint32_t type, uint64_t sector, uint32_t *used_len)
{
	uint16_t head;
	uint32_t len;

	blk_io_add(f, io, type, sector);
	driver_kick(&f->d, 0);
	assert_true(driver_wait(&f->d, f->r, 0, 1));
	assert_true(driver_used(&f->d, 0, &head, &len));
	assert_int_equal(head, io->head);
	if (used_len)
		*used_len = len;
	return blk_io_status(f, io);
}

int blk_chain(struct blk_fixture *f, uint32_t type, uint64_t sector, const struct driver_seg *segs, unsigned n,
	      uint64_t status)
{
	struct driver_seg all[VIRTQ_SIZE_MAX];
	uint64_t header = driver_alloc(&f->d, 16, 16);
	int head;

	write_header(f, header, type, sector);
	all[0] = (struct driver_seg){ header, 16, false };
	if (n)
		memcpy(&all[1], segs, n * sizeof(*segs));
	if (status) {
		all[n + 1] = (struct driver_seg){ status, 1, true };
		*(uint8_t *)driver_ptr(&f->d, status, 1) = STATUS_UNSET;
	}
	head = driver_add(&f->d, 0, all, n + 1 + (status != 0));
	assert_true(head >= 0);
	driver_kick(&f->d, 0);
	blk_settle(f);
	return head;
}

uint32_t blk_take_used(struct blk_fixture *f, int head)
{
	uint16_t used;
	uint32_t len;

	assert_true(driver_used(&f->d, 0, &used, &len));
	assert_int_equal(used, head);
	return len;
}

uint64_t blk_buffer(struct blk_fixture *f, uint32_t len)
{
	return driver_alloc(&f->d, len, 512);
}

uint8_t blk_status_at(const struct blk_fixture *f, uint64_t gpa)
{
	return *(uint8_t *)driver_ptr(&f->d, gpa, 1);
}

uint8_t blk_refused(struct blk_fixture *f, uint32_t type, uint64_t sector, const struct driver_seg *segs, unsigned n)
{
	uint64_t status = driver_alloc(&f->d, 1, 1);
	unsigned calls = f->fault.calls;
	int head = blk_chain(f, type, sector, segs, n, status);

	assert_int_equal(blk_take_used(f, head), 1);
	assert_int_equal(f->fault.calls, calls);
	return blk_status_at(f, status);
}
