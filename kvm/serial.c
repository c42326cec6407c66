/* SPDX-License-Identifier: GPL-2.0-only */
#include "kvm/serial.h"

#include <errno.h>
#include <linux/serial_reg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

void uart_init(struct uart *u, int irq_fd, int wake_fd, _Atomic bool *stopping)
{
	pthread_mutex_init(&u->lock, NULL);
	u->irq_fd = irq_fd;
	u->wake_fd = wake_fd;
	u->stopping = stopping;
	u->dll = 1; /* 115200 baud */
	u->lcr = UART_LCR_WLEN8;
	u->mcr = UART_MCR_OUT2;
	u->armed = true;
}

void uart_free(struct uart *u)
{
	free(u->rx);
	u->rx = NULL;
	pthread_mutex_destroy(&u->lock);
}

static bool rx_ready(const struct uart *u)
{
	return u->rx_len > u->rx_head;
}

/* The interrupt line is edge triggered: signal whenever there is a cause. */
static void update_irq(struct uart *u)
{
	bool rdi = (u->ier & UART_IER_RDI) && rx_ready(u);
	bool thri = (u->ier & UART_IER_THRI) && u->thre_pending;

	if (rdi || thri)
		eventfd_write(u->irq_fd, 1);
}

/* Called under the lock, which makes the vCPUs one producer. */
static void transmit_byte(struct uart *u, uint8_t byte)
{
	uint32_t tail = atomic_load_explicit(&u->tail, memory_order_relaxed);

	/* The ring is full: the guest is faster than the reactor. Wait, since the byte may belong to a panic, unless
	 * the VM stops. Drop the lock meanwhile: the reactor takes it for input before it drains. */
	while (tail - atomic_load_explicit(&u->head, memory_order_acquire) == UART_RING_SIZE) {
		if (atomic_load(u->stopping))
			return;
		pthread_mutex_unlock(&u->lock);
		nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
		pthread_mutex_lock(&u->lock);
		tail = atomic_load_explicit(&u->tail, memory_order_relaxed);
	}
	u->ring[tail % UART_RING_SIZE] = byte;
	/* Release: the byte is there before the tail moves; pairs with the
	 * acquire in uart_drain(). Then a full fence between the tail and the
	 * armed flag; pairs with the one in uart_arm(). */
	atomic_store_explicit(&u->tail, tail + 1, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&u->armed, memory_order_relaxed) && atomic_exchange(&u->armed, false))
		eventfd_write(u->wake_fd, 1);
}

size_t uart_drain(struct uart *u, uint8_t *buf, size_t len)
{
	uint32_t head = atomic_load_explicit(&u->head, memory_order_relaxed);
	uint32_t n = atomic_load_explicit(&u->tail, memory_order_acquire) - head;

	if (n > len)
		n = (uint32_t)len;
	for (uint32_t i = 0; i < n; i++)
		buf[i] = u->ring[(head + i) % UART_RING_SIZE];
	/* Release: the bytes were read before the room is given back; pairs
	 * with the acquire in transmit_byte(). */
	atomic_store_explicit(&u->head, head + n, memory_order_release);
	return n;
}

bool uart_arm(struct uart *u)
{
	atomic_store_explicit(&u->armed, true, memory_order_relaxed);
	/* Pairs with the fence in transmit_byte(): either the producer sees the flag
	 * or we see its byte. */
	atomic_thread_fence(memory_order_seq_cst);
	return atomic_load(&u->tail) != atomic_load(&u->head);
}

static uint8_t read_msr(const struct uart *u)
{
	if (!(u->mcr & UART_MCR_LOOP))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	return (u->mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) | (u->mcr & UART_MCR_DTR ? UART_MSR_DSR : 0) |
	       (u->mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) | (u->mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0);
}

