/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtual machine under KVM: memory, vCPU threads, irqchip, boot protocol,
 * ACPI, serial ports. Devices are given to it as struct virtio_device.
 *
 * vCPU threads are in KVM_RUN only. An exit that needs a device is posted to
 * the reactor through the vCPU's mailbox and awaited; serial output goes
 * through a lock-free ring; queue kicks are ioeventfds, and the reactor pulses
 * the devices' interrupt lines.
 * Every function here is called from the reactor thread.
 */
#ifndef KTSTR_KVM_VM_H
#define KTSTR_KVM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "kvm/fault.h"
#include "kvm/topology.h"
#include "reactor/reactor.h"
#include "virtio/mmio.h"

#define VM_CPUS_MAX 1024 /* KVM's upper limit; a host may take fewer */
#define VM_MEMORY_MIN (64ull << 20)

/* How the host backs guest memory. All zero: pages are populated by the guest's first touch, transparent huge pages are
 * asked for where there are any, and nothing is pinned. */
enum vm_pages {
	VM_PAGES_AUTO,	/* transparent huge pages where the host gives them (MADV_HUGEPAGE) */
	VM_PAGES_THP,	/* the same, or an error */
	VM_PAGES_SMALL, /* none (MADV_NOHUGEPAGE) */
	VM_PAGES_2M,	/* reserved ones (MAP_HUGETLB), or an error */
	VM_PAGES_1G,
};
enum vm_bind { VM_BIND_NONE, VM_BIND_STRICT, VM_BIND_PREFERRED, VM_BIND_INTERLEAVE };
#define VM_HOST_NODES_MAX 1024
struct vm_backing {
	enum vm_pages pages;
	bool prefault;	/* populate guest memory before boot */
	bool lock;	/* mlock() */
	bool collapse;	/* MADV_COLLAPSE after prefault, or an error */
	bool mergeable; /* MADV_MERGEABLE */
	bool dontdump;	/* MADV_DONTDUMP */
	/* Copy kernel and initrd into this memory. Otherwise whole pages of their files are mapped, unless one of the
	 * settings above asks for a kind of page. */
	bool copy_images;
	/* mbind(): guest node i goes to host node host_node[i]; VM_BIND_INTERLEAVE interleaves over all of them. */
	enum vm_bind bind;
	unsigned n_host_nodes;
	uint16_t host_node[TOPOLOGY_NODES_MAX];
};

/* Why a call failed: one line, what failed, on what and why; without a remedy. */
struct vm_error {
	enum vm_fault fault;
	char text[512];
};

enum vm_end {
	VM_RUNNING,
	VM_POWEROFF, /* guest powered off (ACPI S5) */
	VM_RESET,    /* guest rebooted: i8042 or ACPI reset register */
	VM_TRIPLE_FAULT,
	VM_HALTED,  /* vm_check_halted(): no vCPU will ever run again */
	VM_PANIC,   /* guest kernel panic (its text was seen on COM1), then reset or halt */
	VM_STOPPED, /* vm_stop() */
	VM_FATAL,   /* KVM returned an exit that the guest can't survive */
};
const char *vm_end_name(enum vm_end end);

/* What a VM takes of its host besides memory and one thread per vCPU. All zero: nothing, and KVM keeps its own
 * settings. */
struct vm_host {
	const int *vcpu_cpu; /* for each vCPU the host CPU its thread is pinned to; NULL: the affinity of vm_start()'s
				caller */
	int fifo_priority;   /* vCPU threads run SCHED_FIFO at this priority, 1..99; 0: SCHED_OTHER */
	bool set_halt_poll;  /* KVM_CAP_HALT_POLL: KVM polls for halt_poll_ns before a halted vCPU sleeps */
	uint32_t halt_poll_ns;
	bool keep_exits; /* no exits for PAUSE and HLT (KVM_CAP_X86_DISABLE_EXITS): only for vCPUs that have a host CPU
			    each */
	bool realtime;	 /* KVM_HINTS_REALTIME: the guest may assume that its vCPUs are never preempted */
};

/* Which of these this KVM supports; the VM runs without them too. */
struct vm_host_facts {
	bool halt_poll_set, pause_kept, hlt_kept, realtime;
	bool cx16;	 /* the guest has cmpxchg16b */
	bool steal_time; /* the guest sees how long its vCPUs waited for a host CPU */
};

struct vm_config {
	const char *kernel; /* bzImage or ELF with a PVH note */
	int kernel_fd;	    /* if not 0, the kernel is read from it, and @kernel is its name in messages */
	/* The initrd: these parts, as far as given, in this order, each on a page boundary. */
	const char *initrd; /* a file, or NULL */
	int initrd_fd;	    /* a file, or 0 */
	const void *initrd_data;
	size_t initrd_size;
	/* Whole pages of the files are mapped into guest memory, not copied, so the files must not change while the VM
	 * exists. Pages of hugetlbfs can't be mapped over: they get copies. */
	const char *cmdline;		 /* the command line; vm adds only virtio_mmio.device= */
	bool cmdline_devices;		 /* also announce devices by virtio_mmio.device= */
	unsigned cpus;			 /* flat: one thread per core, one LLC; ignored with @topology */
	uint64_t memory;		 /* bytes; with @topology the sum over its nodes */
	const struct topology *topology; /* finished, memory shared; NULL: flat */
	struct vm_backing backing;
	/* The guest reads device registers from a read-only page: saves one exit per interrupt. Needs
	 * KVM_CAP_READONLY_MEM. */
	bool register_page;
	struct vm_host host;
	bool statistics; /* vm_statistics_read() works while vCPUs run: a descriptor for each */
	/* Called on the reactor. @port is 1 or 2 for COM1 and COM2. */
	void (*serial_out)(void *ctx, unsigned port, const uint8_t *data, size_t len);
	void (*ended)(void *ctx, enum vm_end end, const char *detail);
	/* COM1's input has room again after vm_serial_full() was true; may be NULL. */
	void (*serial_room)(void *ctx);
	void *ctx;
};

