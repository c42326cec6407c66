/* SPDX-License-Identifier: GPL-2.0-only */
#include "virtio/mmio.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "reactor/reactor.h"

#define MAGIC 0x74726976u /* "virt" */
#define S_ACK VIRTIO_CONFIG_S_ACKNOWLEDGE
#define S_DRIVER VIRTIO_CONFIG_S_DRIVER
#define S_FEATURES VIRTIO_CONFIG_S_FEATURES_OK
#define S_DRIVER_OK VIRTIO_CONFIG_S_DRIVER_OK
#define S_NEEDS_RESET VIRTIO_CONFIG_S_NEEDS_RESET
#define S_FAILED VIRTIO_CONFIG_S_FAILED

static void show_registers(struct virtio_device *d);

/* --- status (2.1, 3.1) --------------------------------------------------- */

/* Counters, memory and the config generation outlive a reset; all else does not. */
static void forget_driver(struct virtio_device *d)
{
	d->status = 0;
	d->driver_features = 0;
	d->features_sel = d->driver_features_sel = d->queue_sel = 0;
	d->active = false;
	d->resetting = false;
	d->warned_no_memory = false;
	atomic_store(&d->interrupt_status, 0);
	for (unsigned i = 0; i < d->ops->n_queues; i++)
		virtq_reset(&d->vq[i]);
}

static bool reset_device(struct virtio_device *d)
{
	/* A vCPU may reset again while another one's reset waits for I/O. */
	if (d->resetting)
		return false;
	d->active = false;
	d->resetting = true;
	if (d->ops->reset && !d->ops->reset(d))
		return false;
	forget_driver(d);
	return true;
}

void virtio_reset_done(struct virtio_device *d)
{
	assert(d->resetting);
	forget_driver(d);
	show_registers(d);
	if (d->settled)
		d->settled(d, d->settled_ctx);
}

void virtio_reset_failed(struct virtio_device *d, const char *why)
{
	assert(d->resetting);
	if (d->stuck) {
		d->stuck(d, d->stuck_ctx, why);
		return;
	}
	virtio_host_error(d, "%s; the device has failed", why);
	forget_driver(d);
	d->status = S_FAILED | S_NEEDS_RESET;
	show_registers(d);
	if (d->settled)
		d->settled(d, d->settled_ctx);
}

bool virtio_device_detach(struct virtio_device *d)
{
	bool idle;

	d->settled = NULL;
	d->stuck = NULL;
	d->interrupt = NULL;
	d->page = NULL;
	idle = d->resetting ? false : !d->ops->reset || d->ops->reset(d);
	forget_driver(d);
	d->mem = NULL;
	return idle;
}

static void start_queues(struct virtio_device *d)
{
	bool event_idx = d->driver_features >> VIRTIO_RING_F_EVENT_IDX & 1;

	d->active = true;
	for (unsigned i = 0; i < d->ops->n_queues; i++) {
		int err = d->vq[i].ready ? virtq_start(&d->vq[i], d->mem, event_idx) : 0;

		if (err)
			virtio_poison(d, i, err);
	}
}

static void driver_ok(struct virtio_device *d)
{
	if (!d->mem)
		return; /* the first kick will say so */
	start_queues(d);
	if (!d->active)
		return;
	if (d->ops->activate)
		d->ops->activate(d);
	for (unsigned i = 0; i < d->ops->n_queues; i++)
		virtio_mmio_kick(d, i);
}

static bool features_acceptable(const struct virtio_device *d)
{
	return (d->driver_features >> VIRTIO_F_VERSION_1 & 1) && !(d->driver_features & ~d->features);
}

/* Whether @new is the one step that may follow @old. */
static bool is_next_step(uint32_t old, uint32_t new)
{
	static const uint8_t ladder[] = { 0, S_ACK, S_ACK | S_DRIVER, S_ACK | S_DRIVER | S_FEATURES,
					  S_ACK | S_DRIVER | S_FEATURES | S_DRIVER_OK };

	for (unsigned i = 0; i + 1 < sizeof(ladder); i++) {
		if (old == ladder[i])
			return new == ladder[i + 1];
	}
	return false;
}

