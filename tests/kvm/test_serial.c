/* SPDX-License-Identifier: GPL-2.0-only */
/* The UART between a vCPU's thread and the reactor's. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "kvm/serial.h"

#define BYTES (3u * UART_RING_SIZE)

struct fixture {
	struct uart u;
	_Atomic bool stopping;
	int irq_fd, wake_fd;
	_Atomic unsigned written;
};

static void *guest(void *arg)
{
	struct fixture *f = arg;

	for (unsigned i = 0; i < BYTES; i++) {
		uart_write(&f->u, 0, (uint8_t)i);
		f->written++;
	}
	return NULL;
}

/*
 * The ring is full and the guest waits for room: what is typed then is taken, and the reactor goes on to make room.
 * Each byte comes once, in order.
 */
static void input_while_the_ring_is_full(void **state)
{
	static struct fixture f;
	uint8_t buf[4096];
	unsigned got = 0;
	pthread_t thread;

	f.irq_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	f.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	uart_init(&f.u, f.irq_fd, f.wake_fd, &f.stopping);
	assert_int_equal(pthread_create(&thread, NULL, guest, &f), 0);
	while (f.written < UART_RING_SIZE)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	assert_int_equal(f.written, UART_RING_SIZE);
	assert_int_equal(uart_input(&f.u, (const uint8_t *)"typed", 5), 0);
	while (got < BYTES) {
		size_t n = uart_drain(&f.u, buf, sizeof(buf));

		for (size_t i = 0; i < n; i++)
			assert_int_equal(buf[i], (uint8_t)got++);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(uart_read(&f.u, 0), "typed"[i]);
	uart_free(&f.u);
	close(f.irq_fd);
	close(f.wake_fd);
}

/* A guest that reads less than is typed is waited for; what waits is bounded, also where it never reads all of it. */
static void input_says_when_it_is_full_and_wakes_when_it_has_room(void **state)
{
	static struct fixture f;
	static uint8_t typed[4096];
	eventfd_t wakes;
	unsigned at = 0, from = 0;

	f.irq_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	f.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	uart_init(&f.u, f.irq_fd, f.wake_fd, &f.stopping);
	for (unsigned round = 0; round < 100; round++) {
		while (!uart_input_full(&f.u)) {
			for (unsigned i = 0; i < sizeof(typed); i++)
				typed[i] = (uint8_t)(at++ % 251);
			assert_int_equal(uart_input(&f.u, typed, sizeof(typed)), 0);
		}
		assert_true(f.u.rx_len - f.u.rx_head <= UART_INPUT_HIGH + sizeof(typed));
		assert_true(f.u.rx_cap <= 4 * UART_INPUT_HIGH);
		assert_int_not_equal(eventfd_read(f.wake_fd, &wakes), 0);
		while (uart_input_full(&f.u))
			assert_int_equal(uart_read(&f.u, 0), (uint8_t)(from++ % 251));
		assert_int_equal(eventfd_read(f.wake_fd, &wakes), 0);
		assert_int_equal(wakes, 1);
	}
	uart_free(&f.u);
	close(f.irq_fd);
	close(f.wake_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(input_while_the_ring_is_full),
					    cmocka_unit_test(input_says_when_it_is_full_and_wakes_when_it_has_room) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
