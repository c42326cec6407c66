/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/stats.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "reactor/container.h"

#define READ_SIZE 16384

static const char no_scheduler[] = "{\"ktstr_relay_error\":\"no scheduler available\"}\n";
static const char overflow[] = "{\"ktstr_relay_error\":\"response cap overflow\"}\n";

static void queue_answer(struct stats *s, const void *line, size_t len)
{
	/* Without memory the request stays unanswered: the host's time-out handles that. */
	bytes_put(&s->response, line, len);
	if (s->owed)
		s->owed--;
}

/* Each side is read only while the other can take the data. */
static void update_events(struct stats *s)
{
	if (s->server.fd >= 0)
		watch_events(s->epoll, &s->server, (s->response.len ? 0 : EPOLLIN) | (s->request.len ? EPOLLOUT : 0));
	if (s->port.fd >= 0)
		watch_events(s->epoll, &s->port,
			     (s->request.len < STATS_CAP && s->response.len < STATS_CAP ? EPOLLIN : 0) |
				     (s->response.len ? EPOLLOUT : 0));
}

static void server_gone(struct stats *s)
{
	watch_remove(s->epoll, &s->server);
	bytes_take(&s->request, s->request.len);
	bytes_take(&s->line, s->line.len);
	s->skip_response = false;
	s->skip_request = s->mid_request;
	while (s->owed)
		queue_answer(s, no_scheduler, sizeof(no_scheduler) - 1);
}

static bool server_reach(struct stats *s)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd;

	if (s->server.fd >= 0)
		return true;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", s->path);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) || watch_add(s->epoll, &s->server, fd, EPOLLIN)) {
		close(fd);
		return false;
	}
	return true;
}

static void flush_request(struct stats *s)
{
	while (s->server.fd >= 0 && s->request.len) {
		ssize_t n = send(s->server.fd, s->request.data + s->request.head, s->request.len, MSG_NOSIGNAL);

		if (n > 0)
			bytes_take(&s->request, (size_t)n);
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR)
			server_gone(s);
	}
}

static void flush_response(struct stats *s)
{
	while (s->port.fd >= 0 && s->response.len) {
		ssize_t n = write(s->port.fd, s->response.data + s->response.head, s->response.len);

		if (n > 0)
			bytes_take(&s->response, (size_t)n);
		else if (!n || errno == EAGAIN)
			return;
		else if (errno != EINTR)
			stats_close(s);
	}
}

/* One request line, or the part of one that came. */
static void take_request(struct stats *s, const uint8_t *data, size_t len, bool ends)
{
	bool begins = !s->mid_request;

	s->mid_request = !ends;
	if (begins)
		s->skip_request = !server_reach(s);
	s->owed += ends;
	if (!s->skip_request && bytes_put(&s->request, data, len))
		server_gone(s);
	else if (s->skip_request && ends)
		queue_answer(s, no_scheduler, sizeof(no_scheduler) - 1);
	if (ends)
		s->skip_request = false;
}

static void port_in(struct stats *s)
{
	uint8_t data[READ_SIZE];
	ssize_t n = read(s->port.fd, data, sizeof(data));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 || (!n && ++s->eofs >= STATS_EOFS_MAX)) {
		stats_close(s);
		return;
	}
	if (n > 0)
		s->eofs = 0;
	for (size_t at = 0; n > 0 && at < (size_t)n;) {
		const uint8_t *end = memchr(data + at, '\n', (size_t)n - at);
		size_t part = end ? (size_t)(end + 1 - (data + at)) : (size_t)n - at;

		take_request(s, data + at, part, end);
		at += part;
	}
	flush_request(s);
}

static void take_response(struct stats *s, const uint8_t *data, size_t len, bool ends)
{
	if (!s->skip_response && bytes_put(&s->line, data, len)) {
		server_gone(s);
		return;
	}
	if (!s->skip_response && s->line.len > 2 * STATS_CAP) {
		bytes_take(&s->line, s->line.len);
		queue_answer(s, overflow, sizeof(overflow) - 1);
		s->skip_response = true;
	}
	if (ends && !s->skip_response) {
		queue_answer(s, s->line.data + s->line.head, s->line.len);
		bytes_take(&s->line, s->line.len);
	}
	if (ends)
		s->skip_response = false;
}

static void server_in(struct stats *s)
{
	uint8_t data[READ_SIZE];
	ssize_t n = read(s->server.fd, data, sizeof(data));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		server_gone(s);
		return;
	}
	for (size_t at = 0; at < (size_t)n && s->server.fd >= 0;) {
		const uint8_t *end = memchr(data + at, '\n', (size_t)n - at);
		size_t part = end ? (size_t)(end + 1 - (data + at)) : (size_t)n - at;

		take_response(s, data + at, part, end);
		at += part;
	}
}

static void port_ready(struct watch *w, uint32_t events)
{
	struct stats *s = container_of(w, struct stats, port);

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		port_in(s);
	flush_response(s);
	update_events(s);
}

static void server_ready(struct watch *w, uint32_t events)
{
	struct stats *s = container_of(w, struct stats, server);

	if (events & EPOLLOUT)
		flush_request(s);
	if (s->server.fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		server_in(s);
	flush_response(s);
	update_events(s);
}

void stats_init(struct stats *s)
{
	*s = (struct stats){
		.port = { .fd = -1, .ready = port_ready },
		.server = { .fd = -1, .ready = server_ready },
		.epoll = -1,
	};
}

int stats_open(struct stats *s, int epoll, int port, const char *path)
{
	s->epoll = epoll;
	s->path = path;
	return watch_add(epoll, &s->port, port, EPOLLIN);
}

void stats_close(struct stats *s)
{
	watch_remove(s->epoll, &s->server);
	watch_remove(s->epoll, &s->port);
	bytes_free(&s->request);
	bytes_free(&s->line);
	bytes_free(&s->response);
	s->owed = 0;
}
