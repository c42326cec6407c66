/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What disturbed a measurement on this host: counters and settings at the begin and the end of each window, what came
 * in between, and what of that a reader of the figures should know. Nothing is corrected here: a figure stays what it
 * was.
 *
 *   noise_begin()     at the begin of a window
 *   noise_end()       at its end
 *   noise_finish()    once, after the last window: notes
 */
#ifndef KTSTR_BENCH_HOST_NOISE_H
#define KTSTR_BENCH_HOST_NOISE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/host/counters.h"
#include "bench/host/settings.h"
#include "kvm/statistics.h"
#include "kvm/vm.h"

#define NOISE_WINDOWS_MAX 16 /* a guest may mark as many as it likes: the rest is not read */
#define NOISE_WORKERS_MAX 64
#define NOISE_NOTES_MAX 32
#define NOISE_NOTE_SIZE 160

/* Whom to read. */
struct noise_subject {
	const char *root;    /* "", or a tree with /proc and /sys */
	const struct vm *vm; /* NULL: none, for tests */
	const int *vcpu_tid; /* -1: it has no thread */
	unsigned n_vcpus;
	int reactor_tid;
	struct bits cpus; /* those that vCPUs may use */
	struct bits siblings;
};

/* Of one moment. */
struct noise_mark {
	struct host_counters host;
	struct host_thread *vcpu;
	unsigned n_vcpus;
	struct host_thread reactor, worker[NOISE_WORKERS_MAX];
	unsigned n_workers;
	struct vm_statistics kvm;
	int kvm_error; /* -errno: @kvm is empty */
	int64_t cost_ns;
};

struct noise_window {
	char workload[48];
	unsigned index;
	struct host_counters host;
	struct host_thread *vcpu;
	unsigned n_vcpus;
	struct host_thread reactor;
	int64_t workers_begin, workers_end, workers_on_cpu_ns;
	struct vm_statistics kvm;
	int kvm_error;
	int64_t cost_ns; /* of reading all of it, twice; the guest waits meanwhile */
};

/* What the machine asked of the host. */
enum noise_wish {
	WISH_FIFO,
	WISH_PINNED,
	WISH_NO_PAUSE_EXITS,
	WISH_NO_HLT_EXITS,
	WISH_HALT_POLL,
	WISH_REALTIME,
	WISH_HUGE_PAGES,
	WISH_REACTOR_APART, /* neither the reactor nor a worker may use the CPU of a vCPU */
	NOISE_WISHES
};

/* All zero: empty. */
struct noise {
	struct noise_mark mark; /* the begin of a window that has not ended */
	bool open;
	unsigned marks; /* that were read */
	struct noise_window window[NOISE_WINDOWS_MAX];
	unsigned n_windows;
	struct host_settings settings_begin, settings_end;
	int others_begin, others_end; /* machines that held locks; -errno: not known */
	struct {
		bool asked, refused;
	} wish[NOISE_WISHES];
	bool shared_cpus; /* another machine had one of our CPUs too */
	bool nested;	  /* this host is the nested one */
	char note[NOISE_NOTES_MAX][NOISE_NOTE_SIZE];
	unsigned n_notes;
};

void noise_begin(struct noise *n, const struct noise_subject *s);
/* The window since noise_begin(); without that nothing. */
void noise_end(struct noise *n, const struct noise_subject *s, const char *workload, unsigned index);
void noise_finish(struct noise *n);
void noise_free(struct noise *n);

/* What @asked got, for all vCPUs, by what the kernel says about thread @tid (of vCPU @i). */
struct noise_thread_got {
	int policy; /* of sched_getscheduler(); -1: not known */
	struct bits cpus;
};
void noise_check_thread(struct noise *n, unsigned i, const struct vm_host *asked, const struct noise_thread_got *got);
void noise_check_vm(struct noise *n, const struct vm_host *asked, const struct vm_host_facts *got);
void noise_wish(struct noise *n, enum noise_wish wish, bool got);

__attribute__((format(printf, 2, 3))) void noise_note(struct noise *n, const char *fmt, ...);
/* How many other processes hold locks on CPUs or LLCs, or -errno. */
int noise_other_machines(void);

/*
 * D = 1 + delay / on_cpu: by how much its waits for a CPU lengthened what the thread did. 1 if it neither ran nor
 * waited, infinite if it only waited, NaN if that is not known.
 */
double noise_dilation(const struct host_thread *t);
/* The same as the part of the time, in which it could have run, that it waited: 0..1. */
double noise_waited(const struct host_thread *t);
/*
 * The vCPU that waited most, of those whose D is above @limit; -1: none. One that waited for less than a thousandth of
 * the window, or 1 ms, does not count: it was idle, and what it did took no harm.
 */
int noise_above(const struct noise_window *w, double limit);
/* The mean D of the vCPUs, by the time that each ran. */
double noise_mean_dilation(const struct noise_window *w);
/* The first value of a statistic of KVM's, -1 if there is none of this name. */
int64_t noise_kvm(const struct noise_window *w, const char *name);

/* Key "noise" of a result. */
json_t *noise_json(const struct noise *n);

#endif
