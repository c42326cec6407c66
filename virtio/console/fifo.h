/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A byte queue of 64 KiB chunks, without bound: what the host sends and the
 * guest has not taken yet. Up to FIFO_SPARE_MAX empty chunks are kept, and are
 * there from the start, so that a steady stream allocates nothing.
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
/* All of it or nothing: 0 or -ENOMEM. */
int fifo_append(struct fifo *f, const void *data, size_t len);
/* The oldest bytes that lie in one piece; *@n is 0 when the queue is empty. */
const uint8_t *fifo_peek(const struct fifo *f, size_t *n);
/* Drop the @n oldest bytes; @n is at most len. */
void fifo_consume(struct fifo *f, size_t n);
void fifo_clear(struct fifo *f);

#endif
