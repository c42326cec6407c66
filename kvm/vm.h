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

#define VM_CPUS_MAX 1024 /* as far as KVM goes; a host's may take fewer */
#define VM_MEMORY_MIN (64ull << 20)

/* How the host backs guest memory. All zero: nothing is touched before the guest
 * does, and transparent huge pages are wished for. Nothing is pinned unasked. */
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
	bool prefault;	/* all of it is there before the guest starts */
	bool lock;	/* mlock() */
	bool collapse;	/* MADV_COLLAPSE behind prefault, or an error */
	bool mergeable; /* MADV_MERGEABLE */
	bool dontdump;	/* MADV_DONTDUMP */
	/* Kernel and initrd are copied into pages of this memory; else whole pages of their files are mapped, where
	 * nothing above asks for a kind of page. */
	bool copy_images;
	/* mbind(): guest node i to the host's host_node[i]; VM_BIND_INTERLEAVE: over all of these. */
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
	VM_FATAL,   /* KVM gave an exit that can't be continued */
};
const char *vm_end_name(enum vm_end end);

/* What a VM takes of its host beside memory and a thread a vCPU. All zero: nothing, and KVM as it is set up. */
struct vm_host {
	const int *vcpu_cpu; /* the host CPU that each vCPU's thread is pinned to; NULL: those of vm_start()'s caller */
	int fifo_priority;   /* of the vCPU threads: SCHED_FIFO 1..99; 0: SCHED_OTHER */
	bool set_halt_poll;  /* KVM_CAP_HALT_POLL: a halted vCPU's thread looks for work that long before it sleeps */
	uint32_t halt_poll_ns;
	bool keep_exits; /* PAUSE and HLT stay in the guest (KVM_CAP_X86_DISABLE_EXITS): for vCPUs with a CPU each */
	bool realtime;	 /* KVM_HINTS_REALTIME: the guest may take its CPUs for ever running */
};

/* Of that, what KVM knows; without it the VM runs as well. */
struct vm_host_facts {
	bool halt_poll_set, pause_kept, hlt_kept, realtime;
	bool cx16;	 /* the guest has cmpxchg16b */
	bool steal_time; /* the guest is told how long its vCPUs had to wait for a host CPU */
};

struct vm_config {
	const char *kernel; /* bzImage or ELF with a PVH note */
	int kernel_fd;	    /* if not 0, it is read from here; @kernel is its name in messages */
	/* The initrd: what there is of these, in this order, each at the beginning of a page. */
	const char *initrd; /* a file, or NULL */
	int initrd_fd;	    /* a file, or 0 */
	const void *initrd_data;
	size_t initrd_size;
	/* Files' whole pages are mapped into guest memory, not copied: they must not change while the VM is there.
	 * Memory that can't be mapped over (huge pages of hugetlbfs) gets copies. */
	const char *cmdline;		 /* the whole command line but for what vm adds (virtio_mmio.device=) */
	bool cmdline_devices;		 /* also announce devices by virtio_mmio.device= */
	unsigned cpus;			 /* alike, each a core, under one LLC; or what @topology says */
	uint64_t memory;		 /* bytes; of a topology, the sum of its nodes' */
	const struct topology *topology; /* finished, memory shared; NULL: flat */
	struct vm_backing backing;
	/* The guest reads device registers from read-only memory: no exit to
	 * user space an interrupt instead of one. Needs KVM_CAP_READONLY_MEM. */
	bool register_page;
	struct vm_host host;
	/* Called on the reactor. @port is 1 or 2 for COM1 and COM2. */
	void (*serial_out)(void *ctx, unsigned port, const uint8_t *data, size_t len);
	void (*ended)(void *ctx, enum vm_end end, const char *detail);
	/* COM1 has room again, after vm_serial_full(); may be NULL. */
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
/* Bytes typed into COM1. Who types more while vm_serial_full() loses nothing, but memory: wait for serial_room(). */
void vm_serial_input(struct vm *vm, const uint8_t *data, size_t len);
bool vm_serial_full(const struct vm *vm);
/*
 * For a guest that shows no progress, again and again: when every vCPU that was started is halted with interrupts off,
 * the VM ends (VM_HALTED). It costs each vCPU an exit.
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
/* Make every vCPU leave KVM_RUN and join the threads; from then on nothing here is called by the reactor. Idempotent.
 */
void vm_stop(struct vm *vm);
/*
 * After vm_stop(): the devices are the VM's no more. Nothing kicks them, and they neither interrupt nor use guest
 * memory. Whoever owns devices destroys them after this and before vm_destroy().
 */
void vm_remove_devices(struct vm *vm);
/* After vm_stop(), and last of all: what devices still have in flight may be on guest memory. Removes devices itself if
 * that was not done; memory that one of them still uses is left mapped. */
void vm_destroy(struct vm *vm);

/* Of a vCPU that is parked or was stopped: what it was doing. 0 or -errno; -ENOENT: there is none; -EBUSY: it runs. rip
 * is the first register. */
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

/* The clock of the CPU time of a vCPU's thread, which was started and not stopped. 0 or -errno. */
int vm_cpu_clock(const struct vm *vm, unsigned i, clockid_t *clock);

enum vm_end vm_state(const struct vm *vm);
/* The kind of fault that ended the VM, of VM_FATAL. */
enum vm_fault vm_end_fault(const struct vm *vm);
/* Text the guest wrote to COM1 from the oops before its panic, or the panic, on; empty when it did not panic. */
const char *vm_panic_text(const struct vm *vm);
/* CLOCK_MONOTONIC ns of the first KVM_RUN, 0 before. */
uint64_t vm_first_run_ns(const struct vm *vm);

/* Exits to user space by kind, summed over vCPUs. */
struct vm_exits {
	uint64_t mmio, pio, serial, hlt, intr, other;
	uint64_t mailbox; /* of these, answered by the reactor */
};
void vm_exits(const struct vm *vm, struct vm_exits *out);

void vm_host_facts(const struct vm *vm, struct vm_host_facts *out);

/* One statistic of KVM_GET_STATS_FD, summed over vCPUs where @per_vcpu.
 * @fn is called for each; 0 or -errno (-ENOTTY before Linux 5.14). */
int vm_stats_read(const struct vm *vm, void (*fn)(void *ctx, const char *name, bool per_vcpu, uint64_t value),
		  void *ctx);

const struct guest_memory *vm_memory(const struct vm *vm);
/* From vm_start() on: pages of kernel or initrd are those of their files; else all were copied. */
bool vm_images_mapped(const struct vm *vm);

#endif
