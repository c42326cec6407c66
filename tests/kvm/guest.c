/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest of our own, without an operating system, in 32-bit protected mode as
 * PVH leaves it: it drives virtio-blk by hand, so that kick, interrupt, serial
 * port and the ends of a VM are seen on any /dev/kvm, also on one that can't
 * boot Linux. The command line's first letter tells what to do, or that of its word "do=".
 */
#include <stdint.h>

#include "bench/lab/bare/bare.h"

#define BLK_BASE 0xc0001000u
#define BLK_GSI 6
#define QUEUE_SIZE 8

static volatile uint32_t interrupts;

static void say_number(uint32_t n)
{
	char buf[11], *p = buf + 10;

	*p = 0;
	do {
		*--p = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	say(p);
}

void on_interrupt(void)
{
	uint32_t status = mmio_read(BLK_BASE + 0x60);

	mmio_write(BLK_BASE + 0x64, status);
	interrupts++;
	end_of_interrupt();
}

static struct {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
} desc[QUEUE_SIZE] __attribute__((aligned(16)));
static volatile struct {
	uint16_t flags, idx, ring[QUEUE_SIZE], used_event;
} avail __attribute__((aligned(2)));
static volatile struct {
	uint16_t flags, idx;
	struct {
		uint32_t id, len;
	} ring[QUEUE_SIZE];
	uint16_t avail_event;
} used __attribute__((aligned(4)));
static struct {
	uint32_t type, reserved;
	uint64_t sector;
} header;
static uint8_t data[512];
static volatile uint8_t status;

static int blk_start(void)
{
	if (mmio_read(BLK_BASE) != 0x74726976 || mmio_read(BLK_BASE + 8) != 2)
		return -1;
	device_negotiate(BLK_BASE, 0);
	device_queue(BLK_BASE, 0, QUEUE_SIZE, desc, &avail, &used);
	mmio_write(BLK_BASE + 0x70, 15);
	return mmio_read(BLK_BASE + 0x70) == 15 ? 0 : -1;
}

static void blk_read(uint64_t sector)
{
	uint32_t seen = interrupts;

	header.type = 0;
	header.sector = sector;
	status = 0xff;
	desc[0].addr = (uint32_t)&header;
	desc[0].len = 16;
	desc[0].flags = 1;
	desc[0].next = 1;
	desc[1].addr = (uint32_t)data;
	desc[1].len = 512;
	desc[1].flags = 3;
	desc[1].next = 2;
	desc[2].addr = (uint32_t)&status;
	desc[2].len = 1;
	desc[2].flags = 2;
	avail.ring[avail.idx % QUEUE_SIZE] = 0;
	__asm__ volatile("" ::: "memory");
	avail.idx++;
	fence();
	mmio_write(BLK_BASE + 0x50, 0);
	/* Sleep until the interrupt: cli;check;sti;hlt can't lose it. */
	for (;;) {
		__asm__ volatile("cli");
		if (interrupts != seen)
			break;
		__asm__ volatile("sti; hlt");
	}
}

static void test_block(uint32_t rounds)
{
	uint32_t sum = 0;

	interrupts_on(BLK_GSI);
	if (blk_start()) {
		say("no blk\n");
		return;
	}
	for (uint32_t i = 0; i < rounds; i++) {
		blk_read(i % 4);
		if (status != 0 || used.ring[i % QUEUE_SIZE].len != 513) {
			say("bad status\n");
			return;
		}
		sum += data[0] + data[511];
	}
	say("interrupts ");
	say_number(interrupts);
	say(" sum ");
	say_number(sum);
	say("\n");
}

#define AP_CODE 0x30000u
#define AP_SAID (AP_CODE + 0x800)

/* Start the CPU with this x2APIC id, and say which id its CPUID has. Firmware's part, x2APIC mode, is done. */
static void test_ap(uint32_t id)
{
	/* cli; mov eax, 0xb; xor ecx, ecx; cpuid; inc edx; mov cs:[0x800], edx; hlt; jmp back to it */
	static const uint8_t code[] = { 0xfa, 0x66, 0xb8, 0x0b, 0,    0,    0,	  0x66, 0x31, 0xc9, 0x0f, 0xa2,
					0x66, 0x42, 0x2e, 0x66, 0x89, 0x16, 0x00, 0x08, 0xf4, 0xeb, 0xfd };
	volatile uint32_t *said = (volatile uint32_t *)AP_SAID;

	if (!x2apic_mode()) {
		say("xapic\n");
		return;
	}
	for (uint32_t i = 0; i < sizeof code; i++)
		((volatile uint8_t *)AP_CODE)[i] = code[i];
	*said = 0;
	wrmsr(0x830, id, 0x4500); /* INIT, SIPI */
	wrmsr(0x830, id, 0x4600 | AP_CODE >> 12);
	for (uint32_t i = 0; i < 20000000 && !*said; i++)
		__asm__ volatile("pause");
	say("cpu ");
	say_number(*said ? *said - 1 : 99999);
	say("\n");
}

/* --- CPUs that count, and one that waits for a device --------------------- */

#define COUNT_CODE 0x30000u /* a page for each CPU */
#define COUNT_AT(cpu) (COUNT_CODE + (cpu)*0x1000u + 0x800u)

/* All of @cpus count in memory, without an exit and without an end. */
static void count_on_all(uint32_t cpus)
{
	static const uint8_t code[] = { 0x66, 0x2e, 0xff, 0x06, 0x00, 0x08, 0xeb, 0xf8 }; /* incl %cs:0x800; jmp */

	for (uint32_t cpu = 1; cpu < cpus; cpu++) {
		for (uint32_t i = 0; i < sizeof code; i++)
			((volatile uint8_t *)COUNT_CODE + cpu * 0x1000u)[i] = code[i];
		mmio_write(LAPIC + 0x310, cpu << 24);
		mmio_write(LAPIC + 0x300, 0x4500); /* INIT, SIPI */
		mmio_write(LAPIC + 0x310, cpu << 24);
		mmio_write(LAPIC + 0x300, 0x4600 | ((COUNT_CODE >> 12) + cpu));
	}
	for (;;)
		++*(volatile uint32_t *)COUNT_AT(0);
}

/* Counts register accesses that the reactor answers. */
static void count_answers(void)
{
	for (;;) {
		mmio_write(BLK_BASE + 0x14, 1);
		if (mmio_read(BLK_BASE) != 0x74726976 || mmio_read(BLK_BASE + 0x10) != 1)
			break;
		++*(volatile uint32_t *)COUNT_AT(0);
	}
	say("wrong answer\n");
}

/* Reads the serial port's scratch register, and counts that in %ecx. */
static void count_port_reads(void)
{
	__asm__ volatile("xor %%ecx, %%ecx; mov $0x3ff, %%edx; 1: inb %%dx, %%al; inc %%ecx; jmp 1b" ::
				 : "eax", "ecx", "edx");
}

/* --- all devices at once, without interrupts ------------------------------ */

#define DRIVEN_SIZE 4

struct driven {
	uint32_t base, queue;
	uint32_t writable; /* the buffer is the device's to write */
	struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags, next;
	} desc[DRIVEN_SIZE] __attribute__((aligned(16)));
	volatile struct {
		uint16_t flags, idx, ring[DRIVEN_SIZE], used_event;
	} avail __attribute__((aligned(4)));
	volatile struct {
		uint16_t flags, idx;
		struct {
			uint32_t id, len;
		} ring[DRIVEN_SIZE];
		uint16_t avail_event;
	} used __attribute__((aligned(4)));
	uint8_t buffer[2048];
};

