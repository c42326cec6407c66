/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A 16550A. Register accesses come from vCPU threads, under the UART's own
 * lock; what is written to THR goes into a ring that the reactor drains, so no
 * vCPU waits for an answer. Input is queued by the reactor.
 */
#ifndef KTSTR_KVM_SERIAL_H
#define KTSTR_KVM_SERIAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART_RING_SIZE 65536u /* a power of two */
/* Queued input bytes above which input is full, and down to which it has room again. */
#define UART_INPUT_HIGH (64u << 10)
#define UART_INPUT_LOW (16u << 10)

struct uart {
	pthread_mutex_t lock;
	int irq_fd;  /* written to raise the interrupt */
	int wake_fd; /* written when the ring was empty and the reactor armed, and when a full input has room */
	uint8_t ier, lcr, mcr, scr, fcr, dll, dlm;
	bool thre_pending;
	uint8_t *rx; /* input queue, grows on demand */
	size_t rx_head, rx_len, rx_cap;
	_Atomic bool rx_full; /* from UART_INPUT_HIGH on, until the guest has read down to UART_INPUT_LOW */

	/* Guest to host: one producer (under lock), one consumer (the reactor). */
	_Atomic uint32_t head, tail; /* head: next to read; tail: next to write */
	_Atomic bool armed;	     /* the reactor wants a wake for the next byte */
	_Atomic bool *stopping;	     /* the VM stops: do not wait for room */
	uint8_t ring[UART_RING_SIZE];
};

/* @u is zeroed memory. The ring stays untouched, so unpopulated, until the guest writes. */
void uart_init(struct uart *u, int irq_fd, int wake_fd, _Atomic bool *stopping);
void uart_free(struct uart *u);
/* Register access at @reg 0..7, from a vCPU thread. */
uint8_t uart_read(struct uart *u, unsigned reg);
void uart_write(struct uart *u, unsigned reg, uint8_t value);
/* Reactor: up to @len bytes that the guest sent. */
size_t uart_drain(struct uart *u, uint8_t *buf, size_t len);
/* Reactor: ask to be woken by the next byte; true: bytes have arrived already, drain again. */
bool uart_arm(struct uart *u);
/* Reactor: bytes to the guest. 0 or -ENOMEM. */
int uart_input(struct uart *u, const uint8_t *data, size_t len);
/* Reactor: whether to stop queueing input. wake_fd is written when there is room again. */
bool uart_input_full(const struct uart *u);

#endif
