/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ring between two threads. Each side stores one word and then reads the
 * other's: used.idx against used_event (2.7.7.2), avail_event or flags against
 * avail.idx (2.7.13.4.1). Without a full fence in both a processor may read
 * first, x86 too, and then each side leaves it to the other: a wakeup is lost.
 *
 * The duels bring both threads to that place together, over and over, and
 * count the rounds in which nobody would have woken anybody. The stress lets
 * them run free and sleep for real.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/virtio/driver.h"

#define DUELS 40000u
#define QUEUE_SIZE 64u
#define REQUESTS 30000u
#define PATIENCE_MS 30000

static struct driver d;
static struct virtio_device dev;

static void config_read(struct virtio_device *v, uint32_t offset, void *buf, unsigned len)
{
	memset(buf, 0, len);
}

static void kick(struct virtio_device *v, unsigned q)
{
}

static const struct virtio_device_ops ops = {
	.name = "ring", .device_id = 99, .n_queues = 1, .config_read = config_read, .kick = kick
};

static void open_ring(bool event_idx)
{
	virtio_device_init(&dev, &ops, 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_RING_F_EVENT_IDX, QUEUE_SIZE);
	driver_open(&d, &dev, 1 << 20);
	driver_init(&d, 1ull << VIRTIO_F_VERSION_1 | (uint64_t)event_idx << VIRTIO_RING_F_EVENT_IDX, 1, QUEUE_SIZE);
}

/* --- duels ---------------------------------------------------------------- */

/*
 * One kind of duel. Before each, both sides read what they will read in it: so
 * their loads are quick, while their stores must first take the line from the
 * other one's cache. That is where a missing fence shows.
 */
struct duel {
	const char *name;
	void (*prepare)(void);
	bool (*driver)(void); /* whether it goes on by itself */
	bool (*device)(void); /* whether it wakes the driver, or goes on itself */
	uint64_t (*device_word)(void);
};

static const struct duel *duel;
static struct virtq_chain chain;
static _Alignas(64) atomic_uint prepared, ready;
static _Alignas(64) _Atomic uint64_t start_at; /* time-stamp counter */
static _Alignas(64) atomic_uint fought;
static bool device_wakes;

static void await(atomic_uint *word, unsigned value)
{
	for (unsigned spins = 0; atomic_load_explicit(word, memory_order_acquire) != value; spins++) {
		if (spins >= 2000)
			sched_yield(); /* the other one has no CPU */
	}
}

static void await_time(uint64_t at)
{
	while (__builtin_ia32_rdtsc() < at)
		;
}

static void *fight(void *arg)
{
	uint64_t at, last = 0;

	for (unsigned i = 1; i <= DUELS; i++) {
		await(&prepared, i);
		(void)duel->device_word();
		atomic_store_explicit(&ready, i, memory_order_release);
		for (unsigned spins = 0; (at = atomic_load_explicit(&start_at, memory_order_acquire)) == last;
		     spins++) {
			if (spins >= 2000)
				sched_yield();
		}
		last = at;
		await_time(at);
		device_wakes = duel->device();
		atomic_store_explicit(&fought, i, memory_order_release);
	}
	return NULL;
}

/* The rounds in which both sides left it to the other. */
static unsigned run_duels(void)
{
	unsigned lost = 0;
	pthread_t t;

	atomic_store(&prepared, 0);
	atomic_store(&ready, 0);
	atomic_store(&fought, 0);
	atomic_store(&start_at, 0);
	assert_int_equal(pthread_create(&t, NULL, fight, NULL), 0);
	for (unsigned i = 1; i <= DUELS; i++) {
		uint64_t at;
		bool goes_on;

		duel->prepare();
		atomic_store_explicit(&prepared, i, memory_order_release);
		await(&ready, i);
		at = __builtin_ia32_rdtsc() + 600;
		atomic_store_explicit(&start_at, at, memory_order_release);
		await_time(at + i % 512 - 256); /* neither is always the first */
		goes_on = duel->driver();
		await(&fought, i);
		lost += !goes_on && !device_wakes;
	}
	pthread_join(t, NULL);
	return lost;
}

/* The driver takes all, asks for an interrupt at the next one, and looks again
 * before it sleeps; the device publishes one meanwhile. */
