/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this room share. */
#ifndef KTSTR_KVM_INTERNAL_H
#define KTSTR_KVM_INTERNAL_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "kvm/cpuid_topology.h"
#include "kvm/ioapic.h"
#include "kvm/panic.h"
#include "kvm/serial.h"
#include "kvm/vm.h"
#include "reactor/container.h"

/* The guest-physical map */
#define GAP_START 0xc0000000ull /* RAM below ends here at the latest */
#define GAP_END 0x100000000ull	/* RAM goes on here */
#define DEVICES_BASE GAP_START	/* one 4 KiB window a device */
#define IOAPIC_BASE 0xfec00000u
#define LAPIC_BASE 0xfee00000u
#define IDENTITY_MAP_ADDR 0xfffbc000ull
#define TSS_ADDR 0xfffbd000ull

/* I/O ports */
#define PORT_COM1 0x3f8
#define PORT_COM2 0x2f8
#define PORT_I8042 0x64
#define PORT_SLEEP_CONTROL 0x600 /* ACPI sleep control register (hardware-reduced) */
#define PORT_SLEEP_STATUS 0x601
#define PORT_RESET 0x602
#define RESET_VALUE 1
#define SLEEP_TYPE_S5 5

#define GSI_COM1 4
#define GSI_COM2 3

#define VM_DEVICES_MAX 16

struct vm_device {
	struct virtio_device *dev;
	struct vm *vm;
	uint32_t base;
	unsigned gsi;
	unsigned n_kicks;
	int ack_fd; /* takes acknowledgements that need no answer; nobody reads it */
	struct vm_kick {
		struct kick kick;
		struct vm_device *vd;
		unsigned queue;
	} kick[VIRTIO_QUEUES_MAX];
};

enum mail_state { MAIL_IDLE, MAIL_POSTED, MAIL_PENDING, MAIL_DONE, MAIL_CANCELLED };

/* An exit that a device must answer: mailbox.c has the table of its states. */
struct mailbox {
	_Atomic uint32_t state; /* enum mail_state; also a futex */
	bool withheld;		/* the reactor's: the answer is there, and the vCPU gets it when it may run */
	/* The vCPU's until it has posted, the reactor's until it has answered. */
	struct vm_device *vd;
	uint32_t offset;
	uint32_t len;
	bool is_write;
	uint8_t data[8];
};

enum vcpu_command { VCPU_RUN, VCPU_PARK, VCPU_STOP };

/*
 * struct vcpu and struct vm are in parts, by who may touch what:
 *	themselves	written before the vCPU threads are made, and after they have ended; read by every thread
 *	loop		the reactor's thread alone
 *	own		the vCPU's thread alone
 *	shared		every thread; atomic, or with the lock that is named
 */
struct vcpu_loop {
	pthread_t thread;
	bool running; /* the thread exists */
};

struct vcpu_own {
	bool exit_pending; /* KVM completes the last exit when KVM_RUN is entered again */
};

struct vcpu_shared {
	struct mailbox mail; /* handed over by its state */
	/* command.c: written by the reactor (also a futex), by the thread, by the thread */
	_Atomic uint32_t order;
	_Atomic uint32_t obeyed; /* the order that the thread has acknowledged */
	_Atomic bool ended;	 /* the thread will not enter KVM_RUN any more */
	/* vm_check_halted(): asked for by the reactor, answered by the thread */
	_Atomic bool check_wanted;
	_Atomic int check;
	_Atomic uint64_t check_rip;
	_Atomic int tid; /* the thread's number in /proc, once it runs */
	/* Written by the thread, read by the reactor. */
	_Atomic uint64_t exits_mmio, exits_pio, exits_serial, exits_hlt, exits_intr, exits_other, exits_mailbox;
};

struct vcpu {
	struct vm *vm;
	unsigned index;
	int fd;
	int stats_fd;	     /* with vm_config.statistics; 0: none, or -errno */
	struct kvm_run *run; /* the thread's; but immediate_exit is raised by the reactor, atomically */
	struct vcpu_loop loop;
	struct vcpu_own own;
	struct vcpu_shared shared;
};

struct vm_park {
	enum { VM_UNPARKED, VM_PARKING, VM_PARKED } state;
	void (*done)(void *ctx);
	void *ctx;
};

struct vm_loop {
	struct reactor *r;
	struct kick mail_kick, event_kick, serial_kick;
	struct timer serial_timer, panic_timer;
	struct panic_watch panic;
	bool input_full; /* COM1's: serial_room() is called when it has room */
	uint32_t order_generation;
	struct vm_park park;
	unsigned checks_halted; /* in a row that found all CPUs halted for good */
	enum vm_end end;
	bool ram_in_use; /* a device that was removed has I/O in flight on it: it is never unmapped */
};

struct vm_shared {
	struct ioapic ioapic; /* if split; ioapic.lock */
	struct uart com[2];   /* uart.lock; their rings are lock-free */
	/* end.c: what a vCPU asks for, an enum vm_end; the others are written before, under end.c's lock */
	_Atomic uint32_t requested_end;
	enum vm_fault end_fault;
	char end_detail[256];
	_Atomic bool stopping;
	_Atomic uint64_t first_run_ns;
};