static uint8_t read_iir(struct uart *u)
{
	uint8_t fifo = u->fcr & UART_FCR_ENABLE_FIFO ? 0xc0 : 0;

	if ((u->ier & UART_IER_RDI) && rx_ready(u))
		return fifo | UART_IIR_RDI;
	if ((u->ier & UART_IER_THRI) && u->thre_pending) {
		u->thre_pending = false;
		return fifo | UART_IIR_THRI;
	}
	return fifo | UART_IIR_NO_INT;
}

static uint8_t receive_byte(struct uart *u)
{
	uint8_t byte = 0;

	if (rx_ready(u)) {
		byte = u->rx[u->rx_head++];
		if (u->rx_head == u->rx_len)
			u->rx_head = u->rx_len = 0;
		if (u->rx_full && u->rx_len - u->rx_head <= UART_INPUT_LOW) {
			atomic_store(&u->rx_full, false);
			eventfd_write(u->wake_fd, 1);
		}
		update_irq(u);
	}
	return byte;
}

static uint8_t read_reg(struct uart *u, unsigned reg)
{
	bool dlab = u->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_RX:
		return dlab ? u->dll : receive_byte(u);
	case UART_IER:
		return dlab ? u->dlm : u->ier;
	case UART_IIR:
		return read_iir(u);
	case UART_LCR:
		return u->lcr;
	case UART_MCR:
		return u->mcr;
	case UART_LSR:
		return UART_LSR_THRE | UART_LSR_TEMT | (rx_ready(u) ? UART_LSR_DR : 0);
	case UART_MSR:
		return read_msr(u);
	default:
		return u->scr;
	}
}

static void write_reg(struct uart *u, unsigned reg, uint8_t value)
{
	bool dlab = u->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_TX:
		if (dlab) {
			u->dll = value;
		} else if (u->mcr & UART_MCR_LOOP) {
			break; /* the driver's self-test; nobody reads it back */
		} else {
			transmit_byte(u, value);
			u->thre_pending = true;
			update_irq(u);
		}
		break;
	case UART_IER:
		if (dlab) {
			u->dlm = value;
		} else {
			if ((value & UART_IER_THRI) && !(u->ier & UART_IER_THRI))
				u->thre_pending = true;
			u->ier = value & 0x0f;
			update_irq(u);
		}
		break;
	case UART_FCR:
		u->fcr = value;
		break;
	case UART_LCR:
		u->lcr = value;
		break;
	case UART_MCR:
		u->mcr = value & 0x1f;
		break;
	case UART_SCR:
		u->scr = value;
		break;
	}
}

uint8_t uart_read(struct uart *u, unsigned reg)
{
	uint8_t value;

	pthread_mutex_lock(&u->lock);
	value = read_reg(u, reg);
	pthread_mutex_unlock(&u->lock);
	return value;
}

void uart_write(struct uart *u, unsigned reg, uint8_t value)
{
	pthread_mutex_lock(&u->lock);
	write_reg(u, reg, value);
	pthread_mutex_unlock(&u->lock);
}

int uart_input(struct uart *u, const uint8_t *data, size_t len)
{
	int rc = 0;

	pthread_mutex_lock(&u->lock);
	/* Compact before growing: otherwise the buffer grows without bound if the guest never empties it. */
	if (u->rx_len + len > u->rx_cap && u->rx_head) {
		memmove(u->rx, u->rx + u->rx_head, u->rx_len - u->rx_head);
		u->rx_len -= u->rx_head;
		u->rx_head = 0;
	}
	if (u->rx_len + len > u->rx_cap) {
		size_t cap = (u->rx_len + len) * 2;
		uint8_t *rx = realloc(u->rx, cap);

		if (!rx) {
			rc = -ENOMEM;
			goto out;
		}
		u->rx = rx;
		u->rx_cap = cap;
	}
	memcpy(u->rx + u->rx_len, data, len);
	u->rx_len += len;
	if (u->rx_len - u->rx_head > UART_INPUT_HIGH)
		atomic_store(&u->rx_full, true);
	update_irq(u);
out:
	pthread_mutex_unlock(&u->lock);
	return rc;
}

bool uart_input_full(const struct uart *u)
{
	return atomic_load(&u->rx_full);
}
