/* SPDX-License-Identifier: GPL-2.0-only */
/* The ring alone: what is popped stays out or goes back, by the input's will. */
#include "tests/fuzz/fuzz.h"

static struct fuzz fuzz;
static struct virtio_device dev;
static struct virtq_chain chain;
static uint16_t out[VIRTQ_SIZE_MAX]; /* heads popped and not pushed */
static unsigned n_out;

static void config_read(struct virtio_device *d, uint32_t offset, void *buf, unsigned len)
{
	virtio_config_copy(NULL, 0, offset, buf, len, 0);
}

static void check_chain(const struct virtq_chain *c)
{
	assert_true(c->head < FUZZ_QUEUE_SIZE && c->n <= dev.vq[0].size && (c->n || c->malformed));
	for (unsigned i = 0; i < n_out; i++)
		assert_true(out[i] != c->head);
}

static void kick(struct virtio_device *d, unsigned q)
{
	int n = 0;

	for (unsigned budget = d->vq[q].size; budget && (n = virtq_pop(&d->vq[q], &chain)) > 0; budget--) {
		check_chain(&chain);
		out[n_out++] = chain.head;
	}
	if (n < 0)
		virtio_poison(d, q, n);
}

static bool reset(struct virtio_device *d)
{
	n_out = 0;
	return true;
}

static const struct virtio_device_ops ops = {
	.name = "ring", .device_id = 99, .n_queues = 1, .config_read = config_read, .kick = kick, .reset = reset
};

static void take_back(struct fuzz_input *in)
{
	unsigned how = (unsigned)fuzz_take(in, 1), i = n_out ? how / 4 % n_out : 0;
	struct virtqueue *vq = &dev.vq[0];

	if (!n_out)
		return;
	if (how % 4 == 0) {
		virtq_unpop(vq, out[--n_out]);
		return;
	}
	if (how % 4 == 1)
		virtq_drop(vq, out[i]);
	else
		(void)virtq_push(vq, out[i], how);
	out[i] = out[--n_out];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	if (!fuzz.r) {
		struct reactor *r;

		assert_int_equal(reactor_create(&r, 16, 16), 0);
		virtio_device_init(&dev, &ops, 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_RING_F_EVENT_IDX,
				   VIRTQ_SIZE_MAX);
		fuzz_open(&fuzz, r, &dev, dev.features);
	}
	fuzz_restart(&fuzz);
	for (unsigned i = 0; in.left && i < FUZZ_ACTIONS_MAX; i++) {
		uint8_t action = (uint8_t)fuzz_take(&in, 1);

		if (!fuzz_act(&fuzz, &in, action)) {
			take_back(&in);
			(void)virtq_publish(&dev.vq[0]);
			(action & 16) ? (void)virtq_enable_kicks(&dev.vq[0]) : virtq_disable_kicks(&dev.vq[0]);
		}
		assert_int_equal(dev.vq[0].n_outstanding, n_out);
	}
	return 0;
}
