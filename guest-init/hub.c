/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/hub.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guest-init/clock.h"
#include "guest-init/ktstr-guest.h"

#define STATS_WAIT_MS 2000
#define STEP_US 2000

static void window_arrived(struct hub *h, const uint8_t *payload, size_t len)
{
	uint16_t size[2];

	if (len != sizeof(size))
		return;
	memcpy(size, payload, sizeof(size));
	h->window = (struct winsize){ .ws_row = size[0], .ws_col = size[1] };
	hub_window(h, h->window_fd);
}

static void frame_arrived(void *ctx, uint32_t type, const uint8_t *payload, size_t len)
{
	struct hub *h = ctx;

	if (type == WIRE_WSIZ)
		window_arrived(h, payload, len);
	else if (type == WIRE_SNRP)
		guests_snapshot_reply(&h->guests, payload, len);
}

/* A port reads as hung up until the kernel knows that the host has opened it; the relay would take that for its end. */
static int open_stats_port(void)
{
	int64_t deadline_ms = now_ms() + STATS_WAIT_MS;
	int fd = bulk_open_port(STATS_PORT_NAME, STATS_WAIT_MS);
	struct pollfd p = { .fd = fd };

	while (fd >= 0 && poll(&p, 1, 0) > 0 && p.revents & POLLHUP && now_ms() < deadline_ms)
		usleep(STEP_US);
	return fd;
}

static int open_stats(struct hub *h)
{
	int fd = open_stats_port(), ret = fd;

	if (fd < 0)
		return fd;
	ret = stats_open(&h->stats, h->aside, fd, STATS_SOCKET);
	if (ret)
		close(fd);
	return ret;
}

static void report_part_failure(struct hub *h, const char *what, int error)
{
	if (error)
		bulk_complain(h->bulk, "ktstr: %s: %s in the guest", what, strerror(-error));
}

int hub_open(struct hub *h, struct bulk *bulk, const struct config *config)
{
	int ret;

	*h = (struct hub){ .bulk = bulk, .window_fd = -1 };
	wake_init(&h->wake);
	stats_init(&h->stats);
	guests_init(&h->guests);
	output_dirs_init(&h->output_dirs);
	h->aside = epoll_create1(EPOLL_CLOEXEC);
	if (h->aside < 0)
		return -errno;
	bulk->aside = h->aside;
	bulk->other = frame_arrived;
	bulk->other_ctx = h;
	if (config->output_dirs && (ret = output_dirs_open(&h->output_dirs, bulk, config->output_dirs)))
		bulk_complain(bulk,
			      "ktstr: inotify: %s in the guest; files of output directories arrive when the command "
			      "has ended",
			      strerror(-ret));
	if (!config->conversation)
		return 0;
	/* On a shell's console these bytes are typed by a user: parts of UTF-8 characters. */
	if (!config->console_shell && config->argv)
		report_part_failure(h, WAKE_CONSOLE, wake_open(&h->wake, h->aside, WAKE_CONSOLE));
	report_part_failure(h, "port " STATS_PORT_NAME, open_stats(h));
	report_part_failure(h, KTSTR_GUEST_SOCKET, guests_open(&h->guests, bulk, &h->wake, KTSTR_GUEST_SOCKET));
	return 0;
}

static int tell_effects(struct hub *h)
{
	int ret = 0;

	/* More may arrive while one is being sent. */
	while (h->wake.n_effects && !ret) {
		struct wake_effect e = h->wake.effects[0];
		uint8_t payload[128] = { e.byte };
		int n;

		memmove(h->wake.effects, h->wake.effects + 1, --h->wake.n_effects * sizeof(e));
		n = e.error ? snprintf((char *)payload + 1, sizeof(payload) - 1, "failed: %s", strerror(e.error))
			    : snprintf((char *)payload + 1, sizeof(payload) - 1, "%s", wake_effect_text(e.byte));
		ret = bulk_send(h->bulk, WIRE_WAKE, payload, 1 + (size_t)n);
	}
	return ret;
}

int hub_settle(struct hub *h)
{
	int ret = tell_effects(h);

	guests_latched(&h->guests);
	return ret;
}

void hub_window(struct hub *h, int fd)
{
	h->window_fd = fd;
	if (fd >= 0 && h->window.ws_col)
		ioctl(fd, TIOCSWINSZ, &h->window);
}

void hub_close(struct hub *h)
{
	h->bulk->other = NULL;
	h->bulk->aside = -1;
	output_dirs_close(&h->output_dirs);
	guests_close(&h->guests);
	stats_close(&h->stats);
	wake_close(&h->wake);
	close(h->aside);
	h->aside = -1;
}
