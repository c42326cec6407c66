/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The block device on its reactor thread, the driver on another, eventfds
 * between them: no kick, no interrupt and no retry timer may get lost while
 * both sides suppress what they don't need (2.7.7, 2.7.10), and data must be
 * visible with its used entry. BLK-33 BLK-34 BLK-53
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "reactor/container.h"
#include "tests/virtio/blk_fixture.h"

#define PATIENCE_MS 30000

struct link {
	struct blk_fixture f;
	struct blk_config cfg;
	uint64_t features;
	uint64_t busy_ns; /* of the reactor's busy-wait, and of pauses of the driver's */
	struct kick kick, stop;
	int kick_fd, stop_fd;
	sem_t up;
	/* what is left of the device when its thread has ended */
	struct blk_counters counters;
	uint64_t interrupts;
	const char *engine;
};

static void kicked(struct kick *k)
{
	virtio_mmio_kick(blk_device(container_of(k, struct link, kick)->f.blk), 0);
}

static void stopped(struct kick *k)
{
	reactor_stop(k->r);
}

static void *device_thread(void *arg)
{
	struct link *l = arg;

	blk_fixture_open_file(&l->f, &l->cfg);
	blk_fixture_start(&l->f, l->features, 256);
	assert_int_equal(kick_watch(l->f.r, &l->kick, l->kick_fd, kicked), 0);
	assert_int_equal(kick_watch(l->f.r, &l->stop, l->stop_fd, stopped), 0);
	reactor_busy_wait(l->f.r, l->busy_ns);
	sem_post(&l->up);
	assert_int_equal(reactor_run(l->f.r), 0);
	kick_unwatch(&l->kick);
	kick_unwatch(&l->stop);
	l->counters = *blk_counters(l->f.blk);
	l->interrupts = l->f.blk->dev.interrupts;
	l->engine = blk_engine_used(l->f.blk);
	assert_int_equal(blk_destroy(l->f.blk, 10000000000ull), 0);
	assert_int_equal(reactor_destroy(l->f.r, 10000000000ull), 0);
	return NULL;
}

/* Sleep until the device interrupts; false when it never does. */
static bool wait_irq(struct link *l)
{
	struct pollfd p = { .fd = l->f.d.irq_fd, .events = POLLIN };

	if (poll(&p, 1, PATIENCE_MS) != 1)
		return false;
	driver_irqs(&l->f.d);
	return true;
}

static void kick_if_wanted(struct link *l)
{
	if (driver_kick_wanted(&l->f.d, 0))
		assert_int_equal(eventfd_write(l->kick_fd, 1), 0);
}

/* Each slot writes its own sectors and reads them back, in turn. */
struct slot {
	struct blk_io io;
	uint32_t round;
};

static void post(struct link *l, struct slot *s, unsigned i)
{
	bool write = !(s->round & 1);

	memset(blk_io_data(&l->f, &s->io), write ? (int)(s->round / 2 + i) : 0xff, 1024);
	blk_io_add(&l->f, &s->io, write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, i * 2);
}

static void check(struct link *l, struct slot *s, unsigned i)
{
	const uint8_t *data = blk_io_data(&l->f, &s->io);

	assert_int_equal(blk_io_status(&l->f, &s->io), VIRTIO_BLK_S_OK);
	assert_int_equal(data[0], (uint8_t)(s->round / 2 + i));
	assert_int_equal(data[1023], (uint8_t)(s->round / 2 + i));
	s->round++;
}

/* As a driver does it: interrupts off while it takes what is there, on and a
 * second look before it sleeps. */
static unsigned take(struct link *l, struct slot *slot, unsigned depth)
{
	unsigned n = 0;
	uint16_t head;
	uint32_t len;

	for (;;) {
		while (driver_used(&l->f.d, 0, &head, &len)) {
			unsigned i = 0;

			while (slot[i].io.head != head)
				assert_true(++i < depth);
			slot[i].io.head = -1;
			check(l, &slot[i], i);
			n++;
		}
		if (n)
			return n;
		driver_set_used_event(&l->f.d, 0, l->f.d.q[0].used_idx);
		if (!driver_used_count(&l->f.d, 0) && !wait_irq(l))
			fail_msg("no interrupt came: a notification was lost");
	}
}

/* Now shorter than the busy-wait, now longer: the reactor falls asleep at any moment of ours. */
static void pause_driver(const struct link *l, unsigned n)
{
	uint64_t until = monotonic_ns() + (l->busy_ns * (n % 16)) / 8;

	while (l->busy_ns && monotonic_ns() < until)
		;
}

static void drive(struct link *l, unsigned depth, unsigned ops)
{
	struct slot slot[64] = { 0 };
	unsigned posted = 0, done = 0;

	for (unsigned i = 0; i < depth; i++)
		slot[i].io = blk_io_new(&l->f, 1024);
	while (done < ops) {
		for (unsigned i = 0; i < depth && posted < ops; i++) {
			if (slot[i].io.head >= 0)
				continue;
			post(l, &slot[i], i);
			posted++;
			kick_if_wanted(l);
		}
		pause_driver(l, done);
		done += take(l, slot, depth);
	}
}

static void run_polled(struct blk_config cfg, uint64_t features, unsigned depth, unsigned ops, uint64_t busy_ns)
{
	static struct link l;
	pthread_t t;

	memset(&l, 0, sizeof(l));
	l.cfg = cfg;
	l.features = features;
	l.busy_ns = busy_ns;
	l.kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	l.stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	sem_init(&l.up, 0, 0);
	assert_int_equal(pthread_create(&t, NULL, device_thread, &l), 0);
	sem_wait(&l.up);
	drive(&l, depth, ops);
	assert_int_equal(eventfd_write(l.stop_fd, 1), 0);
	pthread_join(t, NULL);
	driver_close(&l.f.d);
	assert_int_equal(l.counters.io_errors, 0);
	assert_int_equal(l.counters.reads_completed + l.counters.writes_completed, ops);
	print_message("%s depth %u: %u requests, %llu interrupts\n", l.engine, depth, ops,
		      (unsigned long long)l.interrupts);
	close(l.kick_fd);
	close(l.stop_fd);
	sem_destroy(&l.up);
}

