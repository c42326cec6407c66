/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine from machine_create() to machine_end(); between the files of bench/machine only. All of it belongs to the
 * reactor's thread. Its parts are split by who may write them; everybody may read.
 */
#ifndef KTSTR_BENCH_MACHINE_STATE_H
#define KTSTR_BENCH_MACHINE_STATE_H

#include "bench/host/disk_lock.h"
#include "bench/host/noise.h"
#include "bench/machine/archive.h"
#include "bench/machine/job.h"
#include "bench/machine/resolved.h"
#include "bench/machine/run.h"
#include "bench/session/conversation.h"
#include "bench/session/outputs.h"
#include "bench/session/scheduler_output.h"
#include "bench/session/session.h"
#include "virtio/blk.h"
#include "virtio/console.h"
#include "virtio/net.h"

#define SECOND_NS 1000000000ull
#define MACHINE_QUIESCE_NS (5 * SECOND_NS) /* for a disk's requests in flight */

#define TAIL_SIZE 4096u

/* The last bytes that were written to a serial port. */
struct tail {
	size_t len;
	char text[TAIL_SIZE];
};

/* What the guest boots from: written by create.c, dropped once the guest's memory has it. */
struct machine_boot {
	char *cmdline; /* stays, for the facts */
	struct machine_archive archive;
	int kernel_fd;	     /* the ELF of a bzImage, or 0: the image itself */
	json_t *fingerprint; /* stays, for the facts; NULL: the job wants none */
};

/* What host and guest say to each other: written by session.c, closed by end.c. */
struct machine_talk {
	struct conversation conversation;
	struct session session; /* with a command or a shell */
	bool session_open;
	struct outputs outputs;
	json_t *topology_check; /* what the guest's init found, or NULL */
	json_t *scheduler;	/* the last report of bpf/loader.c, or NULL */
	struct scheduler_output scheduler_output;
};

/* The screen and keys of a guest: written by terminal.c, closed by end.c. */
struct machine_screen {
	struct source keys; /* a plain VMM's: stdin to COM1 */
	struct sink out;    /* a plain VMM's: COM1 and hvc0 to stdout */
	struct sink echo;   /* --console: COM1, COM2 and hvc0 to stderr */
	struct tail com[2];
	struct timer let_go; /* hvc0 is held for a slow screen until then */
	uint64_t unshown;    /* bytes lost to MACHINE_SCREEN_MAX */
};

/*
 * What ends the machine. Anybody may ask for the end by machine_ask_end(); the first reason stays. The rest is written
 * by run.c and end.c.
 *
 *   phase     from                       what happens in it
 *   CREATED   machine_create()           nothing: no vCPU runs
 *   RUNS      machine_start()            the guest runs, until an end is asked for
 *   WRITES    the end was asked for      vCPUs are stopped; what the guest wrote goes out
 *   QUIESCES  output is out or given up  requests of disks in flight come to their end
 *   RESTS     none are left, or 5 s      nothing: machine_end() can make the result
 */
enum machine_phase { MACHINE_CREATED, MACHINE_RUNS, MACHINE_WRITES, MACHINE_QUIESCES, MACHINE_RESTS };

struct machine_ending {
	enum machine_phase phase;
	bool asked;
	int code;	    /* an exit code that was decided before the guest's end: create or start failed; or 0 */
	int signo;	    /* the signal that ended it, or 0 */
	bool quit;	    /* the user's escape key, or a command */
	bool timed_out;	    /* --timeout */
	bool unread;	    /* the output's reader stalled */
	int session_error;  /* negative errno, or 0 */
	char detail[256];   /* of the VM's end */
	bool started;	    /* vCPUs ran */
	unsigned in_flight; /* requests of disks that did not come to their end */
	uint64_t start_ns, end_ns;
	uint64_t until_ns;		       /* WRITES goes on at least until then, QUIESCES at most */
	struct timer deadline;		       /* --timeout */
	struct timer power_off;		       /* the guest's patience once it was asked to go */
	struct timer silence;		       /* looks whether a guest that said nothing yet will ever do so */
	uint64_t guest_resident, own_resident; /* bytes when the guest ended; 0: unknown */
};

