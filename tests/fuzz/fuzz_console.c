/* SPDX-License-Identifier: GPL-2.0-only */
/* Data and control queues, and a host that sends and holds. */
#include <linux/virtio_console.h>

#include "tests/fuzz/fuzz.h"
#include "virtio/console/internal.h"

static struct fuzz fuzz;
static struct console *console;
static uint64_t consumed[CONSOLE_PORTS];

static void consume(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	consumed[port] += len;
}

static void open_once(void)
{
	struct reactor *r;

	if (console)
		return;
	assert_int_equal(reactor_create(&r, 32, 64), 0);
	assert_int_equal(console_create(&console, r), 0);
	for (unsigned port = 0; port < CONSOLE_PORTS; port++)
		console_consume(console, port, consume, NULL);
	fuzz_open(&fuzz, r, console_device(console), 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_CONSOLE_F_MULTIPORT);
}

static void host_act(struct fuzz_input *in, uint8_t action)
{
	static const uint8_t bytes[512];
	unsigned port = (action >> 4) % CONSOLE_PORTS;

	switch (action & 3) {
	case 0:
		console_send(console, port, bytes, fuzz_take(in, 1));
		break;
	case 1:
		console_hold(console, port, fuzz_take(in, 1) & 1);
		break;
	case 2:
		fuzz_take(in, 1); /* the corpus has it so */
		break;
	default:
		console_final_drain(console);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	open_once();
	fuzz_restart(&fuzz);
	for (unsigned i = 0; in.left && i < FUZZ_ACTIONS_MAX; i++) {
		uint8_t action = (uint8_t)fuzz_take(&in, 1);

		if (!fuzz_act(&fuzz, &in, action))
			host_act(&in, action);
	}
	console_final_drain(console);
	/* CON-57: what was taken from the guest was handed on, each byte once, but
	 * for what was put back and waits */
	for (unsigned port = 0; port < CONSOLE_PORTS; port++) {
		assert_int_equal(consumed[port] + console->port[port].tx.len,
				 console_counters(console)->port[port].tx_bytes);
		assert_true(console->port[port].tx.len <= 7);
	}
	assert_true(driver_reset(&fuzz.d));
	return 0;
}
