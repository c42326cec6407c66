/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a flush promised is there after the end. The end comes in two ways: the
 * VMM is killed (a process of its own, a real file, SIGKILL at any moment), or
 * the power fails (a backing that keeps what was not synced by chance only).
 *
 * Each block bears the number of the write that it came from. A journal says,
 * for each block, the last write submitted, the last one answered, and the last
 * one that an answered flush covers; for the process it is in shared memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/virtio/blk_fixture.h"

#define BLOCK 4096u
#define BLOCKS 128u
#define BLOCKS_MAX 4u /* of one write */
#define DISK (BLOCKS * BLOCK)
#define DEPTH 24u
#define LOOPS 200u

struct journal {
	uint64_t submitted[BLOCKS], answered[BLOCKS], flushed[BLOCKS];
	uint64_t flushes;
};

struct op {
	struct blk_io io;
	bool posted;
	uint32_t type;
	unsigned block, n;
	uint64_t number;
	uint64_t covers[BLOCKS]; /* flush: the writes before it on the ring, answered or not */
};

static struct blk_fixture f;
static struct journal *journal;
static struct op op[DEPTH];
static uint64_t x, number;

static uint64_t rnd(uint64_t n)
{
	x ^= x << 13, x ^= x >> 7, x ^= x << 17;
	return (x >> 11) % n;
}

/* --- the load ------------------------------------------------------------- */

static void set_number(uint8_t *block, uint64_t n)
{
	for (unsigned at = 0; at < BLOCK; at += 8) {
		uint64_t word = n * BLOCK + at;

		memcpy(block + at, &word, 8);
	}
}

/* 0: never written; else all of it must be of one write. */
static uint64_t number_of(const uint8_t *block)
{
	uint64_t first, word;

	memcpy(&first, block, 8);
	for (unsigned at = 0; at < BLOCK; at += 8) {
		memcpy(&word, block + at, 8);
		assert_true(word == (first ? first + at : 0));
	}
	return first / BLOCK;
}

static void post_write(struct op *o)
{
	o->type = VIRTIO_BLK_T_OUT;
	o->n = 1 + (unsigned)rnd(BLOCKS_MAX);
	o->block = (unsigned)rnd(BLOCKS - o->n + 1);
	o->number = ++number;
	o->io.len = o->n * BLOCK;
	for (unsigned i = 0; i < o->n; i++) {
		set_number(blk_io_data(&f, &o->io) + i * BLOCK, o->number);
		__atomic_store_n(&journal->submitted[o->block + i], o->number, __ATOMIC_SEQ_CST);
	}
	blk_io_add(&f, &o->io, VIRTIO_BLK_T_OUT, o->block * (BLOCK / 512));
}

static void post_flush(struct op *o)
{
	o->type = VIRTIO_BLK_T_FLUSH;
	o->io.len = 0;
	memcpy(o->covers, journal->submitted, sizeof(o->covers));
	blk_io_add(&f, &o->io, VIRTIO_BLK_T_FLUSH, 0);
}

static void post(struct op *o)
{
	o->posted = true;
	if (rnd(8))
		post_write(o);
	else
		post_flush(o);
}

/* Never back: a later flush may be answered before an earlier one. */
static void raise_to(uint64_t *word, uint64_t n)
{
	if (*word < n)
		__atomic_store_n(word, n, __ATOMIC_SEQ_CST);
}

static void note_answer(struct op *o)
{
	assert_int_equal(blk_io_status(&f, &o->io), VIRTIO_BLK_S_OK);
	for (unsigned i = 0; i < o->n && o->type == VIRTIO_BLK_T_OUT; i++)
		raise_to(&journal->answered[o->block + i], o->number);
	for (unsigned i = 0; i < BLOCKS && o->type == VIRTIO_BLK_T_FLUSH; i++)
		raise_to(&journal->flushed[i], o->covers[i]);
	journal->flushes += o->type == VIRTIO_BLK_T_FLUSH;
	o->posted = false;
}

static void reap(void)
{
	uint16_t head;
	uint32_t len;

	while (driver_used(&f.d, 0, &head, &len)) {
		unsigned i = 0;

		while (!op[i].posted || op[i].io.head != head)
			assert_true(++i < DEPTH);
		note_answer(&op[i]);
	}
}

/* Some more requests, and what is through. */
static void turn(void)
{
	for (unsigned n = (unsigned)rnd(4); n; n--) {
		struct op *o = &op[rnd(DEPTH)];

		if (!o->posted)
			post(o);
	}
	driver_kick(&f.d, 0);
	assert_true(reactor_step(f.r, false) >= 0);
	reap();
}

static void start_load(uint64_t seed)
{
	x = seed * 0x9e3779b97f4a7c15ull + 1;
	number = 0;
	memset(op, 0, sizeof(op));
	blk_fixture_start(&f, BLK_F_ALL, 256);
	for (unsigned i = 0; i < DEPTH; i++)
		op[i].io = blk_io_new(&f, BLOCKS_MAX * BLOCK);
}

/* @kept: what must be there at least. */
static void compare(const uint8_t *disk, const uint64_t kept[BLOCKS], uint64_t seed)
{
	for (unsigned i = 0; i < BLOCKS; i++) {
		uint64_t n = number_of(disk + (size_t)i * BLOCK);

		if (n < kept[i] || n > journal->submitted[i])
			fail_msg("seed %llu, block %u: write %llu is there; %llu was promised, %llu answered, %llu the "
				 "last",
				 (unsigned long long)seed, i, (unsigned long long)n,
				 (unsigned long long)journal->flushed[i], (unsigned long long)journal->answered[i],
				 (unsigned long long)journal->submitted[i]);
	}
}

