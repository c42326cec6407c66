/* SPDX-License-Identifier: GPL-2.0-only */
/* A machine from its start until it is at rest: its steps, its commands, and what ends it. */
#include "bench/machine/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/say.h"
#include "bench/host/remedy.h"
#include "bench/machine/state.h"
#include "reactor/container.h"

#define POWER_OFF_NS (20 * SECOND_NS) /* for the guest, once it reported its exit code */
#define SHUTDOWN_NS (10 * SECOND_NS)  /* for the guest, from the wake byte to its exit code */

/* --- what ends it ------------------------------------------------------- */

void machine_ask_end(struct machine *m)
{
	m->ending.asked = true;
	reactor_stop(m->r);
}

void machine_on_vm_end(void *ctx, enum vm_end end, const char *detail)
{
	char message[REMEDY_MESSAGE];
	struct machine *m = ctx;

	(void)end;
	snprintf(m->ending.detail, sizeof(m->ending.detail), "%s",
		 remedy_message(message, vm_end_fault(m->vm), detail ? detail : ""));
	machine_ask_end(m);
}

void machine_on_deadline(struct timer *t)
{
	struct machine *m = container_of(t, struct machine, ending.deadline);

	/* On its way out already. */
	if (m->talk.session.exited)
		return;
	m->ending.timed_out = true;
	/* The guest can still send what it wrote so far, its files and its log. */
	if (m->talk.session.payload_ns && !m->job.shell && !conversation_wake(&m->talk.conversation, WAKE_VC_SHUTDOWN))
		timer_set(&m->ending.power_off, monotonic_ns() + SHUTDOWN_NS);
	else
		machine_ask_end(m);
}

void machine_on_power_off_late(struct timer *t)
{
	machine_ask_end(container_of(t, struct machine, ending.power_off));
}

static bool has_disk_to_keep(const struct machine_spec *o)
{
	for (unsigned i = 0; i < o->n_disks; i++)
		if (*o->disk[i].path && !o->disk[i].read_only)
			return true;
	return false;
}

void machine_on_session_end(void *ctx, int code)
{
	struct machine *m = ctx;

	/* The escape key. */
	m->ending.quit |= code == -ECANCELED;
	machine_noise_command_end(m);
	if (code < 0 && !m->ending.quit && !m->ending.session_error)
		m->ending.session_error = code;
	/* The guest's disks are written when the code comes; to be clean they must be unmounted too. */
	if (code >= 0 && has_disk_to_keep(m->o) && !session_acknowledge(&m->talk.session)) {
		timer_set(&m->ending.power_off, monotonic_ns() + POWER_OFF_NS);
		return;
	}
	machine_ask_end(m);
}

/* --- commands ----------------------------------------------------------- */

static void command_end(struct machine *m, int signo)
{
	if (!m->ending.signo)
		m->ending.signo = signo;
	m->ending.quit |= !signo;
	machine_ask_end(m);
}

int machine_command(struct machine *m, const struct machine_command *command)
{
	if (command->what == MACHINE_END) {
		command_end(m, command->signo);
		return 0;
	}
	if (m->ending.phase != MACHINE_RUNS)
		return -ESHUTDOWN;
	switch (command->what) {
	case MACHINE_WINDOW:
		return m->job.shell ? session_window(&m->talk.session, command->rows, command->columns) : -EINVAL;
	case MACHINE_WAKE:
		return machine_converses(m) ? conversation_wake(&m->talk.conversation, command->byte) : -EINVAL;
	default:
		return -EINVAL;
	}
}

/* --- start -------------------------------------------------------------- */

int machine_start(struct machine *m)
{
	struct vm_error err;

	/* A plain VMM's guest has the terminal from its first byte on; a shell has it when it starts. */
	if (!machine_converses(m) && m->job.terminal)
		m->job.terminal(m->job.terminal_ctx);
	if (vm_start(m->vm, &err)) {
		remedy_say(&err);
		return m->ending.code = EXIT_UNAVAILABLE;
	}
	m->ending.started = true;
	m->ending.phase = MACHINE_RUNS;
	timer_set(&m->ending.silence, monotonic_ns() + SECOND_NS);
	/* The guest's memory has it now. */
	machine_archive_free(&m->boot.archive);
	if (m->boot.kernel_fd)
		close(m->boot.kernel_fd);
	m->boot.kernel_fd = 0;
	if (m->o->verbose)
		fprintf(stderr, "ktstr: %u CPUs run %s\n", m->resolved->cpus, m->resolved->image);
	return 0;
}

/* --- steps -------------------------------------------------------------- */

static int turn(struct machine *m, uint64_t deadline_ns)
{
	return deadline_ns == MACHINE_NO_DEADLINE ? reactor_step(m->r, true) : reactor_step_until(m->r, deadline_ns);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void step_running(struct machine *m, uint64_t deadline_ns)
{
	int rc = 0;

	if (!m->ending.asked)
		rc = deadline_ns == MACHINE_NO_DEADLINE ? reactor_run(m->r) : turn(m, deadline_ns);
	if (rc < 0) {
		say_error("reactor: %s", strerror(-rc));
		m->ending.code = EXIT_INTERNAL;
	}
	if (rc < 0 || m->ending.asked)
		machine_begin_end(m);
}

/* A reader may be as slow as it likes; only a signal and --timeout cut it short. */
static void step_writing(struct machine *m, uint64_t deadline_ns)
{
	struct machine_ending *e = &m->ending;
	uint64_t patience = MACHINE_NO_DEADLINE;
	int rc = 0;

	if (m->o->timeout_ns) {
		patience = e->start_ns + m->o->timeout_ns;
		if (patience < e->until_ns)
			patience = e->until_ns;
	}
	if (!machine_written(m) && !e->signo) {
		rc = turn(m, earlier(patience, deadline_ns));
		e->unread = !machine_written(m) && monotonic_ns() >= patience;
	}
	if (rc >= 0 && !machine_written(m) && !e->signo && !e->unread)
		return;
	e->phase = MACHINE_QUIESCES;
	e->until_ns = monotonic_ns() + MACHINE_QUIESCE_NS;
}

static void step_quiescing(struct machine *m, uint64_t deadline_ns)
{
	struct machine_ending *e = &m->ending;
	int rc = 0;

	e->in_flight = 0;
	for (unsigned i = 0; i < m->o->n_disks; i++)
		e->in_flight += m->blk[i] ? blk_quiesce(m->blk[i]) : 0;
	if (e->in_flight)
		rc = turn(m, earlier(e->until_ns, deadline_ns));
	if (!e->in_flight || rc < 0 || (!rc && monotonic_ns() >= e->until_ns))
		e->phase = MACHINE_RESTS;
}

bool machine_step(struct machine *m, uint64_t deadline_ns)
{
	switch (m->ending.phase) {
	case MACHINE_CREATED:
		machine_begin_end(m);
		break;
	case MACHINE_RUNS:
		step_running(m, deadline_ns);
		break;
	case MACHINE_WRITES:
		step_writing(m, deadline_ns);
		break;
	case MACHINE_QUIESCES:
		step_quiescing(m, deadline_ns);
		break;
	case MACHINE_RESTS:
		break;
	}
	return m->ending.phase != MACHINE_RESTS;
}
