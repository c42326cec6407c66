/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A failing disk under a random load. Each kind of fault comes at every n-th
 * call; what must become of each request is worked out beside it, call by call,
 * and compared: status, data read, data on the disk, every counter. BAK-15
 *
 *	test_virtio_blk_fault_load KIND N SEED   replays one run
 *	test_virtio_blk_fault_load SEEDS         all kinds with more seeds
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reactor/container.h"
#include "tests/virtio/blk_fixture.h"

#define SECTORS 256u
#define DISK (SECTORS * 512u)
#define SECTORS_MAX 16u /* of a request */
#define PARTS_MAX 5u
#define DEPTH 48u
#define OPS 400u

static struct blk_fixture f;

struct op {
	uint64_t header, data, status;
	int head;
	unsigned id; /* 0: not posted */
	uint32_t type;
	unsigned sector, n;
	uint8_t expect[SECTORS_MAX];  /* read: fill of each sector, as its last writer left it ... */
	unsigned writer[SECTORS_MAX]; /* ... which was this operation; 0: none */

	/* What must become of it, by the faults it met. */
	bool fails, lost;     /* lost: a flush, and writes with it, for good */
	unsigned interrupted; /* in a row */
	uint32_t got;	      /* read: bytes, the rest is zeroes */
};

struct kind {
	const char *name;
	struct fault (*fault)(const struct op *o, enum fault_kind kind, size_t want);
	bool hold_all;	 /* and finish in any order */
	bool stuck_sync; /* no flush ends before all else has */
	bool late;	 /* what is held ends only when nothing else goes on */
};

static struct {
	const struct kind *kind;
	unsigned every;
	uint64_t seed, x;
	bool running;
	unsigned storm; /* interruptions still to come, whatever the call's number */
	struct op op[DEPTH];
	unsigned n_flushes; /* posted and not through */
	bool lost;	    /* a flush has failed: from then on each does */
	uint8_t fill[SECTORS];
	unsigned writer[SECTORS];
	bool failed[OPS + 1], ended[OPS + 1];
	struct blk_counters want;
} load;

static uint32_t rnd(uint32_t n)
{
	load.x ^= load.x << 13, load.x ^= load.x >> 7, load.x ^= load.x << 17;
	return (uint32_t)((load.x >> 11) % n);
}

/* --- the kinds of fault --------------------------------------------------- */

/* A length of every class, up to @want: nothing, a byte, around a sector, around
 * the first range's end, a half, all but a byte. */
static size_t some_length(const struct op *o, size_t want)
{
	const struct blk_request *r = &f.blk->slot[o->head];
	size_t first = r->n ? r->at[0].iov_len : 0;
	const size_t lengths[] = { 0, 1, 511, 512, 513, first - 1, first, first + 1, want / 2, want - 1 };
	size_t len = lengths[rnd(10)];

	return len < want ? len : want - 1;
}

static struct fault short_read(const struct op *o, enum fault_kind kind, size_t want)
{
	return (struct fault){ .limited = kind == FAULT_READ, .limit = want ? some_length(o, want) : 0 };
}

static struct fault short_write(const struct op *o, enum fault_kind kind, size_t want)
{
	size_t len = want ? some_length(o, want) : 0;

	return (struct fault){ .limited = kind == FAULT_WRITE && want > 1, .limit = len ? len : 1 };
}

static struct fault empty_write(const struct op *o, enum fault_kind kind, size_t want)
{
	return (struct fault){ .limited = kind == FAULT_WRITE };
}

static struct fault fails_eio(const struct op *o, enum fault_kind kind, size_t want)
{
	return (struct fault){ .error = -EIO };
}

/* The disk is full in the middle: some of it goes, then nothing more. */
static struct fault fails_enospc(const struct op *o, enum fault_kind kind, size_t want)
{
	const struct blk_request *r = &f.blk->slot[o->head];

	if (kind == FAULT_WRITE && !r->done && rnd(2))
		return short_write(o, kind, want);
	return (struct fault){ .error = kind == FAULT_READ ? 0 : -ENOSPC };
}

static struct fault interrupted(const struct op *o, enum fault_kind kind, size_t want)
{
	const unsigned more[] = { 0, 1, 14, 15, 16, 17, 40 };

