/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest of our own that sends frames and takes them back, in 32-bit protected mode as PVH leaves it. It does what
 * Linux' virtio-net driver does with its rings: no interrupts for sent frames; an interrupt for the first frame that
 * comes back, then polling with interrupts off until the ring is empty (NAPI); a kick a frame unless the device says
 * that it needs none. The command line: "WINDOW BYTES", frames under way at once and the size of each.
 */
#include <stdint.h>

#define NET_BASE 0xc0002000u /* where ktstr has its first net device, and its interrupt line */
#define NET_GSI 7
#define VECTOR 0x40
#define LAPIC 0xfee00000u
#define IOAPIC 0xfec00000u
#define QUEUE_SIZE 256
#define HEADER 12
#define FRAME_MAX 1514
#define RX 0
#define TX 1

/* clang-format off */
__asm__(".section .note.pvh, \"a\", @note\n"
	".long 4, 4, 18\n.asciz \"Xen\"\n.long start\n"
	".section .text.start, \"ax\"\n.globl start\n"
	"start: mov $stack_top, %esp\n push %ebx\n call guest_main\n"
	"1: cli\n hlt\n jmp 1b\n"
	".globl isr\nisr: pusha\n call on_interrupt\n popa\n"
	/* iret by hand: a KVM that emulates knows it in 64-bit mode only */
	" pushl 8(%esp)\n popf\n ret $8\n"
	".section .bss\n.align 16\n.skip 16384\nstack_top:\n.text\n");
/* clang-format on */

void isr(void);
void on_interrupt(void);
void guest_main(const uint32_t *start_info);

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

static inline uint32_t mmio_read(uint32_t a)
{
	return *(volatile uint32_t *)a;
}

static inline void mmio_write(uint32_t a, uint32_t v)
{
	*(volatile uint32_t *)a = v;
}

static inline void fence(void)
{
	__asm__ volatile("lock; orl $0, (%%esp)" ::: "memory"); /* mfence is not emulated everywhere */
}

/* The host sees the VM end, and knows that it should not. */
static void fail(const char *why)
{
	for (; *why; why++)
		__asm__ volatile("outb %0, %1" ::"a"((uint8_t)*why), "Nd"((uint16_t)0x3f8));
	__asm__ volatile("outb %0, %1" ::"a"((uint8_t)(5 << 2 | 0x20)), "Nd"((uint16_t)0x600));
	for (;;)
		__asm__ volatile("cli; hlt");
}

void on_interrupt(void)
{
	uint32_t status = mmio_read(NET_BASE + 0x60);

	mmio_write(NET_BASE + 0x64, status);
	if (status & 1) {
		queue[RX].avail.flags = 1;
		scheduled = 1;
	}
	mmio_write(LAPIC + 0xb0, 0); /* EOI */
}

static struct {
	uint16_t low, selector;
	uint8_t zero, type;
	uint16_t high;
} __attribute__((packed)) idt[256];

static void interrupts_on(void)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) idtr = { sizeof idt - 1, (uint32_t)idt };
	uint32_t at = (uint32_t)isr;
	uint16_t cs;

	__asm__ volatile("mov %%cs, %0" : "=r"(cs));
	idt[VECTOR].low = (uint16_t)at;
	idt[VECTOR].high = (uint16_t)(at >> 16);
	idt[VECTOR].selector = cs;
	idt[VECTOR].type = 0x8e;
	__asm__ volatile("lidt %0" ::"m"(idtr));
	mmio_write(LAPIC + 0xf0, 0x1ff); /* enabled, spurious vector 0xff */
	mmio_write(IOAPIC, 0x10 + 2 * NET_GSI + 1);
	mmio_write(IOAPIC + 0x10, 0); /* to the CPU with APIC id 0 */
	mmio_write(IOAPIC, 0x10 + 2 * NET_GSI);
	mmio_write(IOAPIC + 0x10, VECTOR);
}

static void start_queue(unsigned q)
{
	mmio_write(NET_BASE + 0x30, q);
	mmio_write(NET_BASE + 0x38, QUEUE_SIZE);
	mmio_write(NET_BASE + 0x80, (uint32_t)queue[q].desc);
	mmio_write(NET_BASE + 0x84, 0);
	mmio_write(NET_BASE + 0x90, (uint32_t)&queue[q].avail);
	mmio_write(NET_BASE + 0x94, 0);
	mmio_write(NET_BASE + 0xa0, (uint32_t)&queue[q].used);
	mmio_write(NET_BASE + 0xa4, 0);
	mmio_write(NET_BASE + 0x44, 1);
}

static void start_device(void)
{
	if (mmio_read(NET_BASE) != 0x74726976 || mmio_read(NET_BASE + 8) != 1)
		fail("no net device");
	mmio_write(NET_BASE + 0x70, 0);
	mmio_write(NET_BASE + 0x70, 1);
	mmio_write(NET_BASE + 0x70, 3);
	mmio_write(NET_BASE + 0x24, 1); /* VERSION_1, and nothing else */
	mmio_write(NET_BASE + 0x20, 1);
	mmio_write(NET_BASE + 0x24, 0);
	mmio_write(NET_BASE + 0x20, 0);
	mmio_write(NET_BASE + 0x70, 11);
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
	interrupts_on();
	fill(bytes);
	start_device();
	echo(window, bytes);
}
