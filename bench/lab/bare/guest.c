/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest of our own for any VMM with virtio-mmio, ktstr's or QEMU's microvm, on any KVM, also on one that boots no
 * Linux. In 32-bit protected mode as PVH leaves it, it drives one device as Linux' drivers do and writes a dot to COM1
 * each time it has done a fixed number of operations, whose times its host notes. The command line has one of the words
 *	bare=read,DEPTH,DOT	bare=write,DEPTH,DOT	4 KiB at random sectors of virtio-blk, DEPTH at once
 *	bare=out,DOT		bare=in,DOT		32 KiB to, 4 KiB from port 2 of virtio-console
 */
#include <stdbool.h>
#include <stdint.h>

#include "bench/lab/bare/bare.h"

#define QUEUE_SIZE 128
#define BLOCK 4096
#define CHUNK 32768
#define VRING_EVENT_IDX (1u << 29)

enum { STATUS_REG = 0x70, NOTIFY_REG = 0x50, INTERRUPT_STATUS_REG = 0x60, INTERRUPT_ACK_REG = 0x64 };

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
	uint16_t number, size, avail_idx, kicked_idx, used_idx;
} __attribute__((aligned(16)));

static volatile struct queue queue[4]; /* used: the one that is measured; the console's control queues */
static uint32_t base;		       /* of the device's registers */
static bool event_idx;
static volatile uint32_t scheduled; /* an interrupt came */
static uint8_t data[QUEUE_SIZE][CHUNK];

/* --- the machine ----------------------------------------------------------- */

static void __attribute__((noreturn)) fail(const char *why)
{
	say("bare: ");
	say(why);
	say("\n");
	for (;;)
		__asm__ volatile("cli; hlt");
}

void on_interrupt(void)
{
	uint32_t status = mmio_read(base + INTERRUPT_STATUS_REG);

	mmio_write(base + INTERRUPT_ACK_REG, status);
	scheduled = 1;
	end_of_interrupt();
}

/* --- the device ------------------------------------------------------------- */

/* ktstr's devices: a page each, with lines of its own order; the microvm's (ioapic2=off): 512 bytes, from line 5 on. */
static uint32_t find(uint32_t device)
{
	static const struct {
		uint32_t base, gsi;
	} ktstr[] = { { 0xc0000000, 5 }, { 0xc0001000, 6 }, { 0xc0002000, 7 } };

	for (unsigned i = 0; i < 3; i++)
		if (mmio_read(ktstr[i].base) == 0x74726976 && mmio_read(ktstr[i].base + 8) == device) {
			base = ktstr[i].base;
			return ktstr[i].gsi;
		}
	for (unsigned i = 0; i < 8; i++)
		if (mmio_read(0xfeb00000 + i * 0x200) == 0x74726976 &&
		    mmio_read(0xfeb00000 + i * 0x200 + 8) == device) {
			base = 0xfeb00000 + i * 0x200;
			return 5 + i;
		}
	fail("no such device");
}

static void negotiate(uint32_t wanted)
{
	wanted = device_negotiate(base, wanted);
	if (wanted == UINT32_MAX)
		fail("the device refuses our features");
	event_idx = wanted & VRING_EVENT_IDX;
}

static void start_queue(volatile struct queue *q, uint16_t number)
{
	q->number = number;
	q->size = (uint16_t)mmio_read(base + 0x34);
	if (q->size > QUEUE_SIZE)
		q->size = QUEUE_SIZE;
	device_queue(base, number, q->size, q->desc, &q->avail, &q->used);
}

static void go(void)
{
	__asm__ volatile("sti");
	mmio_write(base + STATUS_REG, 15);
	if (mmio_read(base + STATUS_REG) != 15)
		fail("the device refuses its driver");
}

static void describe(volatile struct queue *q, uint16_t i, const void *p, uint32_t len, uint16_t flags)
{
	q->desc[i].addr = (uint32_t)p;
	q->desc[i].len = len;
	q->desc[i].flags = flags;
	q->desc[i].next = (uint16_t)(i + 1);
}

static void make_available(volatile struct queue *q, uint16_t head)
{
	q->avail.ring[q->avail_idx % q->size] = head;
	q->avail_idx = (uint16_t)(q->avail_idx + 1);
	q->avail.idx = q->avail_idx;
}

/* Pairs with the device's fence after it asked for kicks (2.7.13.4.1). */
static void kick(volatile struct queue *q)
{
	uint16_t old = q->kicked_idx, new = q->avail_idx;

	fence();
	q->kicked_idx = new;
	if (event_idx ? (uint16_t)(new - q->used.avail_event - 1) < (uint16_t)(new - old) : !(q->used.flags & 1))
		mmio_write(base + NOTIFY_REG, q->number);
}

static bool any_used(volatile struct queue *q)
{
	return q->used_idx != q->used.idx;
}

static uint32_t take(volatile struct queue *q)
{
	uint32_t id = q->used.ring[q->used_idx % q->size].id;

	q->used_idx = (uint16_t)(q->used_idx + 1);
	return id % QUEUE_SIZE;
}

/* Whether one came before the device could know that we want an interrupt for it. */
static bool want_interrupt(volatile struct queue *q)
{
	scheduled = 0;
	q->avail.used_event = q->used_idx;
	q->avail.flags = 0;
	fence();
	return any_used(q);
}

static void want_none(volatile struct queue *q)
{
	if (event_idx)
		q->avail.used_event = (uint16_t)(q->used_idx - 1);
	else
		q->avail.flags = 1;
}

static void sleep_until_used(volatile struct queue *q)
{
	if (want_interrupt(q))
		return;
	for (;;) { /* cli;check;sti;hlt can't lose the interrupt */
		__asm__ volatile("cli");
		if (scheduled)
			break;
		__asm__ volatile("sti; hlt");
	}
	__asm__ volatile("sti");
}

