/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mailbox of each vCPU: a register access that a device must answer. The vCPU's thread posts it and sleeps on the
 * state, a futex; the reactor answers.
 *
 *	state      set by   next
 *	IDLE       vCPU     POSTED
 *	POSTED     vCPU     DONE, or PENDING if the write starts a reset that waits for I/O
 *	PENDING    reactor  DONE when the device has settled, and the vCPU is not parked
 *	DONE       reactor  IDLE: the vCPU goes on
 *	CANCELLED  reactor  none: the VM stops, and the access is left undone
 */
#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvm/internal.h"

/* --- on the vCPU's thread -------------------------------------------------- */

bool mail_post(struct vcpu *v)
{
	struct mailbox *m = &v->shared.mail;
	uint32_t state;

	atomic_fetch_add_explicit(&v->shared.exits_mailbox, 1, memory_order_relaxed);
	/* Release: the request is written before the state; pairs with the acquire in mail_serve(). Sequentially
	 * consistent with the load of the order: either that load sees the order to stop, or
	 * mail_cancel(), which runs after the order was given, sees the request. */
	atomic_store(&m->state, MAIL_POSTED);
	if (command_of(atomic_load(&v->shared.order)) == VCPU_STOP)
		return false;
	eventfd_write(v->vm->mail_fd, 1);
	/* Acquire: pairs with the release in mail_wake(). */
	while ((state = atomic_load_explicit(&m->state, memory_order_acquire)) != MAIL_DONE) {
		if (state == MAIL_CANCELLED)
			return false;
		syscall(SYS_futex, &m->state, FUTEX_WAIT_PRIVATE, state, NULL, NULL, 0);
	}
	atomic_store_explicit(&m->state, MAIL_IDLE, memory_order_relaxed);
	return true;
}

/* --- on the reactor -------------------------------------------------------- */

static void mail_wake(struct mailbox *m, enum mail_state state)
{
	/* Release: the answer is written before the state; pairs with the acquire in mail_post(). */
	atomic_store_explicit(&m->state, state, memory_order_release);
	syscall(SYS_futex, &m->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

bool mail_is_pending(const struct mailbox *m)
{
	return atomic_load_explicit(&m->state, memory_order_relaxed) == MAIL_PENDING;
}

void mail_cancel(struct mailbox *m)
{
	uint32_t state = atomic_load(&m->state);

	if (state == MAIL_POSTED || state == MAIL_PENDING)
		mail_wake(m, MAIL_CANCELLED);
}

void mail_release(struct mailbox *m)
{
	if (!m->withheld)
		return;
	m->withheld = false;
	mail_wake(m, MAIL_DONE);
}

static void answer_request(struct mailbox *m)
{
	struct virtio_device *d = m->vd->dev;

	if (!m->is_write) {
		virtio_mmio_read(d, m->offset, m->data, m->len);
		mail_wake(m, MAIL_DONE);
		return;
	}
	/* A reset with I/O in flight takes effect later: mail_settled(). */
	atomic_store_explicit(&m->state, MAIL_PENDING, memory_order_relaxed);
	if (virtio_mmio_write(d, m->offset, m->data, m->len))
		mail_wake(m, MAIL_DONE);
}

void mail_settled(struct virtio_device *d, void *ctx)
{
	struct vm_device *vd = ctx;
	struct vm *vm = vd->vm;

	/* Several vCPUs may wait for one device's reset. */
	for (unsigned i = 0; i < vm->n_vcpus; i++) {
		struct mailbox *m = &vm->vcpu[i].shared.mail;

		if (!mail_is_pending(m) || m->vd != vd)
			continue;
		m->withheld = true;
		if (vm->loop.park.state == VM_UNPARKED)
			mail_release(m);
	}
}

void mail_serve(struct vm *vm)
{
	for (unsigned i = 0; i < vm->n_vcpus; i++) {
		struct mailbox *m = &vm->vcpu[i].shared.mail;

		/* Acquire: pairs with the release in mail_post(). */
		if (atomic_load_explicit(&m->state, memory_order_acquire) == MAIL_POSTED)
			answer_request(m);
	}
}
