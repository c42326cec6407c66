/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Port 1 in both directions at once, the driver on a thread of its own behind
 * an ioeventfd and an irqfd, the host slow: holds, releases, backlog marks and
 * suppressed kicks and interrupts must not lose a wake between them.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "reactor/container.h"
#include "tests/virtio/console_fixture.h"

#define STREAM (24u << 20)
#define SLOT 4096u
#define SLOTS 64u
#define PATIENCE_MS 20000
#define HOST_FULL (512u << 10)

struct link {
	struct fixture *f;
	struct kick kick[2]; /* TX, RX */
	int kick_fd[2];
	uint64_t tx, rx; /* SLOTS slots each */
	/* the driver's */
	uint64_t sent, got, wrong, sleeps, kicks;
	atomic_bool starved;
	atomic_bool done;
	/* the host's */
	uint64_t taken, queued, fed, holds;
	struct timer tick;
};

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)((i * 0x9e3779b97f4a7c15ull) >> 56);
}

static void tx_kicked(struct kick *k)
{
	virtio_mmio_kick(container_of(k, struct link, kick[0])->f->d.dev, TXQ(1));
}

static void rx_kicked(struct kick *k)
{
	virtio_mmio_kick(container_of(k, struct link, kick[1])->f->d.dev, RXQ(1));
}

/* --- the driver's thread ------------------------------------------------- */

static void fill_tx(struct link *l)
{
	struct driver *d = &l->f->d;

	while (l->sent < STREAM && d->q[TXQ(1)].n_free) {
		uint64_t gpa = l->tx + d->q[TXQ(1)].free_head * (uint64_t)SLOT;
		uint32_t len = 1 + (uint32_t)(l->sent * 7919 % SLOT);
		uint8_t *p = driver_ptr(d, gpa, SLOT);

		if (len > STREAM - l->sent)
			len = (uint32_t)(STREAM - l->sent);
		for (uint32_t i = 0; i < len; i++)
			p[i] = byte_at(l->sent + i);
		driver_add(d, TXQ(1), &(struct driver_seg){ gpa, len, false }, 1);
		l->sent += len;
	}
}

static void give_rx(struct link *l)
{
	struct driver *d = &l->f->d;

	while (d->q[RXQ(1)].n_free)
		driver_add(d, RXQ(1),
			   &(struct driver_seg){ l->rx + d->q[RXQ(1)].free_head * (uint64_t)SLOT, SLOT, true }, 1);
}

static void take_used_all(struct link *l)
{
	struct driver *d = &l->f->d;
	uint16_t head;
	uint32_t len;

	while (driver_used(d, TXQ(1), &head, &len))
		l->wrong += len != 0;
	while (driver_used(d, RXQ(1), &head, &len)) {
		const uint8_t *p = driver_ptr(d, l->rx + head * (uint64_t)SLOT, SLOT);

		for (uint32_t i = 0; i < len; i++)
			l->wrong += p[i] != byte_at(l->got + i);
		l->got += len;
	}
}

static void kick_if_wanted(struct link *l, unsigned q, int fd)
{
	if (!driver_kick_wanted(&l->f->d, q))
		return;
	l->kicks++;
	eventfd_write(fd, 1);
}

static bool nothing_used(struct link *l)
{
	return !driver_used_count(&l->f->d, TXQ(1)) && !driver_used_count(&l->f->d, RXQ(1));
}

