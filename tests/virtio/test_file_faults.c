/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file whose system calls fail, below every engine: the linker puts this
 * test's calls in the place of preadv2, pwritev2 and fdatasync, and of their
 * counterparts on the ring. A short transfer is a real one, of fewer bytes; an
 * error comes instead of one. What the guest reads is compared, and the file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/virtio/blk_fixture.h"
#include "virtio/blk/file.h"

#define SECTORS 512u
#define DISK (SECTORS * 512u)
#define DEPTH 16u
#define OPS 250u
#define SHADOWS 64u

static struct blk_fixture f;
static uint64_t x;
static unsigned syncs, shorts, errors;
static bool lost; /* a flush has failed: from then on each does */

static uint32_t rnd(uint32_t n)
{
	x ^= x << 13, x ^= x >> 7, x ^= x << 17;
	return (uint32_t)((x >> 11) % n);
}

/* --- the faults ----------------------------------------------------------- */

enum plan { NO_FAULTS, MENDABLE, FATAL }; /* MENDABLE: nothing that a request could fail by */
static enum plan plan;
static unsigned granule = 1;	 /* short transfers are whole ones of these */
static unsigned interrupted = 0; /* in a row: kept below what a request gives up at */

struct fault_here {
	int error;
	size_t limit; /* 0: whole */
};

static struct fault_here draw(size_t want, bool may_be_short)
{
	struct fault_here h = { 0 };

	if (plan == NO_FAULTS || rnd(3))
		return h;
	if (plan == FATAL && !rnd(6)) {
		h.error = rnd(2) ? EIO : ENOSPC;
		errors++;
	} else if (rnd(2) && interrupted < BLK_RETRIES_MAX) {
		interrupted++;
		h.error = rnd(2) ? EINTR : EAGAIN;
	} else if (may_be_short && want > granule) {
		h.limit = (1 + rnd((uint32_t)(want / granule))) * granule;
		shorts += h.limit < want;
		interrupted = 0;
	} else {
		interrupted = 0;
	}
	return h;
}

/* The first @limit bytes of @iov, in @out. */
static unsigned cut(const struct iovec *iov, unsigned n, size_t limit, struct iovec *out)
{
	unsigned k = 0;

	for (; k < n && limit; k++) {
		out[k] = iov[k];
		if (out[k].iov_len > limit)
			out[k].iov_len = limit;
		limit -= out[k].iov_len;
	}
	return k;
}

#define CALL_ARGS int fd, const struct iovec *iov, int n, off_t offset, int flags
ssize_t __wrap_preadv64v2(CALL_ARGS);
ssize_t __wrap_pwritev64v2(CALL_ARGS);
int __wrap_fdatasync(int fd);
ssize_t __real_preadv64v2(CALL_ARGS);
ssize_t __real_pwritev64v2(CALL_ARGS);
int __real_fdatasync(int fd);

static int nowait_error;	 /* of calls that shall not wait; 0: none */
static unsigned nowait_tries[2]; /* reads, writes */

static ssize_t here(ssize_t (*real)(CALL_ARGS), CALL_ARGS)
{
	struct fault_here h = draw(iov_bytes(iov, (unsigned)n), true);
	struct iovec part[BLK_IOV_MAX];

	if (flags & RWF_NOWAIT) {
		nowait_tries[real == __real_pwritev64v2]++;
		h.error = nowait_error ? nowait_error : h.error;
	}
	errno = h.error;
	if (h.error) {
		/* An attempt without waiting is no more than that: the ring tells errors. */
		errors -= flags & RWF_NOWAIT && (h.error == EIO || h.error == ENOSPC);
		return -1;
	}
	if (h.limit)
		return real(fd, part, (int)cut(iov, (unsigned)n, h.limit, part), offset, flags);
	return real(fd, iov, n, offset, flags);
}

ssize_t __wrap_preadv64v2(CALL_ARGS)
{
	return here(__real_preadv64v2, fd, iov, n, offset, flags);
}

ssize_t __wrap_pwritev64v2(CALL_ARGS)
{
	return here(__real_pwritev64v2, fd, iov, n, offset, flags);
}

int __wrap_fdatasync(int fd)
{
	struct fault_here h = draw(0, false);

	errno = h.error;
	if (h.error)
		return -1;
	syncs++;
	return __real_fdatasync(fd);
}

/* On the ring: what stands in for a completion until the result is there. */
static struct shadow {
	struct completion *c;
	completion_fn done;
	int32_t error;
	struct iovec part[BLK_IOV_MAX];
} shadow[SHADOWS];

static void shadow_done(struct completion *c, int32_t res, uint32_t flags)
{
	struct shadow *s = shadow;

	while (s->c != c)
		assert_true(++s < shadow + SHADOWS);
	c->done = s->done;
	s->c = NULL;
	c->done(c, s->error ? s->error : res, flags);
}

