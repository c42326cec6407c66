/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The start of a guest without an operating system, for tests and benchmarks that must run on any /dev/kvm, also on one
 * that can't boot Linux: 32-bit protected mode as PVH leaves it, a stack, one interrupt, COM1, a virtio-mmio device.
 * Included once, by the guest's only source, which has guest_main() and on_interrupt().
 */
#ifndef KTSTR_BENCH_LAB_BARE_H
#define KTSTR_BENCH_LAB_BARE_H

#include <stdint.h>

#define LAPIC 0xfee00000u
#define IOAPIC 0xfec00000u
#define VECTOR 0x40

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
/* Tells the device and the LAPIC, by end_of_interrupt(), that the interrupt was seen. */
void on_interrupt(void);
/* @start_info: struct hvm_start_info; word 6 is the command line's address. */
void guest_main(const uint32_t *start_info);

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}

static inline uint32_t mmio_read(uint32_t a)
{
	return *(volatile uint32_t *)a;
}

static inline void mmio_write(uint32_t a, uint32_t v)
{
	*(volatile uint32_t *)a = v;
}

/* Orders a store that publishes before a later load. */
static inline void fence(void)
{
	__asm__ volatile("lock; orl $0, (%%esp)" ::: "memory"); /* mfence is not emulated everywhere */
}

static inline void say(const char *s)
{
	while (*s)
		outb(0x3f8, (uint8_t)*s++);
}

/* ACPI S5 by ktstr's sleep control register; another VMM sees a halted CPU. */
static inline void __attribute__((noreturn)) power_off(void)
{
	outb(0x600, 5 << 2 | 0x20);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static inline void wrmsr(uint32_t msr, uint32_t high, uint32_t low)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "d"(high), "a"(low));
}

/* Whether the local APIC was handed over in x2APIC mode, as it is where ids need it. */
static inline int x2apic_mode(void)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0x1b));
	return (int)(low >> 10 & 1);
}

static int bare_x2apic;

static inline void lapic_write(uint32_t offset, uint32_t v)
{
	if (bare_x2apic)
		wrmsr(0x800 + offset / 16, 0, v);
	else
		mmio_write(LAPIC + offset, v);
}

static inline void end_of_interrupt(void)
{
	lapic_write(0xb0, 0);
}

/* Line @gsi of the IOAPIC comes as on_interrupt() of the CPU with APIC id 0. Interrupts stay off: sti is the caller's.
 */
static inline void interrupts_on(uint32_t gsi)
{
	static struct {
		uint16_t low, selector;
		uint8_t zero, type;
		uint16_t high;
	} __attribute__((packed)) idt[256];
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
	__asm__ volatile("lidt %0" ::"m"(idtr), "m"(idt));
	bare_x2apic = x2apic_mode();
	lapic_write(0xf0, 0x1ff); /* enabled, spurious vector 0xff */
	mmio_write(IOAPIC, 0x10 + 2 * gsi + 1);
	mmio_write(IOAPIC + 0x10, 0);
	mmio_write(IOAPIC, 0x10 + 2 * gsi);
	mmio_write(IOAPIC + 0x10, VECTOR);
}

/* Queue @number of the device whose registers are at @base; what it is made of is where the CPU sees it. */
static inline void device_queue(uint32_t base, uint16_t number, uint16_t size, const volatile void *desc,
				const volatile void *avail, const volatile void *used)
{
	mmio_write(base + 0x30, number);
	mmio_write(base + 0x38, size);
	mmio_write(base + 0x80, (uint32_t)desc);
	mmio_write(base + 0x84, 0);
	mmio_write(base + 0x90, (uint32_t)avail);
	mmio_write(base + 0x94, 0);
	mmio_write(base + 0xa0, (uint32_t)used);
	mmio_write(base + 0xa4, 0);
	mmio_write(base + 0x44, 1);
}

/* To FEATURES_OK with VERSION_1 and those of @wanted that the device offers; returns them, or all ones if it refuses.
 */
static inline uint32_t device_negotiate(uint32_t base, uint32_t wanted)
{
	mmio_write(base + 0x70, 0);
	mmio_write(base + 0x70, 1);
	mmio_write(base + 0x70, 3);
	mmio_write(base + 0x14, 0);
	wanted &= mmio_read(base + 0x10);
	mmio_write(base + 0x24, 1);
	mmio_write(base + 0x20, 1);
	mmio_write(base + 0x24, 0);
	mmio_write(base + 0x20, wanted);
	mmio_write(base + 0x70, 11);
	return mmio_read(base + 0x70) == 11 ? wanted : UINT32_MAX;
}

#endif