/* --- the VMM is killed ---------------------------------------------------- */

static const struct blk_config configs[] = {
	{ .engine = BLK_ENGINE_AUTO },
	{ .engine = BLK_ENGINE_URING },
	{ .engine = BLK_ENGINE_SYNC },
	{ .engine = BLK_ENGINE_URING, .direct = true },
};

static void __attribute__((noreturn)) run_until_killed(const struct blk_config *cfg, uint64_t seed)
{
	blk_fixture_open_file(&f, cfg);
	start_load(seed);
	for (;;)
		turn();
}

static void make_file(char *path, size_t size)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	snprintf(path, size, "%s/ktstr-durable.XXXXXX", dir ? dir : "/var/tmp");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, DISK), 0);
	close(fd);
}

static bool direct_possible(const char *path)
{
	int fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Some time after the @at-th answered flush. */
static void kill_after(pid_t pid, uint64_t at)
{
	int status;

	while (__atomic_load_n(&journal->flushes, __ATOMIC_RELAXED) < at && !waitpid(pid, &status, WNOHANG))
		usleep(100);
	usleep((useconds_t)rnd(3000));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void kill_once(const char *path, struct blk_config cfg, uint64_t seed)
{
	static uint8_t disk[DISK];
	pid_t pid;
	int fd;

	cfg.path = path;
	memset(journal, 0, sizeof(*journal));
	assert_int_equal(truncate(path, 0) + truncate(path, DISK), 0);
	x = seed + 12345;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		run_until_killed(&cfg, seed);
	kill_after(pid, rnd(8));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, disk, DISK, 0), DISK);
	close(fd);
	/* The page cache outlives the process: nothing that was answered is lost. */
	compare(disk, journal->answered, seed);
}

/* BLK-30 BLK-57 BAK-03 */
static void test_killed(void **state)
{
	uint64_t flushes = 0;
	char path[300];

	make_file(path, sizeof(path));
	for (unsigned loop = 0; loop < LOOPS; loop++) {
		const struct blk_config *cfg = &configs[loop % 4];

		if (cfg->direct && !direct_possible(path))
			continue;
		kill_once(path, *cfg, loop + 1);
		flushes += journal->flushes;
	}
	unlink(path);
	print_message("%u processes killed, %llu flushes answered before\n", LOOPS, (unsigned long long)flushes);
	assert_true(flushes > LOOPS);
}

/* --- the power fails ------------------------------------------------------ */

/* A disk with a cache: a sync makes durable what it found when it began. */
static struct {
	uint8_t durable[DISK];
	uint8_t found[DEPTH][DISK]; /* by sync */
	const struct backing_op *sync[DEPTH];
} cache;

static struct fault cached(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	unsigned i = 0;

	if (kind == FAULT_SYNC) {
		while (cache.sync[i])
			assert_true(++i < DEPTH);
		cache.sync[i] = b->asked;
		memcpy(cache.found[i], b->data, DISK);
	}
	return (struct fault){ .hold = kind == FAULT_SYNC || rnd(2),
			       .limited = kind == FAULT_WRITE && rnd(4) == 0,
			       .limit = BLOCK * (1 + rnd(BLOCKS_MAX)) };
}

/* Only forward, as a disk does: by block the newer of the two. */
static void make_durable(const uint8_t *found)
{
	for (unsigned i = 0; i < BLOCKS; i++) {
		if (number_of(found + i * BLOCK) > number_of(cache.durable + i * BLOCK))
			memcpy(cache.durable + i * BLOCK, found + i * BLOCK, BLOCK);
	}
}

static void end_one(void)
{
	unsigned held = (unsigned)rnd(f.fault.n_held), i = 0;

	if (f.fault.held[held].kind == FAULT_SYNC) {
		while (cache.sync[i] != f.fault.held[held].op)
			assert_true(++i < DEPTH);
		make_durable(cache.found[i]);
		cache.sync[i] = NULL;
	}
	fault_finish(&f.fault, held, 0);
}

static void cut_power(uint64_t seed)
{
	/* What was not synced may be there all the same, block by block. */
	for (unsigned i = 0; i < BLOCKS; i++) {
		if (rnd(2))
			memcpy(cache.durable + i * BLOCK, f.fault.data + i * BLOCK, BLOCK);
	}
	compare(cache.durable, journal->flushed, seed);
}

/* BLK-30: also where the disk forgets. */
static void test_power_cut(void **state)
{
	uint64_t flushes = 0;

	for (uint64_t seed = 1; seed <= LOOPS; seed++) {
		memset(journal, 0, sizeof(*journal));
		memset(&cache, 0, sizeof(cache));
		blk_fixture_open(&f, &(struct blk_config){ 0 }, DISK);
		start_load(seed);
		f.fault.plan = cached;
		for (unsigned i = 20 + (unsigned)rnd(200); i; i--) {
			turn();
			if (f.fault.n_held && rnd(2))
				end_one();
		}
		cut_power(seed);
		flushes += journal->flushes;
		blk_fixture_close(&f);
	}
	print_message("%u power cuts, %llu flushes answered before\n", LOOPS, (unsigned long long)flushes);
	assert_true(flushes > LOOPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_power_cut),
	};

	journal = mmap(NULL, sizeof(*journal), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (journal == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
