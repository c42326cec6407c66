/* SPDX-License-Identifier: GPL-2.0-only */
/* What a guest shows and is typed: COM1 and hvc0 of a plain VMM's guest, and what --console repeats of any. */
#include <string.h>

#include "bench/machine/state.h"
#include "reactor/container.h"

#define HVC0_HOLD_NS (SECOND_NS / 20)

void machine_show(struct machine *m, struct sink *s, const uint8_t *data, size_t len)
{
	if (sink_waiting(s) + len > MACHINE_SCREEN_MAX)
		m->screen.unshown += len;
	else
		sink_put(s, data, len);
}

/* --- serial ports ------------------------------------------------------- */

static void tail_put(struct tail *t, const uint8_t *data, size_t len)
{
	size_t drop;

	if (len > TAIL_SIZE) {
		data += len - TAIL_SIZE;
		len = TAIL_SIZE;
	}
	drop = t->len + len > TAIL_SIZE ? t->len + len - TAIL_SIZE : 0;
	memmove(t->text, t->text + drop, t->len - drop);
	t->len -= drop;
	memcpy(t->text + t->len, data, len);
	t->len += len;
}

void machine_on_serial(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct machine *m = ctx;

	tail_put(&m->screen.com[port - 1], data, len);
	if (port == 2)
		conversation_crash_text(&m->talk.conversation, data, len);
	if (m->o->console)
		machine_show(m, &m->screen.echo, data, len);
	if (!machine_converses(m) && port == 1)
		machine_show(m, &m->screen.out, data, len);
}

static void type_on_com1(struct machine *m, const uint8_t *data, int res)
{
	if (res <= 0)
		return;
	vm_serial_input(m->vm, data, (size_t)res);
	if (vm_serial_full(m->vm))
		source_pause(&m->screen.keys, true);
}

void machine_on_serial_room(void *ctx)
{
	struct machine *m = ctx;

	if (m->screen.keys.r && m->screen.keys.paused)
		source_pause(&m->screen.keys, false);
}

/* --- hvc0 --------------------------------------------------------------- */

/*
 * Linux's hvc driver spins, with interrupts off, until the host took what it
 * wrote. So a slow screen slows the guest down, but never stops a CPU for
 * longer than HVC0_HOLD_NS: what comes meanwhile waits here.
 */
static void on_hvc0(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct machine *m = ctx;

	machine_show(m, &m->screen.out, data, len);
	if (!sink_full(&m->screen.out))
		return;
	console_hold(m->console, CONSOLE_PORT_CONSOLE, true);
	timer_set(&m->screen.let_go, monotonic_ns() + HVC0_HOLD_NS);
}

static void on_let_go(struct timer *t)
{
	struct machine *m = container_of(t, struct machine, screen.let_go);

	console_hold(m->console, CONSOLE_PORT_CONSOLE, false);
}

static void screen_drained(struct sink *s)
{
	struct machine *m = container_of(s, struct machine, screen.out);

	if (m->console)
		on_let_go(&m->screen.let_go);
}

/* --- screen and keys ---------------------------------------------------- */

static void on_keys(struct source *s, const uint8_t *data, int res)
{
	struct machine *m = container_of(s, struct machine, screen.keys);

	if (m->job.escape && res > 0 && memchr(data, m->job.escape, (size_t)res)) {
		m->ending.quit = true;
		machine_ask_end(m);
		return;
	}
	type_on_com1(m, data, res);
}

int machine_echo_open(struct machine *m)
{
	return m->o->console ? sink_open(m->r, &m->screen.echo, m->job.stdio.err, MACHINE_SCREEN_HIGH, NULL) : 0;
}

int machine_screen_open(struct machine *m)
{
	int rc = sink_open(m->r, &m->screen.out, m->job.stdio.out, MACHINE_SCREEN_HIGH, screen_drained);

	if (rc)
		return rc;
	rc = timer_open(m->r, &m->screen.let_go, on_let_go);
	if (rc)
		return rc;
	console_consume(m->console, CONSOLE_PORT_CONSOLE, on_hvc0, m);
	return m->job.stdio.in < 0 ? 0 : source_open(m->r, &m->screen.keys, m->job.stdio.in, 4096, on_keys);
}