static void prepare_used(void)
{
	const struct driver_seg seg = { DRIVER_RAM_GPA, 1, true };
	uint16_t head;
	uint32_t len;

	while (driver_used(&d, 0, &head, &len))
		;
	assert_true(driver_add(&d, 0, &seg, 1) >= 0);
	assert_int_equal(virtq_pop(&dev.vq[0], &chain), 1);
	assert_int_equal(virtq_push(&dev.vq[0], chain.head, 1), 0);
}

static bool sleep_unless_used(void)
{
	if (d.event_idx) {
		driver_set_used_event(&d, 0, d.q[0].used_idx);
	} else {
		__atomic_store_n(&d.q[0].avail->flags, 0, __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
	return driver_used_count(&d, 0) > 0;
}

static bool publish_one(void)
{
	return virtq_publish(&dev.vq[0]) == 1;
}

static uint64_t interrupt_words(void)
{
	const struct vring_avail *avail = d.q[0].avail;

	return __atomic_load_n(&avail->ring[QUEUE_SIZE], __ATOMIC_RELAXED) +
	       __atomic_load_n(&avail->flags, __ATOMIC_RELAXED);
}

static void prepare_used_event(void)
{
	prepare_used();
	/* of long ago: no interrupt is wanted so far */
	driver_set_used_event(&d, 0, (uint16_t)(d.q[0].used_idx - 2));
}

static void prepare_used_flags(void)
{
	prepare_used();
	__atomic_store_n(&d.q[0].avail->flags, VRING_AVAIL_F_NO_INTERRUPT, __ATOMIC_RELAXED);
}

/* The driver adds one and asks whether the device wants a kick; the device has
 * found nothing, asks for one and looks again. */
static void prepare_avail(void)
{
	uint16_t head;
	uint32_t len;

	while (virtq_pop(&dev.vq[0], &chain) == 1)
		assert_int_equal(virtq_push(&dev.vq[0], chain.head, 0), 0);
	assert_true(virtq_publish(&dev.vq[0]) >= 0);
	while (driver_used(&d, 0, &head, &len))
		;
	virtq_disable_kicks(&dev.vq[0]);
	d.q[0].kicked_idx = d.q[0].avail_idx;
}

static bool add_and_kick(void)
{
	const struct driver_seg seg = { DRIVER_RAM_GPA, 1, true };

	assert_true(driver_add(&d, 0, &seg, 1) >= 0);
	return driver_kick_wanted(&d, 0);
}

static bool enable_and_look(void)
{
	return virtq_enable_kicks(&dev.vq[0]);
}

static uint64_t avail_word(void)
{
	return __atomic_load_n(&d.q[0].avail->idx, __ATOMIC_RELAXED);
}

static void fight_out(const struct duel *which, bool event_idx)
{
	unsigned lost;

	duel = which;
	open_ring(event_idx);
	lost = run_duels();
	driver_close(&d);
	print_message("%s: %u of %u lost\n", which->name, lost, DUELS);
	assert_int_equal(lost, 0);
}

/* BLK-52 */
static void test_interrupts_are_not_lost(void **state)
{
	static const struct duel event_idx = { "interrupts, EVENT_IDX", prepare_used_event, sleep_unless_used,
					       publish_one, interrupt_words };
	static const struct duel flags = { "interrupts, flags", prepare_used_flags, sleep_unless_used, publish_one,
					   interrupt_words };

	fight_out(&event_idx, true);
	fight_out(&flags, false);
}

/* BLK-53 */
static void test_kicks_are_not_lost(void **state)
{
	static const struct duel event_idx = { "kicks, EVENT_IDX", prepare_avail, add_and_kick, enable_and_look,
					       avail_word };
	static const struct duel flags = { "kicks, flags", prepare_avail, add_and_kick, enable_and_look, avail_word };

	fight_out(&event_idx, true);
	fight_out(&flags, false);
}

/* --- stress --------------------------------------------------------------- */

static int kick_fd;
static atomic_bool over;
static uint64_t kicks, interrupts, device_lost, driver_lost;

/* Sleep until @fd is written: false when it never is. */
static bool sleep_on(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	eventfd_t n;

	if (poll(&p, 1, PATIENCE_MS) != 1)
		return false;
	return eventfd_read(fd, &n) == 0;
}

/* Answers a chain with the bytes of it, inverted: what comes back is this
 * round's, and was there before its used entry. */
static void serve(void)
{
	uint32_t word;

	while (virtq_pop(&dev.vq[0], &chain) == 1) {
		assert(!chain.malformed && chain.n == 2);
		assert(!guest_memory_read(dev.mem, chain.seg[0].gpa, &word, 4));
		word = ~word;
		assert(!guest_memory_write(dev.mem, chain.seg[1].gpa, &word, 4));
		assert(!virtq_push(&dev.vq[0], chain.head, 4));
		if (word % 3 == 0 && virtq_publish(&dev.vq[0]) == 1) {
			interrupts++;
			eventfd_write(d.irq_fd, 1);
		}
	}
	if (virtq_publish(&dev.vq[0]) == 1) {
		interrupts++;
		eventfd_write(d.irq_fd, 1);
	}
}

static void *device_thread(void *arg)
{
	while (!atomic_load(&over)) {
		do {
			virtq_disable_kicks(&dev.vq[0]);
			serve();
		} while (virtq_enable_kicks(&dev.vq[0]));
		if (!sleep_on(kick_fd) && !atomic_load(&over))
			device_lost++;
	}
	return NULL;
}

struct echo {
	uint64_t gpa;
	uint32_t *word; /* what goes out; behind it what comes back */
	int head;
};

static unsigned take_echoes(struct echo *e, unsigned depth)
{
	unsigned n = 0;
	uint16_t head;
	uint32_t len;

	while (driver_used(&d, 0, &head, &len)) {
		unsigned i = 0;

		while (e[i].head != head)
			assert_true(++i < depth);
		assert_int_equal(len, 4);
		assert_int_equal(e[i].word[1], ~e[i].word[0]);
		e[i].head = -1;
		n++;
	}
	return n;
}

static void drive(unsigned depth, unsigned requests)
{
	struct echo e[QUEUE_SIZE / 2];
	unsigned posted = 0, done = 0, n;

	for (unsigned i = 0; i < depth; i++) {
		e[i].gpa = driver_alloc(&d, 8, 64);
		e[i].word = driver_ptr(&d, e[i].gpa, 8);
		e[i].head = -1;
	}
	while (done < requests) {
		for (unsigned i = 0; i < depth && posted < requests; i++) {
			const struct driver_seg seg[] = { { e[i].gpa, 4, false }, { e[i].gpa + 4, 4, true } };

			if (e[i].head >= 0)
				continue;
			e[i].word[0] = posted++;
			e[i].word[1] = 0;
			e[i].head = driver_add(&d, 0, seg, 2);
			if (driver_kick_wanted(&d, 0)) {
				kicks++;
				eventfd_write(kick_fd, 1);
			}
		}
		n = take_echoes(e, depth);
		done += n;
		if (n)
			continue;
		if (d.event_idx)
			driver_set_used_event(&d, 0, d.q[0].used_idx);
		if (!driver_used_count(&d, 0) && !sleep_on(d.irq_fd))
			driver_lost++;
		assert_true(driver_lost + device_lost == 0);
	}
}

static void stress(bool event_idx, unsigned depth)
{
	pthread_t t;

	open_ring(event_idx);
	kick_fd = eventfd(0, EFD_CLOEXEC);
	kicks = interrupts = device_lost = driver_lost = 0;
	atomic_store(&over, false);
	assert_int_equal(pthread_create(&t, NULL, device_thread, NULL), 0);
	drive(depth, REQUESTS);
	atomic_store(&over, true);
	eventfd_write(kick_fd, 1);
	pthread_join(t, NULL);
	close(kick_fd);
	driver_close(&d);
	print_message("%s, depth %u: %u requests, %llu kicks, %llu interrupts\n", event_idx ? "EVENT_IDX" : "flags",
		      depth, REQUESTS, (unsigned long long)kicks, (unsigned long long)interrupts);
	assert_int_equal(driver_lost + device_lost, 0);
}

/* BLK-52 BLK-53: the two of them running free, asleep whenever there is nothing to do. */
static void test_stress(void **state)
{
	stress(true, 1);
	stress(true, 4);
	stress(true, 32);
	stress(false, 1);
	stress(false, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interrupts_are_not_lost),
		cmocka_unit_test(test_kicks_are_not_lost),
		cmocka_unit_test(test_stress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
