/* SPDX-License-Identifier: GPL-2.0-only */
/* The control protocol (virtio 1.2, 5.3.6.2): each message is accepted and sent once between resets. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "virtio/console/internal.h"

_Static_assert(sizeof(struct virtio_console_control) == 8, "5.3.6.2");

static const char *const port_names[CONSOLE_PORTS] = { "ktstr-console", "ktstr-bulk", "ktstr-stats" };

#define NAME_MAX_SIZE 16 /* with its NUL */

/* --- host to guest: one message a chain, in order ------------------------ */

static void queue_message(struct console *c, uint32_t id, uint16_t event, uint16_t value)
{
	unsigned at = (c->control_head + c->control_n) % CONSOLE_CONTROL_PENDING_MAX;

	/* Each message is sent once, so the ring can't overflow. */
	assert(c->control_n < CONSOLE_CONTROL_PENDING_MAX);
	c->control[at] = (struct virtio_console_control){ .id = id, .event = event, .value = value };
	c->control_n++;
}

/* Encode the oldest message; its length. */
static size_t encode_message(const struct console *c,
			     uint8_t buf[sizeof(struct virtio_console_control) + NAME_MAX_SIZE])
{
	const struct virtio_console_control *m = &c->control[c->control_head];
	size_t len = sizeof(*m);

	memcpy(buf, m, len);
	if (m->event == VIRTIO_CONSOLE_PORT_NAME) {
		size_t name = strlen(port_names[m->id]) + 1;

		assert(name <= NAME_MAX_SIZE);
		memcpy(buf + len, port_names[m->id], name);
		len += name;
	}
	return len;
}

static void deliver_messages(struct console *c)
{
	uint8_t buf[sizeof(struct virtio_console_control) + NAME_MAX_SIZE];

	while (c->control_n && drain_next(&c->drain[CONSOLE_CONTROL_IN], &c->chain)) {
		size_t len = encode_message(c, buf);
		int err = console_chain_write(c, buf, len);

		console_push(c, CONSOLE_CONTROL_IN, err ? 0 : (uint32_t)len);
		if (err) {
			virtio_guest_error(&c->dev, "control message kept: its buffer can't take it: %s",
					   strerror(-err));
			continue;
		}
		c->control_head = (c->control_head + 1) % CONSOLE_CONTROL_PENDING_MAX;
		c->control_n--;
		c->counters.control_in++;
	}
}

void control_service_in(struct console *c)
{
	struct drain *d = &c->drain[CONSOLE_CONTROL_IN];

	drain_begin(d);
	if (!console_multiport(c) || !c->control_n)
		return;
	do {
		deliver_messages(c);
		if (virtq_publish(d->vq) > 0)
			c->irq = true;
	} while (c->control_n && drain_again(d));
}

/* --- guest to host ------------------------------------------------------- */

static void device_ready(struct console *c, uint16_t value)
{
	if (value != 1 || c->device_ready)
		return;
	c->device_ready = true;
	for (unsigned id = 0; id < CONSOLE_PORTS; id++)
		queue_message(c, id, VIRTIO_CONSOLE_PORT_ADD, 1);
}

static void port_ready(struct console *c, struct console_port *p, uint16_t value)
{
	if (value != 1) {
		virtio_guest_error(&c->dev, "port %u: the driver failed to add it", p->id);
		return;
	}
	if (p->readied)
		return;
	p->readied = true;
	if (p->id == CONSOLE_PORT_CONSOLE)
		queue_message(c, p->id, VIRTIO_CONSOLE_CONSOLE_PORT, 1);
	queue_message(c, p->id, VIRTIO_CONSOLE_PORT_NAME, 1);
	queue_message(c, p->id, VIRTIO_CONSOLE_PORT_OPEN, 1);
}

static void receive_message(struct console *c, const struct virtio_console_control *m)
{
	c->counters.control_out++;
	if (m->event == VIRTIO_CONSOLE_DEVICE_READY) {
		device_ready(c, m->value); /* the id has no meaning */
		return;
	}
	if (m->id >= CONSOLE_PORTS)
		return;
	if (m->event == VIRTIO_CONSOLE_PORT_READY)
		port_ready(c, &c->port[m->id], m->value);
	else if (m->event == VIRTIO_CONSOLE_PORT_OPEN)
		c->port[m->id].opened = m->value != 0;
}

/* Read a message from the device-readable part of c->chain. 0 or -errno. */
static int read_message(const struct console *c, struct virtio_console_control *m)
{
	const struct virtq_chain *chain = &c->chain;
	uint8_t *to = (uint8_t *)m;
	size_t left = sizeof(*m);

	if (chain->malformed)
		return -EINVAL;
	for (unsigned i = 0; i < chain->n && left; i++) {
		size_t n = chain->seg[i].writable ? 0 : chain->seg[i].len;

		if (n > left)
			n = left;
		if (n && guest_memory_read(c->dev.mem, chain->seg[i].gpa, to, n))
			return -EFAULT;
		to += n;
		left -= n;
	}
	return left ? -EBADMSG : 0;
}

static void receive_messages(struct console *c, struct drain *d)
{
	while (drain_next(d, &c->chain)) {
		struct virtio_console_control m;
		int err = read_message(c, &m);

		if (err)
			virtio_guest_error(&c->dev, "control message dropped: %s", strerror(-err));
		else
			receive_message(c, &m);
		console_push(c, CONSOLE_CONTROL_OUT, 0);
	}
}

void control_service_out(struct console *c)
{
	struct drain *d = &c->drain[CONSOLE_CONTROL_OUT];

	if (!console_multiport(c))
		return;
	drain_begin(d);
	do {
		receive_messages(c, d);
		if (virtq_publish(d->vq) > 0)
			c->irq = true;
	} while (drain_again(d));
	/* There may be answers, and a port that was opened may have a backlog. */
	control_service_in(c);
	for (unsigned id = 1; id < CONSOLE_PORTS; id++)
		port_service_rx(c, &c->port[id]);
}
