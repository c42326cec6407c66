/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine's disks: opened, timed while they work, and their facts. */
#include <errno.h>
#include <linux/virtio_blk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/hist.h"
#include "bench/base/json.h"
#include "bench/base/say.h"
#include "bench/host/disk_lock.h"
#include "bench/machine/state.h"

/* What one disk was seen to do; ns. */
struct disk_times {
	struct hist read, write, flush; /* from when a request had its tokens until it was answered */
	struct hist late;		/* from when a stalled request had its tokens until it was granted */
};

static void on_completed(void *ctx, uint32_t type, uint64_t ns)
{
	struct disk_times *t = ctx;

	if (type == VIRTIO_BLK_T_IN)
		hist_record(&t->read, ns);
	else if (type == VIRTIO_BLK_T_OUT)
		hist_record(&t->write, ns);
	else if (type == VIRTIO_BLK_T_FLUSH)
		hist_record(&t->flush, ns);
}

static void on_granted(void *ctx, uint64_t late_ns)
{
	hist_record(&((struct disk_times *)ctx)->late, late_ns);
}

int machine_disk_open(struct machine *m, unsigned i, char *why, size_t why_size)
{
	struct blk_config cfg = disk_config(&m->o->disk[i]);
	char serial[sizeof(VIRTIO_BLK_DEFAULT_SERIAL) + 4];
	struct disk_times *t;
	int rc;

	if (cfg.path) {
		rc = disk_lock_take(cfg.path, cfg.read_only, &m->disk_lock[i], why, why_size);
		if (rc)
			return rc;
		if (*why)
			say_error("--disk %s", why);
	}
	/* The first one's is the device's own: with two, /dev/disk/by-id has a name for each. */
	if (!cfg.serial && i) {
		snprintf(serial, sizeof(serial), VIRTIO_BLK_DEFAULT_SERIAL "-%u", i % 100);
		cfg.serial = serial;
	}
	rc = blk_create(&m->blk[i], m->r, &cfg, why, why_size);
	if (rc || !(m->job.watch_disks || m->o->stats))
		return rc;
	t = m->disk_times[i] = calloc(1, sizeof(*t));
	if (!t) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	/* calloc() has initialised them, and has not touched them: a page is there when something falls into it. */
	blk_observe(m->blk[i], &(struct blk_observer){ .completed = on_completed, .granted = on_granted, .ctx = t });
	return 0;
}

void machine_disks_unlock(struct machine *m)
{
	for (unsigned i = 0; i < m->o->n_disks; i++)
		disk_lock_drop(&m->disk_lock[i]);
}

/* --- facts ---------------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned ppm;
} quantiles[] = { { "p50", 500000 }, { "p90", 900000 }, { "p99", 990000 }, { "p99.9", 999000 } };

static json_t *hist_facts(const struct hist *h)
{
	json_t *object = json_pack("{sI sI sf sI}", "count", (json_int_t)h->count, "min", (json_int_t)h->min, "mean",
				   hist_mean(h), "max", (json_int_t)h->max),
	       *buckets = json_array();

	for (unsigned i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++)
		json_object_set_new(object, quantiles[i].name,
				    json_integer((json_int_t)hist_quantile(h, quantiles[i].ppm)));
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		if (h->bucket[i])
			json_array_append_new(buckets,
					      json_pack("[I I]", (json_int_t)hist_lowest(i), (json_int_t)h->bucket[i]));
	json_object_set_new(object, "buckets", buckets);
	return object;
}

/* null: not watched; the histograms of a watched disk are there, empty or not. */
static void put_times(json_t *object, const struct disk_times *t)
{
	json_t *latency = json_null(), *late = json_null();

	if (t) {
		latency = json_pack("{so so so}", "read", hist_facts(&t->read), "write", hist_facts(&t->write), "flush",
				    hist_facts(&t->flush));
		late = hist_facts(&t->late);
	}
	json_object_set_new(object, "latency_ns", latency);
	json_object_set_new(object, "throttle_late_ns", late);
}

void machine_disk_facts(const struct machine *m, unsigned i, json_t *object)
{
	const struct blk_counters *c = blk_counters(m->blk[i]);
	const struct blk_engine_counters *e = blk_engine_counters(m->blk[i]);
	const char *path = m->o->disk[i].path;

	json_object_set_new(object, "path", *path ? json_string(path) : json_null());
	json_put_count(object, "capacity_bytes", blk_capacity(m->blk[i]));
	json_object_set_new(object, "engine", json_string(blk_engine_used(m->blk[i])));
	json_object_set_new(object, "engine_reason", json_string(blk_engine_reason(m->blk[i])));
	json_object_set_new(object, "engine_operations",
			    json_pack("{sI sI sI sI}", "at_once", (json_int_t)e->at_once, "on_ring",
				      (json_int_t)e->on_ring, "bounced", (json_int_t)e->bounced, "bounce_waits",
				      (json_int_t)e->bounce_waits));
	json_put_count(object, "reads_completed", c->reads_completed);
	json_put_count(object, "writes_completed", c->writes_completed);
	json_put_count(object, "flushes_completed", c->flushes_completed);
	json_put_count(object, "discards_completed", c->discards_completed);
	json_put_count(object, "write_zeroes_completed", c->zeroes_completed);
	json_put_count(object, "bytes_discarded", c->bytes_discarded);
	json_put_count(object, "bytes_zeroed", c->bytes_zeroed);
	json_put_count(object, "bytes_read", c->bytes_read);
	json_put_count(object, "bytes_written", c->bytes_written);
	json_put_count(object, "throttled_count", c->throttled_count);
	json_put_count(object, "io_errors", c->io_errors);
	json_object_set_new(object, "sync_error", c->sync_error ? json_string(strerror(c->sync_error)) : json_null());
	json_put_count(object, "invalid_avail_idx_count", c->invalid_avail_idx_count);
	json_put_count(object, "currently_throttled_gauge", c->currently_throttled_gauge);
	json_put_count(object, "in_flight", c->in_flight);
	json_put_count(object, "in_flight_max", c->in_flight_max);
	put_times(object, m->disk_times[i]);
}
