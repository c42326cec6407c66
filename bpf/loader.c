/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr-scx NAME [CMD...]: in a guest, makes one of our schedulers, or the one
 * that a program brings, the kernel's, runs CMD under it (or waits for SIGTERM), takes it off, and says
 * why it went. On the descriptor KTSTR_METRIC_FD it tells, in JSON, what the
 * kernel said of the scheduler at CMD's start and at its end.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/scheduler.h"
#include "guest-init/environment.h"

#define EXIT_USAGE 64
#define GRACE_MS 5000 /* of CMD, between SIGTERM and SIGKILL, when its scheduler is gone */
#define EVENTS "/sys/kernel/sched_ext/root/events"

struct job {
	const char *scheduler;
	char **argv; /* NULL: none */
	FILE *metrics;
	pid_t child; /* 0: none */
	int signals;
	bool held;  /* to the end of CMD */
	bool asked; /* by SIGTERM or SIGINT, to end */
	int code;
};

/* --- what is told --------------------------------------------------------- */

/* "NAME VALUE" lines as members of an object. */
static void print_events(FILE *f)
{
	FILE *events = fopen(EVENTS, "re");
	unsigned long long value;
	const char *comma = "";
	char name[64];

	fputs(",\"events\":{", f);
	while (events && fscanf(events, "%63[A-Z_a-z0-9] %llu ", name, &value) == 2) {
		fprintf(f, "%s\"%s\":%llu", comma, name, value);
		comma = ",";
	}
	putc('}', f);
	if (events)
		fclose(events);
}

static void print_text(FILE *f, const char *name, const char *text)
{
	char json[6 * SCX_EXIT_MSG_SIZE + 3];

	environment_quote(json, sizeof(json), text);
	fprintf(f, ",\"%s\":%s", name, json);
}

static void tell_start(const struct job *job, const struct scheduler *s)
{
	FILE *f = job->metrics;

	if (!f)
		return;
	fprintf(f, "{\"sched_ext\":{\"phase\":\"start\"");
	print_text(f, "name", s->name);
	print_text(f, "ops", s->ops);
	fprintf(f, ",\"enable_seq\":%" PRIu64 "}}\n", s->enable_seq);
	fflush(f);
}

/* @events: of print_events() while it was attached. */
static void tell_end(const struct job *job, const struct scheduler *s, const char *events)
{
	FILE *f = job->metrics;

	if (!f)
		return;
	fprintf(f, "{\"sched_ext\":{\"phase\":\"end\"");
	print_text(f, "name", s->name);
	print_text(f, "ops", s->ops);
	fprintf(f, ",\"enable_seq\":%" PRIu64 ",\"held\":%s%s", s->enable_seq, job->held ? "true" : "false", events);
	/* The kernel's record is ours to read only of a scheduler of ours. */
	if (s->object)
		fprintf(f, ",\"exit\":{\"kind\":%d", s->exit.kind);
	else
		fputs(",\"exit\":{\"kind\":null", f);
	fprintf(f, ",\"code\":%lld", s->exit.code);
	print_text(f, "reason", s->exit.reason);
	print_text(f, "msg", s->exit.msg);
	fputs("}}}\n", f);
	fflush(f);
}

static void say_exit(const struct job *job, const struct scheduler *s)
{
	const char *colon = *s->exit.msg ? ": " : "";

	if (!s->exited) {
		scheduler_say(s, "detached; the kernel gave no reason");
		return;
	}
	if (job->held && s->exit.kind < SCHEDULER_EXIT_ERROR) {
		scheduler_say(s, "detached: %s", s->exit.reason);
		return;
	}
	if (*s->exit.dump)
		fprintf(stderr, "%s\n", s->exit.dump);
	if (s->object)
		scheduler_say(s, "kicked out by the kernel: %s%s%s (kind %d, code %lld)", s->exit.reason, colon,
			      s->exit.msg, s->exit.kind, s->exit.code);
	else
		scheduler_say(s, "it was not the scheduler to the end: %s", s->exit.reason);
}

/* --- the command -------------------------------------------------------- */

