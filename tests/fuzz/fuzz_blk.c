/* SPDX-License-Identifier: GPL-2.0-only */
#include "tests/fuzz/fuzz.h"
#include "tests/virtio/blk_fixture.h"

#define DISK (1u << 20)

static struct fuzz fuzz;
static struct fault_backing fault;
static struct blk *blk;
static struct fault next_fault;

/* One fault at a time, for the next call only. */
static struct fault plan(struct fault_backing *f, enum fault_kind kind, unsigned call, size_t want)
{
	struct fault now = next_fault;

	next_fault = (struct fault){ 0 };
	return now;
}

static void open_once(void)
{
	struct reactor *r;
	char why[200];

	if (blk)
		return;
	fault_init(&fault, DISK);
	fault.plan = plan;
	assert_int_equal(reactor_create(&r, 64, 64), 0);
	assert_int_equal(blk_create_on(&blk, r, &(struct blk_config){ .discard = true }, &fault.b, why, sizeof(why)),
			 0);
	blk->reset_patience_ns = UINT64_MAX / 4;
	fuzz_open(&fuzz, r, blk_device(blk),
		  BLK_F_ALL | 1ull << VIRTIO_BLK_F_DISCARD | 1ull << VIRTIO_BLK_F_WRITE_ZEROES);
}

/* What is in flight ends, so that the reset takes effect at once. */
static void restart(void)
{
	driver_reset(&fuzz.d);
	fault_finish_all(&fault);
	blk->paused = false;
	throttle_init(&blk->throttle, &(struct throttle_limit){ 0 }, &(struct throttle_limit){ 0 }, monotonic_ns());
	next_fault = (struct fault){ 0 };
	fuzz_restart(&fuzz);
}

/* A request that is nearly right: three descriptors from a multiple of three on. */
static void request(struct fuzz_input *in)
{
	uint8_t bits = (uint8_t)fuzz_take(in, 1);
	uint16_t i = (uint16_t)(bits % 5 * 3);
	uint64_t at = fuzz.data_gpa + i * 2048ull;
	struct virtio_blk_outhdr h = { 0 }; /* guest memory need not be aligned for it */
	static const uint32_t types[] = { VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_GET_ID };
	uint32_t len = (uint32_t)fuzz_take(in, 1) * (bits & 0x80 ? 1 : 512) % 4096;
	bool in_type;

	h.type = types[bits >> 5 & 3];
	h.sector = fuzz_take(in, bits & 0x10 ? 8 : 1);
	/* A discard or a write of zeroes has its range after the header. */
	if (h.type == VIRTIO_BLK_T_GET_ID && len % 16 == 0) {
		struct virtio_blk_discard_write_zeroes range = { .sector = h.sector, .flags = len >> 4 & 3 };

		h.type = bits & 0x80 ? VIRTIO_BLK_T_DISCARD : VIRTIO_BLK_T_WRITE_ZEROES;
		range.num_sectors = (uint32_t)fuzz_take(in, bits & 0x10 ? 4 : 1);
		memcpy(driver_ptr(&fuzz.d, at + 16, sizeof(range)), &range, sizeof(range));
		len = len & 0x40 ? 16 : len;
	}
	memcpy(driver_ptr(&fuzz.d, at, sizeof(h)), &h, sizeof(h));
	in_type = h.type == VIRTIO_BLK_T_IN || h.type == VIRTIO_BLK_T_FLUSH || h.type == VIRTIO_BLK_T_GET_ID;
	driver_raw_desc(&fuzz.d, 0, i, at, 16, VRING_DESC_F_NEXT, h.type == VIRTIO_BLK_T_FLUSH ? i + 2 : i + 1);
	driver_raw_desc(&fuzz.d, 0, i + 1, at + 16, len, VRING_DESC_F_NEXT | (in_type ? VRING_DESC_F_WRITE : 0), i + 2);
	driver_raw_desc(&fuzz.d, 0, i + 2, at + 5000, 1, VRING_DESC_F_WRITE, 0);
	driver_raw_avail(&fuzz.d, 0, i);
}

static void disk_action(uint8_t action, struct fuzz_input *in)
{
	uint8_t v;

	switch (action & 15) {
	case 12:
		request(in);
		break;
	case 13:
		v = (uint8_t)fuzz_take(in, 1);
		next_fault = (struct fault){ .error = v & 1 ? -(int)(v >> 4) - 1 : 0,
					     .limited = v & 2,
					     .hold = v & 4,
					     .limit = (size_t)(v >> 3) * 100 };
		break;
	case 14:
		v = (uint8_t)fuzz_take(in, 1);
		if (fault.n_held)
			fault_finish(&fault, v % fault.n_held, v & 0x80 ? -5 : 0);
		break;
	default:
		v = (uint8_t)fuzz_take(in, 1);
		if (v & 0x80)
			throttle_init(&blk->throttle, &(struct throttle_limit){ v & 15, 0 },
				      &(struct throttle_limit){ (v & 0x70) * 100ull, 0 }, monotonic_ns());
		else if (v & 0x40)
			blk_quiesce(blk);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	open_once();
	restart();
	for (unsigned i = 0; in.left && i < FUZZ_ACTIONS_MAX; i++) {
		uint8_t action = (uint8_t)fuzz_take(&in, 1);

		if ((action & 15) == 11)
			restart();
		else if (!fuzz_act(&fuzz, &in, action))
			disk_action(action, &in);
		assert_int_equal(blk->submitted, fault.n_held);
		assert_true(blk->counters.in_flight <= VIRTQ_SIZE_MAX);
		assert_true(blk->n_waiting <= blk->counters.in_flight);
	}
	return 0;
}