struct vm {
	struct vm_config cfg;
	struct topology topology;
	struct cpuid *cpuid; /* what KVM supports */
	bool split;	     /* KVM has the LAPICs, and the IOAPIC is ours: APIC ids beyond 8 bits */
	int kvm_fd, fd;
	size_t run_size;
	struct vm_host_facts host;
	struct guest_memory mem;
	uint8_t *ram, *ram_aligned; /* the mapping, and the guest's first byte in it */
	uint64_t ram_size, ram_mapped;
	bool images_mapped; /* pages of files are in it */
	unsigned n_vcpus;
	struct vcpu *vcpu;
	unsigned n_devices;
	struct vm_device device[VM_DEVICES_MAX];
	uint8_t *register_pages; /* what the guest reads at DEVICES_BASE, a page for each device; NULL: by exits */
	int uart_irq_fd[2];
	int mail_fd;  /* vCPU threads: a mailbox has a request */
	int event_fd; /* vCPU threads: an end is asked for, or an order acknowledged */
	int serial_fd;
	struct vm_loop loop;
	struct vm_shared shared;
};

/* fault.c: fill @err, with VM_FAULT_OTHER or @fault, and return -@error; an eventfd */
int vm_fail(struct vm_error *err, int error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int vm_fail_as(struct vm_error *err, enum vm_fault fault, int error, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int vm_eventfd(int *fd, struct vm_error *err);

/* end.c. From a vCPU thread: ask for the end of the VM; only the first request counts. */
void vm_request_end(struct vm *vm, enum vm_end end, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void vm_request_fatal(struct vm *vm, enum vm_fault fault, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* On the reactor: the end that was asked for, if any; and the end itself, once. */
enum vm_end end_requested(struct vm *vm);
void end_now(struct vm *vm, enum vm_end end, const char *detail);

/* irqchip.c; and an eventfd that raises @gsi when it is written */
int irqchip_create(struct vm *vm, struct vm_error *err);
int vm_irqfd(struct vm *vm, int fd, unsigned gsi, struct vm_error *err);

/* com.c: the serial ports. Drain: hand out what the guest has written. */
int com_create(struct vm *vm, struct vm_error *err);
int com_watch(struct vm *vm);
void com_drain(struct vm *vm);
void com_unwatch(struct vm *vm);
void com_destroy(struct vm *vm);

/* ram.c */
int ram_create(struct vm *vm, struct vm_error *err);
void ram_destroy(struct vm *vm);
/* Map @len bytes of @fd privately over guest memory; all page-aligned. False: not possible here, copy instead. */
bool ram_map_file(struct vm *vm, uint64_t gpa, uint64_t len, int fd, uint64_t offset);

/* boot.c: load kernel and initrd, write boot parameters, set the first vCPU's registers. */
int boot_load(struct vm *vm, struct vm_error *err);

/* cpuid.c */
int cpuid_open(struct vm *vm, struct vm_error *err);
int cpuid_set(struct vm *vm, struct vcpu *v, struct vm_error *err);

/* host.c */
void host_setup(struct vm *vm); /* before the first vCPU */
int host_thread_attr(const struct vcpu *v, pthread_attr_t *attr, struct vm_error *err);

/* mailbox.c, on the vCPU's thread: have the reactor do a register access. False: the VM stops, and nobody answers. */
bool mail_post(struct vcpu *v);
/* On the reactor. Answer what is posted in the mailboxes. */
void mail_serve(struct vm *vm);
void mail_settled(struct virtio_device *d, void *ctx);
bool mail_is_pending(const struct mailbox *m);
void mail_release(struct mailbox *m); /* give the answer that was withheld, if any */
void mail_cancel(struct mailbox *m);

/* device.c; vm_add_device() is its other end */
bool device_remove(struct vm_device *vd); /* false: it has I/O in flight on guest memory */
int device_pages_create(struct vm *vm, struct vm_error *err);
void device_pages_destroy(struct vm *vm);

/* command.c, on the vCPU's thread: follow the reactor's orders until one is to enter KVM_RUN; false: end. */
bool vcpu_obey(struct vcpu *v);
void vcpu_ended(struct vcpu *v); /* the last that the thread does */
/* On the reactor. Make the thread leave KVM_RUN, or not enter it: it calls vcpu_obey(). */
void vcpu_kick(struct vcpu *v);
void vcpu_order_first(struct vcpu *v); /* before the thread is made */
void vcpu_order_stop(struct vm *vm);
void park_check(struct vm *vm); /* something happened that may complete a park */

static inline enum vcpu_command command_of(uint32_t order)
{
	return (enum vcpu_command)(order & 3); /* the generation is above */
}

/* registers.c, on the vCPU's thread */
void vcpu_check(struct vcpu *v);

/* vcpu.c */
int vcpu_create(struct vm *vm, unsigned index, struct vm_error *err);
int vcpu_start(struct vcpu *v, struct vm_error *err);
void vcpu_destroy(struct vcpu *v);

#endif
