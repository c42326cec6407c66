/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio-console: identity, queues, configuration and the control protocol. */
#include "tests/virtio/console_fixture.h"
#include "virtio/wire.h"

/* --- identity ------------------------------------------------------------ */

/* CON-01 CON-07: three ports, eight queues of at most 256 */
static void queues_are_eight(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(CONSOLE_PORTS, 3);
	assert_int_equal(CONSOLE_QUEUES, 8);
	for (unsigned q = 0; q < 10; q++) {
		driver_write(&f->d, VIRTIO_MMIO_QUEUE_SEL, q);
		assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_QUEUE_NUM_MAX), q < 8 ? 256 : 0);
	}
}

/* CON-02: in0 0, out0 1, c_ivq 2, c_ovq 3, in1 4, out1 5, in2 6, out2 7 */
static void queue_map(void **state)
{
	static const unsigned rx[] = { 0, 4, 6 }, tx[] = { 1, 5, 7 };

	for (unsigned port = 0; port < 3; port++) {
		assert_int_equal(port_rx_queue(port), rx[port]);
		assert_int_equal(port_tx_queue(port), tx[port]);
	}
	assert_int_equal(CONSOLE_CONTROL_IN, 2);
	assert_int_equal(CONSOLE_CONTROL_OUT, 3);
}

/* CON-03: the inverse; control queues and what is out of range have no port */
static void queue_map_inverse(void **state)
{
	bool dir;

	for (unsigned port = 0; port < 3; port++) {
		assert_int_equal(console_queue_port(port_rx_queue(port), &dir), port);
		assert_false(dir);
		assert_int_equal(console_queue_port(port_tx_queue(port), &dir), port);
		assert_true(dir);
	}
	assert_int_equal(console_queue_port(2, &dir), -1);
	assert_int_equal(console_queue_port(3, &dir), -1);
	assert_int_equal(console_queue_port(8, &dir), -1);
	assert_int_equal(console_queue_port(UINT32_MAX, &dir), -1);
}

/* CON-04: VERSION_1 and MULTIPORT, nothing else */
static void features(void **state)
{
	struct fixture *f = *state;

	driver_write(&f->d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_DEVICE_FEATURES), 0x2);
	driver_write(&f->d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_DEVICE_FEATURES), 0x1);
}

/* CON-05: cols 0, rows 0, max_nr_ports 3 at 4, emerg_wr 0 at 8 */
static void config_layout(void **state)
{
	static const uint8_t want[12] = { [4] = 3 };
	struct fixture *f = *state;
	uint8_t got[12];

	for (unsigned i = 0; i < 12; i++)
		virtio_mmio_read(f->d.dev, 0x100 + i, &got[i], 1);
	assert_memory_equal(got, want, 12);
	assert_int_equal(driver_read(&f->d, 0x104), 3);
}

/* CON-06: beyond the end 0xff; writes are ignored, with a warning */
static void config_out_of_range(void **state)
{
	struct fixture *f = *state;
	uint8_t buf[8];

	virtio_mmio_read(f->d.dev, 0x10c, buf, 1);
	assert_int_equal(buf[0], 0xff);
	virtio_mmio_read(f->d.dev, 0x108, buf, 8); /* half in, half out */
	assert_memory_equal(buf, "\0\0\0\0\xff\xff\xff\xff", 8);
	virtio_mmio_read(f->d.dev, 0xfff, buf, 1);
	assert_int_equal(buf[0], 0xff);
	assert_int_equal(f->d.dev->guest_errors.count, 0);
	driver_write(&f->d, 0x104, 77);
	assert_int_equal(driver_read(&f->d, 0x104), 3);
	assert_int_equal(f->d.dev->guest_errors.count, 1);
}

/* CON-08 CON-56: identity registers, and a generation */
static void identity(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_VERSION), 2);
	assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_DEVICE_ID), 3);
	assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_VENDOR_ID), 0);
	assert_int_equal(driver_read(&f->d, VIRTIO_MMIO_CONFIG_GENERATION), 0);
	assert_int_equal(VIRTIO_MMIO_SIZE, 0x1000);
}

/* CON-09 CON-10 CON-11 CON-12 CON-13: four distinct wake bytes, all of them
 * delivered when sent one by one before the guest reads */
