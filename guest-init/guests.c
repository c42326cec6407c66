/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/guests.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "guest-init/clock.h"
#include "guest-init/ktstr-guest.h"
#include "reactor/container.h"

#define READ_SIZE (32u << 10)
#define BACKLOG 64

struct guest_client {
	struct watch watch;
	struct guests *guests;
	struct wire_parser parser;
	uint8_t latch; /* 0: waits for none */
	bool gone;
	struct guest_client *next;
};

/* A client whose socket has no room for 20 bytes is not waiting for them. */
static void reply(struct guest_client *c, uint32_t type, const void *payload, size_t len)
{
	uint8_t frame[WIRE_HEADER_SIZE + sizeof(struct wire_snapshot)];
	struct wire_header h;

	wire_header_init(&h, type, payload, len);
	memcpy(frame, &h, sizeof(h));
	memcpy(frame + sizeof(h), payload, len);
	if (send(c->watch.fd, frame, sizeof(h) + len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)(sizeof(h) + len))
		c->gone = true;
}

static void acknowledge_client(struct guest_client *c, int error)
{
	int32_t result = error;

	reply(c, WIRE_GACK, &result, sizeof(result));
}

static void pass_on(struct guest_client *c, uint32_t type, const void *payload, size_t len)
{
	struct guests *g = c->guests;

	g->error = g->error ? g->error : bulk_send(g->bulk, type, payload, len);
	acknowledge_client(c, g->error);
}

static uint64_t elapsed_ms(const struct guests *g)
{
	return g->scenario_start_ms ? (uint64_t)(now_ms() - g->scenario_start_ms) : 0;
}

static void pass_on_stimulus(struct guest_client *c, const uint8_t *payload)
{
	struct wire_stimulus stimulus;

	memcpy(&stimulus, payload, sizeof(stimulus));
	if (stimulus.elapsed_ms == KTSTR_GUEST_NOW)
		stimulus.elapsed_ms = (uint32_t)elapsed_ms(c->guests);
	pass_on(c, WIRE_STIM, &stimulus, sizeof(stimulus));
}

static void pass_on_end(struct guest_client *c, const uint8_t *payload, size_t len)
{
	uint64_t elapsed = elapsed_ms(c->guests);

	pass_on(c, WIRE_SCEN, len ? payload : (const void *)&elapsed, sizeof(elapsed));
}

/* The host replies to it; only one may be outstanding. */
static void pass_on_snapshot(struct guest_client *c, const uint8_t *payload)
{
	struct guests *g = c->guests;

	if (g->snapshot) {
		acknowledge_client(c, -EBUSY);
		return;
	}
	g->error = g->error ? g->error : bulk_send(g->bulk, WIRE_SNRQ, payload, sizeof(struct wire_snapshot));
	if (g->error) {
		acknowledge_client(c, g->error);
		return;
	}
	g->snapshot = c;
	memcpy(&g->snapshot_id, payload, sizeof(g->snapshot_id));
}

static void wait_for_latch(struct guest_client *c, uint8_t latch)
{
	int set = wake_latched(c->guests->wake, latch);

	if (set)
		acknowledge_client(c, set < 0 ? set : 0);
	else
		c->latch = latch;
}

/* Whether a frame of @type may have this @len. */
static bool well_formed(uint32_t type, size_t len)
{
	switch (type) {
	case WIRE_STIM:
		return len == sizeof(struct wire_stimulus);
	case WIRE_SCST:
	case WIRE_SCEN:
		return !len || len == sizeof(uint64_t);
	case WIRE_SCPP:
	case WIRE_SCRR:
		return !len;
	case WIRE_SCDX:
		return len == sizeof(int32_t);
	case WIRE_SNRQ:
		return len == sizeof(struct wire_snapshot);
	case WIRE_GLAT:
		return len == 1;
	case WIRE_JMET:
	case WIRE_RAWO:
	case WIRE_PRAW:
	case WIRE_PROB:
	case WIRE_SCLG:
		return true;
	default:
		return false; /* init's own, or the host's */
	}
}

