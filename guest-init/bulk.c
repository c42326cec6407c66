/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/bulk.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "guest-init/clock.h"
#include "guest-init/watch.h"

#define NAME_FILES "/sys/class/virtio-ports/*/name"
/* A port's read() gives one buffer, a page; take a few before the next turn. */
#define RECEIVE_MAX (64u << 10)
#define HOST_AWAY_MS 20

static void frame_arrived(void *ctx, uint32_t type, const uint8_t *payload, size_t len, bool crc_ok)
{
	struct bulk *b = ctx;

	if (!crc_ok)
		bulk_complain(b, "ktstr: a frame from the host has a wrong CRC and is dropped");
	else if (type == WIRE_EACK)
		b->exit_acknowledged = true;
	else if (type == WIRE_SINP && b->input)
		b->input(b->input_ctx, payload, len);
	else if (b->other)
		b->other(b->other_ctx, type, payload, len);
}

void bulk_init(struct bulk *b, int fd)
{
	*b = (struct bulk){ .fd = fd, .aside = -1 };
	wire_parser_init(&b->parser, frame_arrived, b);
}

/* "/sys/class/virtio-ports/vport0p1/name" holds the port's name; its device is
 * /dev/vport0p1. */
static bool find_port(const char *wanted, char *device, size_t size)
{
	bool found = false;
	glob_t g;

	if (!glob(NAME_FILES, 0, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc && !found; i++) {
			const char *dir = g.gl_pathv[i] + strlen("/sys/class/virtio-ports/");
			char name[64] = "";
			int fd = open(g.gl_pathv[i], O_RDONLY | O_CLOEXEC);

			if (fd < 0)
				continue;
			if (read(fd, name, sizeof(name) - 1) > 0) {
				name[strcspn(name, "\n")] = '\0';
				found = !strcmp(name, wanted);
				snprintf(device, size, "/dev/%.*s", (int)strcspn(dir, "/"), dir);
			}
			close(fd);
		}
	globfree(&g);
	return found;
}

int bulk_open_port(const char *name, int timeout_ms)
{
	int64_t deadline_ms = now_ms() + timeout_ms;

	for (unsigned step_us = 1000;; step_us = step_us < 50000 ? step_us * 2 : step_us) {
		char device[64];
		int err = ENODEV;

		if (find_port(name, device, sizeof(device))) {
			int fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);

			if (fd >= 0)
				return fd;
			err = errno;
		}
		if (now_ms() >= deadline_ms)
			return -err;
		usleep(step_us);
	}
}

int bulk_open(struct bulk *b, int timeout_ms)
{
	int fd = bulk_open_port(BULK_PORT_NAME, timeout_ms);

	bulk_init(b, fd < 0 ? -1 : fd);
	return fd < 0 ? fd : 0;
}

void bulk_close(struct bulk *b)
{
	wire_parser_free(&b->parser);
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
}

/* A port that the host does not hold open is hung up and not writable: poll()
 * would return at once, so sleep instead. */
static int wait_writable(struct bulk *b)
{
	struct pollfd p[] = { { .fd = b->fd, .events = POLLOUT }, { .fd = b->aside, .events = POLLIN } };

	if (poll(p, 2, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (p[1].revents)
		watch_serve(b->aside);
	if (p[0].revents && !(p[0].revents & POLLOUT))
		usleep(HOST_AWAY_MS * 1000);
	return 0;
}

static int write_all(struct bulk *b, struct iovec *iov, int n)
{
	while (n) {
		ssize_t done = writev(b->fd, iov, n);
		int ret;

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && errno != EAGAIN)
			return -errno;
		if (done < 0) {
			ret = wait_writable(b);
			if (ret)
				return ret;
			continue;
		}
		for (; n && (size_t)done >= iov->iov_len; iov++, n--)
			done -= (ssize_t)iov->iov_len;
		if (n) {
			iov->iov_base = (uint8_t *)iov->iov_base + done;
			iov->iov_len -= (size_t)done;
		}
	}
	return 0;
}

int bulk_send(struct bulk *b, enum wire_type type, const void *payload, size_t len)
{
	struct wire_header h;
	struct iovec iov[] = { { &h, sizeof(h) }, { (void *)payload, len } };

	wire_header_init(&h, type, payload, len);
	return write_all(b, iov, len ? 2 : 1);
}

int bulk_send_frame(struct bulk *b, enum wire_type type, uint8_t *frame, size_t len)
{
	struct iovec iov = { frame, WIRE_HEADER_SIZE + len };
	struct wire_header h;

	wire_header_init(&h, type, frame + WIRE_HEADER_SIZE, len);
	memcpy(frame, &h, sizeof(h));
	return write_all(b, &iov, 1);
}

int bulk_complain(struct bulk *b, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -EINVAL;
	if ((size_t)n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	return bulk_send(b, WIRE_SERR, line, (size_t)n);
}

int bulk_receive(struct bulk *b)
{
	uint8_t page[4096];
	size_t taken = 0;

	while (taken < RECEIVE_MAX) {
		ssize_t n = read(b->fd, page, sizeof(page));
		int ret;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return -errno;
		if (!n)
			return taken ? 1 : -EPIPE;
		ret = wire_parser_feed(&b->parser, page, (size_t)n);
		if (ret)
			return ret;
		taken += (size_t)n;
	}
	return taken > 0;
}

int bulk_wait_ack(struct bulk *b, int timeout_ms)
{
	int64_t deadline_ms = now_ms() + timeout_ms;

	b->input = NULL;
	while (!b->exit_acknowledged) {
		struct pollfd pfd = { .fd = b->fd, .events = POLLIN };
		int64_t left_ms = timeout_ms < 0 ? -1 : deadline_ms - now_ms();
		int ret;

		if (timeout_ms >= 0 && left_ms <= 0)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, (int)left_ms) < 0 && errno != EINTR)
			return -errno;
		ret = bulk_receive(b);
		if (ret == -EPIPE)
			usleep(HOST_AWAY_MS * 1000);
		else if (ret < 0)
			return ret;
	}
	return 0;
}
