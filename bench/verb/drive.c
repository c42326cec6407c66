/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/verb/drive.h"

#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/base/say.h"
#include "bench/base/terminal.h"
#include "bench/host/claim.h"
#include "bench/machine/run.h"
#include "reactor/container.h"
#include "reactor/reactor.h"

struct drive {
	struct machine *m;
	struct machine_job job;
	struct signals signals;
};

/* --- the terminal ------------------------------------------------------- */

static void send_window(struct drive *d)
{
	struct machine_command c = { .what = MACHINE_WINDOW };

	if (d->job.shell && terminal_size(&c.rows, &c.columns))
		machine_command(d->m, &c);
}

static void on_terminal(void *ctx)
{
	struct drive *d = ctx;

	/* Before the mode changes: in raw mode a line does not begin at the left by itself. */
	if (isatty(STDIN_FILENO))
		fprintf(stderr, "ktstr: Ctrl-] ends the machine\n");
	terminal_raw();
	send_window(d);
}

/* --- signals ------------------------------------------------------------ */

static void on_signal(struct signals *s, int signo)
{
	struct drive *d = container_of(s, struct drive, signals);
	const struct machine_command c = { .what = MACHINE_END, .signo = signo };

	if (signo == SIGWINCH)
		send_window(d);
	else
		machine_command(d->m, &c);
}

/* Before the vCPU threads are made, which inherit the mask. */
static int watch_signals(struct drive *d)
{
	static const int signos[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH };
	int rc = signals_watch(machine_reactor(d->m), &d->signals, signos, sizeof(signos) / sizeof(*signos), on_signal);

	if (!rc)
		return 0;
	say_error("signals: %s; %s", strerror(-rc), say_limit(-rc));
	return EXIT_INTERNAL;
}

/* --- memory ------------------------------------------------------------- */

static int forget_program(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	(void)ctx;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t at = info->dlpi_addr + p->p_vaddr, from = at & ~4095ul;

		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W))
			madvise((void *)from, at + p->p_memsz - from, MADV_DONTNEED);
	}
	return 1; /* the first is this program */
}

/*
 * Give back what the start needed and the run does not: pages of the heap, and of this program, which come back from
 * the page cache where they are needed again. The guest runs meanwhile.
 */
static void forget_start(void)
{
	malloc_trim(0);
	dl_iterate_phdr(forget_program, NULL);
}

/* --- the machine -------------------------------------------------------- */

static int start(struct drive *d)
{
	int rc = watch_signals(d);

	if (!rc)
		rc = machine_host_apply(d->job.host, machine_reactor(d->m));
	if (!rc)
		rc = machine_start(d->m);
	if (!rc)
		forget_start();
	return rc;
}

static int run(struct drive *d, const struct machine_resolved *r, struct machine_result *result)
{
	int code = machine_create(&d->m, r, &d->job), end;

	if (code)
		return code;
	code = start(d);
	while (machine_step(d->m, MACHINE_NO_DEADLINE))
		;
	if (machine_gave_up(d->m))
		terminal_leave_stuck_stderr();
	terminal_restore();
	/* What is left may wait for ever: a fifo of --stats that nobody reads. A signal may cut it short. */
	signals_unwatch(&d->signals);
	end = machine_end(d->m, result);
	return code ? code : end;
}

int drive_machine(const struct machine_resolved *r, const struct machine_job *job, struct machine_result *result)
{
	void (*sigpipe)(int) = signal(SIGPIPE, SIG_IGN);
	struct drive d = { .job = *job };
	int code;

	memset(result, 0, sizeof(*result));
	d.job.terminal = on_terminal;
	d.job.terminal_ctx = &d;
	d.job.escape = (job->shell || !job->argv) && isatty(STDIN_FILENO) ? TERMINAL_ESCAPE : 0;
	code = machine_host_take(&d.job.host, &r->host_cpus, &r->topology);
	if (!code)
		code = run(&d, r, result);
	machine_host_free(d.job.host);
	signal(SIGPIPE, sigpipe);
	return result->code = code;
}
