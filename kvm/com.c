/* SPDX-License-Identifier: GPL-2.0-only */
/* The VM's two serial ports as the reactor sees them: output, input, and the panic that COM1 may show. */
#include <string.h>
#include <unistd.h>

#include "kvm/internal.h"

/* Output is collected for this long before the reactor hands it out. */
#define OUTPUT_DELAY_NS 5000000ull
/* A guest that panicked and neither resets nor powers off is ended after this. */
#define PANIC_GRACE_NS 5000000000ull

int com_create(struct vm *vm, struct vm_error *err)
{
	static const unsigned gsi[2] = { GSI_COM1, GSI_COM2 };
	int rc = vm_eventfd(&vm->serial_fd, err);

	for (unsigned i = 0; i < 2 && !rc; i++) {
		rc = vm_eventfd(&vm->uart_irq_fd[i], err);
		if (!rc)
			rc = vm_irqfd(vm, vm->uart_irq_fd[i], gsi[i], err);
		if (!rc)
			uart_init(&vm->shared.com[i], vm->uart_irq_fd[i], vm->serial_fd, &vm->shared.stopping);
	}
	return rc;
}

/* --- output ---------------------------------------------------------------- */

void com_drain(struct vm *vm)
{
	uint8_t buf[4096];
	size_t n;

	for (unsigned port = 0; port < 2; port++) {
		struct uart *u = &vm->shared.com[port];

		do {
			while ((n = uart_drain(u, buf, sizeof buf))) {
				if (port == 0 && panic_watch_feed(&vm->loop.panic, buf, n))
					timer_set(&vm->loop.panic_timer, monotonic_ns() + PANIC_GRACE_NS);
				if (vm->cfg.serial_out)
					vm->cfg.serial_out(vm->cfg.ctx, port + 1, buf, n);
			}
		} while (uart_arm(u));
	}
}

static void output_due(struct timer *t)
{
	com_drain(container_of(t, struct vm, loop.serial_timer));
}

static void panic_grace_over(struct timer *t)
{
	struct vm *vm = container_of(t, struct vm, loop.panic_timer);

	com_drain(vm);
	end_now(vm, VM_PANIC, "the guest panicked and did not reset within 5 s");
}

const char *vm_panic_text(const struct vm *vm)
{
	return panic_watch_text(&vm->loop.panic);
}

/* --- input ----------------------------------------------------------------- */

void vm_serial_input(struct vm *vm, const uint8_t *data, size_t len)
{
	uart_input(&vm->shared.com[0], data, len);
	vm->loop.input_full = uart_input_full(&vm->shared.com[0]);
}

bool vm_serial_full(const struct vm *vm)
{
	return vm->loop.input_full;
}

/* --- both ------------------------------------------------------------------ */

static void uart_woken(struct kick *k)
{
	struct vm *vm = container_of(k, struct vm, loop.serial_kick);

	if (vm->loop.input_full && !uart_input_full(&vm->shared.com[0])) {
		vm->loop.input_full = false;
		if (vm->cfg.serial_room)
			vm->cfg.serial_room(vm->cfg.ctx);
	}
	/* One drain for a burst of bytes, not one for each. */
	if (!vm->loop.serial_timer.deadline_ns)
		timer_set(&vm->loop.serial_timer, monotonic_ns() + OUTPUT_DELAY_NS);
}

int com_watch(struct vm *vm)
{
	struct vm_loop *l = &vm->loop;
	int rc = kick_watch(l->r, &l->serial_kick, vm->serial_fd, uart_woken);

	if (!rc)
		rc = timer_open(l->r, &l->serial_timer, output_due);
	return rc ? rc : timer_open(l->r, &l->panic_timer, panic_grace_over);
}

void com_unwatch(struct vm *vm)
{
	kick_unwatch(&vm->loop.serial_kick);
	timer_close(&vm->loop.serial_timer);
	timer_close(&vm->loop.panic_timer);
}

void com_destroy(struct vm *vm)
{
	for (unsigned i = 0; i < 2; i++) {
		if (vm->shared.com[i].stopping)
			uart_free(&vm->shared.com[i]);
		if (vm->uart_irq_fd[i] >= 0)
			close(vm->uart_irq_fd[i]);
	}
	if (vm->serial_fd >= 0)
		close(vm->serial_fd);
}