static void run(struct blk_config cfg, uint64_t features, unsigned depth, unsigned ops)
{
	run_polled(cfg, features, depth, ops, 0);
}

static void test_inline(void **state)
{
	run((struct blk_config){ .size = 1 << 20 }, BLK_F_ALL, 1, 20000);
	run((struct blk_config){ .size = 1 << 20 }, BLK_F_ALL, 8, 60000);
	run((struct blk_config){ .size = 1 << 20 }, BLK_F_ALL, 64, 60000);
}

static void test_without_event_idx(void **state)
{
	run((struct blk_config){ .size = 1 << 20 }, BLK_F_V1, 1, 10000);
	run((struct blk_config){ .size = 1 << 20 }, BLK_F_V1, 16, 40000);
}

static void test_on_the_ring(void **state)
{
	run((struct blk_config){ .size = 1 << 20, .engine = BLK_ENGINE_URING }, BLK_F_ALL, 1, 5000);
	run((struct blk_config){ .size = 1 << 20, .engine = BLK_ENGINE_URING }, BLK_F_ALL, 32, 30000);
}

/* The retry timer is the only thing that goes on after a stall. */
static void test_throttled(void **state)
{
	run((struct blk_config){ .size = 1 << 20, .iops = 20000 }, BLK_F_ALL, 8, 25000);
}

/* Kicks are off while the reactor looks by itself, and on before it sleeps. */
static void test_busy_waiting(void **state)
{
	run_polled((struct blk_config){ .size = 1 << 20 }, BLK_F_ALL, 1, 20000, 20000);
	run_polled((struct blk_config){ .size = 1 << 20 }, BLK_F_ALL, 8, 40000, 20000);
	run_polled((struct blk_config){ .size = 1 << 20 }, BLK_F_V1, 8, 20000, 20000);
	run_polled((struct blk_config){ .size = 1 << 20, .engine = BLK_ENGINE_URING }, BLK_F_ALL, 32, 20000, 40000);
	run_polled((struct blk_config){ .size = 1 << 20, .iops = 20000 }, BLK_F_ALL, 8, 25000, 20000);
}

/* BLK-33 BLK-34: a disk that is slow. The notification returns at once, and the work is another thread's. */
static struct {
	struct blk_fixture f;
	struct kick kick, stop;
	int kick_fd, stop_fd;
	sem_t up, go_on;
	pthread_t thread;
	/* what is left when the thread has ended */
	struct blk_io io;
	uint8_t status;
	pthread_t worked;
} slow;

static struct fault until_told(struct fault_backing *b, enum fault_kind kind, unsigned call, size_t want)
{
	sem_wait(&slow.go_on);
	return (struct fault){ 0 };
}

static void slow_kicked(struct kick *k)
{
	virtio_mmio_kick(blk_device(slow.f.blk), 0);
}

static void *slow_thread(void *arg)
{
	blk_fixture_patterned(&slow.f, &(struct blk_config){ 0 }, 1 << 20);
	slow.f.fault.plan = until_told;
	assert_int_equal(kick_watch(slow.f.r, &slow.kick, slow.kick_fd, slow_kicked), 0);
	assert_int_equal(kick_watch(slow.f.r, &slow.stop, slow.stop_fd, stopped), 0);
	sem_post(&slow.up);
	assert_int_equal(reactor_run(slow.f.r), 0);
	kick_unwatch(&slow.kick);
	kick_unwatch(&slow.stop);
	slow.status = blk_io_status(&slow.f, &slow.io);
	slow.worked = slow.f.fault.last_thread;
	assert_int_equal(blk_destroy(slow.f.blk, 10000000000ull), 0);
	assert_int_equal(reactor_destroy(slow.f.r, 10000000000ull), 0);
	return NULL;
}

static void test_notify_returns_at_once(void **state)
{
	struct pollfd p = { .events = POLLIN };

	slow.kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	slow.stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	sem_init(&slow.up, 0, 0);
	sem_init(&slow.go_on, 0, 0);
	assert_int_equal(pthread_create(&slow.thread, NULL, slow_thread, NULL), 0);
	sem_wait(&slow.up);
	p.fd = slow.f.d.irq_fd;
	slow.io = blk_io_new(&slow.f, 512);
	blk_io_add(&slow.f, &slow.io, VIRTIO_BLK_T_IN, 0);
	/* It would not return if it waited for the disk, for the disk waits for us. */
	assert_int_equal(eventfd_write(slow.kick_fd, 1), 0);
	sem_post(&slow.go_on);
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(eventfd_write(slow.stop_fd, 1), 0);
	assert_int_equal(pthread_join(slow.thread, NULL), 0);
	assert_int_equal(slow.status, VIRTIO_BLK_S_OK);
	assert_true(pthread_equal(slow.worked, slow.thread));
	assert_false(pthread_equal(slow.worked, pthread_self()));
	driver_close(&slow.f.d);
	fault_free(&slow.f.fault);
	close(slow.kick_fd);
	close(slow.stop_fd);
	sem_destroy(&slow.up);
	sem_destroy(&slow.go_on);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inline),	     cmocka_unit_test(test_without_event_idx),
		cmocka_unit_test(test_on_the_ring),  cmocka_unit_test(test_throttled),
		cmocka_unit_test(test_busy_waiting), cmocka_unit_test(test_notify_returns_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