struct vm;
/* Opens KVM, makes VM, memory and irqchip. -errno with @err filled. */
int vm_create(struct vm **out, struct reactor *r, const struct vm_config *cfg, struct vm_error *err);
/* Give the device its window, GSI and ioeventfds (before vm_start()). */
int vm_add_device(struct vm *vm, struct virtio_device *d, struct vm_error *err);
/* Load the kernel, write ACPI and boot state, start the vCPU threads. */
int vm_start(struct vm *vm, struct vm_error *err);
/* Queue bytes as COM1's input. Nothing is lost while vm_serial_full(), but the queue grows: wait for serial_room(). */
void vm_serial_input(struct vm *vm, const uint8_t *data, size_t len);
bool vm_serial_full(const struct vm *vm);
/*
 * Call it repeatedly while a guest shows no progress: when every started vCPU is halted with interrupts off, the VM
 * ends (VM_HALTED). Each call costs each vCPU one exit.
 */
void vm_check_halted(struct vm *vm);

/*
 * Park all vCPUs: each leaves KVM_RUN with its last instruction complete, and sleeps until vm_unpark(). Returns at
 * once;
 * @parked is called from the reactor's loop, once, when all are parked. A vCPU that waits for a device's reset counts:
 * it stands in the middle of its exit (VM_CPU_PARKED_IN_EXIT), and goes on after vm_unpark(). So does one that has no
 * thread: vm_start() of a parked VM makes threads that are parked. Devices are not held: what is in flight completes,
 * and guest memory that devices write to may still change.
 * 0; -EALREADY: it is parked, or being parked; -ESHUTDOWN: after vm_stop(). vm_stop() forgets a park that is not
 * complete: @parked is not called.
 */
int vm_park(struct vm *vm, void (*parked)(void *ctx), void *ctx);
/* Let them run. Before vm_park() is complete it is given up, and @parked is not called. Nothing if none is parked. */
void vm_unpark(struct vm *vm);
/* How many of vm_cpus() are parked, and what each of them does. */
unsigned vm_parked(const struct vm *vm);
unsigned vm_cpus(const struct vm *vm);
enum vm_cpu_state { VM_CPU_RUNS, VM_CPU_PARKED, VM_CPU_PARKED_IN_EXIT, VM_CPU_NO_THREAD };
enum vm_cpu_state vm_cpu_state(const struct vm *vm, unsigned i);
/* Make every vCPU leave KVM_RUN and join the threads; after that the VM's callbacks do not run any more. Idempotent. */
void vm_stop(struct vm *vm);
/*
 * After vm_stop(): detach all devices. Nothing kicks them any more, and they neither interrupt nor use guest memory.
 * Their owner destroys them after this and before vm_destroy().
 */
void vm_remove_devices(struct vm *vm);
/* After vm_stop(), and last of all, since I/O in flight may use guest memory. Detaches devices if that was not done.
 * Memory that a device still uses stays mapped. */
void vm_destroy(struct vm *vm);

/* Registers and state of a vCPU that is parked or stopped. 0; -ENOENT: there is no such vCPU; -EBUSY: it runs; or
 * another -errno. rip is the first register. */
#define VM_REGISTERS 24
struct vm_registers {
	const char *state; /* "running", "halted", "not started" */
	bool interrupts_off;
	const char *name[VM_REGISTERS];
	uint64_t value[VM_REGISTERS];
};
int vm_registers(const struct vm *vm, unsigned i, struct vm_registers *out);
/* Of such a vCPU: the words of its stack from where it stands, @max at most; how many of them there are. */
unsigned vm_stack(const struct vm *vm, unsigned i, uint64_t *words, unsigned max);

/* The CPU-time clock of a vCPU's thread, between vm_start() and vm_stop(). 0 or -errno. */
int vm_cpu_clock(const struct vm *vm, unsigned i, clockid_t *clock);
/* The number of that thread, as /proc has it, in the same time. Or -ESRCH. */
int vm_cpu_thread(const struct vm *vm, unsigned i);

enum vm_end vm_state(const struct vm *vm);
/* The kind of fault that ended the VM with VM_FATAL. */
enum vm_fault vm_end_fault(const struct vm *vm);
/* What the guest wrote to COM1 from the first oops on, or from the panic if there was none; empty without a panic. */
const char *vm_panic_text(const struct vm *vm);
/* CLOCK_MONOTONIC time of the first KVM_RUN, 0 before it. */
uint64_t vm_first_run_ns(const struct vm *vm);

/* Exits to user space by kind, summed over vCPUs. */
struct vm_exits {
	uint64_t mmio, pio, serial, hlt, intr, other;
	uint64_t mailbox; /* the part of these that the reactor answered */
};
void vm_exits(const struct vm *vm, struct vm_exits *out);

void vm_host_facts(const struct vm *vm, struct vm_host_facts *out);

/* Each statistic that is one value (kvm/statistics.h has all of them), summed over vCPUs where @per_vcpu.
 * @fn is called for each; 0 or -errno (-ENOTTY before Linux 5.14). */
int vm_stats_read(const struct vm *vm, void (*fn)(void *ctx, const char *name, bool per_vcpu, uint64_t value),
		  void *ctx);

const struct guest_memory *vm_memory(const struct vm *vm);
/* After vm_start(): whether pages of kernel or initrd are mapped from their files; false: all were copied. */
bool vm_images_mapped(const struct vm *vm);

#endif
