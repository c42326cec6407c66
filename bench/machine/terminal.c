/* SPDX-License-Identifier: GPL-2.0-only */
/* The user's terminal: the console of a plain VMM's guest, COM1 and hvc0; or of a shell, whose bytes the session has.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/terminal.h"
#include "bench/machine/state.h"

#define SECOND_NS 1000000000ull
#define HVC0_HOLD_NS (SECOND_NS / 20)

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

void machine_show(struct machine *m, struct sink *s, const uint8_t *data, size_t len)
{
	if (sink_waiting(s) + len > MACHINE_SCREEN_MAX)
		m->unshown += len;
	else
		sink_put(s, data, len);
}

/*
 * Linux's hvc driver spins, with interrupts off, until the host took what it
 * wrote. So a slow screen slows the guest down, but never stops a CPU for
 * longer than HVC0_HOLD_NS: what comes meanwhile waits here.
 */
static void on_hvc0(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct machine *m = ctx;

	machine_show(m, &m->screen, data, len);
	if (!sink_full(&m->screen))
		return;
	console_hold(m->console, CONSOLE_PORT_CONSOLE, true);
	timer_set(&m->let_go, monotonic_ns() + HVC0_HOLD_NS);
}

void machine_on_let_go(struct timer *t)
{
	struct machine *m = container_of(t, struct machine, let_go);

	console_hold(m->console, CONSOLE_PORT_CONSOLE, false);
}

static void screen_drained(struct sink *s)
{
	struct machine *m = container_of(s, struct machine, screen);

	if (m->console)
		machine_on_let_go(&m->let_go);
}

void machine_window(struct machine *m)
{
	uint16_t rows, columns;

	if (m->job->shell && terminal_size(&rows, &columns))
		session_window(&m->session, rows, columns);
}

static void type_on_com1(struct machine *m, const uint8_t *data, int res)
{
	if (res <= 0)
		return;
	vm_serial_input(m->vm, data, (size_t)res);
	if (vm_serial_full(m->vm))
		source_pause(&m->keys, true);
}

void machine_on_serial_room(void *ctx)
{
	struct machine *m = ctx;

	if (m->keys.r && m->keys.paused)
		source_pause(&m->keys, false);
}

static void on_keys(struct source *s, const uint8_t *data, int res)
{
	struct machine *m = container_of(s, struct machine, keys);
	const uint8_t *escape = res > 0 && isatty(s->fd) ? memchr(data, TERMINAL_ESCAPE, (size_t)res) : NULL;

	if (escape) {
		m->quit = true;
		reactor_stop(m->r);
		return;
	}
	type_on_com1(m, data, res);
}

void machine_terminal_raw(void)
{
	/* Before, for from then on a line does not begin at the left by itself. */
	if (isatty(STDIN_FILENO))
		fprintf(stderr, "ktstr: Ctrl-] ends the machine\n");
	terminal_raw();
}

int machine_screen_open(struct machine *m)
{
	int rc = sink_open(m->r, &m->screen, STDOUT_FILENO, MACHINE_SCREEN_HIGH, screen_drained);

	if (rc)
		return rc;
	console_consume(m->console, CONSOLE_PORT_CONSOLE, on_hvc0, m);
	rc = source_open(m->r, &m->keys, STDIN_FILENO, 4096, on_keys);
	if (!rc)
		machine_terminal_raw();
	return rc;
}
