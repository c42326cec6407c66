/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio-blk (virtio 1.2, 5.2): one request queue on a file or memory, many requests in flight, two token buckets.
 */
#ifndef KTSTR_VIRTIO_BLK_H
#define KTSTR_VIRTIO_BLK_H

#include <stdbool.h>
#include <stdint.h>

#include "reactor/reactor.h"
#include "virtio/mmio.h"

#define VIRTIO_BLK_SECTOR_SIZE 512u
#define VIRTIO_BLK_DEFAULT_CAPACITY_BYTES (256ull << 20)
#define VIRTIO_BLK_DEFAULT_SERIAL "ktstr-virtio-blk"

/* Reactor slots (in_flight_max) that one disk needs. */
#define BLK_REACTOR_SLOTS (VIRTQ_SIZE_MAX + 4u)

enum blk_engine { BLK_ENGINE_AUTO, BLK_ENGINE_URING, BLK_ENGINE_SYNC };

struct blk_config {
	const char *path; /* NULL: an anonymous sparse memory file */
	uint64_t size;	  /* bytes; 0: the file's own, or the default */
	bool read_only;
	bool direct;  /* O_DIRECT */
	bool discard; /* offer DISCARD and WRITE_ZEROES */
	enum blk_engine engine;
	uint64_t iops, bps, iops_burst, bps_burst; /* 0: not limited */
	const char *serial;			   /* NULL: VIRTIO_BLK_DEFAULT_SERIAL; at most 20 bytes */
};

struct blk_counters {
	/* requests */
	uint64_t reads_completed, writes_completed, flushes_completed;
	uint64_t bytes_read, bytes_written;
	uint64_t discards_completed, zeroes_completed, bytes_discarded, bytes_zeroed;
	/* events */
	uint64_t throttled_count, io_errors, invalid_avail_idx_count;
	/* gauge */
	uint64_t currently_throttled_gauge;
	/* errno of the first fdatasync() that failed; every later flush fails. 0: none */
	int sync_error;
	/* ours */
	uint64_t in_flight, in_flight_max;
};

/* How operations, or pieces of them, were done by the backing. */
struct blk_engine_counters {
	uint64_t at_once; /* on the reactor thread */
	uint64_t on_ring;
	uint64_t bounced;      /* of either, through a bounce buffer for O_DIRECT */
	uint64_t bounce_waits; /* waited for a bounce buffer */
};

/*
 * For histograms and traces. A callback may be NULL: then the clock is not read for it. They run on the reactor thread.
 */
struct blk_observer {
	/* A request of @type (VIRTIO_BLK_T_*) was answered, @ns after it was popped and had its tokens. */
	void (*completed)(void *ctx, uint32_t type, uint64_t ns);
	/* A stalled request was granted, @late_ns after its tokens were due. */
	void (*granted)(void *ctx, uint64_t late_ns);
	void *ctx;
};

struct blk;
/* 0, or a negative errno with a one-line reason in @why that names the file. */
int blk_create(struct blk **out, struct reactor *r, const struct blk_config *cfg, char *why, size_t why_size);
struct virtio_device *blk_device(struct blk *b);
const struct blk_counters *blk_counters(const struct blk *b);
/* While nothing is in flight: before the guest runs. */
void blk_observe(struct blk *b, const struct blk_observer *o);
/* The engine, "uring", "sync", "inline" or "inline+uring", and why it was chosen; static text. */
const char *blk_engine_used(const struct blk *b);
const char *blk_engine_reason(const struct blk *b);
const struct blk_engine_counters *blk_engine_counters(const struct blk *b);
uint64_t blk_capacity(const struct blk *b);
/* Take no more requests, for good. Those in flight go on. Returns how many there are, including those that a reset has
 * left with the backing. */
unsigned blk_quiesce(struct blk *b);
/* Step the ring until nothing is in flight, at most for @patience_ns. -ETIMEDOUT: something still is, and nothing was
 * freed; call it again, or leak the disk. */
int blk_destroy(struct blk *b, uint64_t patience_ns);

#endif
