/* SPDX-License-Identifier: GPL-2.0-only */
/* What all devices share: set-up, interrupts, the configuration space, and errors of the guest and of the host. */
#include <assert.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reactor/reactor.h"
#include "virtio/mmio.h"

#define LOG_WINDOW_NS 5000000000ull
#define LOG_LINES 10u

void virtio_device_init(struct virtio_device *d, const struct virtio_device_ops *ops, uint64_t features,
			uint16_t queue_size_max)
{
	assert(ops->n_queues <= VIRTIO_QUEUES_MAX);
	memset(d, 0, sizeof(*d));
	d->ops = ops;
	d->features = features;
	d->irq_fd = -1;
	for (unsigned i = 0; i < ops->n_queues; i++)
		virtq_init(&d->vq[i], queue_size_max);
}

void virtio_raise(struct virtio_device *d, uint32_t bits)
{
	const uint64_t one = 1;

	atomic_fetch_or(&d->interrupt_status, bits);
	/* The register page has VIRTIO_INT_VRING set already. */
	if (bits & ~VIRTIO_INT_VRING)
		virtio_registers_show(d, d->page);
	if (d->interrupt) {
		d->interrupts += d->interrupt(d, d->interrupt_ctx);
		return;
	}
	if (d->irq_fd < 0)
		return;
	/* Fails only if 2^64-2 interrupts are pending. */
	if (write(d->irq_fd, &one, sizeof(one)) == sizeof(one))
		d->interrupts++;
}

void virtio_config_copy(const void *config, size_t size, uint32_t offset, void *buf, unsigned len, uint8_t fill)
{
	size_t n = offset < size ? size - offset : 0;

	memset(buf, fill, len);
	if (n)
		memcpy(buf, (const uint8_t *)config + offset, n < len ? n : len);
}

static void __attribute__((format(printf, 3, 0)))
log_line(struct virtio_device *d, struct virtio_log *log, const char *fmt, va_list ap)
{
	uint64_t now = monotonic_ns();
	char text[256];

	log->count++;
	if (!log->window_ns || now - log->window_ns >= LOG_WINDOW_NS) {
		log->window_ns = now;
		log->budget = LOG_LINES;
	}
	/* A reader of stderr that has stalled must not stop the devices. */
	if (!log->budget || poll(&(struct pollfd){ .fd = STDERR_FILENO, .events = POLLOUT }, 1, 0) == 0)
		return;
	log->budget--;
	vsnprintf(text, sizeof(text), fmt, ap);
	fprintf(stderr, "ktstr: %s: %s%s\n", d->ops->name, text,
		log->budget ? "" : " (for 5 s, more of these are counted but not shown)");
}

void virtio_guest_error(struct virtio_device *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(d, &d->guest_errors, fmt, ap);
	va_end(ap);
}

void virtio_host_error(struct virtio_device *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(d, &d->host_errors, fmt, ap);
	va_end(ap);
}

void virtio_poison(struct virtio_device *d, unsigned q, int pop_error)
{
	d->vq[q].broken = true;
	if (d->ops->poisoned)
		d->ops->poisoned(d, q, pop_error == -EPROTO);
	virtio_guest_error(d, "queue %u is broken (%s); the driver must reset the device", q, strerror(-pop_error));
	d->active = false;
	if (d->status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	d->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	virtio_raise(d, VIRTIO_INT_CONFIG);
}
