/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Performing decoded requests: which must wait for which, short and interrupted transfers, completion. Guest errors
 * were all found by decoding.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "reactor/container.h"
#include "virtio/blk/device.h"

/* --- order ---------------------------------------------------------------- */

static bool is_write(const struct blk_request *r)
{
	return r->type == VIRTIO_BLK_T_OUT;
}

static bool is_erase(const struct blk_request *r)
{
	return r->type == VIRTIO_BLK_T_DISCARD || r->type == VIRTIO_BLK_T_WRITE_ZEROES;
}

/* Whether it changes what the disk holds. */
static bool changes_disk(const struct blk_request *r)
{
	return is_write(r) || is_erase(r);
}

static bool is_data(const struct blk_request *r)
{
	return (r->type == VIRTIO_BLK_T_IN || changes_disk(r)) && r->len;
}

/* Whether the whole requests overlap, whatever of them is done, when rounded to the granule in which the backing
 * writes. */
static bool overlap(const struct blk_request *a, const struct blk_request *b, uint64_t granule)
{
	uint64_t mask = granule ? granule - 1 : 0;
	uint64_t a_start = (a->offset - a->done) & ~mask, a_end = a->offset - a->done + a->len;
	uint64_t b_start = (b->offset - b->done) & ~mask, b_end = b->offset - b->done + b->len;

	/* Offsets are below 2^63, so rounding up does not overflow. */
	return a_start < ((b_end + mask) & ~mask) && b_start < ((a_end + mask) & ~mask);
}

/*
 * Whether @later must wait for @earlier. A flush waits for the writes popped before it. Transfers that overlap wait for
 * each other if one of them writes, so that the disk sees the order of the ring. Nothing waits for a flush.
 */
static bool must_follow(const struct blk *b, const struct blk_request *later, const struct blk_request *earlier)
{
	if (later->type == VIRTIO_BLK_T_FLUSH)
		return changes_disk(earlier);
	return is_data(later) && is_data(earlier) && (changes_disk(later) || changes_disk(earlier)) &&
	       overlap(later, earlier, b->backing->granule);
}

static void count_blockers(const struct blk *b, struct blk_request *r)
{
	r->blockers = 0;
	if (!b->n_writes && !changes_disk(r))
		return;
	for (const struct blk_request *e = b->first; e; e = e->next)
		r->blockers += must_follow(b, r, e);
}

static void append_request(struct blk *b, struct blk_request *r)
{
	r->next = NULL;
	r->prev = b->last;
	*(b->last ? &b->last->next : &b->first) = r;
	b->last = r;
	b->n_writes += changes_disk(r);
	b->n_waiting += r->blockers > 0;
	if (++b->counters.in_flight > b->counters.in_flight_max)
		b->counters.in_flight_max = b->counters.in_flight;
}

static void make_ready(struct blk *b, struct blk_request *r)
{
	r->next_ready = NULL;
	*(b->ready ? &b->ready_last->next_ready : &b->ready) = r;
	b->ready_last = r;
}

static void make_ready_first(struct blk *b, struct blk_request *r)
{
	if (!b->ready)
		b->ready_last = r;
	r->next_ready = b->ready;
	b->ready = r;
}

/* Remove @r from the list. Requests that waited for nothing else become ready. */
static void release_request(struct blk *b, struct blk_request *r)
{
	for (struct blk_request *w = b->n_waiting ? r->next : NULL; w; w = w->next) {
		if (!w->blockers || !must_follow(b, w, r))
			continue;
		if (--w->blockers == 0) {
			b->n_waiting--;
			make_ready(b, w);
		}
	}
	*(r->prev ? &r->prev->next : &b->first) = r->next;
	*(r->next ? &r->next->prev : &b->last) = r->prev;
	b->n_writes -= changes_disk(r);
	b->counters.in_flight--;
	if (b->observer.completed)
		b->observer.completed(b->observer.ctx, r->type, monotonic_ns() - r->started_ns);
}

/* --- completion ----------------------------------------------------------- */

static void fail_request(struct blk *b, struct blk_request *r)
{
	b->counters.io_errors++;
	release_request(b, r);
	blk_answer(b, r, VIRTIO_BLK_S_IOERR, 1);
}

static void succeed_request(struct blk *b, struct blk_request *r, uint32_t used_len)
{
	release_request(b, r);
	blk_answer(b, r, VIRTIO_BLK_S_OK, used_len);
}

static void read_completed(struct blk *b, struct blk_request *r)
{
	b->counters.reads_completed++;
	b->counters.bytes_read += r->got;
	succeed_request(b, r, r->len + 1);
}

