/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest of our own that sends frames and takes them back, in 32-bit protected mode as PVH leaves it. It does what
 * Linux' virtio-net driver does with its rings: no interrupts for sent frames; an interrupt for the first frame that
 * comes back, then polling with interrupts off until the ring is empty (NAPI); a kick a frame unless the device says
 * that it needs none. The command line: "WINDOW BYTES", frames under way at once and the size of each.
 */
#include <stdint.h>

#include "bench/lab/bare/bare.h"

#define NET_BASE 0xc0002000u /* where ktstr has its first net device, and its interrupt line */
#define NET_GSI 7
#define QUEUE_SIZE 256
#define HEADER 12
#define FRAME_MAX 1514
#define RX 0
#define TX 1

struct queue {
	struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags, next;
	} desc[QUEUE_SIZE];
	struct {
		uint16_t flags, idx, ring[QUEUE_SIZE], used_event;
	} avail;
	struct {
		uint16_t flags, idx;
		struct {
			uint32_t id, len;
		} ring[QUEUE_SIZE];
		uint16_t avail_event;
	} used __attribute__((aligned(4)));
	uint16_t avail_idx, used_idx;
	struct {
		uint8_t header[HEADER];
		uint32_t sequence;
		uint8_t rest[FRAME_MAX - 4];
	} buffer[QUEUE_SIZE];
} __attribute__((aligned(16)));

static volatile struct queue queue[2];
static volatile uint32_t scheduled; /* the ring is to be polled, and interrupts are off */

/* The host sees the VM end, and knows that it should not. */
static void fail(const char *why)
{
	say(why);
	power_off();
}

void on_interrupt(void)
{
	uint32_t status = mmio_read(NET_BASE + 0x60);

	mmio_write(NET_BASE + 0x64, status);
	if (status & 1) {
		queue[RX].avail.flags = 1;
		scheduled = 1;
	}
	end_of_interrupt();
}

static void start_queue(unsigned q)
{
	device_queue(NET_BASE, (uint16_t)q, QUEUE_SIZE, queue[q].desc, &queue[q].avail, &queue[q].used);
}

static void start_device(void)
{
	if (mmio_read(NET_BASE) != 0x74726976 || mmio_read(NET_BASE + 8) != 1)
		fail("no net device");
	device_negotiate(NET_BASE, 0);
	start_queue(RX);
	start_queue(TX);
	mmio_write(NET_BASE + 0x70, 15);
	if (mmio_read(NET_BASE + 0x70) != 15)
		fail("the net device refuses its driver");
}

/* Pairs with the device's fence after it asked for kicks (2.7.13.4.1). */
static void kick(unsigned q)
{
	fence();
	if (!(queue[q].used.flags & 1))
		mmio_write(NET_BASE + 0x50, q);
}

static void fill(unsigned bytes)
{
	for (unsigned i = 0; i < QUEUE_SIZE; i++) {
		queue[RX].desc[i].addr = (uint32_t)&queue[RX].buffer[i];
		queue[RX].desc[i].len = HEADER + FRAME_MAX;
		queue[RX].desc[i].flags = 2;
		queue[RX].avail.ring[i] = (uint16_t)i;
		queue[TX].desc[i].addr = (uint32_t)&queue[TX].buffer[i];
		queue[TX].desc[i].len = HEADER + bytes;
		queue[TX].avail.ring[i] = (uint16_t)i;
	}
	queue[TX].avail.flags = 1;
	queue[RX].avail.idx = queue[RX].avail_idx = QUEUE_SIZE;
}

static void send(uint32_t sequence)
{
	uint16_t idx = queue[TX].avail_idx;

	queue[TX].buffer[idx % QUEUE_SIZE].sequence = sequence;
	queue[TX].avail_idx = (uint16_t)(idx + 1);
	queue[TX].avail.idx = (uint16_t)(idx + 1);
	kick(TX);
}

/* What is there, which must be frames @sequence and on of @bytes. Returns how many. */
static uint32_t take(uint32_t sequence, unsigned bytes)
{
	uint32_t n = 0;

	for (uint16_t idx = queue[RX].used_idx; idx != queue[RX].used.idx; n++) {
		uint32_t id = queue[RX].used.ring[idx % QUEUE_SIZE].id;

		if (queue[RX].used.ring[idx % QUEUE_SIZE].len != HEADER + bytes ||
		    queue[RX].buffer[id % QUEUE_SIZE].sequence != sequence + n)
			fail("a frame came back as another one");
		queue[RX].avail.ring[idx % QUEUE_SIZE] = (uint16_t)id;
		queue[RX].used_idx = ++idx;
	}
	if (n) {
		queue[RX].avail_idx = (uint16_t)(queue[RX].avail_idx + n);
		queue[RX].avail.idx = queue[RX].avail_idx;
		kick(RX);
	}
	return n;
}

static uint32_t poll(uint32_t sequence, unsigned bytes)
{
	uint32_t n = 0, more;

	do {
		while ((more = take(sequence + n, bytes)))
			n += more;
		scheduled = 0;
		queue[RX].avail.flags = 0;
		fence();
		/* One that came before the flag was seen brings no interrupt. */
	} while (queue[RX].used_idx != queue[RX].used.idx);
	return n;
}

static void __attribute__((noreturn)) echo(unsigned window, unsigned bytes)
{
	uint32_t sent = 0, taken = 0;

	for (;;) {
		while (sent - taken < window)
			send(sent++);
		for (;;) { /* cli;check;sti;hlt can't lose the interrupt */
			__asm__ volatile("cli");
			if (scheduled)
				break;
			__asm__ volatile("sti; hlt");
		}
		__asm__ volatile("sti");
		taken += poll(taken, bytes);
	}
}

static unsigned number(const char **at)
{
	unsigned n = 0;

	for (; **at >= '0' && **at <= '9'; ++*at)
		n = n * 10 + (unsigned)(**at - '0');
	if (**at)
		++*at;
	return n;
}

void guest_main(const uint32_t *start_info)
{
	const char *cmdline = (const char *)start_info[6];
	unsigned window = number(&cmdline), bytes = number(&cmdline);

	if (!window || window > QUEUE_SIZE / 2 || bytes < 14 || bytes > FRAME_MAX)
		fail("wants WINDOW BYTES");
	interrupts_on(NET_GSI);
	fill(bytes);
	start_device();
	echo(window, bytes);
}
