/* SPDX-License-Identifier: GPL-2.0-only */
#include "tests/virtio/fault_backing.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int transfer(struct fault_backing *f, const struct fault_op *o)
{
	size_t want = o->kind == FAULT_SYNC ? 0 : iov_bytes(o->iov, o->n), room;

	if (o->fault.error)
		return o->fault.error;
	if (o->kind == FAULT_ERASE) {
		assert(o->offset <= f->data_size && o->len <= f->data_size - o->offset);
		memset(f->data + o->offset, 0, o->len);
		return 0;
	}
	if (o->fault.limited && want > o->fault.limit)
		want = o->fault.limit;
	room = o->offset < f->data_size ? f->data_size - o->offset : 0;
	if (want > room) {
		assert(o->kind == FAULT_READ); /* the device never writes past the capacity */
		want = room;
	}
	if (o->kind == FAULT_READ)
		iov_copy_in(o->iov, o->n, 0, f->data + o->offset, want);
	else if (o->kind == FAULT_WRITE)
		iov_copy_out(o->iov, o->n, 0, f->data + o->offset, want);
	return (int)want;
}

static int begin(struct backing *b, struct backing_op *op, enum fault_kind kind, struct iovec *iov, unsigned n,
		 uint64_t offset, uint64_t len)
{
	struct fault_backing *f = (struct fault_backing *)b;
	struct fault_op o = { op, kind, iov, n, offset, len, { 0 } };
	unsigned call = f->calls++;

	f->calls_of[kind]++;
	f->last_thread = pthread_self();
	f->asked = op;
	if (f->plan)
		o.fault = f->plan(f, kind, call, iov ? iov_bytes(iov, n) : 0);
	if (!o.fault.hold && !f->hold[kind])
		return transfer(f, &o);
	assert(f->n_held < VIRTQ_SIZE_MAX);
	f->held[f->n_held++] = o;
	return -EINPROGRESS;
}

void fault_finish(struct fault_backing *f, unsigned i, int error)
{
	struct fault_op o = f->held[i];
	int res;

	assert(i < f->n_held);
	memmove(&f->held[i], &f->held[i + 1], (f->n_held - i - 1) * sizeof(o));
	f->n_held--;
	res = error ? error : transfer(f, &o);
	o.op->done(o.op, res);
}

void fault_finish_all(struct fault_backing *f)
{
	while (f->n_held)
		fault_finish(f, 0, 0);
}

int fault_find(const struct fault_backing *f, enum fault_kind kind)
{
	for (unsigned i = 0; i < f->n_held; i++) {
		if (f->held[i].kind == kind)
			return (int)i;
	}
	return -1;
}

static int fault_attach(struct backing *b, struct backing_op *op, unsigned index)
{
	return 0;
}

static void fault_detach(struct backing *b, struct backing_op *op)
{
}

static int fault_readv(struct backing *b, struct backing_op *op, struct iovec *iov, unsigned n, uint64_t offset)
{
	return begin(b, op, FAULT_READ, iov, n, offset, 0);
}

static int fault_writev(struct backing *b, struct backing_op *op, struct iovec *iov, unsigned n, uint64_t offset)
{
	return begin(b, op, FAULT_WRITE, iov, n, offset, 0);
}

static int fault_sync(struct backing *b, struct backing_op *op)
{
	return begin(b, op, FAULT_SYNC, NULL, 0, 0, 0);
}

static int fault_erase(struct backing *b, struct backing_op *op, enum backing_erase how, uint64_t offset, uint64_t len)
{
	((struct fault_backing *)b)->erased = how;
	return begin(b, op, FAULT_ERASE, NULL, 0, offset, len);
}

static void fault_cancel(struct backing *b, struct backing_op *op)
{
	((struct fault_backing *)b)->cancels++;
}

static void fault_close(struct backing *b)
{
	((struct fault_backing *)b)->closed++;
}

void fault_init(struct fault_backing *f, size_t size)
{
	static const struct backing_ops ops = {
		.name = "fault",
		.attach = fault_attach,
		.detach = fault_detach,
		.readv = fault_readv,
		.writev = fault_writev,
		.sync_data = fault_sync,
		.erase = fault_erase,
		.cancel = fault_cancel,
		.close = fault_close,
	};

	memset(f, 0, sizeof(*f));
	f->b = (struct backing){ .ops = &ops, .size = size, .reason = "a test" };
	f->data = calloc(1, size ? size : 1);
	assert(f->data);
	f->data_size = size;
}

void fault_free(struct fault_backing *f)
{
	free(f->data);
	f->data = NULL;
}