static int signals_open(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return sigprocmask(SIG_BLOCK, &set, before) ? -1 : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int child_start(struct job *job, const sigset_t *mask)
{
	job->child = fork();
	if (job->child < 0) {
		fprintf(stderr, "ktstr-scx: %s: %s\n", job->argv[0], strerror(errno));
		return SCHEDULER_INTERNAL;
	}
	if (job->child)
		return 0;
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(job->argv[0], job->argv);
	fprintf(stderr, "ktstr-scx: %s: %s in the guest\n", job->argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static void child_reap(struct job *job)
{
	int status;

	if (job->child <= 0 || waitpid(job->child, &status, WNOHANG) != job->child)
		return;
	job->child = 0;
	job->code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void on_signals(struct job *job)
{
	struct signalfd_siginfo info;

	while (read(job->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			child_reap(job);
			continue;
		}
		job->asked = true;
		if (job->child > 0)
			kill(job->child, (int)info.ssi_signo);
	}
}

static bool is_over(const struct job *job)
{
	return job->argv ? !job->child : job->asked;
}

/* Until CMD has ended, or the scheduler. */
static void watch(struct job *job, struct scheduler *s)
{
	struct pollfd fds[] = { { .fd = job->signals, .events = POLLIN }, { .fd = scheduler_fd(s), .events = POLLIN } };

	while (!is_over(job) && !s->exited) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		on_signals(job);
		scheduler_poll(s, 0);
	}
}

/* What CMD still does would be under another scheduler than was asked for. */
static void child_end(struct job *job)
{
	struct pollfd fd = { .fd = job->signals, .events = POLLIN };

	if (job->child <= 0)
		return;
	kill(job->child, SIGTERM);
	if (poll(&fd, 1, GRACE_MS) > 0)
		on_signals(job);
	if (job->child > 0)
		kill(job->child, SIGKILL);
	while (job->child > 0 && poll(&fd, 1, -1) > 0)
		on_signals(job);
}

static int run(struct job *job, struct scheduler *s)
{
	char *events = NULL;
	sigset_t before;
	size_t size;
	FILE *f;
	int rc;

	job->signals = signals_open(&before);
	if (job->signals < 0) {
		fprintf(stderr, "ktstr-scx: signals: %s\n", strerror(errno));
		return SCHEDULER_INTERNAL;
	}
	rc = scheduler_attach(s, job->scheduler);
	if (rc)
		return rc;
	tell_start(job, s);
	rc = job->argv ? child_start(job, &before) : 0;
	if (rc)
		return rc;
	watch(job, s);
	job->held = scheduler_holds(s);
	f = open_memstream(&events, &size);
	if (f) {
		print_events(f);
		fclose(f);
	}
	child_end(job);
	scheduler_detach(s);
	say_exit(job, s);
	tell_end(job, s, events ? events : "");
	free(events);
	return job->held && s->exited && s->exit.kind < SCHEDULER_EXIT_ERROR ? job->code : SCHEDULER_FAILED;
}

/* --- command line ------------------------------------------------------- */

static void list(FILE *f)
{
	for (const struct scheduler_object *o = scheduler_objects; o->name; o++)
		fprintf(f, "%s\n", o->name);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct job *job = state->input;

	switch (key) {
	case 'l':
		list(stdout);
		exit(0);
	case ARGP_KEY_ARG:
		if (!job->scheduler) {
			job->scheduler = arg;
			if (!scheduler_known(arg))
				argp_error(state, "%s: no such scheduler; see --list", arg);
			return 0;
		}
		job->argv = state->argv + state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "no scheduler named; see --list");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "list", 'l', NULL, 0, "Print the names of the schedulers", 0 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NAME [-- CMD [ARG...]]",
	.doc = "Run CMD with a scheduler of ktstr's as the kernel's; without CMD, until SIGTERM. A NAME with a / in it "
	       "is "
	       "a program that brings a scheduler, and its arguments; it is ended by SIGINT.\v"
	       "The exit code is CMD's; 1 when the scheduler ended before (CMD is ended then, too), 64 for "
	       "a "
	       "word that is not understood, 69 for a kernel without sched_ext, 70 when the kernel refuses the "
	       "scheduler.",
};

const char *argp_program_version = "ktstr-scx " KTSTR_VERSION;

int main(int argc, char **argv)
{
	static struct scheduler scheduler;
	struct job job = { 0 };
	const char *fd;
	int code;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &job);
	fd = getenv("KTSTR_METRIC_FD");
	job.metrics = fd ? fdopen(atoi(fd), "w") : NULL;
	code = run(&job, &scheduler);
	scheduler_free(&scheduler);
	return code;
}
