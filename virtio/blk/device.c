/* SPDX-License-Identifier: GPL-2.0-only */
/* The block device for its transport and its owner: set-up, reset, teardown. */
#include "virtio/blk/device.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reactor/container.h"

#define FEATURES                                                                                                       \
	(1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_BLK_F_SIZE_MAX | 1ull << VIRTIO_BLK_F_SEG_MAX |                   \
	 1ull << VIRTIO_BLK_F_BLK_SIZE | 1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_RING_F_EVENT_IDX)

#define FEATURES_ERASE (1ull << VIRTIO_BLK_F_DISCARD | 1ull << VIRTIO_BLK_F_WRITE_ZEROES)

_Static_assert(offsetof(struct virtio_blk_config, blk_size) == 0x14 &&
		       offsetof(struct virtio_blk_config, max_discard_sectors) == 0x24 &&
		       offsetof(struct virtio_blk_config, write_zeroes_may_unmap) == 0x38,
	       "virtio 1.2, 5.2.4");

static struct blk *blk_of(struct virtio_device *d)
{
	return container_of(d, struct blk, dev);
}

static void blk_config_read(struct virtio_device *d, uint32_t offset, void *buf, unsigned len)
{
	/* Fields without an offered feature read as zero. */
	struct virtio_blk_config config = {
		.capacity = blk_of(d)->geometry.capacity / VIRTIO_BLK_SECTOR_SIZE,
		.size_max = BLK_SIZE_MAX,
		.seg_max = BLK_SEG_MAX,
		.blk_size = VIRTIO_BLK_SECTOR_SIZE,
	};

	if (d->features & FEATURES_ERASE) {
		config.max_discard_sectors = config.max_write_zeroes_sectors = BLK_ERASE_SECTORS_MAX;
		config.max_discard_seg = config.max_write_zeroes_seg = 1;
		config.discard_sector_alignment = 4096 / VIRTIO_BLK_SECTOR_SIZE;
		config.write_zeroes_may_unmap = 1;
	}
	virtio_config_copy(&config, sizeof(config), offset, buf, len, 0);
}

static void blk_kick(struct virtio_device *d, unsigned q)
{
	blk_service(blk_of(d));
}

/* Without FLUSH the cache is write-through, for CONFIG_WCE is not offered (5.2.5.2). */
static void blk_activate(struct virtio_device *d)
{
	struct blk *b = blk_of(d);

	b->write_through = !(d->driver_features >> VIRTIO_BLK_F_FLUSH & 1);
	b->geometry.size_max = d->driver_features >> VIRTIO_BLK_F_SIZE_MAX & 1 ? BLK_SIZE_MAX : UINT32_MAX;
	b->geometry.discard = d->driver_features >> VIRTIO_BLK_F_DISCARD & 1;
	b->geometry.write_zeroes = d->driver_features >> VIRTIO_BLK_F_WRITE_ZEROES & 1;
	b->geometry.chain_max = d->driver_features >> VIRTIO_BLK_F_SEG_MAX & 1 ? BLK_CHAIN_MAX : VIRTQ_SIZE_MAX;
}

static void blk_poisoned(struct virtio_device *d, unsigned q, bool avail_idx)
{
	struct blk *b = blk_of(d);

	if (avail_idx)
		b->counters.invalid_avail_idx_count++;
	else
		b->counters.io_errors++;
	timer_clear(&b->retry);
	blk_unstall(b);
}

/* --- reset ---------------------------------------------------------------- */

static bool blk_reset(struct virtio_device *d)
{
	struct blk *b = blk_of(d);

	b->generation++;
	blk_abandon(b);
	blk_queue_reset(b);
	atomic_fetch_add(&d->config_generation, 1);
	if (!b->submitted)
		return true;
	timer_set(&b->reset_bound, monotonic_ns() + b->reset_patience_ns);
	return false;
}

void blk_straggler_done(struct blk *b)
{
	if (b->submitted || !b->dev.resetting)
		return;
	timer_clear(&b->reset_bound);
	virtio_reset_done(&b->dev);
}

static void blk_reset_bound_fired(struct timer *t)
{
	struct blk *b = container_of(t, struct blk, reset_bound);
	char why[128];

	if (!b->dev.resetting)
		return;
	snprintf(why, sizeof(why),
		 "the guest reset the disk, and %u of its requests are still stuck in the host after %u s",
		 b->submitted, (unsigned)(b->reset_patience_ns / 1000000000u));
	virtio_reset_failed(&b->dev, why);
}

static const struct virtio_device_ops blk_ops = {
	.name = "blk",
	.device_id = 2,
	.n_queues = 1,
	.config_read = blk_config_read,
	.activate = blk_activate,
	.kick = blk_kick,
	.reset = blk_reset,
	.poisoned = blk_poisoned,
};

/* --- set-up and teardown -------------------------------------------------- */