/* False when the write has not taken effect yet. */
static bool write_status(struct virtio_device *d, uint32_t value)
{
	if (value == 0)
		return reset_device(d);
	if (value == d->status)
		return true;
	if (value & S_FAILED) {
		d->status |= S_FAILED;
		return true;
	}
	if (!is_next_step(d->status, value)) {
		virtio_guest_error(d, "status 0x%x refused after 0x%x", value, d->status);
		return true;
	}
	if (value & ~d->status & S_FEATURES && !features_acceptable(d)) {
		virtio_guest_error(d, "features 0x%llx refused", (unsigned long long)d->driver_features);
		return true;
	}
	d->status = value;
	if (value & S_DRIVER_OK) {
		/* Before the queues are kicked: an interrupt for what is in the rings already must find its bit in the
		 * page. */
		show_registers(d);
		driver_ok(d);
	}
	return true;
}

/* --- registers (4.2.2) --------------------------------------------------- */

static bool may_set_features(const struct virtio_device *d)
{
	return (d->status & (S_DRIVER | S_FEATURES | S_NEEDS_RESET | S_FAILED)) == S_DRIVER;
}

static bool may_set_queues(const struct virtio_device *d)
{
	return (d->status & (S_FEATURES | S_DRIVER_OK | S_NEEDS_RESET | S_FAILED)) == S_FEATURES;
}

static struct virtqueue *selected_queue(struct virtio_device *d)
{
	return d->queue_sel < d->ops->n_queues ? &d->vq[d->queue_sel] : NULL;
}

static uint32_t read_register(struct virtio_device *d, uint32_t offset)
{
	const struct virtqueue *vq = selected_queue(d);

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return 2;
	case VIRTIO_MMIO_DEVICE_ID:
		return d->ops->device_id;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return d->features_sel > 1 ? 0 : (uint32_t)(d->features >> (32 * d->features_sel));
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return vq ? vq->size_max : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return vq ? vq->ready : 0;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return atomic_load(&d->interrupt_status);
	case VIRTIO_MMIO_STATUS:
		return d->status;
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return atomic_load(&d->config_generation);
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return UINT32_MAX; /* no shared memory region, 4.2.2 */
	default:
		return 0; /* the vendor id, too */
	}
}

void virtio_mmio_read(struct virtio_device *d, uint32_t offset, void *data, unsigned len)
{
	uint32_t value;

	if (offset >= VIRTIO_MMIO_CONFIG) {
		d->ops->config_read(d, offset - VIRTIO_MMIO_CONFIG, data, len);
		return;
	}
	if (len != 4) {
		memset(data, 0xff, len);
		return;
	}
	value = read_register(d, offset);
	memcpy(data, &value, 4);
}

static void set_half(uint64_t *address, bool high, uint32_t value)
{
	*address = high ? (*address & UINT32_MAX) | (uint64_t)value << 32 : (*address & ~(uint64_t)UINT32_MAX) | value;
}

