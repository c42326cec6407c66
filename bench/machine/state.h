/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine while it runs; between the machine_*.c only. */
#ifndef KTSTR_BENCH_MACHINE_STATE_H
#define KTSTR_BENCH_MACHINE_STATE_H

#include "bench/host/claim.h"
#include "bench/machine/archive.h"
#include "bench/machine/job.h"
#include "bench/session/conversation.h"
#include "bench/session/outputs.h"
#include "bench/session/scheduler_output.h"
#include "bench/session/session.h"
#include "virtio/blk.h"
#include "virtio/console.h"
#include "virtio/net.h"

#define TAIL_SIZE 4096u

struct tail {
	size_t len;
	char text[TAIL_SIZE];
};

struct machine {
	const struct machine_options *o;
	const struct machine_job *job;
	struct reactor *r;
	struct vm *vm;
	struct console *console;
	struct blk *blk[MACHINE_DISKS_MAX];
	struct disk_times *disk_times[MACHINE_DISKS_MAX]; /* NULL: not watched */
	int disk_lock[MACHINE_DISKS_MAX];		  /* descriptors that keep the images from others; 0: none */
	struct net *net;
	struct machine_host *host;
	uint64_t poll_ns; /* the reactor's busy-wait at most */
	const char *poll_reason;
	struct register_page registers;
	char *cmdline;
	struct machine_archive archive;
	int kernel_fd; /* the ELF of a bzImage, or 0: the image itself */

	struct conversation conversation;
	struct session session; /* with a command or a shell */
	struct outputs outputs;
	bool session_open, outputs_open;
	json_t *topology_check; /* the guest's word, or NULL */
	json_t *scheduler;	/* what bpf/loader.c told of it last, or NULL */
	struct scheduler_output scheduler_output;
	struct source keys; /* without one: stdin to COM1, COM1 and hvc0 to stdout */
	struct sink screen;
	struct sink echo; /* --console */
	struct tail com[2];
	struct signals signals;
	struct timer deadline, power_off;
	struct timer let_go;  /* of hvc0, held for a slow screen */
	struct timer silence; /* until the guest says something */
	uint64_t unshown;     /* bytes lost to MACHINE_SCREEN_MAX */

	bool started; /* vCPUs run */
	int signo;    /* that ended it, or 0 */
	bool timed_out;
	bool unread;	   /* the output was not read in time */
	bool quit;	   /* the user's escape key */
	int session_error; /* negative errno, or 0 */
	char detail[256];  /* of the VM's end */
	uint64_t start_ns, end_ns;
	uint64_t guest_resident, own_resident; /* bytes, when the guest ended; 0: not told */
};

/* Bytes that wait for a terminal: from here on the guest is slowed down, and from there on they are lost. */
#define MACHINE_SCREEN_HIGH (256u << 10)
#define MACHINE_SCREEN_MAX (64u << 20)

/* A guest whose init is ours. */
bool machine_converses(const struct machine *m);

/* machine.c. The guest told its exit code, or @code < 0. */
void machine_on_session_end(void *ctx, int code);
/* machine/session.c. 0 or -errno. */
int machine_session_open(struct machine *m);
/* machine/silent.c. Look whether a guest that said nothing yet will ever do so, again and again. */
void machine_on_silence(struct timer *t);
/* It ended before it said anything (its init, where that is ours). */
bool machine_was_silent(const struct machine *m);
/* What its CPUs were doing, on stderr. */
void machine_print_registers(const struct machine *m);
/* machine/verdict.c. The exit code, with its reason on stderr. */
int machine_verdict(struct machine *m, struct machine_result *result);

/* machine/terminal.c. Screen and keys of a plain VMM: 0 or -errno. */
int machine_screen_open(struct machine *m);
/* Ours is the guest's from here on, if it is one. */
void machine_terminal_raw(void);
/* What the guest logs or prints, for screen or echo. */
void machine_show(struct machine *m, struct sink *s, const uint8_t *data, size_t len);
/* Tell a shell the terminal's size. */
void machine_window(struct machine *m);
void machine_on_let_go(struct timer *t);
void machine_on_serial_room(void *ctx);

/* machine/reactor.c. The ring is there, and so is m->host: choose its busy-wait. */
void machine_reactor_prepare(struct machine *m);
/* From its thread. */
json_t *machine_reactor_facts(const struct machine *m);

/* machine/disks.c. 0 or -errno with @why. */
int machine_disk_open(struct machine *m, unsigned i, char *why, size_t why_size);
void machine_disks_unlock(struct machine *m);
void machine_disk_facts(const struct machine *m, unsigned i, json_t *object);

/* machine/facts.c. Note what memory is resident: the guest's, and all else. */
void machine_resident(struct machine *m);
json_t *machine_facts(struct machine *m, int code);

#endif