static void set_interrupts(struct link *l, uint16_t flags)
{
	__atomic_store_n(&l->f->d.q[TXQ(1)].avail->flags, flags, __ATOMIC_RELAXED);
	__atomic_store_n(&l->f->d.q[RXQ(1)].avail->flags, flags, __ATOMIC_RELAXED);
	/* Pairs with the device's fence in virtq_publish(). */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void *drive(void *arg)
{
	struct link *l = arg;
	struct pollfd p = { .fd = l->f->d.irq_fd, .events = POLLIN };

	while ((l->sent < STREAM || l->got < STREAM) && !l->starved) {
		take_used_all(l);
		fill_tx(l);
		give_rx(l);
		kick_if_wanted(l, TXQ(1), l->kick_fd[0]);
		kick_if_wanted(l, RXQ(1), l->kick_fd[1]);
		set_interrupts(l, 0);
		if (nothing_used(l) && (l->sent < STREAM || l->got < STREAM)) {
			l->sleeps++;
			l->starved = poll(&p, 1, PATIENCE_MS) == 0;
			driver_irqs(&l->f->d);
		}
		set_interrupts(l, VRING_AVAIL_F_NO_INTERRUPT);
	}
	l->done = true;
	return NULL;
}

/* --- the host ------------------------------------------------------------ */

static void consume(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct link *l = ctx;

	for (size_t i = 0; i < len; i++) {
		if (data[i] != byte_at(l->taken + i))
			fail_msg("wrong byte near %llu", (unsigned long long)l->taken);
	}
	l->taken += len;
	l->queued += len;
	if (l->queued >= HOST_FULL) {
		l->holds++;
		console_hold(l->f->c, port, true);
	}
}

static void feed(void *ctx, unsigned port)
{
	struct link *l = ctx;
	uint8_t buf[30011];

	while (l->fed < STREAM && console_backlog(l->f->c, port) < HOST_FULL) {
		size_t n = STREAM - l->fed < sizeof(buf) ? STREAM - l->fed : sizeof(buf);

		for (size_t i = 0; i < n; i++)
			buf[i] = byte_at(l->fed + i);
		assert_int_equal(console_send(l->f->c, port, buf, n), 0);
		l->fed += n;
	}
}

/* The slow end: something of what is queued goes out each time. */
static void on_tick(struct timer *t)
{
	struct link *l = container_of(t, struct link, tick);

	l->queued -= l->queued < 60000 ? l->queued : 60000;
	if (l->queued < HOST_FULL / 2)
		console_hold(l->f->c, 1, false);
	if ((l->done && l->taken == STREAM) || l->starved)
		reactor_stop(t->r);
	else
		timer_set(t, monotonic_ns() + 200000);
}

/* CON-20 CON-21 CON-57 with both sides live */
static void run(struct fixture *f, uint64_t busy_ns)
{
	struct link l = { .f = f };
	pthread_t thread;

	driver_init(&f->d, F_V1 | F_MULTIPORT, CONSOLE_QUEUES, SLOTS);
	l.tx = driver_alloc(&f->d, SLOTS * SLOT, 4096);
	l.rx = driver_alloc(&f->d, SLOTS * SLOT, 4096);
	for (unsigned i = 0; i < 2; i++) {
		l.kick_fd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		assert_int_equal(kick_watch(f->r, &l.kick[i], l.kick_fd[i], i ? rx_kicked : tx_kicked), 0);
	}
	say(f, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	console_consume(f->c, 1, consume, &l);
	console_on_backlog(f->c, 1, 64u << 10, feed, &l);
	assert_int_equal(pthread_create(&thread, NULL, drive, &l), 0);
	feed(&l, 1);
	reactor_busy_wait(f->r, busy_ns);
	assert_int_equal(timer_open(f->r, &l.tick, on_tick), 0);
	timer_set(&l.tick, 1);
	assert_int_equal(reactor_run(f->r), 0);
	timer_close(&l.tick);
	pthread_join(thread, NULL);
	assert_false(l.starved);
	assert_int_equal(l.wrong, 0);
	assert_int_equal(l.taken, STREAM);
	assert_int_equal(l.got, STREAM);
	printf("%u MiB each way: %llu kicks, %llu interrupts, %llu sleeps, %llu holds\n", STREAM >> 20,
	       (unsigned long long)l.kicks, (unsigned long long)f->d.dev->interrupts, (unsigned long long)l.sleeps,
	       (unsigned long long)l.holds);
	for (unsigned i = 0; i < 2; i++) {
		kick_unwatch(&l.kick[i]);
		close(l.kick_fd[i]);
	}
}

static void no_wake_is_lost(void **state)
{
	run(*state, 0);
}

/* The device looks at its rings while the reactor busy-waits, and owes writers their interrupt; then it sleeps. */
static void no_wake_is_lost_by_a_busy_wait(void **state)
{
	run(*state, 50000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_wake_is_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(no_wake_is_lost_by_a_busy_wait, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