static void write_queue_register(struct virtio_device *d, uint32_t offset, uint32_t value)
{
	struct virtqueue *vq = selected_queue(d);

	if (vq && offset == VIRTIO_MMIO_QUEUE_READY && !value && !vq->ready)
		return; /* drivers stop their queues after a reset, which has stopped them already */
	if (!vq || !may_set_queues(d)) {
		virtio_guest_error(d, "queue %u: register 0x%x written in status 0x%x", d->queue_sel, offset,
				   d->status);
		return;
	}
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		if (value && value <= vq->size_max && !(value & (value - 1)))
			vq->size = (uint16_t)value;
		else
			virtio_guest_error(d, "queue %u: size %u refused", d->queue_sel, value);
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		vq->ready = value & 1;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_half(&vq->desc_gpa, offset == VIRTIO_MMIO_QUEUE_DESC_HIGH, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		set_half(&vq->avail_gpa, offset == VIRTIO_MMIO_QUEUE_AVAIL_HIGH, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_half(&vq->used_gpa, offset == VIRTIO_MMIO_QUEUE_USED_HIGH, value);
		break;
	}
}

static void write_driver_features(struct virtio_device *d, uint32_t value)
{
	if (!may_set_features(d) || d->driver_features_sel > 1) {
		virtio_guest_error(d, "features page %u written in status 0x%x", d->driver_features_sel, d->status);
		return;
	}
	set_half(&d->driver_features, d->driver_features_sel, value);
}

static bool write_register(struct virtio_device *d, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		d->features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		write_driver_features(d, value);
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		d->driver_features_sel = value;
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		d->queue_sel = value;
		break;
	case VIRTIO_MMIO_QUEUE_NUM:
	case VIRTIO_MMIO_QUEUE_READY:
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		write_queue_register(d, offset, value);
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		virtio_mmio_kick(d, value);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		atomic_fetch_and(&d->interrupt_status, ~value);
		break;
	case VIRTIO_MMIO_STATUS:
		return write_status(d, value);
	default:
		break;
	}
	return true;
}

/* One aligned store, and only of what has changed: the guest may read it at any time. */
static void show_word(struct virtio_device *d, uint32_t offset, uint32_t value)
{
	uint32_t *word = (uint32_t *)(void *)(d->page + offset);

	if (__atomic_load_n(word, __ATOMIC_RELAXED) != value)
		__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Only the reactor writes to the page; the guest only reads it. */
static void show_registers(struct virtio_device *d)
{
	uint32_t config[(VIRTIO_MMIO_SIZE - VIRTIO_MMIO_CONFIG) / 4], value;

	if (!d->page)
		return;
	for (uint32_t offset = 0; offset < VIRTIO_MMIO_CONFIG; offset += 4) {
		value = read_register(d, offset);
		if (offset == VIRTIO_MMIO_INTERRUPT_STATUS && (d->status & S_DRIVER_OK))
			value |= VIRTIO_INT_VRING;
		show_word(d, offset, value);
	}
	d->ops->config_read(d, 0, config, sizeof(config));
	for (uint32_t i = 0; i < sizeof(config) / 4; i++)
		show_word(d, VIRTIO_MMIO_CONFIG + 4 * i, config[i]);
}

void virtio_registers_show(struct virtio_device *d, uint8_t *page)
{
	d->page = page;
	show_registers(d);
}

static bool write_any(struct virtio_device *d, uint32_t offset, const void *data, unsigned len)
{
	uint32_t value;

	if (offset >= VIRTIO_MMIO_CONFIG) {
		if (d->ops->config_write)
			d->ops->config_write(d, offset - VIRTIO_MMIO_CONFIG, data, len);
		return true;
	}
	if (len != 4)
		return true;
	memcpy(&value, data, 4);
	/* Until a reset has completed only another reset is accepted. */
	if (d->resetting && !(offset == VIRTIO_MMIO_STATUS && value == 0))
		return true;
	return write_register(d, offset, value);
}

bool virtio_mmio_write(struct virtio_device *d, uint32_t offset, const void *data, unsigned len)
{
	bool settled = write_any(d, offset, data, len);

	show_registers(d);
	return settled;
}

void virtio_mmio_kick(struct virtio_device *d, uint32_t queue)
{
	if (!d->mem && d->status & S_DRIVER_OK && !d->warned_no_memory) {
		d->warned_no_memory = true;
		virtio_guest_error(d, "queue %u kicked, but the device has no guest memory", queue);
	}
	if (!d->active || queue >= d->ops->n_queues || !d->vq[queue].ready || d->vq[queue].broken)
		return;
	d->ops->kick(d, queue);
}