/* Receives of the console are there for what is typed. */
static struct driven driven[] = {
	{ .base = 0xc0000000u, .queue = 0, .writable = 1 },
	{ .base = 0xc0000000u, .queue = 1 },
	{ .base = 0xc0001000u, .queue = 0 },
	{ .base = 0xc0002000u, .queue = 0, .writable = 1 },
	{ .base = 0xc0002000u, .queue = 1 },
};
#define DRIVEN (sizeof(driven) / sizeof(*driven))

static int is_there(const struct driven *d)
{
	return mmio_read(d->base) == 0x74726976 && mmio_read(d->base + 8) != 0;
}

static void drive_start(void)
{
	for (unsigned i = 0; i < DRIVEN; i++) {
		struct driven *d = &driven[i];

		if (!is_there(d))
			continue;
		if (!d->queue)
			device_negotiate(d->base, 0);
		device_queue(d->base, (uint16_t)d->queue, DRIVEN_SIZE, d->desc, &d->avail, &d->used);
		if (i + 1 == DRIVEN || driven[i + 1].base != d->base)
			mmio_write(d->base + 0x70, 15);
	}
}

/* One request more on each queue that has none in flight. */
static void drive(void)
{
	for (unsigned i = 0; i < DRIVEN; i++) {
		struct driven *d = &driven[i];

		if (!is_there(d) || d->used.idx != d->avail.idx)
			continue;
		d->desc[0].addr = (uint32_t)d->buffer;
		d->desc[0].len = d->writable ? sizeof d->buffer : 80;
		d->desc[0].flags = d->writable ? 2 : 0;
		if (d->base == BLK_BASE) { /* in another sector each time */
			d->buffer[8] = (uint8_t)(d->avail.idx & 1);
			d->desc[0].len = 16;
			d->desc[0].flags = 1;
			d->desc[0].next = 1;
			d->desc[1].addr = (uint32_t)(d->buffer + 1024);
			d->desc[1].len = 512;
			d->desc[1].flags = 3;
			d->desc[1].next = 2;
			d->desc[2].addr = (uint32_t)(d->buffer + 16);
			d->desc[2].len = 1;
			d->desc[2].flags = 2;
		}
		d->avail.ring[d->avail.idx % DRIVEN_SIZE] = 0;
		__asm__ volatile("" ::: "memory");
		d->avail.idx++;
		fence();
		mmio_write(d->base + 0x50, d->queue);
	}
}

