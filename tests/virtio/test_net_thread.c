/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device on its reactor thread, the driver on another, ioeventfd and irqfd
 * between them, as with a real guest: no kick and no interrupt may get lost
 * when both sides suppress what they don't need (2.7.7, 2.7.10).
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <stdio.h>
#include <unistd.h>

#include "reactor/container.h"
#include "tests/virtio/net_fixture.h"

#define FRAMES 200000u
#define WINDOW 120u
#define PATIENCE_MS 20000

struct link {
	struct fixture *f;
	struct kick kick;
	int kick_fd;
	uint64_t tx, rx; /* memory of WINDOW frames and 256 buffers */
	uint64_t kicks, sleeps;
	uint32_t received, wrong;
	bool starved;
	atomic_bool done;
};

static void kicked(struct kick *k)
{
	struct link *l = container_of(k, struct link, kick);

	virtio_mmio_kick(l->f->d.dev, TXQ);
	if (l->done)
		reactor_stop(k->r);
}

static void send_frame(struct link *l, uint32_t seq)
{
	uint64_t gpa = l->tx + seq % WINDOW * 128;
	uint32_t len = 14 + seq % 64;

	memcpy(driver_ptr(&l->f->d, gpa + HDR + 8, 4), &seq, 4);
	assert_true(driver_add(&l->f->d, TXQ, &(struct driver_seg){ gpa, HDR + len, false }, 1) >= 0);
}

static void give_buffer(struct link *l, uint16_t slot)
{
	driver_add(&l->f->d, RXQ, &(struct driver_seg){ l->rx + slot * 128ull, 128, true }, 1);
}

/* Take what came. Frames come in order, and none is missing. */
static void take_frames(struct link *l)
{
	uint16_t head;
	uint32_t len, seq;

	while (driver_used(&l->f->d, RXQ, &head, &len)) {
		memcpy(&seq, driver_ptr(&l->f->d, l->rx + head * 128ull + HDR + 8, 4), 4);
		l->wrong += seq != l->received || len != HDR + 14 + seq % 64;
		l->received++;
		give_buffer(l, head);
	}
}

/* Ask for interrupts, look once more, sleep (2.7.14). */
static void wait_interrupt(struct link *l)
{
	struct pollfd p = { .fd = l->f->d.irq_fd, .events = POLLIN };
	struct vring_avail *avail = l->f->d.q[RXQ].avail;

	__atomic_store_n(&avail->flags, 0, __ATOMIC_RELAXED);
	/* Pairs with the device's fence in virtq_publish(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!driver_used_count(&l->f->d, RXQ)) {
		l->sleeps++;
		l->starved = poll(&p, 1, PATIENCE_MS) == 0;
		driver_irqs(&l->f->d);
	}
	__atomic_store_n(&avail->flags, VRING_AVAIL_F_NO_INTERRUPT, __ATOMIC_RELAXED);
}

static void *drive(void *arg)
{
	struct link *l = arg;
	uint32_t sent = 0, len;
	uint16_t head;

	while (l->received < FRAMES && !l->starved) {
		while (driver_used(&l->f->d, TXQ, &head, &len))
			;
		/* at most WINDOW on their way: a slot's frame is back before it is reused */
		while (sent < FRAMES && sent - l->received < WINDOW && l->f->d.q[TXQ].n_free)
			send_frame(l, sent++);
		if (driver_kick_wanted(&l->f->d, TXQ)) {
			l->kicks++;
			eventfd_write(l->kick_fd, 1);
		}
		take_frames(l);
		if (l->received < sent && !driver_used_count(&l->f->d, RXQ))
			wait_interrupt(l);
	}
	l->done = true;
	eventfd_write(l->kick_fd, 1);
	return NULL;
}

/* NET-28 NET-29 with both sides live: every frame comes back once, in order */
static void run(struct fixture *f, uint64_t busy_ns)
{
	struct link l = { .f = f };
	pthread_t thread;

	l.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l.tx = driver_alloc(&f->d, WINDOW * 128, 64);
	l.rx = driver_alloc(&f->d, 256 * 128, 64);
	for (uint16_t i = 0; i < 256; i++)
		give_buffer(&l, f->d.q[RXQ].free_head);
	__atomic_store_n(&f->d.q[TXQ].avail->flags, VRING_AVAIL_F_NO_INTERRUPT, __ATOMIC_RELAXED);
	assert_int_equal(kick_watch(f->r, &l.kick, l.kick_fd, kicked), 0);
	assert_int_equal(pthread_create(&thread, NULL, drive, &l), 0);
	reactor_busy_wait(f->r, busy_ns);
	assert_int_equal(reactor_run(f->r), 0);
	pthread_join(thread, NULL);
	assert_false(l.starved);
	assert_int_equal(l.wrong, 0);
	assert_int_equal(l.received, FRAMES);
	assert_int_equal(f->count->rx_packets, FRAMES);
	assert_int_equal(f->count->tx_dropped_no_rx_buffer, 0);
	printf("%u frames: %llu kicks, %llu interrupts, %llu sleeps\n", FRAMES, (unsigned long long)l.kicks,
	       (unsigned long long)f->n->dev.interrupts, (unsigned long long)l.sleeps);
	kick_unwatch(&l.kick);
	close(l.kick_fd);
}

static void no_kick_is_lost(void **state)
{
	run(*state, 0);
}

/* The device looks at its ring while the reactor busy-waits, and wants kicks again before it sleeps. */
static void no_kick_is_lost_by_a_busy_wait(void **state)
{
	run(*state, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_kick_is_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(no_kick_is_lost_by_a_busy_wait, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
