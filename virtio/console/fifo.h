/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An unbounded byte queue of 64 KiB chunks: what the host has sent and the guest has not taken. FIFO_SPARE_MAX empty
 * chunks are allocated at first and kept, so that a steady stream allocates nothing.
 */
#ifndef KTSTR_VIRTIO_CONSOLE_FIFO_H
#define KTSTR_VIRTIO_CONSOLE_FIFO_H

#include <stddef.h>
#include <stdint.h>

#define FIFO_CHUNK 65536u
#define FIFO_SPARE_MAX 4u

struct fifo_chunk;

struct fifo {
	struct fifo_chunk *head, *tail; /* filled, oldest first */
	struct fifo_chunk *spare;
	unsigned n_spare;
	size_t len; /* bytes queued */
	size_t len_max;
	uint64_t allocations; /* chunks taken from the heap, ever */
};

/* 0 or -ENOMEM. */
int fifo_init(struct fifo *f);
void fifo_free(struct fifo *f);
/* 0; -ENOMEM: nothing was appended. */
int fifo_append(struct fifo *f, const void *data, size_t len);
/* The oldest bytes that are contiguous, *@n of them; 0: the queue is empty. */
const uint8_t *fifo_peek(const struct fifo *f, size_t *n);
/* Drop the @n oldest bytes; @n is at most len. */
void fifo_consume(struct fifo *f, size_t n);
void fifo_clear(struct fifo *f);

#endif
