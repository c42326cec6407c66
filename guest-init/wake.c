/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/wake.h"

#include <errno.h>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "guest-init/clock.h"
#include "reactor/container.h"
#include "virtio/wire.h"

#define READ_SIZE 16
#define CONSOLE_WAIT_MS 2000
#define CONSOLE_STEP_US 2000

static int sysrq_dump(const struct wake *w)
{
	int fd = open(w->sysrq, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return errno;
	if (write(fd, "D", 1) != 1)
		err = errno;
	close(fd);
	return err;
}

static void take_byte(struct wake *w, uint8_t byte)
{
	int error = 0;

	switch (byte) {
	case WAKE_VC_DUMP:
		error = sysrq_dump(w);
		break;
	case WAKE_VC_SHUTDOWN:
		w->shutdown = true;
		break;
	case WAKE_BPF_WRITE_DONE:
		w->bpf_write_done = true;
		break;
	case WAKE_ACCESSOR_READY:
		w->accessor_ready = true;
		break;
	default:
		return;
	}
	if (w->n_effects < WAKE_EFFECTS_MAX)
		w->effects[w->n_effects++] = (struct wake_effect){ byte, error };
}

void wake_take(struct wake *w, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		take_byte(w, bytes[i]);
}

int wake_latched(const struct wake *w, uint8_t byte)
{
	if (byte == WAKE_BPF_WRITE_DONE)
		return w->bpf_write_done;
	if (byte == WAKE_ACCESSOR_READY)
		return w->accessor_ready;
	return -EINVAL;
}

const char *wake_effect_text(uint8_t byte)
{
	switch (byte) {
	case WAKE_VC_DUMP:
		return "sysrq D written";
	case WAKE_VC_SHUTDOWN:
		return "shutdown begins";
	case WAKE_BPF_WRITE_DONE:
		return "latch bpf-write set";
	case WAKE_ACCESSOR_READY:
		return "latch accessor set";
	default:
		return "nothing";
	}
}

static void console_ready(struct watch *watch, uint32_t events)
{
	struct wake *w = container_of(watch, struct wake, console);
	uint8_t bytes[READ_SIZE];
	ssize_t n = read(watch->fd, bytes, sizeof(bytes));

	if (n > 0)
		wake_take(w, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		watch_remove(w->epoll, watch);
}

/* Raw mode: no echo, no line editing, no signals. */
static void make_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t))
		return;
	cfmakeraw(&t);
	tcsetattr(fd, TCSANOW, &t);
}

void wake_init(struct wake *w)
{
	*w = (struct wake){ .console = { .fd = -1, .ready = console_ready }, .epoll = -1, .sysrq = WAKE_SYSRQ };
}

int wake_open(struct wake *w, int epoll, const char *path)
{
	int64_t deadline_ms = now_ms() + CONSOLE_WAIT_MS;
	int fd, ret;

	/* The device node appears before its port works. */
	while ((fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) < 0) {
		if (now_ms() >= deadline_ms)
			return -errno;
		usleep(CONSOLE_STEP_US);
	}
	make_raw(fd);
	w->epoll = epoll;
	ret = watch_add(epoll, &w->console, fd, EPOLLIN);
	if (ret)
		close(fd);
	return ret;
}

void wake_close(struct wake *w)
{
	watch_remove(w->epoll, &w->console);
}
