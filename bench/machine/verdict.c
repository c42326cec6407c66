/* SPDX-License-Identifier: GPL-2.0-only */
/* The exit code of a machine that ended, and what is said of it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/machine/state.h"
#include "kvm/trouble.h"

static void print_tail(const char *name, const struct tail *t)
{
	if (!t->len)
		return;
	fprintf(stderr, "--- the guest's %s said last:\n", name);
	fwrite(t->text, 1, t->len, stderr);
	if (t->text[t->len - 1] != '\n')
		fputc('\n', stderr);
}

static void print_panic(const char *text)
{
	size_t n = strlen(text);

	while (n && strchr("\r\n", text[n - 1]))
		n--;
	fprintf(stderr, "%.*s\n", (int)n, text);
}

/* By a fault of its own, or before it said anything: what its CPUs did is all that is known. */
static bool is_sudden(const struct machine *m, enum vm_end end)
{
	return end == VM_HALTED || end == VM_TRIPLE_FAULT || (end == VM_RESET && machine_was_silent(m));
}

static int end_without_code(const struct machine *m, enum vm_end end)
{
	/* A plain VMM's guest reports no exit code; what it wrote was shown. */
	if (!machine_converses(m)) {
		if (end == VM_POWEROFF)
			return EXIT_OK;
		if (is_sudden(m, end))
			machine_print_registers(m);
		if (end == VM_RESET)
			say_error("the guest reset the machine: %s", m->ending.detail);
		else
			say_error("the guest ended by a fault: %s", m->ending.detail);
		if (end == VM_RESET)
			return EXIT_OK;
		return end == VM_TRIPLE_FAULT || end == VM_HALTED ? EXIT_FAILED : EXIT_INTERNAL;
	}
	print_tail("COM1", &m->screen.com[0]);
	print_tail("COM2", &m->screen.com[1]);
	if (is_sudden(m, end))
		machine_print_registers(m);
	say_error("the guest ended (%s%s%s) without an exit code; see what it said with --console --append loglevel=7",
		  vm_end_name(end), *m->ending.detail ? ": " : "", m->ending.detail);
	return EXIT_INTERNAL;
}

/* A command that ended, but whose output was not all taken. */
static int unwritten_code(struct machine *m)
{
	int error = session_output_error(&m->talk.session);

	if (m->ending.unread)
		return EXIT_TIMEOUT;
	if (error == -EPIPE)
		return 128 + SIGPIPE;
	if (error)
		say_error("the command's output can't be written: %s", strerror(-error));
	return error ? EXIT_FAILED : EXIT_OK;
}

/* Never the kernel's own scheduler in the place of the one that was asked for. */
static int command_code(const struct machine *m)
{
	if (!m->o->scheduler || m->talk.session.exit_code || json_is_true(json_object_get(m->talk.scheduler, "held")))
		return m->talk.session.exit_code;
	say_error("--scheduler %s: the guest did not tell that it was there to the end; report this as a fault",
		  m->o->scheduler);
	return EXIT_INTERNAL;
}

/* The guest ran no command on a machine that it was not asked for. */
static bool topology_differs(const struct machine *m)
{
	const json_t *line;
	size_t i;

	if (!json_is_false(json_object_get(m->talk.topology_check, "ok")))
		return false;
	json_array_foreach(json_object_get(m->talk.topology_check, "told"), i, line)
		say_error("topology: %s", json_string_value(line));
	say_error("topology: the guest differs from what was asked in %lld places; ask for another, or use "
		  "--topology-check off",
		  (long long)json_integer_value(json_object_get(m->talk.topology_check, "mismatches")));
	return true;
}

static int verdict(struct machine *m, struct machine_result *result)
{
	enum vm_end end = vm_state(m->vm);
	char text[SIZE_TEXT];
	int rc;

	if (m->ending.signo)
		return 128 + m->ending.signo;
	if (topology_differs(m))
		return EXIT_INTERNAL;
	if (m->talk.session_open && m->talk.session.exited && !m->ending.timed_out) {
		rc = outputs_error(&m->talk.outputs);
		if (rc)
			say_error("--output: %s", m->talk.outputs.why);
		/* A command that failed may have had nothing to write. */
		if (rc)
			return rc == -ENODATA && m->talk.session.exit_code ? m->talk.session.exit_code : EXIT_FAILED;
		result->completed = true;
		rc = command_code(m);
		return rc ? rc : unwritten_code(m);
	}
	if (m->ending.session_error == -EOWNERDEAD) {
		say_error("the scheduler ended (code %d); so does the run", m->talk.session.sched_code);
		return EXIT_FAILED;
	}
	if (m->ending.session_error && m->ending.session_error == session_output_error(&m->talk.session))
		return unwritten_code(m);
	if (m->ending.session_error) {
		say_error("the guest's stream: %s", strerror(-m->ending.session_error));
		return EXIT_INTERNAL;
	}
	if (m->ending.quit)
		return EXIT_OK;
	if (m->ending.timed_out) {
		if (m->talk.session_open && !m->talk.session.payload_ns)
			print_tail("COM1", &m->screen.com[0]);
		if (machine_was_silent(m))
			machine_print_registers(m);
		say_error("the guest did not end within %s; raise --timeout", duration_format(text, m->o->timeout_ns));
		return EXIT_TIMEOUT;
	}
	if (end == VM_PANIC) {
		print_panic(vm_panic_text(m->vm));
		/* Its text has an address alone. */
		if (strstr(vm_panic_text(m->vm), EARLY_MARK))
			machine_print_registers(m);
		say_error("guest panic");
		return EXIT_PANIC;
	}
	return end_without_code(m, end);
}

int machine_verdict(struct machine *m, struct machine_result *result)
{
	int code = verdict(m, result);
	const char *stale = code && !outputs_error(&m->talk.outputs) ? outputs_stale(&m->talk.outputs) : NULL;

	if (stale)
		say_error("--output: %s: did not come; the file there is from before this run", stale);
	return code;
}