static void write_completed(struct blk *b, struct blk_request *r)
{
	b->counters.writes_completed++;
	b->counters.bytes_written += r->len;
	succeed_request(b, r, 1);
}

static void erase_completed(struct blk *b, struct blk_request *r)
{
	bool zeroes = r->type == VIRTIO_BLK_T_WRITE_ZEROES;

	*(zeroes ? &b->counters.zeroes_completed : &b->counters.discards_completed) += 1;
	*(zeroes ? &b->counters.bytes_zeroed : &b->counters.bytes_discarded) += r->len;
	succeed_request(b, r, 1);
}

static void change_completed(struct blk *b, struct blk_request *r)
{
	(is_erase(r) ? erase_completed : write_completed)(b, r);
}

static void flush_completed(struct blk *b, struct blk_request *r)
{
	b->counters.flushes_completed++;
	succeed_request(b, r, 1);
}

/* --- transfer rules ------------------------------------------------------- */

static bool is_sync(const struct blk_request *r)
{
	return r->type == VIRTIO_BLK_T_FLUSH || r->syncing;
}

/*
 * Take as many of the remaining ranges as this turn has room for: at least one, which is cut if it is too long. The
 * serial engine, the baseline of comparisons, gets 4 MiB.
 */
static void choose_piece(const struct blk *b, struct blk_request *r)
{
	uint32_t room = b->backing->ops->whole_drains ? TURN_ROOM_MOST : turn_room(&b->turn);

	r->piece_n = 1;
	r->piece = (uint32_t)r->at[0].iov_len;
	while (r->piece_n < r->n && r->piece + r->at[r->piece_n].iov_len <= room)
		r->piece += (uint32_t)r->at[r->piece_n++].iov_len;
	if (r->piece <= room)
		return;
	/* A multiple of TURN_ROOM_LEAST: if the piece begins at a block of the disk, it ends at one. */
	r->cut = r->piece - (room - room % TURN_ROOM_LEAST);
	r->piece -= r->cut;
	r->at[0].iov_len -= r->cut;
}

static void undo_cut(struct blk_request *r)
{
	r->at[0].iov_len += r->cut;
	r->cut = 0;
}

static enum backing_erase erase_mode(const struct blk_request *r)
{
	if (r->type == VIRTIO_BLK_T_DISCARD)
		return BACKING_DISCARD;
	return r->unmap ? BACKING_ZERO : BACKING_ZERO_KEEP;
}

static int submit_piece(struct blk *b, struct blk_request *r)
{
	const struct backing_ops *ops = b->backing->ops;

	if (is_sync(r))
		return b->counters.sync_error ? -EIO : ops->sync_data(b->backing, &r->op);
	if (is_erase(r)) {
		/* To free blocks takes less time than to copy as many bytes, but some. */
		turn_charge(&b->turn, r->len < BLK_TURN_BYTES ? r->len : BLK_TURN_BYTES);
		return ops->erase(b->backing, &r->op, erase_mode(r), r->offset, r->len);
	}
	choose_piece(b, r);
	turn_charge(&b->turn, r->piece);
	if (is_write(r))
		return ops->writev(b->backing, &r->op, r->at, r->piece_n, r->offset);
	return r->ended ? 0 : ops->readv(b->backing, &r->op, r->at, r->piece_n, r->offset);
}

/*
 * The kernel reports lost writes once, to one fdatasync(), and then considers the pages clean: the next one succeeds,
 * and so may one in flight, although the data is lost. So after a failure every flush fails, for this driver and for
 * those after a reset. Returns the result to use in place of @res.
 */
static int32_t sync_result(struct blk *b, int32_t res)
{
	if (b->counters.sync_error)
		return -EIO;
	/* -EINTR, -EAGAIN: it was not tried, so nothing is lost. */
	if (res >= 0 || res == -EINTR || res == -EAGAIN)
		return res;
	b->counters.sync_error = -res;
	virtio_host_error(&b->dev,
			  "fdatasync failed: %s; writes since the last good flush may be lost, and no flush succeeds "
			  "any more",
			  strerror(-res));
	return res;
}

/* All data of @r is moved. True: a sync must follow. */
static bool data_moved(struct blk *b, struct blk_request *r)
{
	if (!changes_disk(r)) {
		read_completed(b, r);
	} else if (b->write_through) {
		r->syncing = true;
		r->retries = 0;
		return true;
	} else {
		change_completed(b, r);
	}
	return false;
}

