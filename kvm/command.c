/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the reactor orders its vCPUs to do: run, park or stop.
 *
 * An order is a command with a generation, so that an acknowledgement of an earlier order is never taken for one of
 * this. The reactor writes vcpu.order, the vCPU's thread acknowledges in vcpu.obeyed:
 *
 *	run   acknowledged when the thread is about to enter KVM_RUN
 *	park  acknowledged when it is out of KVM_RUN, and KVM has completed its last exit: the instruction is retired,
 *and the registers can be read. It sleeps until the next order. stop  acknowledged when it will not enter KVM_RUN any
 *more. It ends.
 *
 * Also parked is a vCPU without a thread (not started yet, or ended), and one that waits in its mailbox for a reset:
 * the reactor keeps the answer until the vCPU may run again.
 *
 * How an order reaches a thread that is about to enter KVM_RUN: the reactor stores the order, raises
 * kvm_run.immediate_exit, and sends the signal, in this sequence. The thread lowers immediate_exit, reads the order,
 * and enters KVM_RUN, in this one. An order that the thread did not read was stored after that, so immediate_exit is
 * raised after it was lowered, and KVM_RUN returns at once; or KVM has read it already, and then the signal comes while
 * the thread is in KVM_RUN, and ends that.
 */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvm/internal.h"

#define COMMAND_BITS 2u /* command_of() */

/* --- on the vCPU's thread -------------------------------------------------- */

static void acknowledge_order(struct vcpu *v, uint32_t order)
{
	if (atomic_load_explicit(&v->shared.obeyed, memory_order_relaxed) == order)
		return;
	/* Release: what the guest and this thread did comes before the acknowledgement; pairs with the acquire in
	 * vcpu_is_parked(). */
	atomic_store_explicit(&v->shared.obeyed, order, memory_order_release);
	if (command_of(order) == VCPU_PARK)
		eventfd_write(v->vm->event_fd, 1);
}

static void lower_immediate_exit(struct vcpu *v)
{
	/* Acquire, by an exchange, which reads what was raised last: the order that this was raised for is seen; pairs
	 * with the release in vcpu_kick(). */
	if (__atomic_load_n(&v->run->immediate_exit, __ATOMIC_RELAXED))
		__atomic_exchange_n(&v->run->immediate_exit, 0, __ATOMIC_ACQUIRE);
}

bool vcpu_obey(struct vcpu *v)
{
	for (;;) {
		uint32_t order;

		lower_immediate_exit(v);
		/* Acquire: what the reactor did before the order is seen; pairs with the store in give_order(). */
		order = atomic_load_explicit(&v->shared.order, memory_order_acquire);
		switch (command_of(order)) {
		case VCPU_RUN:
			acknowledge_order(v, order);
			return true;
		case VCPU_PARK:
			if (v->own.exit_pending) {
				/* KVM completes it, and does not enter the guest. */
				__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_RELAXED);
				return true;
			}
			acknowledge_order(v, order);
			syscall(SYS_futex, &v->shared.order, FUTEX_WAIT_PRIVATE, order, NULL, NULL, 0);
			break;
		case VCPU_STOP:
			acknowledge_order(v, order);
			return false;
		}
	}
}

void vcpu_ended(struct vcpu *v)
{
	/* Release: pairs with the acquire in vcpu_is_parked(). */
	atomic_store_explicit(&v->shared.ended, true, memory_order_release);
	eventfd_write(v->vm->event_fd, 1);
}

/* --- on the reactor -------------------------------------------------------- */

void vcpu_kick(struct vcpu *v)
{
	/* Release: the order comes before it; pairs with the acquire in lower_immediate_exit(). */
	__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_RELEASE);
	if (v->loop.running)
		pthread_kill(v->loop.thread, SIGRTMIN);
}

static void give_order(struct vm *vm, enum vcpu_command command)
{
	uint32_t order = ++vm->loop.order_generation << COMMAND_BITS | command;

	for (unsigned i = 0; i < vm->n_vcpus; i++) {
		struct vcpu *v = &vm->vcpu[i];

		/* Release: pairs with the acquire in vcpu_obey(). Sequentially consistent with the load in
		 * mail_cancel(): see mail_post(). */
		atomic_store(&v->shared.order, order);
		syscall(SYS_futex, &v->shared.order, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		if (command != VCPU_RUN)
			vcpu_kick(v);
		if (command == VCPU_STOP)
			mail_cancel(&v->shared.mail);
	}
}

/* A thread that is made now has obeyed already: it was not in KVM_RUN. */
void vcpu_order_first(struct vcpu *v)
{
	atomic_store(&v->shared.obeyed, atomic_load(&v->shared.order));
}

void vcpu_order_stop(struct vm *vm)
{
	vm->loop.park = (struct vm_park){ .state = VM_UNPARKED };
	give_order(vm, VCPU_STOP);
}

static bool vcpu_is_parked(const struct vcpu *v)
{
	uint32_t order = atomic_load_explicit(&v->shared.order, memory_order_relaxed);

	/* Acquire: pair with the releases in vcpu_ended() and acknowledge_order(). */
	if (!v->loop.running || atomic_load_explicit(&v->shared.ended, memory_order_acquire))
		return true;
	if (command_of(order) != VCPU_PARK)
		return false;
	return atomic_load_explicit(&v->shared.obeyed, memory_order_acquire) == order ||
	       mail_is_pending(&v->shared.mail);
}

enum vm_cpu_state vm_cpu_state(const struct vm *vm, unsigned i)
{
	const struct vcpu *v = &vm->vcpu[i];

	if (!v->loop.running || atomic_load_explicit(&v->shared.ended, memory_order_acquire))
		return VM_CPU_NO_THREAD;
	if (!vcpu_is_parked(v))
		return VM_CPU_RUNS;
	return mail_is_pending(&v->shared.mail) ? VM_CPU_PARKED_IN_EXIT : VM_CPU_PARKED;
}

unsigned vm_parked(const struct vm *vm)
{
	unsigned n = 0;

	for (unsigned i = 0; i < vm->n_vcpus; i++)
		n += vcpu_is_parked(&vm->vcpu[i]);
	return n;
}

unsigned vm_cpus(const struct vm *vm)
{
	return vm->n_vcpus;
}

void park_check(struct vm *vm)
{
	if (vm->loop.park.state != VM_PARKING || vm_parked(vm) < vm->n_vcpus)
		return;
	vm->loop.park.state = VM_PARKED;
	vm->loop.park.done(vm->loop.park.ctx);
}

int vm_park(struct vm *vm, void (*parked)(void *ctx), void *ctx)
{
	if (atomic_load(&vm->shared.stopping))
		return -ESHUTDOWN;
	if (vm->loop.park.state != VM_UNPARKED)
		return -EALREADY;
	vm->loop.park = (struct vm_park){ .state = VM_PARKING, .done = parked, .ctx = ctx };
	give_order(vm, VCPU_PARK);
	/* If all are parked already, no thread says so: from the reactor's loop, as if one did. */
	eventfd_write(vm->event_fd, 1);
	return 0;
}

void vm_unpark(struct vm *vm)
{
	if (vm->loop.park.state == VM_UNPARKED)
		return;
	vm->loop.park = (struct vm_park){ .state = VM_UNPARKED };
	give_order(vm, VCPU_RUN);
	for (unsigned i = 0; i < vm->n_vcpus; i++)
		mail_release(&vm->vcpu[i].shared.mail);
}
