/* SPDX-License-Identifier: GPL-2.0-only */
/* The user's terminal as the guest's console: COM1 and hvc0 of a plain VMM, hvc0 of a shell. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/machine_state.h"
#include "bench/terminal.h"

#define SECOND_NS 1000000000ull
#define HVC0_HOLD_NS (SECOND_NS / 20)
#define KEYS_BACKLOG (64u << 10) /* bytes typed for the guest above which stdin rests */

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

/*
 * At the end of our stdin the shell's is to end, too. A shell that edits lines
 * takes ^D only while it does so, and a program that reads takes one for
 * itself: so it is typed until the shell has gone.
 */
void machine_on_typed_end(struct timer *t)
{
	struct machine *m = container_of(t, struct machine, typed_end);
	static const uint8_t end_of_transmission = 4;

	console_send(m->console, CONSOLE_PORT_CONSOLE, &end_of_transmission, 1);
	timer_set(t, monotonic_ns() + SECOND_NS);
}

static void type_on_hvc0(struct machine *m, const uint8_t *data, int res)
{
	if (res <= 0) {
		machine_on_typed_end(&m->typed_end);
		return;
	}
	console_send(m->console, CONSOLE_PORT_CONSOLE, data, (size_t)res);
	if (console_backlog(m->console, CONSOLE_PORT_CONSOLE) > KEYS_BACKLOG)
		source_pause(&m->keys, true);
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

static void on_keys_taken(void *ctx, unsigned port)
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
	if (m->job->shell)
		type_on_hvc0(m, data, res);
	else
		type_on_com1(m, data, res);
}

int machine_keys_open(struct machine *m)
{
	return source_open(m->r, &m->keys, STDIN_FILENO, 4096, on_keys);
}

int machine_screen_open(struct machine *m)
{
	int rc = sink_open(m->r, &m->screen, STDOUT_FILENO, MACHINE_SCREEN_HIGH, screen_drained);

	if (rc)
		return rc;
	console_consume(m->console, CONSOLE_PORT_CONSOLE, on_hvc0, m);
	if (m->job->shell) {
		console_on_backlog(m->console, CONSOLE_PORT_CONSOLE, KEYS_BACKLOG / 4, on_keys_taken, m);
		return 0;
	}
	rc = machine_keys_open(m);
	if (rc)
		return rc;
	if (terminal_raw())
		fprintf(stderr, "ktstr: Ctrl-] ends the machine\n");
	return 0;
}
