/* SPDX-License-Identifier: GPL-2.0-only */
#include "tests/fuzz/fuzz.h"
#include "virtio/net/internal.h"

static struct fuzz fuzz;
static struct net *net;

static void open_once(void)
{
	struct reactor *r;
	char why[200];

	if (net)
		return;
	assert_int_equal(reactor_create(&r, 32, 64), 0);
	assert_int_equal(net_create(&net, r, &(struct net_config){ 0 }, why, sizeof(why)), 0);
	fuzz_open(&fuzz, r, net_device(net), 1ull << VIRTIO_F_VERSION_1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	const struct net_counters *c;

	open_once();
	fuzz_restart(&fuzz);
	for (unsigned i = 0; in.left && i < FUZZ_ACTIONS_MAX; i++)
		fuzz_act(&fuzz, &in, (uint8_t)fuzz_take(&in, 1));
	/* NET-37 NET-38: loopback makes no packets and no bytes */
	c = net_counters(net);
	assert_true(c->rx_bytes <= c->tx_bytes + c->tx_add_used_failures * NET_FRAME_MAX);
	assert_true(c->rx_packets <= c->tx_packets + c->tx_add_used_failures);
	return 0;
}