static void frame_arrived(void *ctx, uint32_t type, const uint8_t *payload, size_t len, bool crc_ok)
{
	struct guest_client *c = ctx;

	if (!crc_ok || !well_formed(type, len)) {
		acknowledge_client(c, crc_ok ? -EINVAL : -EBADMSG);
		return;
	}
	switch (type) {
	case WIRE_STIM:
		pass_on_stimulus(c, payload);
		break;
	case WIRE_SCST:
		c->guests->scenario_start_ms = now_ms();
		pass_on(c, type, payload, len);
		break;
	case WIRE_SCEN:
		pass_on_end(c, payload, len);
		break;
	case WIRE_SNRQ:
		pass_on_snapshot(c, payload);
		break;
	case WIRE_GLAT:
		wait_for_latch(c, payload[0]);
		break;
	default:
		pass_on(c, type, payload, len);
		break;
	}
}

static void client_free(struct guest_client *c)
{
	struct guests *g = c->guests;
	struct guest_client **at = &g->clients;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (g->snapshot == c)
		g->snapshot = NULL;
	watch_remove(g->epoll, &c->watch);
	wire_parser_free(&c->parser);
	free(c);
}

static void client_ready(struct watch *w, uint32_t events)
{
	struct guest_client *c = container_of(w, struct guest_client, watch);
	uint8_t data[READ_SIZE];
	ssize_t n = read(w->fd, data, sizeof(data));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && c->guests->came)
		c->guests->came(c->guests->came_ctx);
	if (n <= 0 || wire_parser_feed(&c->parser, data, (size_t)n) || c->parser.oversize || c->parser.unknown)
		c->gone = true;
	if (c->gone)
		client_free(c);
}

static void listener_ready(struct watch *w, uint32_t events)
{
	struct guests *g = container_of(w, struct guests, listener);
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct guest_client *c;

	if (fd < 0)
		return;
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	c->watch.ready = client_ready;
	c->guests = g;
	wire_parser_init(&c->parser, frame_arrived, c);
	if (watch_add(g->epoll, &c->watch, fd, EPOLLIN)) {
		close(fd);
		free(c);
		return;
	}
	c->next = g->clients;
	g->clients = c;
}

void guests_init(struct guests *g)
{
	*g = (struct guests){ .listener = { .fd = -1, .ready = listener_ready }, .epoll = -1 };
}

int guests_open(struct guests *g, struct bulk *bulk, const struct wake *wake, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd, ret;

	g->bulk = bulk;
	g->wake = wake;
	if (snprintf(at.sun_path, sizeof(at.sun_path), "%s", path) >= (int)sizeof(at.sun_path))
		return -ENAMETOOLONG;
	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (g->epoll < 0)
		return -errno;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ret = fd < 0 ? -errno : 0;
	unlink(path);
	if (!ret && (bind(fd, (struct sockaddr *)&at, sizeof(at)) || chmod(path, 0666) || listen(fd, BACKLOG)))
		ret = -errno;
	if (!ret)
		ret = watch_add(g->epoll, &g->listener, fd, EPOLLIN);
	if (!ret)
		return 0;
	if (fd >= 0)
		close(fd);
	guests_close(g);
	return ret;
}

int guests_serve(struct guests *g)
{
	watch_serve(g->epoll);
	return g->error;
}

void guests_latched(struct guests *g)
{
	for (struct guest_client *c = g->clients; c; c = c->next)
		if (c->latch && wake_latched(g->wake, c->latch) == 1) {
			c->latch = 0;
			acknowledge_client(c, 0);
		}
}

void guests_snapshot_reply(struct guests *g, const uint8_t *payload, size_t len)
{
	struct wire_snapshot r;

	if (len != sizeof(r) || !g->snapshot)
		return;
	memcpy(&r, payload, sizeof(r));
	/* A late reply to a client that has gone. */
	if (r.request_id != g->snapshot_id)
		return;
	reply(g->snapshot, WIRE_SNRP, &r, sizeof(r));
	g->snapshot = NULL;
}

void guests_close(struct guests *g)
{
	while (g->clients)
		client_free(g->clients);
	watch_remove(g->epoll, &g->listener);
	if (g->epoll >= 0)
		close(g->epoll);
	g->epoll = -1;
}