/* --- what is measured -------------------------------------------------------- */

static uint32_t dot_every, operations;

static void count_one(void)
{
	if (++operations < dot_every)
		return;
	operations = 0;
	say(".");
}

static struct {
	uint32_t type, reserved;
	uint64_t sector;
} header[QUEUE_SIZE / 4];
static volatile uint8_t status[QUEUE_SIZE / 4];

static void __attribute__((noreturn)) block(bool write, unsigned depth)
{
	volatile struct queue *q = &queue[0];
	uint32_t gsi = find(2), random = 2463534242u, blocks;

	negotiate(VRING_EVENT_IDX);
	start_queue(q, 0);
	interrupts_on(gsi);
	go();
	blocks = mmio_read(base + 0x100) / 8;
	for (uint16_t i = 0; i < depth; i++) {
		uint16_t head = (uint16_t)(i * 3);

		header[i].type = write;
		describe(q, head, &header[i], sizeof(header[i]), 1);
		describe(q, (uint16_t)(head + 1), data[i], BLOCK, write ? 1 : 3);
		describe(q, (uint16_t)(head + 2), (const void *)&status[i], 1, 2);
	}
	for (unsigned first = depth, slot;;) {
		while (first || any_used(q)) {
			slot = first ? --first : take(q) / 3;
			if (status[slot])
				fail("a request failed");
			random ^= random << 13;
			random ^= random >> 17;
			random ^= random << 5;
			header[slot].sector = (uint64_t)(random % blocks) * 8;
			make_available(q, (uint16_t)(slot * 3));
			kick(q);
			count_one();
		}
		sleep_until_used(q);
		want_none(q);
	}
}

/* Port @port of the console is said to be ready and open: control messages, one at a time. */
static void open_port(uint32_t port)
{
	static const uint16_t events[] = { 0, 3, 3 }; /* DEVICE_READY; PORT_READY, PORT_OPEN */
	static struct {
		uint32_t id;
		uint16_t event, value;
	} message[3];
	static uint8_t received[QUEUE_SIZE][64]; /* a port's name follows the message */
	volatile struct queue *in = &queue[2], *out = &queue[3];

	for (uint16_t i = 0; i < in->size; i++) {
		describe(in, i, received[i], sizeof(received[i]), 2);
		make_available(in, i);
	}
	/* Kicked in any case: the words of EVENT_IDX lie elsewhere in a ring that is shorter than struct queue's. */
	mmio_write(base + NOTIFY_REG, in->number);
	for (uint16_t i = 0; i < 3; i++) {
		message[i].id = i ? port : 0xffffffff;
		message[i].event = i == 2 ? 6 : events[i];
		message[i].value = 1;
		describe(out, i, &message[i], sizeof(message[i]), 0);
		make_available(out, i);
		mmio_write(base + NOTIFY_REG, out->number);
		while (out->used.idx != out->avail_idx)
			__asm__ volatile("pause");
	}
}

/* Port 2 has queues 6 and 7; the control queues are 2 and 3. */
static void __attribute__((noreturn)) stream(bool out)
{
	volatile struct queue *q = &queue[0];
	uint32_t gsi = find(3);

	negotiate(VRING_EVENT_IDX | 2); /* MULTIPORT */
	start_queue(q, out ? 7 : 6);
	start_queue(&queue[1], out ? 6 : 7);
	start_queue(&queue[2], 2);
	start_queue(&queue[3], 3);
	interrupts_on(gsi);
	go();
	want_none(&queue[2]);
	want_none(&queue[3]);
	for (uint16_t i = 0; i < q->size; i++) {
		describe(q, i, data[i], out ? CHUNK : BLOCK, out ? 0 : 2);
		if (!out)
			make_available(q, i);
	}
	open_port(2);
	kick(q);
	for (uint16_t free = out ? q->size : 0;;) {
		if (out) { /* a ring full, then sleep: so does a writer of Linux */
			for (; any_used(q); free++)
				take(q);
			for (; free; free--) {
				make_available(q, q->avail_idx % q->size);
				kick(q);
				count_one();
			}
		} else { /* each buffer is read and given back */
			while (any_used(q)) {
				make_available(q, (uint16_t)take(q));
				kick(q);
				count_one();
			}
		}
		sleep_until_used(q);
	}
}

static uint32_t number(const char **at)
{
	uint32_t n = 0;

	for (; **at >= '0' && **at <= '9'; ++*at)
		n = n * 10 + (uint32_t)(**at - '0');
	if (**at == ',')
		++*at;
	return n;
}

/* What follows "@word," in @line, or NULL. */
static const char *after(const char *line, const char *word)
{
	for (; *line; line++) {
		const char *a = line, *b = word;

		while (*b && *a == *b) {
			a++;
			b++;
		}
		if (!*b)
			return a;
	}
	return 0;
}

void guest_main(const uint32_t *start_info)
{
	const char *line = (const char *)start_info[6], *p;
	uint32_t depth;
	bool write;

	p = after(line, "bare=write,");
	write = p;
	if (!p)
		p = after(line, "bare=read,");
	if (p) {
		depth = number(&p);
		dot_every = number(&p);
		if (depth < 1 || depth > QUEUE_SIZE / 4 || !dot_every)
			fail("wants bare=read,DEPTH,DOT");
		block(write, depth);
	}
	p = after(line, "bare=out,");
	write = p;
	if (!p)
		p = after(line, "bare=in,");
	if (!p)
		fail("no bare= on the command line");
	dot_every = number(&p);
	if (!dot_every)
		fail("wants bare=out,DOT");
	stream(write);
}