static struct shadow *stand_in(struct completion *c, int error)
{
	struct shadow *s = shadow;

	while (s->c)
		assert_true(++s < shadow + SHADOWS);
	s->c = c;
	s->done = c->done;
	s->error = -error;
	c->done = shadow_done;
	return s;
}

#define RING_ARGS struct reactor *r, struct completion *c, int fd, const struct iovec *iov, unsigned n, int64_t offset
int __wrap_reactor_readv(RING_ARGS);
int __wrap_reactor_writev(RING_ARGS);
int __wrap_reactor_fdatasync(struct reactor *r, struct completion *c, int fd);
int __real_reactor_readv(RING_ARGS);
int __real_reactor_writev(RING_ARGS);
int __real_reactor_fdatasync(struct reactor *r, struct completion *c, int fd);

static int on_ring(int (*real)(RING_ARGS), RING_ARGS)
{
	struct fault_here h = draw(iov_bytes(iov, n), true);
	struct shadow *s;
	unsigned k;

	if (!h.error && !h.limit)
		return real(r, c, fd, iov, n, offset);
	s = stand_in(c, h.error);
	k = cut(iov, n, h.limit ? h.limit : SIZE_MAX, s->part);
	return real(r, c, h.error ? -1 : fd, s->part, k, offset);
}

int __wrap_reactor_readv(RING_ARGS)
{
	return on_ring(__real_reactor_readv, r, c, fd, iov, n, offset);
}

int __wrap_reactor_writev(RING_ARGS)
{
	return on_ring(__real_reactor_writev, r, c, fd, iov, n, offset);
}

int __wrap_reactor_fdatasync(struct reactor *r, struct completion *c, int fd)
{
	struct fault_here h = draw(0, false);

	if (h.error)
		stand_in(c, h.error);
	else
		syncs++;
	return __real_reactor_fdatasync(r, c, h.error ? -1 : fd);
}

/* --- the load ------------------------------------------------------------- */

struct op {
	uint64_t header, data, status, at[3];
	uint32_t len[3];
	unsigned n;
	int head;
	bool posted;
	uint32_t type, sector, bytes;
	uint8_t expect[32 * 512];
	bool known[32];
};

static struct op op[DEPTH];
static uint8_t disk[DISK];
static bool known[SECTORS]; /* no failed write lies over it */

static void add_to_ring(struct op *o)
{
	struct driver_seg seg[5] = { { o->header, 16, false } };

	*(struct virtio_blk_outhdr *)driver_ptr(&f.d, o->header, 16) =
		(struct virtio_blk_outhdr){ .type = o->type, .sector = o->sector };
	*(uint8_t *)driver_ptr(&f.d, o->status, 1) = STATUS_UNSET;
	for (unsigned i = 0; i < o->n; i++)
		seg[1 + i] = (struct driver_seg){ o->at[i], o->len[i], o->type == VIRTIO_BLK_T_IN };
	seg[1 + o->n] = (struct driver_seg){ o->status, 1, true };
	o->head = driver_add(&f.d, 0, seg, o->n + 2);
	assert_true(o->head >= 0);
}

/* Up to three ranges, at odd addresses and of odd lengths one time in two. */
static void lay_out(struct op *o)
{
	uint32_t left = o->bytes, odd = rnd(2);

	for (o->n = 0; left; o->n++) {
		uint32_t len = o->n == 2 || !rnd(3) ? left : 1 + rnd(left);

		if (!odd && len != left)
			len = len & ~511u ? len & ~511u : left;
		o->at[o->n] = o->data + o->n * 20480 + odd * (1 + rnd(300));
		o->len[o->n] = len;
		left -= len;
	}
}

static void copy_data(struct op *o, uint8_t *bytes, bool in)
{
	for (unsigned i = 0; i < o->n; i++) {
		uint8_t *range = driver_ptr(&f.d, o->at[i], o->len[i]);

		in ? memcpy(range, bytes, o->len[i]) : memcpy(bytes, range, o->len[i]);
		bytes += o->len[i];
	}
}

static void post(struct op *o)
{
	uint32_t dice = rnd(12);

	o->posted = true;
	o->type = !dice ? VIRTIO_BLK_T_FLUSH : dice < 7 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
	o->bytes = o->type == VIRTIO_BLK_T_FLUSH ? 0 : (1 + rnd(32)) * 512;
	o->sector = rnd(SECTORS - o->bytes / 512 + 1);
	lay_out(o);
	if (o->type == VIRTIO_BLK_T_OUT) {
		for (uint32_t i = 0; i < o->bytes; i++)
			disk[o->sector * 512 + i] = (uint8_t)rnd(256);
		memset(known + o->sector, true, o->bytes / 512);
		copy_data(o, disk + o->sector * 512, true);
	} else if (o->type == VIRTIO_BLK_T_IN) {
		memcpy(o->expect, disk + o->sector * 512, o->bytes);
		memcpy(o->known, known + o->sector, o->bytes / 512);
	}
	add_to_ring(o);
}

