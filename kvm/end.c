/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of a VM: a vCPU asks for it, the reactor declares it. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "kvm/internal.h"

const char *vm_end_name(enum vm_end end)
{
	static const char *const name[] = {
		[VM_RUNNING] = "running",
		[VM_POWEROFF] = "poweroff",
		[VM_RESET] = "reset",
		[VM_PANIC] = "panic",
		[VM_STOPPED] = "stopped",
		[VM_FATAL] = "fatal",
		[VM_TRIPLE_FAULT] = "triple-fault",
		[VM_HALTED] = "halted",
	};

	return name[end];
}

static void __attribute__((format(printf, 4, 0)))
request_end(struct vm *vm, enum vm_end end, enum vm_fault fault, const char *fmt, va_list ap)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	if (!atomic_load(&vm->shared.requested_end)) {
		vsnprintf(vm->shared.end_detail, sizeof vm->shared.end_detail, fmt, ap);
		vm->shared.end_fault = fault;
		/* Release: detail and fault are written before; pairs with the acquire in end_requested(). */
		atomic_store_explicit(&vm->shared.requested_end, end, memory_order_release);
		eventfd_write(vm->event_fd, 1);
	}
	pthread_mutex_unlock(&lock);
}

void vm_request_end(struct vm *vm, enum vm_end end, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	request_end(vm, end, VM_FAULT_OTHER, fmt, ap);
	va_end(ap);
}

void vm_request_fatal(struct vm *vm, enum vm_fault fault, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	request_end(vm, VM_FATAL, fault, fmt, ap);
	va_end(ap);
}

enum vm_end end_requested(struct vm *vm)
{
	/* Acquire: pairs with the release in request_end(). */
	return (enum vm_end)atomic_load_explicit(&vm->shared.requested_end, memory_order_acquire);
}

void end_now(struct vm *vm, enum vm_end end, const char *detail)
{
	if (vm->loop.end != VM_RUNNING)
		return;
	vm->loop.end = end;
	if (vm->cfg.ended)
		vm->cfg.ended(vm->cfg.ctx, end, detail);
}

enum vm_end vm_state(const struct vm *vm)
{
	return vm->loop.end;
}

enum vm_fault vm_end_fault(const struct vm *vm)
{
	return vm->loop.end == VM_FATAL ? vm->shared.end_fault : VM_FAULT_OTHER;
}
