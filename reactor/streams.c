/* SPDX-License-Identifier: GPL-2.0-only */
/* Byte streams through the ring: sources (stdin, sockets) and sinks (stdout). */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "reactor/internal.h"

/* --- sources ------------------------------------------------------------ */

static void source_go(struct source *s)
{
	int rc;

	if (s->paused || s->ended || s->c.in_flight)
		return;
	rc = reactor_read(s->r, &s->c, s->fd, s->buf, (unsigned)s->size, -1);
	if (rc < 0)
		reactor_fatal(s->r, rc);
}

static void source_done(struct completion *c, int32_t res, uint32_t flags)
{
	struct source *s = container_of(c, struct source, c);

	if (s->closing)
		return;
	if (s->polling) {
		s->polling = false;
		if (res >= 0 || res == -EINTR) {
			source_go(s);
			return;
		}
	} else if (res == -EINTR) {
		source_go(s);
		return;
	} else if (res == -EAGAIN) {
		/* The ring does not wait for an O_NONBLOCK file to become ready. */
		s->polling = true;
		if (reactor_poll(s->r, c, s->fd, POLLIN) < 0)
			reactor_fatal(s->r, -EBUSY);
		return;
	}
	if (res == -ECANCELED)
		return;
	if (res <= 0)
		s->ended = true;
	s->fn(s, s->buf, res);
	source_go(s);
}

int source_open(struct reactor *r, struct source *s, int fd, size_t size,
		void (*fn)(struct source *s, const uint8_t *data, int res))
{
	int rc;

	*s = (struct source){ .r = r, .fd = fd, .size = size, .fn = fn };
	s->buf = malloc(size);
	if (!s->buf)
		return -ENOMEM;
	rc = reactor_attach(r, &s->c, source_done);
	if (rc < 0) {
		free(s->buf);
		s->r = NULL;
		return rc;
	}
	source_go(s);
	return 0;
}

void source_pause(struct source *s, bool paused)
{
	s->paused = paused;
	if (s->r)
		source_go(s);
}

void source_shut(struct source *s)
{
	s->closing = s->ended = true;
}

void source_close(struct source *s)
{
	if (!s->r)
		return;
	source_shut(s);
	/* If the read does not end, the kernel may still write to the buffer: leak it. */
	if (reactor_settle(s->r, &s->c, monotonic_ns() + CLOSE_PATIENCE_NS) == 0)
		free(s->buf);
	reactor_detach(s->r, &s->c);
	s->r = NULL;
}

/* --- sinks -------------------------------------------------------------- */

size_t sink_waiting(const struct sink *s)
{
	return s->len[0] + s->len[1] - s->done;
}

static void sink_go(struct sink *s)
{
	unsigned w = s->writing;
	int rc;

	if (s->busy || s->error)
		return;
	if (!s->len[w]) {
		w = s->writing = !w;
		if (!s->len[w])
			return;
	}
	s->busy = true;
	rc = reactor_write(s->r, &s->c, s->fd, s->buf[w] + s->done, (unsigned)(s->len[w] - s->done), -1);
	if (rc < 0)
		reactor_fatal(s->r, rc);
}

static void sink_fail(struct sink *s, int error)
{
	s->error = error;
	s->dropped += sink_waiting(s);
	s->len[0] = s->len[1] = s->done = 0;
}

static void sink_done(struct completion *c, int32_t res, uint32_t flags)
{
	struct sink *s = container_of(c, struct sink, c);
	unsigned w = s->writing;

	s->busy = false;
	if (s->closing)
		return;
	if (s->polling) {
		s->polling = false;
		res = res < 0 && res != -EINTR ? res : 0;
	} else if (res == -EAGAIN) {
		s->polling = s->busy = true;
		if (reactor_poll(s->r, c, s->fd, POLLOUT) < 0)
			reactor_fatal(s->r, -EBUSY);
		return;
	} else if (res == -EINTR) {
		res = 0;
	} else if (res == 0) {
		res = -EIO; /* without progress this would go on for ever */
	}
	if (res < 0) {
		sink_fail(s, res);
	} else {
		s->written += (unsigned)res;
		s->done += (unsigned)res;
		if (s->done == s->len[w])
			s->done = s->len[w] = 0;
	}
	sink_go(s);
	if (s->was_full && !sink_full(s)) {
		s->was_full = false;
		if (s->drained)
			s->drained(s);
	}
}

int sink_open(struct reactor *r, struct sink *s, int fd, size_t high, void (*drained)(struct sink *s))
{
	*s = (struct sink){ .r = r, .fd = fd, .high = high, .drained = drained };
	int rc = reactor_attach(r, &s->c, sink_done);

	if (rc < 0)
		s->r = NULL;
	return rc;
}

int sink_put(struct sink *s, const void *data, size_t len)
{
	unsigned fill = s->busy ? !s->writing : s->writing;
	size_t need = s->len[fill] + len;

	if (s->error) {
		s->dropped += len;
		return s->error;
	}
	if (need > s->cap[fill]) {
		size_t cap = s->cap[fill] ? s->cap[fill] : 4096;
		uint8_t *buf;

		while (cap < need)
			cap *= 2;
		buf = realloc(s->buf[fill], cap);
		if (!buf)
			return -ENOMEM;
		s->buf[fill] = buf;
		s->cap[fill] = cap;
	}
	memcpy(s->buf[fill] + s->len[fill], data, len);
	s->len[fill] = need;
	if (sink_waiting(s) > s->high_water)
		s->high_water = sink_waiting(s);
	if (sink_full(s))
		s->was_full = true;
	sink_go(s);
	return 0;
}

bool sink_full(const struct sink *s)
{
	return sink_waiting(s) > s->high;
}

bool sink_idle(const struct sink *s)
{
	return !s->busy && !sink_waiting(s);
}

int sink_flush(struct sink *s, uint64_t deadline_ns)
{
	while (s->r && !sink_idle(s)) {
		int rc;

		if (monotonic_ns() >= deadline_ns)
			return -ETIMEDOUT;
		rc = reactor_step_until(s->r, deadline_ns);
		if (rc < 0)
			return rc;
	}
	return s->error;
}

void sink_shut(struct sink *s)
{
	s->closing = true;
	if (!s->error)
		s->error = -ECANCELED;
}

void sink_close(struct sink *s)
{
	if (!s->r)
		return;
	sink_shut(s);
	if (reactor_settle(s->r, &s->c, monotonic_ns() + CLOSE_PATIENCE_NS) == 0) {
		free(s->buf[0]);
		free(s->buf[1]);
	}
	reactor_detach(s->r, &s->c);
	s->r = NULL;
}