static void finish(struct op *o)
{
	uint8_t status = *(uint8_t *)driver_ptr(&f.d, o->status, 1), got[32 * 512];

	o->posted = false;
	if (o->type == VIRTIO_BLK_T_FLUSH) {
		assert_true(!lost || status == VIRTIO_BLK_S_IOERR);
		errors += lost;
		lost |= status == VIRTIO_BLK_S_IOERR;
	}
	if (status == VIRTIO_BLK_S_IOERR && plan == FATAL) {
		/* some of it may be there; later writes over it are not told apart here */
		if (o->type == VIRTIO_BLK_T_OUT)
			memset(known + o->sector, false, o->bytes / 512);
		return;
	}
	assert_int_equal(status, VIRTIO_BLK_S_OK);
	if (o->type != VIRTIO_BLK_T_IN)
		return;
	copy_data(o, got, false);
	for (uint32_t s = 0; s < o->bytes / 512; s++) {
		if (o->known[s] && known[o->sector + s])
			assert_memory_equal(got + s * 512, o->expect + s * 512, 512);
	}
}

static void reap(void)
{
	uint16_t head;
	uint32_t len;

	while (driver_used(&f.d, 0, &head, &len)) {
		unsigned i = 0;

		while (!op[i].posted || op[i].head != head)
			assert_true(++i < DEPTH);
		finish(&op[i]);
	}
}

static unsigned in_flight(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < DEPTH; i++)
		n += op[i].posted;
	return n;
}

static void run_load(unsigned depth)
{
	unsigned posted = 0;

	while (posted < OPS || in_flight()) {
		struct op *o = &op[rnd(depth)];

		if (!o->posted && posted < OPS) {
			post(o);
			posted++;
		}
		if (rnd(2) || posted == OPS)
			driver_kick(&f.d, 0);
		assert_true(reactor_step(f.r, false) >= 0);
		reap();
	}
}

/* --- runs ----------------------------------------------------------------- */

static const struct engine {
	const char *name;
	struct blk_config cfg;
	unsigned block; /* as on a disk with such sectors; 0: the host's */
} engines[] = {
	{ .name = "inline", .cfg = { .size = DISK } },
	{ .name = "auto", .cfg = { .engine = BLK_ENGINE_AUTO } },
	{ .name = "sync", .cfg = { .engine = BLK_ENGINE_SYNC } },
	{ .name = "uring", .cfg = { .engine = BLK_ENGINE_URING } },
	{ .name = "sync, direct", .cfg = { .engine = BLK_ENGINE_SYNC, .direct = true } },
	{ .name = "uring, direct", .cfg = { .engine = BLK_ENGINE_URING, .direct = true } },
	{ .name = "sync, direct, 4k", .cfg = { .engine = BLK_ENGINE_SYNC, .direct = true }, .block = 4096 },
	{ .name = "uring, direct, 4k", .cfg = { .engine = BLK_ENGINE_URING, .direct = true }, .block = 4096 },
};
#define ENGINES (sizeof(engines) / sizeof(engines[0]))

static char path[] = "ktstr-faults-XXXXXX";

/* @size: of the file; the disk is DISK bytes. */
static bool open_engine(const struct engine *e, off_t size)
{
	struct blk_config cfg = e->cfg;
	int fd;

	plan = NO_FAULTS;
	memset(op, 0, sizeof(op));
	memset(disk, 0, sizeof(disk));
	memset(known, true, sizeof(known));
	memset(shadow, 0, sizeof(shadow));
	interrupted = syncs = shorts = errors = 0;
	lost = false;
	granule = cfg.direct ? 4096 : 1;
	if (!cfg.size) {
		memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
		fd = mkstemp(path);
		assert_true(fd >= 0);
		assert_int_equal(ftruncate(fd, size), 0);
		close(fd);
		fd = cfg.direct ? open(path, O_RDWR | O_DIRECT) : 0;
		if (fd < 0) {
			print_message("no O_DIRECT here: %s is not tried\n", e->name);
			unlink(path);
			return false;
		}
		if (fd)
			close(fd);
		cfg.path = path;
		cfg.size = DISK;
	}
	blk_fixture_open_file(&f, &cfg);
	if (e->block) {
		struct file_backing *fb = (struct file_backing *)f.blk->backing;

		fb->offset_align = fb->b.granule = e->block;
	}
	blk_fixture_start(&f, BLK_F_ALL, 256);
	for (unsigned i = 0; i < DEPTH; i++) {
		op[i].header = driver_alloc(&f.d, 16, 16);
		op[i].data = driver_alloc(&f.d, 65536, 4096);
		op[i].status = driver_alloc(&f.d, 1, 1);
	}
	return true;
}