	load.storm = more[rnd(7)];
	return (struct fault){ .error = -EINTR };
}

static struct fault asked_again(const struct op *o, enum fault_kind kind, size_t want)
{
	load.storm = rnd(20);
	return (struct fault){ .error = -EAGAIN };
}

static struct fault held(const struct op *o, enum fault_kind kind, size_t want)
{
	return (struct fault){ .hold = true };
}

static struct fault none(const struct op *o, enum fault_kind kind, size_t want)
{
	return (struct fault){ 0 };
}

static struct fault any(const struct op *o, enum fault_kind kind, size_t want);

static const struct kind kinds[] = {
	{ .name = "none", .fault = none },
	{ .name = "short-read", .fault = short_read },
	{ .name = "short-write", .fault = short_write },
	{ .name = "empty-write", .fault = empty_write },
	{ .name = "eio", .fault = fails_eio },
	{ .name = "enospc", .fault = fails_enospc },
	{ .name = "eintr", .fault = interrupted },
	{ .name = "eagain", .fault = asked_again },
	{ .name = "late", .fault = held, .late = true },
	{ .name = "out-of-order", .fault = none, .hold_all = true },
	{ .name = "stuck-fsync", .fault = none, .stuck_sync = true },
	{ .name = "stuck-fsync-short-write", .fault = short_write, .hold_all = true, .stuck_sync = true },
	{ .name = "any", .fault = any, .hold_all = true },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct fault any(const struct op *o, enum fault_kind kind, size_t want)
{
	return kinds[1 + rnd(7)].fault(o, kind, want);
}

/* --- what must become of a request ---------------------------------------- */

static struct op *op_of_head(int head)
{
	for (unsigned i = 0; i < DEPTH; i++) {
		if (load.op[i].id && load.op[i].head == head)
			return &load.op[i];
	}
	fail_msg("head %d was not posted", head);
	return NULL;
}

static void foresee(struct op *o, const struct fault *fault, enum fault_kind kind, size_t want)
{
	if (fault->error == -EINTR || fault->error == -EAGAIN) {
		o->fails = ++o->interrupted > BLK_RETRIES_MAX;
		return;
	}
	o->interrupted = 0;
	if (fault->error) {
		o->fails = true;
		o->lost = kind == FAULT_SYNC;
	} else if (kind == FAULT_READ) {
		o->got = (uint32_t)(fault->limited && fault->limit < want ? fault->limit : want);
	} else if (kind == FAULT_WRITE) {
		o->fails = fault->limited && !fault->limit;
	}
}

static struct fault plan(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	const struct blk_request *r = container_of(b->asked, const struct blk_request, op);
	struct op *o = op_of_head(r->head);
	struct fault fault = { 0 };

	if (load.storm) {
		load.storm--;
		fault.error = rnd(2) ? -EINTR : -EAGAIN;
	} else if ((call + 1) % load.every == 0) {
		fault = load.kind->fault(o, kind, want);
	}
	fault.hold |= load.kind->hold_all || (load.kind->stuck_sync && kind == FAULT_SYNC);
	foresee(o, &fault, kind, want);
	return fault;
}

/* --- the load ------------------------------------------------------------- */

/* One request in one to PARTS_MAX descriptors of any lengths. */
static void add_to_ring(struct op *o)
{
	struct driver_seg seg[PARTS_MAX + 2] = { { o->header, 16, false } };
	uint32_t left = o->type == VIRTIO_BLK_T_FLUSH ? 0 : o->n * 512, at = 0;
	unsigned n = 1;

	*(struct virtio_blk_outhdr *)driver_ptr(&f.d, o->header, 16) =
		(struct virtio_blk_outhdr){ .type = o->type, .sector = o->sector };
	*(uint8_t *)driver_ptr(&f.d, o->status, 1) = STATUS_UNSET;
	while (left) {
		uint32_t len = n == PARTS_MAX || rnd(3) == 0 ? left : 1 + rnd(left);

		seg[n++] = (struct driver_seg){ o->data + at, len, o->type == VIRTIO_BLK_T_IN };
		at += len;
		left -= len;
	}
	seg[n++] = (struct driver_seg){ o->status, 1, true };
	o->head = driver_add(&f.d, 0, seg, n);
}

static uint8_t *data_of(const struct op *o)
{
	return driver_ptr(&f.d, o->data, SECTORS_MAX * 512);
}

/* The disk's content is what the ring's order makes it. */
static void post(struct op *o, unsigned id)
{
	uint32_t dice = rnd(10);

	*o = (struct op){ .header = o->header, .data = o->data, .status = o->status };
	o->type = dice < 1 && load.n_flushes < DEPTH / 2 ? VIRTIO_BLK_T_FLUSH
		  : dice < 6				 ? VIRTIO_BLK_T_OUT
							 : VIRTIO_BLK_T_IN;
	o->n = 1 + rnd(SECTORS_MAX);
	o->sector = rnd(SECTORS - o->n + 1);
	add_to_ring(o);
	if (o->head < 0)
		return; /* no descriptors left: another time */
	o->id = id;
	load.n_flushes += o->type == VIRTIO_BLK_T_FLUSH;
	for (unsigned i = 0; i < o->n && o->type != VIRTIO_BLK_T_FLUSH; i++) {
		unsigned s = o->sector + i;

		if (o->type == VIRTIO_BLK_T_OUT) {
			load.fill[s] = (uint8_t)id;
			load.writer[s] = id;
			memset(data_of(o) + i * 512, (uint8_t)id, 512);
		} else {
			o->expect[i] = load.fill[s];
			o->writer[i] = load.writer[s];
			memset(data_of(o) + i * 512, ~o->expect[i], 512);
		}
	}
}

static void check_read(const struct op *o)
{
	const uint8_t *data = data_of(o);

	for (unsigned i = 0; i < o->n; i++) {
		/* its last writer has ended, for reads keep ring order with writes */
		assert_true(!o->writer[i] || load.ended[o->writer[i]]);
		for (unsigned at = i * 512; at < (i + 1) * 512; at++) {
			if (at >= o->got)
				assert_int_equal(data[at], 0);
			else if (!load.failed[o->writer[i]])
				assert_int_equal(data[at], o->expect[i]);
		}
	}
}

static void finish(struct op *o, uint32_t used_len)
{
	uint8_t status = *(uint8_t *)driver_ptr(&f.d, o->status, 1);
	bool read = o->type == VIRTIO_BLK_T_IN;

	o->fails |= o->type == VIRTIO_BLK_T_FLUSH && load.lost;
	load.lost |= o->lost;
	assert_int_equal(status, o->fails ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
	assert_int_equal(used_len, !o->fails && read ? o->n * 512 + 1 : 1);
	load.ended[o->id] = true;
	load.failed[o->id] = o->fails;
	load.n_flushes -= o->type == VIRTIO_BLK_T_FLUSH;
	if (o->fails) {
		load.want.io_errors++;
	} else if (read) {
		check_read(o);
		load.want.reads_completed++;
		load.want.bytes_read += o->got;
	} else if (o->type == VIRTIO_BLK_T_OUT) {
		load.want.writes_completed++;
		load.want.bytes_written += o->n * 512;
	} else {
		load.want.flushes_completed++;
	}
	o->id = 0;
}

static unsigned reap(void)
{
	unsigned n = 0;
	uint16_t head;
	uint32_t len;

	blk_settle(&f);
	while (driver_used(&f.d, 0, &head, &len)) {
		finish(op_of_head(head), len);
		n++;
	}
	return n;
}

/* One of what is held, if it is its turn; @idle: nothing else goes on. */
static void let_one_go(bool idle)
{
	unsigned may[VIRTQ_SIZE_MAX], n = 0;

	if (load.kind->late && !idle)
		return;
	for (unsigned i = 0; i < f.fault.n_held; i++) {
		if (!load.kind->stuck_sync || f.fault.held[i].kind != FAULT_SYNC)
			may[n++] = i;
	}
	if (n) {
		fault_finish(&f.fault, may[rnd(n)], 0);
	} else if (idle && f.fault.n_held) {
		/* all but the flushes are through, for all that is stuck */
		assert_int_equal(f.blk->counters.in_flight, load.n_flushes);
		fault_finish(&f.fault, rnd(f.fault.n_held), 0);
	}
}

static void start(const struct kind *kind, unsigned every, uint64_t seed)
{
	memset(&load, 0, sizeof(load));
	load.kind = kind;
	load.every = every;
	load.seed = seed;
	load.x = (seed * 0x9e3779b97f4a7c15ull + every) * 31 + (uint64_t)(kind - kinds) + 1;
	load.running = true;
	blk_fixture_open(&f, &(struct blk_config){ 0 }, DISK);
	blk_fixture_start(&f, BLK_F_ALL, 256);
	memset(f.fault.data, 0x42, DISK);
	memset(load.fill, 0x42, sizeof(load.fill));
	for (unsigned i = 0; i < DEPTH; i++) {
		load.op[i].header = driver_alloc(&f.d, 16, 16);
		load.op[i].data = driver_alloc(&f.d, SECTORS_MAX * 512, 512);
		load.op[i].status = driver_alloc(&f.d, 1, 1);
	}
	f.fault.plan = plan;
}

static void compare_disk(void)
{
	for (unsigned s = 0; s < SECTORS; s++) {
		for (unsigned k = 0; k < 512 && !load.failed[load.writer[s]]; k++)
			assert_int_equal(f.fault.data[s * 512 + k], load.fill[s]);
	}
}

static void run(const struct kind *kind, unsigned every, uint64_t seed)
{
	const struct blk_counters *got;
	unsigned posted = 0, done = 0, quiet = 0;

	start(kind, every, seed);
	while (done < OPS) {
		struct op *o = &load.op[rnd(DEPTH)];
		bool all_posted = posted == OPS;
		unsigned before = posted + done;

		if (!o->id && !all_posted) {
			post(o, posted + 1);
			posted += o->id != 0;
		}
		if (rnd(3) == 0 || all_posted)
			driver_kick(&f.d, 0);
		done += reap();
		if (f.fault.n_held && rnd(2))
			let_one_go(quiet > DEPTH * 4);
		done += reap();
		quiet = posted + done > before ? 0 : quiet + 1;
	}
	got = blk_counters(f.blk);
	assert_int_equal(got->in_flight, 0);
	assert_int_equal(got->io_errors, load.want.io_errors);
	assert_int_equal(got->reads_completed, load.want.reads_completed);
	assert_int_equal(got->writes_completed, load.want.writes_completed);
	assert_int_equal(got->flushes_completed, load.want.flushes_completed);
	assert_int_equal(got->bytes_read, load.want.bytes_read);
	assert_int_equal(got->bytes_written, load.want.bytes_written);
	compare_disk();
	blk_fixture_close(&f);
	load.running = false;
}

/* --- runs ----------------------------------------------------------------- */

static uint64_t seeds = 3;

static int say_how_to_replay(void **state)
{
	if (load.running)
		print_error("replay: test_virtio_blk_fault_load %s %u %llu\n", load.kind->name, load.every,
			    (unsigned long long)load.seed);
	return 0;
}

/* BAK-05 BAK-06 BAK-07 BAK-08 BAK-09 BLK-27 BLK-31 BLK-57 BLK-58 BLK-60 */
static void test_every_fault_at_every_nth_call(void **state)
{
	const unsigned everies[] = { 1, 2, 3, 5, 7, 11, 23, 61, 127 };

	for (unsigned k = 0; k < KINDS; k++) {
		for (unsigned i = 0; i < sizeof(everies) / sizeof(everies[0]); i++) {
			for (uint64_t seed = 1; seed <= seeds; seed++)
				run(&kinds[k], everies[i], seed);
		}
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_every_fault_at_every_nth_call, say_how_to_replay),
	};

	for (unsigned k = 0; argc == 4 && k < KINDS; k++) {
		if (!strcmp(argv[1], kinds[k].name)) {
			run(&kinds[k], (unsigned)strtoul(argv[2], NULL, 0), strtoull(argv[3], NULL, 0));
			return 0;
		}
	}
	if (argc == 2)
		seeds = strtoull(argv[1], NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
