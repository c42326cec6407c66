/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of a machine: it comes to rest, its result is made, and everything is closed in one order. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/json.h"
#include "bench/base/say.h"
#include "bench/machine/state.h"

/* --- to rest ------------------------------------------------------------ */

void machine_begin_end(struct machine *m)
{
	struct machine_ending *e = &m->ending;

	e->end_ns = monotonic_ns();
	/* Before the facts are made, which take memory of their own. */
	if (e->started)
		machine_resident(m);
	vm_stop(m->vm);
	/* Nobody is left to take input. */
	source_shut(&m->screen.keys);
	source_shut(&m->talk.session.in);
	timer_clear(&e->deadline);
	timer_clear(&e->power_off);
	timer_clear(&e->silence);
	timer_clear(&m->screen.let_go);
	conversation_stop(&m->talk.conversation);
	if (m->console && e->started)
		console_final_drain(m->console);
	e->phase = MACHINE_WRITES;
	e->until_ns = monotonic_ns() + MACHINE_QUIESCE_NS;
}

bool machine_written(const struct machine *m)
{
	const struct machine_talk *t = &m->talk;

	if (t->session_open && !session_written(&t->session))
		return false;
	if (!events_idle(&t->conversation.events) || !scheduler_output_idle(&t->scheduler_output))
		return false;
	return (!m->screen.out.r || sink_idle(&m->screen.out)) && (!m->screen.echo.r || sink_idle(&m->screen.echo));
}

bool machine_gave_up(const struct machine *m)
{
	return m->ending.unread || m->ending.signo;
}

static void say_losses(const struct machine *m)
{
	uint64_t truncated = m->net ? net_counters(m->net)->rx_truncated : 0;

	if (m->ending.unread)
		say_error("the output's reader stalled; the rest of the output is discarded; raise --timeout");
	if (m->screen.unshown)
		say_error("%" PRIu64 " bytes of the guest's console are lost: the terminal did not take them",
			  m->screen.unshown);
	if (truncated)
		say_error("--net: %" PRIu64
			  " frames were longer than the guest's buffers and were truncated; give it mtu=N",
			  truncated);
}

/* --- closing ------------------------------------------------------------ */

/*
 * The order of closing, which tests/bench/machine/test_ends.sh pins:
 *  1. shut:     no handler is called any more, nothing new begins. Nothing here steps the ring.
 *  2. streams:  console, session, conversation, screen.
 *  3. devices:  disks and network; what they have in flight comes to its end.
 *  4. VM:       guest memory goes, once no device uses it.
 *  5. ring:     last, for all of the above step it.
 * Closing a stream and destroying a device step the ring, where the handlers of all others would run: hence 1.
 */
static void shut(struct machine *m)
{
	vm_remove_devices(m->vm);
	source_shut(&m->screen.keys);
	session_shut(&m->talk.session);
	conversation_shut(&m->talk.conversation);
	sink_shut(&m->screen.out);
	sink_shut(&m->screen.echo);
	sink_shut(&m->talk.scheduler_output.file);
	timer_close(&m->screen.let_go);
	timer_close(&m->ending.silence);
	timer_close(&m->ending.power_off);
	timer_close(&m->ending.deadline);
}

static void close_streams(struct machine *m)
{
	if (m->console)
		console_destroy(m->console);
	m->console = NULL;
	source_close(&m->screen.keys);
	if (m->talk.session_open)
		session_close(&m->talk.session);
	scheduler_output_close(&m->talk.scheduler_output);
	conversation_close(&m->talk.conversation);
	sink_close(&m->screen.out);
	sink_close(&m->screen.echo);
}

/* False: I/O of a device on guest memory did not end. */
static bool close_devices(struct machine *m)
{
	bool idle = true;

	for (unsigned i = 0; i < m->o->n_disks; i++)
		if (m->blk[i] && blk_destroy(m->blk[i], MACHINE_QUIESCE_NS))
			idle = false;
	/* Only now may others write the images: a request that did not end may still write itself. */
	if (idle)
		machine_disks_unlock(m);
	if (m->net && net_destroy(m->net))
		idle = false;
	return idle;
}

/* Memory that a request may still use must stay, and so must the ring: the process ends soon, with all of it. */
static void close_all(struct machine *m)
{
	if (m->vm) {
		if (m->ending.in_flight)
			return;
		shut(m);
		close_streams(m);
		if (!close_devices(m))
			return;
		vm_destroy(m->vm);
	}
	if (m->r)
		reactor_destroy(m->r, MACHINE_QUIESCE_NS);
}

void machine_free(struct machine *m)
{
	while (m->vm && machine_step(m, MACHINE_NO_DEADLINE))
		;
	close_all(m);
	outputs_free(&m->talk.outputs);
	json_decref(m->talk.scheduler);
	json_decref(m->talk.topology_check);
	for (unsigned i = 0; i < m->o->n_disks; i++)
		free(m->disk_times[i]);
	if (m->noise)
		noise_free(m->noise);
	free(m->noise);
	machine_archive_free(&m->boot.archive);
	if (m->boot.kernel_fd)
		close(m->boot.kernel_fd);
	free(m->boot.cmdline);
	json_decref(m->boot.fingerprint);
	free(m);
}

/* --- the result --------------------------------------------------------- */

static void not_written(const char *option, const char *path, int error, int *code)
{
	say_error("%s %s: can't be written: %s", option, path, strerror(error));
	if (!*code)
		*code = EXIT_FAILED;
}

static int write_stats(const char *path, const json_t *facts)
{
	return json_put_file(path, facts, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
}

/* The last event is the end, which is known only now. */
static void write_results(struct machine *m, const json_t *facts, int *code)
{
	const uint64_t deadline_ns = monotonic_ns() + MACHINE_QUIESCE_NS;
	int rc;

	rc = m->o->stats ? write_stats(m->o->stats, facts) : 0;
	if (rc)
		not_written("--stats", m->o->stats, -rc, code);
	rc = events_flush(&m->talk.conversation.events, deadline_ns);
	if (rc)
		not_written("--events", m->o->conversation.events, -rc, code);
	rc = scheduler_output_flush(&m->talk.scheduler_output, deadline_ns);
	if (rc)
		not_written("--scheduler-log", m->o->scheduler_log, -rc, code);
}

int machine_end(struct machine *m, struct machine_result *result)
{
	struct machine_ending *e = &m->ending;
	int code;

	memset(result, 0, sizeof(*result));
	if (e->phase == MACHINE_RUNS)
		machine_ask_end(m);
	while (machine_step(m, MACHINE_NO_DEADLINE))
		;
	outputs_end(&m->talk.outputs, m->talk.session.exited && !e->timed_out && !e->signo);
	say_losses(m);
	code = e->code || !e->started ? e->code : machine_verdict(m, result);
	if (e->started) {
		result->noise = machine_noise_take(m);
		result->facts = machine_facts(m, code);
		write_results(m, result->facts, &code);
	}
	if (e->in_flight) {
		say_error("%u requests of disks did not end within 5 s; see what is below them", e->in_flight);
		code = code ? code : EXIT_INTERNAL;
	}
	machine_free(m);
	return result->code = code;
}