static void compare_file(void)
{
	const struct file_backing *fb = (const struct file_backing *)f.blk->backing;
	static uint8_t got[DISK];

	memset(got, 0, DISK);
	assert_true(pread(fb->fd, got, DISK, 0) >= 0);
	for (unsigned s = 0; s < SECTORS; s++) {
		if (known[s])
			assert_memory_equal(got + s * 512, disk + s * 512, 512);
	}
}

static void run_all(enum plan faults, unsigned depth)
{
	for (unsigned e = 0; e < ENGINES; e++) {
		for (unsigned seed = 1; seed <= 4; seed++) {
			/* half of the time the file grows as it is written */
			if (!open_engine(&engines[e], seed & 1 ? DISK : 1000))
				break;
			x = seed * 0x9e3779b97f4a7c15ull;
			plan = faults;
			run_load(depth);
			plan = NO_FAULTS;
			compare_file();
			assert_true(!faults || shorts > 0);
			assert_true((faults == FATAL) == (f.blk->counters.io_errors > 0));
			assert_int_equal(f.blk->counters.io_errors, errors);
			blk_fixture_close(&f);
			if (!engines[e].cfg.size)
				unlink(path);
		}
	}
}

/* BAK-06 BAK-07 BLK-57 BLK-58: short anywhere, interrupted, asked again: one request at
 * a time, so that the interruptions in a row are one request's. */
static void test_what_can_be_mended_is(void **state)
{
	run_all(MENDABLE, 1);
}

/* The same with many in flight; without interruptions in rows. */
static void test_many_in_flight(void **state)
{
	run_all(NO_FAULTS, DEPTH);
}

/* BAK-09: and what can't be mended fails, by itself: nothing else does. */
static void test_errors(void **state)
{
	run_all(FATAL, 1);
}

/* BAK-03 BLK-30 BLK-31: a flush is one fdatasync each, on every engine; a failed one fails. */
static void test_flush_is_fdatasync(void **state)
{
	for (unsigned e = 0; e < ENGINES; e++) {
		struct blk_io io;

		if (!open_engine(&engines[e], DISK))
			continue;
		io = blk_io_new(&f, 0);
		for (unsigned i = 1; i <= 3; i++) {
			assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_FLUSH, 0, NULL), VIRTIO_BLK_S_OK);
			assert_int_equal(syncs, i);
		}
		plan = FATAL;
		for (unsigned i = 0, failed = 0; !failed && i < 1000; i++) {
			failed = blk_do(&f, &io, VIRTIO_BLK_T_FLUSH, 0, NULL) == VIRTIO_BLK_S_IOERR;
			assert_int_equal(f.blk->counters.io_errors, failed);
		}
		assert_int_equal(f.blk->counters.io_errors, 1);
		blk_fixture_close(&f);
		if (!engines[e].cfg.size)
			unlink(path);
	}
}

/* Three reads and three writes, which the ring does; how often each was tried without waiting before. */
static void three_each(int error, unsigned tries)
{
	struct blk_io io = blk_io_new(&f, 512);

	nowait_error = error;
	nowait_tries[0] = nowait_tries[1] = 0;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_IN, i, NULL), VIRTIO_BLK_S_OK);
		assert_int_equal(blk_do(&f, &io, VIRTIO_BLK_T_OUT, i, NULL), VIRTIO_BLK_S_OK);
	}
	nowait_error = 0;
	assert_int_equal(nowait_tries[0], tries);
	assert_int_equal(nowait_tries[1], tries);
}

/* A file that can't be asked without waiting is asked once; one that would have had to wait, again each time.
 */
static void test_nowait_is_not_asked_in_vain(void **state)
{
	assert_true(open_engine(&engines[1], DISK));
	if (f.blk->backing->ops == &file_mixed.ops) {
		three_each(EAGAIN, 3);
		three_each(EOPNOTSUPP, 1);
		three_each(EOPNOTSUPP, 0);
		assert_int_equal(f.blk->backing->counters.on_ring, 18);
	} else {
		print_message("files are in memory here: not tried\n");
	}
	blk_fixture_close(&f);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_can_be_mended_is),
		cmocka_unit_test(test_many_in_flight),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_flush_is_fdatasync),
		cmocka_unit_test(test_nowait_is_not_asked_in_vain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