struct machine {
	/* Constant from machine_create() to machine_end(). */
	const struct machine_resolved *resolved;
	const struct machine_spec *o; /* what was asked for, of resolved */
	struct machine_job job;
	struct reactor *r;
	struct vm *vm;
	struct console *console;
	struct blk *blk[MACHINE_DISKS_MAX];
	struct disk_times *disk_times[MACHINE_DISKS_MAX]; /* NULL: not watched */
	struct disk_lock disk_lock[MACHINE_DISKS_MAX];
	struct net *net;
	uint64_t poll_ns; /* the longest busy-wait of the reactor */
	const char *poll_reason;
	struct register_page registers;
	struct noise *noise; /* NULL: the job does not watch the host. Written by noise.c */

	struct machine_boot boot;
	struct machine_talk talk;
	struct machine_screen screen;
	struct machine_ending ending;
};

/* Bytes that wait for a terminal: above HIGH the guest is slowed down, above MAX they are lost. */
#define MACHINE_SCREEN_HIGH (256u << 10)
#define MACHINE_SCREEN_MAX (64u << 20)

/* Whether the guest's init is ours. */
bool machine_converses(const struct machine *m);

/* run.c: the machine is to end; its reason was noted. From any handler. */
void machine_ask_end(struct machine *m);
/* run.c: handlers of the VM and of the timers in struct machine_ending. */
void machine_on_vm_end(void *ctx, enum vm_end end, const char *detail);
void machine_on_deadline(struct timer *t);
void machine_on_power_off_late(struct timer *t);
/* run.c: the guest's init reported the exit code, or @code < 0. */
void machine_on_session_end(void *ctx, int code);

/* end.c: leave the phase RUNS. The vCPUs are stopped and what the console holds is taken. */
void machine_begin_end(struct machine *m);
/* end.c: whether all that the guest wrote is written. */
bool machine_written(const struct machine *m);
/* end.c: free all that machine_create() made, as far as it came. */
void machine_free(struct machine *m);

/* session.c: 0 or -errno. */
int machine_session_open(struct machine *m);

/* noise.c: a window begins, or the command; it ends. */
void machine_noise_begin(struct machine *m);
void machine_noise_end(struct machine *m, const char *workload, unsigned index);
void machine_noise_command_end(struct machine *m);
/* For the result, with its notes; the caller's. NULL: nobody watched. */
struct noise *machine_noise_take(struct machine *m);

/* silent.c: end a guest that said nothing and never will. */
void machine_on_silence(struct timer *t);
/* Whether it ended before it said anything (its init, where that is ours). */
bool machine_was_silent(const struct machine *m);
/* What its CPUs were doing, on stderr. */
void machine_print_registers(const struct machine *m);

/* verdict.c: the exit code, with its reason on stderr. */
int machine_verdict(struct machine *m, struct machine_result *result);

/* terminal.c: --console. 0 or -errno. */
int machine_echo_open(struct machine *m);
/* terminal.c: screen and keys of a plain VMM. 0 or -errno. */
int machine_screen_open(struct machine *m);
/* terminal.c: what the guest logs or prints, for screen or echo. */
void machine_show(struct machine *m, struct sink *s, const uint8_t *data, size_t len);
/* terminal.c: bytes of COM1 or COM2; COM1 has room for input again. */
void machine_on_serial(void *ctx, unsigned port, const uint8_t *data, size_t len);
void machine_on_serial_room(void *ctx);

/* reactor.c: choose the busy-wait of the reactor. */
void machine_reactor_prepare(struct machine *m);
/* From its thread. */
json_t *machine_reactor_facts(const struct machine *m);
json_t *machine_held_facts(const struct reactor_counters *c);

/* disks.c: 0 or -errno with @why. */
int machine_disk_open(struct machine *m, unsigned i, char *why, size_t why_size);
void machine_disks_unlock(struct machine *m);
void machine_disk_facts(const struct machine *m, unsigned i, json_t *object);

/* facts.c: note what memory is resident, the guest's and all else. */
void machine_resident(struct machine *m);
json_t *machine_facts(struct machine *m, int code);

#endif