/* A piece has moved @res bytes. True: there is more to do. */
static bool account_piece(struct blk *b, struct blk_request *r, uint32_t res)
{
	assert(res <= r->piece);
	if (!is_write(r)) {
		r->got += res;
		/* Beyond the end of the storage there are zeroes. */
		if (res < r->piece) {
			r->ended = true;
			iov_zero_from(r->at, r->piece_n, res);
		}
		res = r->piece;
	}
	undo_cut(r);
	r->done += res;
	r->offset += res;
	if (r->done == r->len)
		return data_moved(b, r);
	iov_advance(&r->at, &r->n, res);
	r->retries = 0;
	return true;
}

static void sync_completed(struct blk *b, struct blk_request *r, int32_t res)
{
	if (res < 0)
		fail_request(b, r);
	else if (r->syncing)
		change_completed(b, r);
	else
		flush_completed(b, r);
}

/* Take the result of one operation. True: @r must be submitted (again); false: it was answered. */
static bool take_result(struct blk *b, struct blk_request *r, int32_t res)
{
	if ((res == -EINTR || res == -EAGAIN) && r->retries < BLK_RETRIES_MAX) {
		r->retries++;
		undo_cut(r);
		return true;
	}
	if (is_sync(r)) {
		sync_completed(b, r, sync_result(b, res));
		return false;
	}
	if (is_erase(r) && res == -EOPNOTSUPP) {
		release_request(b, r);
		blk_answer(b, r, VIRTIO_BLK_S_UNSUPP, 1);
		return false;
	}
	if (res < 0 || (is_write(r) && res == 0)) {
		fail_request(b, r);
		return false;
	}
	if (is_erase(r))
		return data_moved(b, r);
	return account_piece(b, r, (uint32_t)res);
}

static void run_request(struct blk *b, struct blk_request *r)
{
	uint64_t before;
	int res;

	do {
		if (turn_is_over(&b->turn)) {
			make_ready_first(b, r);
			return;
		}
		before = b->turn.bytes;
		res = submit_piece(b, r);
		if (res == -EINPROGRESS) {
			turn_handed_over(&b->turn, b->turn.bytes - before);
			r->submitted = true;
			b->submitted++;
			return;
		}
	} while (take_result(b, r, res));
}

static void start_request(struct blk *b, struct blk_request *r)
{
	if (r->type == VIRTIO_BLK_T_GET_ID) {
		iov_copy_in(r->iov, r->n, 0, b->id, BLK_ID_BYTES);
		succeed_request(b, r, BLK_ID_BYTES + 1);
	} else if (r->type == VIRTIO_BLK_T_IN && !r->len) {
		read_completed(b, r);
	} else if (changes_disk(r) && !r->len) {
		change_completed(b, r);
	} else {
		run_request(b, r);
	}
}

/* Not recursive: a long chain of waiting requests must not become a deep stack. */
void blk_start_ready(struct blk *b)
{
	if (b->starting)
		return;
	b->starting = true;
	while (b->ready && !turn_is_over(&b->turn)) {
		struct blk_request *r = b->ready;

		b->ready = r->next_ready;
		start_request(b, r);
	}
	b->starting = false;
	if (b->ready)
		selfkick_ring(&b->again, BLK_QUEUE);
}

static void backing_op_done(struct backing_op *op, int32_t res)
{
	struct blk_request *r = container_of(op, struct blk_request, op);
	struct blk *b = r->blk;

	assert(r->busy && r->submitted);
	r->submitted = false;
	b->submitted--;
	turn_begin(&b->turn);
	if (r->generation != b->generation) {
		r->busy = false;
		blk_straggler_done(b);
		return;
	}
	if (take_result(b, r, res))
		run_request(b, r);
	blk_start_ready(b);
}

void blk_perform(struct blk *b, struct blk_request *r)
{
	r->busy = true;
	r->submitted = false;
	r->generation = b->generation;
	r->op.done = backing_op_done;
	r->started_ns = b->observer.completed ? monotonic_ns() : 0;
	count_blockers(b, r);
	append_request(b, r);
	if (!r->blockers)
		make_ready(b, r);
	blk_start_ready(b);
}

void blk_abandon(struct blk *b)
{
	for (struct blk_request *r = b->first; r; r = r->next) {
		r->busy = r->submitted;
		if (r->submitted)
			b->backing->ops->cancel(b->backing, &r->op);
	}
	b->first = b->last = b->ready = NULL;
	b->n_waiting = b->n_writes = 0;
	b->counters.in_flight = 0;
}