/* The word "do=", or all of it. */
static const char *what_to_do(const char *cmdline)
{
	for (const char *p = cmdline; *p; p++)
		if (p[0] == 'd' && p[1] == 'o' && p[2] == '=')
			return p + 3;
	return cmdline;
}

void guest_main(const uint32_t *start_info)
{
	const char *cmd = what_to_do((const char *)start_info[6]); /* cmdline_paddr */

	/* "d" and another letter: that, with requests in flight on every device. "dh" drives them for ever. */
	if (cmd[0] == 'd') {
		drive_start();
		for (unsigned i = 0; i < 200; i++)
			drive();
		cmd++;
		if (cmd[0] == 'h') {
			say("up\n");
			for (;;)
				drive();
		}
	}
	switch (cmd[0]) {
	case 'b':
		test_block(200);
		break;
	case 'p':
		if (cmd[1] == 'o') /* so many of them that the panic's own text needs room */
			for (unsigned i = 0; i < (cmd[2] == 'o' ? 4000 : 1); i++)
				say("[ 0.0] Oops: invalid opcode\n");
		say("[ 0.1] Kernel panic - not syncing: of our own making\nsecond line\n");
		outb(0x64, 0xfe);
		break;
	case 'r':
		say("Oops: and it goes on\n");
		outb(0x602, 1);
		break;
	case 't': { /* triple fault: an interrupt without an IDT */
		struct {
			uint16_t limit;
			uint32_t base;
		} __attribute__((packed)) none = { 0, 0 };

		__asm__ volatile("lidt %0; ud2" ::"m"(none));
		break;
	}
	case 's': /* more than the ring of the serial port holds */
		for (uint32_t i = 0; i < 100000; i++)
			outb(0x3f8, (uint8_t)('a' + i % 26));
		break;
	case 'm': { /* the memory map that PVH was given */
		const uint32_t *map = (const uint32_t *)start_info[10];

		for (uint32_t i = 0; i < start_info[12]; i++, map += 6) {
			say_number(map[1]); /* address and size in 64 KiB units */
			say(":");
			say_number(map[0] >> 16);
			say("+");
			say_number((map[2] >> 16) | map[3] << 16);
			say(" ");
		}
		say("\n");
		break;
	}
	case 'x': { /* "x 256" */
		uint32_t id = 0;

		for (const char *p = cmd + 2; *p >= '0' && *p <= '9'; p++)
			id = id * 10 + (uint32_t)(*p - '0');
		test_ap(id);
		break;
	}
	/* Capitals: a command line that says nothing to this guest, such as console=ttyS0, powers it off. */
	case 'C': /* "C4" */
		count_on_all((uint32_t)(cmd[1] - '0'));
		break;
	case 'A':
		count_answers();
		break;
	case 'N':
		count_port_reads();
		break;
	case 'Q':
		say("resets\n");
		mmio_write(BLK_BASE + 0x70, 0);
		say("reset\n");
		break;
	case 'w': /* wait for what never comes, without a word */
		for (;;)
			__asm__ volatile("pause");
	case 'i': /* idle: the same, once it has said so */
		say("up\n");
		__attribute__((fallthrough));
	case 'h': /* stand still */
		for (;;)
			__asm__ volatile("cli; hlt");
	}
	power_off();
}