static int blk_set_id(struct blk *b, const struct blk_config *cfg, char *why, size_t why_size)
{
	const char *serial = cfg->serial ? cfg->serial : VIRTIO_BLK_DEFAULT_SERIAL;
	size_t len = strlen(serial);

	if (len > BLK_ID_BYTES) {
		snprintf(why, why_size, "serial %s: %zu bytes, at most %u are possible", serial, len, BLK_ID_BYTES);
		return -EINVAL;
	}
	memcpy(b->id, serial, len);
	return 0;
}

int blk_timer_open(struct blk *b, struct timer *t, void (*fn)(struct timer *t))
{
	int err = timer_open(b->r, t, fn);

	if (err)
		t->fd = -1;
	return err;
}

void blk_timer_close(struct timer *t)
{
	if (t->fd >= 0)
		timer_close(t);
}

static int blk_attach_slots(struct blk *b)
{
	for (unsigned i = 0; i < VIRTQ_SIZE_MAX; i++) {
		int err;

		b->slot[i].blk = b;
		b->slot[i].iov = b->iov[i];
		err = b->backing->ops->attach(b->backing, &b->slot[i].op, i);
		if (err)
			return err;
		b->attached++;
	}
	return 0;
}

/* Nothing is in flight. */
static void blk_free(struct blk *b)
{
	while (b->attached)
		b->backing->ops->detach(b->backing, &b->slot[--b->attached].op);
	blk_timer_close(&b->reset_bound);
	blk_queue_close(b);
	b->backing->ops->close(b->backing);
	free(b);
}

int blk_create_on(struct blk **out, struct reactor *r, const struct blk_config *cfg, struct backing *backing, char *why,
		  size_t why_size)
{
	struct blk *b = calloc(1, sizeof(*b));
	int err;

	if (!b) {
		backing->ops->close(backing);
		snprintf(why, why_size, "disk: out of memory");
		return -ENOMEM;
	}
	why[0] = '\0';
	b->r = r;
	b->backing = backing;
	b->reset_bound.fd = -1;
	b->reset_patience_ns = BLK_RESET_PATIENCE_NS;
	b->geometry.capacity = backing->size - backing->size % VIRTIO_BLK_SECTOR_SIZE;
	b->geometry.read_only = cfg->read_only;
	virtio_device_init(&b->dev, &blk_ops,
			   FEATURES | (cfg->read_only ? 1ull << VIRTIO_BLK_F_RO : 0) |
				   (cfg->discard ? FEATURES_ERASE : 0),
			   VIRTQ_SIZE_MAX);
	err = blk_queue_init(b, cfg, why, why_size);
	if (!err)
		err = blk_set_id(b, cfg, why, why_size);
	if (!err)
		err = blk_timer_open(b, &b->reset_bound, blk_reset_bound_fired);
	if (!err)
		err = blk_attach_slots(b);
	if (err) {
		if (!why[0])
			snprintf(why, why_size, "disk: the reactor has no room for it: %s", strerror(-err));
		blk_free(b);
		return err;
	}
	*out = b;
	return 0;
}

int blk_create(struct blk **out, struct reactor *r, const struct blk_config *cfg, char *why, size_t why_size)
{
	struct backing *backing;
	int err = backing_open(&backing, r, cfg, why, why_size);

	return err ? err : blk_create_on(out, r, cfg, backing, why, why_size);
}

void blk_observe(struct blk *b, const struct blk_observer *o)
{
	assert(!b->first); /* their start was not recorded */
	b->observer = *o;
}

unsigned blk_quiesce(struct blk *b)
{
	unsigned n = b->submitted; /* of older generations, too */

	b->paused = true;
	blk_publish(b);
	for (const struct blk_request *r = b->first; r; r = r->next)
		n += !r->submitted;
	return n;
}

int blk_destroy(struct blk *b, uint64_t patience_ns)
{
	uint64_t deadline = monotonic_ns() + patience_ns;

	if (!b)
		return 0;
	b->paused = true;
	b->dev.active = b->dev.resetting = false;
	b->dev.settled = NULL;
	b->generation++;
	blk_abandon(b);
	blk_queue_reset(b);
	/* The reactor still refers to a deferred publish until it has run. */
	while (b->submitted || b->publish.queued) {
		if (b->submitted && monotonic_ns() >= deadline)
			return -ETIMEDOUT;
		if (reactor_step_until(b->r, deadline) < 0)
			return -ETIMEDOUT;
	}
	blk_free(b);
	return 0;
}

struct virtio_device *blk_device(struct blk *b)
{
	return &b->dev;
}

const struct blk_counters *blk_counters(const struct blk *b)
{
	return &b->counters;
}

const char *blk_engine_used(const struct blk *b)
{
	return b->backing->ops->name;
}

const char *blk_engine_reason(const struct blk *b)
{
	return b->backing->reason;
}

const struct blk_engine_counters *blk_engine_counters(const struct blk *b)
{
	return &b->backing->counters;
}

uint64_t blk_capacity(const struct blk *b)
{
	return b->geometry.capacity;
}
