/* SPDX-License-Identifier: GPL-2.0-only */
#include "virtio/console/fifo.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fifo_chunk {
	struct fifo_chunk *next;
	uint32_t start, end; /* bytes data[start..end) wait */
	uint8_t data[FIFO_CHUNK];
};

/* An empty chunk at the head of the spare list. */
static int add_spare(struct fifo *f)
{
	struct fifo_chunk *c = malloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	f->allocations++;
	c->next = f->spare;
	f->spare = c;
	f->n_spare++;
	return 0;
}

static struct fifo_chunk *take_spare(struct fifo *f)
{
	struct fifo_chunk *c = f->spare;

	f->spare = c->next;
	f->n_spare--;
	c->next = NULL;
	c->start = c->end = 0;
	return c;
}

static void trim_spares(struct fifo *f, unsigned keep)
{
	while (f->n_spare > keep)
		free(take_spare(f));
}

static void drop_head(struct fifo *f)
{
	struct fifo_chunk *c = f->head;

	f->head = c->next;
	if (!f->head)
		f->tail = NULL;
	/* last in, first out: its memory is in the cache */
	c->next = f->spare;
	f->spare = c;
	f->n_spare++;
	trim_spares(f, FIFO_SPARE_MAX);
}

int fifo_init(struct fifo *f)
{
	memset(f, 0, sizeof(*f));
	while (f->n_spare < FIFO_SPARE_MAX) {
		if (add_spare(f)) {
			fifo_free(f);
			return -ENOMEM;
		}
	}
	return 0;
}

void fifo_free(struct fifo *f)
{
	fifo_clear(f);
	trim_spares(f, 0);
}

/* Have spare chunks for what of @len bytes does not fit into the tail. */
static int reserve_chunks(struct fifo *f, size_t len)
{
	size_t room = f->tail ? FIFO_CHUNK - f->tail->end : 0;
	size_t chunks = len > room ? (len - room + FIFO_CHUNK - 1) / FIFO_CHUNK : 0;

	while (f->n_spare < chunks) {
		if (add_spare(f)) {
			trim_spares(f, FIFO_SPARE_MAX);
			return -ENOMEM;
		}
	}
	return 0;
}

int fifo_append(struct fifo *f, const void *data, size_t len)
{
	const uint8_t *from = data;

	if (reserve_chunks(f, len))
		return -ENOMEM;
	f->len += len;
	if (f->len > f->len_max)
		f->len_max = f->len;
	while (len) {
		size_t n;

		if (!f->tail || f->tail->end == FIFO_CHUNK) {
			struct fifo_chunk *c = take_spare(f);

			if (f->tail)
				f->tail->next = c;
			else
				f->head = c;
			f->tail = c;
		}
		n = FIFO_CHUNK - f->tail->end;
		if (n > len)
			n = len;
		memcpy(f->tail->data + f->tail->end, from, n);
		f->tail->end += (uint32_t)n;
		from += n;
		len -= n;
	}
	return 0;
}

const uint8_t *fifo_peek(const struct fifo *f, size_t *n)
{
	*n = f->head ? f->head->end - f->head->start : 0;
	return f->head ? f->head->data + f->head->start : NULL;
}

void fifo_consume(struct fifo *f, size_t n)
{
	assert(n <= f->len);
	f->len -= n;
	while (n) {
		size_t here = f->head->end - f->head->start;

		if (here > n) {
			f->head->start += (uint32_t)n;
			return;
		}
		n -= here;
		drop_head(f);
	}
}

void fifo_clear(struct fifo *f)
{
	f->len = 0;
	while (f->head)
		drop_head(f);
}