static void wake_bytes(void **state)
{
	static const uint8_t wakes[] = { WAKE_VC_DUMP, WAKE_VC_SHUTDOWN, WAKE_BPF_WRITE_DONE, WAKE_ACCESSOR_READY };
	struct fixture *f = *state;
	uint64_t gpa;

	assert_memory_equal(wakes, "\xd1\xd3\xbf\xac", 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(console_send(f->c, CONSOLE_PORT_CONSOLE, &wakes[i], 1), 0);
	gpa = post_rx(f, RXQ(0), 16);
	driver_kick(&f->d, RXQ(0));
	assert_int_equal(take_used(f, RXQ(0)), 4);
	assert_guest_has(f, gpa, wakes, 4);
}

/* CON-22 CON-23 CON-24: wire size and event ids */
static void control_ids(void **state)
{
	assert_int_equal(sizeof(struct virtio_console_control), 8);
	assert_int_equal(offsetof(struct virtio_console_control, event), 4);
	assert_int_equal(offsetof(struct virtio_console_control, value), 6);
	assert_int_equal(VIRTIO_CONSOLE_DEVICE_READY, 0);
	assert_int_equal(VIRTIO_CONSOLE_PORT_ADD, 1);
	assert_int_equal(VIRTIO_CONSOLE_PORT_REMOVE, 2);
	assert_int_equal(VIRTIO_CONSOLE_PORT_READY, 3);
	assert_int_equal(VIRTIO_CONSOLE_CONSOLE_PORT, 4);
	assert_int_equal(VIRTIO_CONSOLE_RESIZE, 5);
	assert_int_equal(VIRTIO_CONSOLE_PORT_OPEN, 6);
	assert_int_equal(VIRTIO_CONSOLE_PORT_NAME, 7);
}

/* --- messages to the guest ----------------------------------------------- */

struct inbox {
	uint64_t gpa[64];
	unsigned posted, read;
};

static void post_inbox(struct fixture *f, struct inbox *in, unsigned n, uint32_t len)
{
	while (n--)
		in->gpa[in->posted++] = post_rx(f, IVQ, len);
	driver_kick(&f->d, IVQ);
}

static void expect_message(struct fixture *f, struct inbox *in, uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control m = { .id = id, .event = event, .value = value };

	assert_int_equal(take_used(f, IVQ), 8);
	assert_guest_has(f, in->gpa[in->read++], &m, 8);
}

static void expect_name(struct fixture *f, struct inbox *in, uint32_t id, const char *name)
{
	struct virtio_console_control m = { .id = id, .event = VIRTIO_CONSOLE_PORT_NAME, .value = 1 };
	uint64_t gpa = in->gpa[in->read++];

	/* CON-31: header, name, NUL */
	assert_int_equal(take_used(f, IVQ), 8 + strlen(name) + 1);
	assert_guest_has(f, gpa, &m, 8);
	assert_guest_has(f, gpa + 8, name, strlen(name) + 1);
}

static void expect_silence(struct fixture *f)
{
	assert_int_equal(driver_used_count(&f->d, IVQ), 0);
	assert_int_equal(f->c->control_n, 0);
}

/* CON-25: nothing before DEVICE_READY(1) */
static void nothing_before_device_ready(void **state)
{
	struct fixture *f = *state;
	struct inbox in = { 0 };

	post_inbox(f, &in, 16, 64);
	say(f, 0, VIRTIO_CONSOLE_DEVICE_READY, 0);
	say(f, 0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	settle(f);
	expect_silence(f);
}

/* CON-26: PORT_ADD 0, 1, 2 in order; repeats and other values do nothing */
static void device_ready_adds_ports(void **state)
{
	struct fixture *f = *state;
	struct inbox in = { 0 };

	post_inbox(f, &in, 16, 64);
	say(f, VIRTIO_CONSOLE_BAD_ID, VIRTIO_CONSOLE_DEVICE_READY, 1);
	for (uint32_t id = 0; id < 3; id++)
		expect_message(f, &in, id, VIRTIO_CONSOLE_PORT_ADD, 1);
	say(f, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	say(f, 0, VIRTIO_CONSOLE_DEVICE_READY, 0);
	say(f, 0, VIRTIO_CONSOLE_DEVICE_READY, 2);
	settle(f);
	expect_silence(f);
}

/* CON-27 CON-28 CON-32: what each port is told, and its name */
static void port_ready_introduces(void **state)
{
	struct fixture *f = *state;
	struct inbox in = { 0 };

	post_inbox(f, &in, 16, 64);
	say(f, 0, VIRTIO_CONSOLE_PORT_READY, 1);
	expect_message(f, &in, 0, VIRTIO_CONSOLE_CONSOLE_PORT, 1);
	expect_name(f, &in, 0, "ktstr-console");
	expect_message(f, &in, 0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	say(f, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	expect_name(f, &in, 1, "ktstr-bulk");
	expect_message(f, &in, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	say(f, 2, VIRTIO_CONSOLE_PORT_READY, 1);
	expect_name(f, &in, 2, "ktstr-stats");
	expect_message(f, &in, 2, VIRTIO_CONSOLE_PORT_OPEN, 1);
	expect_silence(f);
}

/* CON-29: once a port and lifecycle; a reset re-arms */
static void port_ready_once(void **state)
{
	struct fixture *f = *state;
	uint64_t heap;

	say(f, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	assert_int_equal(f->c->control_n, 2);
	take_used(f, OVQ);
	heap = f->d.heap;
	for (unsigned i = 0; i < 1000; i++) {
		f->d.heap = heap; /* the same 8 bytes again */
		say(f, 1, VIRTIO_CONSOLE_PORT_READY, 1);
		take_used(f, OVQ);
		assert_int_equal(f->c->control_n, 2);
	}
	driver_init(&f->d, F_V1 | F_MULTIPORT, CONSOLE_QUEUES, 256);
	assert_int_equal(f->c->control_n, 0);
	say(f, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	assert_int_equal(f->c->control_n, 2);
}

/* CON-30: value 0 is logged, an id that does not exist is ignored */
static void port_ready_of_nothing(void **state)
{
	struct fixture *f = *state;

	say(f, 1, VIRTIO_CONSOLE_PORT_READY, 0);
	assert_int_equal(f->d.dev->guest_errors.count, 1);
	say(f, 3, VIRTIO_CONSOLE_PORT_READY, 1);
	say(f, UINT32_MAX, VIRTIO_CONSOLE_PORT_READY, 1);
	say(f, UINT32_MAX, VIRTIO_CONSOLE_PORT_OPEN, 1);
	assert_int_equal(f->c->control_n, 0);
	assert_false(f->c->port[1].readied);
	/* and the port can still become ready */
	say(f, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	assert_int_equal(f->c->control_n, 2);
}

/* CON-33: PORT_OPEN 1 and 0 from the guest */
static void port_open_and_close(void **state)
{
	struct fixture *f = *state;

	assert_false(f->c->port[1].opened);
	say(f, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	assert_true(f->c->port[1].opened);
	assert_false(f->c->port[2].opened);
	say(f, 1, VIRTIO_CONSOLE_PORT_OPEN, 0);
	assert_false(f->c->port[1].opened);
}

/* CON-36: in order, one a chain, also when buffers come one by one later */
static void messages_are_fifo(void **state)
{
	struct fixture *f = *state;
	struct inbox in = { 0 };

	say(f, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	say(f, 2, VIRTIO_CONSOLE_PORT_READY, 1);
	for (uint32_t id = 0; id < 3; id++) {
		post_inbox(f, &in, 1, 64);
		expect_message(f, &in, id, VIRTIO_CONSOLE_PORT_ADD, 1);
		assert_int_equal(driver_used_count(&f->d, IVQ), 0);
	}
	post_inbox(f, &in, 1, 64);
	expect_name(f, &in, 2, "ktstr-stats");
	post_inbox(f, &in, 1, 64);
	expect_message(f, &in, 2, VIRTIO_CONSOLE_PORT_OPEN, 1);
}

/* CON-37: a chain too small comes back with 0, the message goes to the next */
static void small_inbox(void **state)
{
	struct fixture *f = *state;
	struct inbox in = { 0 };

	say(f, 2, VIRTIO_CONSOLE_PORT_READY, 1);
	post_inbox(f, &in, 1, 8 + 11); /* no room for the NUL */
	assert_int_equal(take_used(f, IVQ), 0);
	assert_int_equal(f->c->control_n, 2);
	in.read++;
	post_inbox(f, &in, 1, 8 + 12);
	expect_name(f, &in, 2, "ktstr-stats");
}

/* CON-38: a chain that is torn comes back with 0, the message stays */
static void torn_inbox(void **state)
{
	struct fixture *f = *state;
	struct inbox in = { 0 };
	struct driver_seg seg[2] = { { driver_alloc(&f->d, 4, 1), 4, true }, { 1ull << 40, 64, true } };

	say(f, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	driver_add(&f->d, IVQ, seg, 2);
	driver_kick(&f->d, IVQ);
	assert_int_equal(take_used(f, IVQ), 0);
	assert_int_equal(f->c->control_n, 3);
	post_inbox(f, &in, 3, 64);
	for (uint32_t id = 0; id < 3; id++)
		expect_message(f, &in, id, VIRTIO_CONSOLE_PORT_ADD, 1);
}

/* CON-39: nothing is written to c_ovq chains, and a message may be split */
static void outbox_used_zero(void **state)
{
	struct virtio_console_control m = { .id = 2, .event = VIRTIO_CONSOLE_PORT_OPEN, .value = 1 };
	struct fixture *f = *state;
	uint64_t gpa = driver_alloc(&f->d, 64, 8);
	struct driver_seg seg[3] = { { gpa, 3, false }, { gpa + 3, 0, false }, { gpa + 3, 40, false } };

	memcpy(driver_ptr(&f->d, gpa, 8), &m, 8);
	driver_add(&f->d, OVQ, seg, 3);
	driver_kick(&f->d, OVQ);
	assert_int_equal(take_used(f, OVQ), 0);
	assert_true(f->c->port[2].opened);
	post_tx(f, OVQ, NULL, 7); /* too short for a message */
	driver_kick(&f->d, OVQ);
	assert_int_equal(take_used(f, OVQ), 0);
	assert_int_equal(f->d.dev->guest_errors.count, 1);
}

/* CON-40: control queues interrupt only for what they published */
static void control_interrupts(void **state)
{
	struct fixture *f = *state;
	struct inbox in = { 0 };

	driver_irqs(&f->d);
	driver_kick(&f->d, OVQ);
	driver_kick(&f->d, IVQ);
	post_inbox(f, &in, 4, 64); /* buffers, but no message */
	assert_int_equal(driver_irqs(&f->d), 0);
	say(f, 0, VIRTIO_CONSOLE_DEVICE_READY, 1); /* both queues move: one interrupt */
	assert_int_equal(driver_irqs(&f->d), 1);
	assert_int_equal(driver_ack(&f->d), VIRTIO_INT_VRING);
	assert_int_equal(driver_used_count(&f->d, IVQ), 3);
	assert_int_equal(driver_used_count(&f->d, OVQ), 1);
}

/* CON-17: 32 chains a call; the rest by the next kick, or in a later wake */
static void control_cap(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 80; i++)
		post_control(f, 1, VIRTIO_CONSOLE_PORT_OPEN, (uint16_t)(i & 1));
	driver_kick(&f->d, OVQ);
	assert_int_equal(driver_used_count(&f->d, OVQ), 32);
	driver_kick(&f->d, OVQ);
	assert_int_equal(driver_used_count(&f->d, OVQ), 64);
	settle(f);
	assert_int_equal(driver_used_count(&f->d, OVQ), 80);
	assert_true(f->c->port[1].opened);
}

/* CON-17 for c_ivq: 32 chains that are too small, then a later wake */
static void inbox_cap(void **state)
{
	struct fixture *f = *state;
	struct inbox in = { 0 };

	post_inbox(f, &in, 40, 7);
	say(f, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	assert_int_equal(driver_used_count(&f->d, IVQ), 32);
	settle(f);
	assert_int_equal(driver_used_count(&f->d, IVQ), 40);
	assert_int_equal(f->c->control_n, 3);
}

/* CON-59: a whole handshake, posted at once, fits into one call */
static void handshake_in_one_call(void **state)
{
	struct fixture *f = *state;
	struct inbox in = { 0 };

	post_inbox(f, &in, 16, 64);
	post_control(f, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	for (uint32_t id = 0; id < 3; id++)
		post_control(f, id, VIRTIO_CONSOLE_PORT_READY, 1);
	for (uint32_t id = 1; id < 3; id++)
		post_control(f, id, VIRTIO_CONSOLE_PORT_OPEN, 1);
	driver_kick(&f->d, OVQ);
	assert_int_equal(driver_used_count(&f->d, OVQ), 6);
	assert_int_equal(driver_used_count(&f->d, IVQ), 3 + 3 + 2 + 2);
	assert_int_equal(console_counters(f->c)->control_out, 6);
	assert_int_equal(console_counters(f->c)->control_in, 10);
	assert_int_equal(f->c->again.queues, 0);
}

/* CON-49: DRIVER_OK looks at the control queue, for its kick may have been lost */
static void driver_ok_scans_control(void **state)
{
	struct fixture *f = *state;
	struct inbox in = { 0 };

	assert_true(driver_reset(&f->d));
	assert_true(driver_negotiate(&f->d, F_V1 | F_MULTIPORT));
	for (unsigned q = 0; q < CONSOLE_QUEUES; q++)
		driver_setup_queue(&f->d, q, 256);
	post_inbox(f, &in, 4, 64);
	say(f, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	assert_int_equal(driver_used_count(&f->d, OVQ), 0);
	assert_true(driver_ok(&f->d));
	settle(f);
	for (uint32_t id = 0; id < 3; id++)
		expect_message(f, &in, id, VIRTIO_CONSOLE_PORT_ADD, 1);
}

/* CON-48: without MULTIPORT only port 0 lives */
static void single_port_driver(void **state)
{
	struct fixture *f = *state;
	uint64_t gpa;

	driver_init(&f->d, F_V1, CONSOLE_QUEUES, 256);
	post_rx(f, IVQ, 64);
	say(f, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
	say(f, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	post_tx(f, TXQ(1), "lost", 4);
	driver_kick(&f->d, TXQ(1));
	assert_int_equal(console_send(f->c, 1, "x", 1), 0);
	settle(f);
	for (unsigned q = 2; q < CONSOLE_QUEUES; q++)
		assert_int_equal(driver_used_count(&f->d, q), 0);
	assert_int_equal(f->got[1].len, 0);

	post_tx(f, TXQ(0), "hello", 5);
	driver_kick(&f->d, TXQ(0));
	assert_got(f, 0, "hello", 5);
	gpa = post_rx(f, RXQ(0), 8);
	assert_int_equal(console_send(f->c, 0, "there", 5), 0);
	assert_int_equal(take_used(f, RXQ(0)), 5);
	assert_guest_has(f, gpa, "there", 5);
}

/* MM-23 on a control queue: counted once, NEEDS_RESET, nothing more until reset */
static void control_poison(void **state)
{
	struct fixture *f = *state;

	driver_irqs(&f->d);
	driver_raw_avail_idx(&f->d, OVQ, 300);
	driver_kick(&f->d, OVQ);
	driver_kick(&f->d, OVQ);
	settle(f);
	assert_int_equal(console_counters(f->c)->invalid_avail_idx_count, 1);
	assert_true(driver_read(&f->d, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(driver_irqs(&f->d), 1);
	post_tx(f, TXQ(0), "x", 1);
	driver_kick(&f->d, TXQ(0));
	settle(f);
	assert_int_equal(f->got[0].len, 0);
	driver_init(&f->d, F_V1 | F_MULTIPORT, CONSOLE_QUEUES, 256);
	say(f, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	assert_true(f->c->port[1].opened);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(queues_are_eight),
		T(queue_map),
		T(queue_map_inverse),
		T(features),
		T(config_layout),
		T(config_out_of_range),
		T(identity),
		T(wake_bytes),
		T(control_ids),
		T(nothing_before_device_ready),
		T(device_ready_adds_ports),
		T(port_ready_introduces),
		T(port_ready_once),
		T(port_ready_of_nothing),
		T(port_open_and_close),
		T(messages_are_fifo),
		T(small_inbox),
		T(torn_inbox),
		T(outbox_used_zero),
		T(control_interrupts),
		T(control_cap),
		T(inbox_cap),
		T(handshake_in_one_call),
		T(driver_ok_scans_control),
		T(single_port_driver),
		T(control_poison),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
