/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/ktstr-guest.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "guest-init/clock.h"
#include "virtio/wire.h"

_Static_assert(sizeof(struct ktstr_guest_stimulus) == sizeof(struct wire_stimulus), "as on the wire");
_Static_assert(KTSTR_GUEST_ACCESSOR_READY == WAKE_ACCESSOR_READY && KTSTR_GUEST_BPF_WRITE_DONE == WAKE_BPF_WRITE_DONE,
	       "a latch is named by its wake byte");

int ktstr_guest_open(struct ktstr_guest *g)
{
	const char *path = getenv("KTSTR_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int ret;

	g->fd = -1;
	if (snprintf(to.sun_path, sizeof(to.sun_path), "%s", path && *path ? path : KTSTR_GUEST_SOCKET) >=
	    (int)sizeof(to.sun_path))
		return -ENAMETOOLONG;
	g->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (g->fd < 0)
		return -errno;
	if (!connect(g->fd, (struct sockaddr *)&to, sizeof(to)))
		return 0;
	ret = -errno;
	ktstr_guest_close(g);
	return ret;
}

void ktstr_guest_close(struct ktstr_guest *g)
{
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
}

static int send_frame(struct ktstr_guest *g, uint32_t type, const void *payload, size_t len)
{
	struct wire_header h;
	struct iovec iov[] = { { &h, sizeof(h) }, { (void *)payload, len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	size_t left = sizeof(h) + len;

	wire_header_init(&h, type, payload, len);
	while (left) {
		ssize_t n = sendmsg(g->fd, &m, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		left -= (size_t)n;
		for (int i = 0; i < 2; i++) {
			size_t part = (size_t)n < iov[i].iov_len ? (size_t)n : iov[i].iov_len;

			if (!part)
				continue; /* an empty payload may be NULL */
			iov[i].iov_base = (uint8_t *)iov[i].iov_base + part;
			iov[i].iov_len -= part;
			n -= (ssize_t)part;
		}
	}
	return 0;
}

/* @deadline_ms -1: none. */
static int receive_bytes(struct ktstr_guest *g, void *data, size_t len, int64_t deadline_ms)
{
	for (size_t done = 0; done < len;) {
		struct pollfd p = { .fd = g->fd, .events = POLLIN };
		int64_t left = deadline_ms < 0 ? -1 : deadline_ms - now_ms();
		ssize_t n;

		if (deadline_ms >= 0 && left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = recv(g->fd, (uint8_t *)data + done, len - done, MSG_DONTWAIT);
		if (!n)
			return -ECONNRESET;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* The answer to what was sent: GACK, or SNRP when @snapshot is given. */
static int receive_answer(struct ktstr_guest *g, struct wire_snapshot *snapshot, int timeout_ms)
{
	int64_t deadline_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	struct wire_header h;
	int32_t result = 0;
	int ret = receive_bytes(g, &h, sizeof(h), deadline_ms);

	if (ret)
		return ret;
	if (h.type == WIRE_GACK && h.length == sizeof(result)) {
		ret = receive_bytes(g, &result, sizeof(result), deadline_ms);
		return ret ? ret : result;
	}
	if (h.type == WIRE_SNRP && h.length == sizeof(*snapshot) && snapshot)
		return receive_bytes(g, snapshot, sizeof(*snapshot), deadline_ms);
	return -EPROTO;
}

static int send_acknowledged(struct ktstr_guest *g, uint32_t type, const void *payload, size_t len)
{
	int ret = send_frame(g, type, payload, len);

	return ret ? ret : receive_answer(g, NULL, -1);
}

int ktstr_guest_scenario_start(struct ktstr_guest *g)
{
	return send_acknowledged(g, WIRE_SCST, NULL, 0);
}

int ktstr_guest_scenario_end(struct ktstr_guest *g)
{
	return send_acknowledged(g, WIRE_SCEN, NULL, 0);
}

int ktstr_guest_scenario_pause(struct ktstr_guest *g)
{
	return send_acknowledged(g, WIRE_SCPP, NULL, 0);
}

int ktstr_guest_scenario_resume(struct ktstr_guest *g)
{
	return send_acknowledged(g, WIRE_SCRR, NULL, 0);
}

int ktstr_guest_stimulus(struct ktstr_guest *g, const struct ktstr_guest_stimulus *s)
{
	return send_acknowledged(g, WIRE_STIM, s, sizeof(*s));
}

int ktstr_guest_metric(struct ktstr_guest *g, const char *json)
{
	size_t len = strlen(json);

	if (memchr(json, '\n', len))
		return -EINVAL;
	return len > WIRE_PAYLOAD_MAX ? -EMSGSIZE : send_acknowledged(g, WIRE_JMET, json, len);
}

static int say_all(struct ktstr_guest *g, uint32_t type, const uint8_t *data, size_t len)
{
	int ret = 0;

	while (len && !ret) {
		size_t part = len < WIRE_CHUNK_MAX ? len : WIRE_CHUNK_MAX;

		ret = send_acknowledged(g, type, data, part);
		data += part;
		len -= part;
	}
	return ret;
}

int ktstr_guest_raw(struct ktstr_guest *g, const void *data, size_t len)
{
	return say_all(g, WIRE_RAWO, data, len);
}

int ktstr_guest_scheduler_log(struct ktstr_guest *g, const void *data, size_t len)
{
	return say_all(g, WIRE_SCLG, data, len);
}

int ktstr_guest_scheduler_exit(struct ktstr_guest *g, int32_t code)
{
	return send_acknowledged(g, WIRE_SCDX, &code, sizeof(code));
}

int ktstr_guest_wait(struct ktstr_guest *g, enum ktstr_guest_latch latch, int timeout_ms)
{
	uint8_t byte = (uint8_t)latch;
	int ret = send_frame(g, WIRE_GLAT, &byte, 1);

	return ret ? ret : receive_answer(g, NULL, timeout_ms);
}

static int snapshot(struct ktstr_guest *g, uint32_t kind, const char *tag, int timeout_ms, char reason[64])
{
	/* A number that no outstanding request has. */
	struct wire_snapshot request = { .request_id = (uint32_t)now_ms() << 8 ^ (uint32_t)getpid(),
					 .kind_status = kind };
	struct wire_snapshot reply;
	int ret;

	if (strlen(tag) >= sizeof(request.text))
		return -ENAMETOOLONG;
	memcpy(request.text, tag, strlen(tag));
	request.request_id |= !request.request_id;
	ret = send_frame(g, WIRE_SNRQ, &request, sizeof(request));
	if (!ret)
		ret = receive_answer(g, &reply, timeout_ms);
	if (ret)
		return ret;
	if (reason)
		snprintf(reason, 64, "%.*s", 63, reply.text);
	return reply.kind_status == WIRE_SNAPSHOT_OK ? 0 : -EREMOTEIO;
}

int ktstr_guest_capture(struct ktstr_guest *g, const char *tag, int timeout_ms, char reason[64])
{
	return snapshot(g, WIRE_SNAPSHOT_CAPTURE, tag, timeout_ms, reason);
}

int ktstr_guest_watch(struct ktstr_guest *g, const char *symbol, int timeout_ms, char reason[64])
{
	return snapshot(g, WIRE_SNAPSHOT_WATCH, symbol, timeout_ms, reason);
}
