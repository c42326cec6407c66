/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr-scx NAME [CMD...]: in a guest, makes a scheduler the kernel's (one of
 * ours, a BPF object's, or the one that a program brings), runs CMD under it
 * (or waits for SIGTERM), takes it off, and says why it went. On the descriptor
 * KTSTR_METRIC_FD it tells, in JSON, what the kernel said of the scheduler at
 * CMD's start and at its end.
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
#define STEP_MS 100
#define CHECK_MS 1000
#define TEXT_MAX (640u << 10) /* bound on a text in a JSON line; init accepts lines of 1 MiB */
#define EVENTS "/sys/kernel/sched_ext/root/events"

enum { OPT_LOG_TO_HOST = 0x100 };

struct job {
	const char *scheduler;
	char **argv; /* NULL: none */
	FILE *metrics;
	pid_t child; /* 0: none */
	int signals;
	bool log_to_host;
	bool held;  /* to the end of CMD */
	bool asked; /* by SIGTERM or SIGINT, to end */
	int code;
};

/* --- reports --------------------------------------------------------- */

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

/* Cuts the text so that the line stays below init's limit. */
static void print_text(FILE *f, const char *name, const char *text)
{
	size_t size = 6 * strlen(text) + 16;
	char *json = malloc(size < TEXT_MAX ? size : TEXT_MAX);

	if (json)
		environment_quote(json, size < TEXT_MAX ? size : TEXT_MAX, text);
	fprintf(f, ",\"%s\":%s", name, json ? json : "null");
	free(json);
}

static void print_attachment(FILE *f, const struct scheduler *s, const char *phase)
{
	fprintf(f, "{\"sched_ext\":{\"phase\":\"%s\"", phase);
	print_text(f, "name", s->name);
	print_text(f, "asked", s->text);
	print_text(f, "ops", s->ops);
	fprintf(f, ",\"kind\":\"%s\"", scheduler_kind_name(s));
	fprintf(f, ",\"enable_seq\":%" PRIu64 ",\"attach_ms\":%.3f,\"restarts\":%u", s->enable_seq,
		(double)s->attach_ns / 1e6, s->restarts);
}

static void report_start(const struct job *job, const struct scheduler *s)
{
	FILE *f = job->metrics;

	if (!f)
		return;
	print_attachment(f, s, "start");
	fputs("}}\n", f);
	fflush(f);
}

/* It was never attached. */
static void report_failed(const struct job *job, const struct scheduler *s)
{
	FILE *f = job->metrics;

	if (!f)
		return;
	print_attachment(f, s, "failed");
	print_text(f, "error", s->said);
	if (*s->cannot)
		print_text(f, "cannot", s->cannot);
	fputs(",\"held\":false}}\n", f);
	fflush(f);
}

static const char *stop_name(enum scheduler_stop stop)
{
	return stop == STOP_KILLED ? "killed" : stop == STOP_LEFT ? "left" : "in order";
}

/* @events: of print_events() while it was attached. */
static void report_end(const struct job *job, const struct scheduler *s, const char *events)
{
	FILE *f = job->metrics;

	if (!f)
		return;
	print_attachment(f, s, "end");
	fprintf(f, ",\"held\":%s,\"stop\":\"%s\"%s,\"exit\":{\"kind\":", job->held ? "true" : "false",
		stop_name(s->stop), events);
	if (s->exited && s->exit.kind >= 0)
		fprintf(f, "%d", s->exit.kind);
	else
		fputs("null", f);
	/* The kernel's code is in an object's record; a program has one of its own. */
	if (s->object)
		fprintf(f, ",\"code\":%lld", s->exit.code);
	else if (s->ended)
		fprintf(f, ",\"program_status\":%d", s->status);
	print_text(f, "reason", s->exit.reason);
	print_text(f, "msg", s->exit.msg);
	if (s->dump || *s->exit.dump)
		print_text(f, "dump", s->dump ? s->dump : s->exit.dump);
	fputs("}}}\n", f);
	fflush(f);
}

/* The kernel's reason as far as known: "REASON: MESSAGE (kind N)". */
static const char *kernel_words(const struct scheduler *s, char *text, size_t size)
{
	const struct scx_exit_record *e = &s->exit;
	char kind[32] = "";

	if (e->kind >= 0)
		snprintf(kind, sizeof(kind), " (kind %d)", e->kind);
	snprintf(text, size, "%s%s%s%s", e->reason, *e->msg ? ": " : "", e->msg, kind);
	return text;
}

/* The scheduler was attached until we detached it: print how that went. True: in order. */
static bool print_detached(struct scheduler *s)
{
	char how[128];

	if (s->restarts)
		scheduler_say(s, "restarted itself %u time%s; in between the kernel's own scheduler ran", s->restarts,
			      s->restarts == 1 ? "" : "s");
	if (s->stop == STOP_LEFT) {
		scheduler_say(s, "left its scheduler attached when it ended; is a link pinned in /sys/fs/bpf?");
		return false;
	}
	if (s->stop == STOP_KILLED) {
		scheduler_say(s, "took no notice of SIGINT at the end and was killed after %u s",
			      scheduler_patience.grace_ms / 1000);
		return false;
	}
	if (s->exited && s->exit.kind < SCHEDULER_EXIT_ERROR)
		scheduler_say(s, "detached: %s", s->exit.reason);
	else if (!s->object)
		scheduler_say(s, "detached: its program %s", scheduler_program_ended(s, how, sizeof(how)));
	else
		scheduler_say(s, "detached; the kernel gave no reason");
	return !s->exited || s->exit.kind < SCHEDULER_EXIT_ERROR;
}

/* The scheduler was gone before the command ended: print who ended it, and why. */
static void print_lost(struct scheduler *s, bool program_ended_first)
{
	char words[sizeof(s->exit.reason) + sizeof(s->exit.msg) + 64], how[128];
	const char *dump = s->dump ? s->dump : s->exit.dump;

	if (s->exited && s->exit.kind > SCHEDULER_EXIT_UNREG) {
		/* A program has usually printed it. */
		if (*dump && !s->log.dumped)
			fprintf(stderr, "%s\n", dump);
		scheduler_say(s, "%s: %s",
			      s->exit.kind == SCHEDULER_EXIT_UNREG_BPF ? "ended itself" : "kicked out by the kernel",
			      kernel_words(s, words, sizeof(words)));
	} else if (!s->object && program_ended_first) {
		scheduler_say(s, "its program %s before the command did", scheduler_program_ended(s, how, sizeof(how)));
	} else {
		scheduler_say(s, "it was detached before the command ended%s%s", s->exited ? ": " : "",
			      s->exited ? s->exit.reason : "");
	}
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
	struct pollfd fds[] = { { .fd = job->signals, .events = POLLIN }, { .events = POLLIN }, { .events = POLLIN } };

	while (!is_over(job)) {
		fds[1].fd = scheduler_fd(s);
		fds[2].fd = scheduler_output_fd(s);
		/* Nothing signals that a scheduler was detached: poll its state once a second. */
		if (poll(fds, 3, CHECK_MS) < 0 && errno != EINTR)
			break;
		on_signals(job);
		scheduler_poll(s, 0);
		if (!is_over(job) && !scheduler_check(s))
			break;
	}
}

/* CMD would go on under another scheduler than the one asked for: end it. */
static void child_end(struct job *job, struct scheduler *s)
{
	struct pollfd fd = { .fd = job->signals, .events = POLLIN };

	if (job->child <= 0)
		return;
	kill(job->child, SIGTERM);
	for (int ms = 0; job->child > 0 && ms < GRACE_MS; ms += STEP_MS) {
		if (poll(&fd, 1, STEP_MS) > 0)
			on_signals(job);
		/* A program blocks if nobody reads its output. */
		scheduler_poll(s, 0);
	}
	if (job->child > 0)
		kill(job->child, SIGKILL);
	while (job->child > 0 && poll(&fd, 1, -1) > 0)
		on_signals(job);
}

static int run(struct job *job, struct scheduler *s)
{
	bool in_order = false, ended_first;
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
	rc = scheduler_attach(s, job->scheduler, job->log_to_host);
	if (rc) {
		report_failed(job, s);
		return rc;
	}
	report_start(job, s);
	rc = job->argv ? child_start(job, &before) : 0;
	if (rc)
		return rc;
	watch(job, s);
	job->held = scheduler_holds(s);
	ended_first = s->ended;
	f = open_memstream(&events, &size);
	if (f) {
		print_events(f);
		fclose(f);
	}
	child_end(job, s);
	scheduler_detach(s);
	if (job->held)
		in_order = print_detached(s);
	else
		print_lost(s, ended_first);
	report_end(job, s, events ? events : "");
	free(events);
	return in_order ? job->code : SCHEDULER_FAILED;
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
	case OPT_LOG_TO_HOST:
		job->log_to_host = true;
		return 0;
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
	{ "log-to-host", OPT_LOG_TO_HOST, NULL, 0,
	  "Send what the scheduler prints to the host, apart from CMD's output; else it goes to stderr with the "
	  "scheduler's name before each line",
	  0 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NAME [-- CMD [ARG...]]",
	.doc = "Run CMD with a scheduler of ktstr's as the kernel's; without CMD, until SIGTERM. A NAME with a / in it "
	       "is a BPF object, or a program that brings a scheduler and its arguments, quoted as for a shell; a "
	       "program is ended by SIGINT.\v"
	       "The exit code is CMD's; 1 when the scheduler failed: refused by the kernel, gone before CMD ended (CMD "
	       "is ended then, too), or not to be ended; 64 for a word that is not understood; 69 for a scheduler that "
	       "can't be started and for a kernel without sched_ext.",
};

const char *argp_program_version = "ktstr-scx " KTSTR_VERSION;

int main(int argc, char **argv)
{
	static struct scheduler scheduler;
	static char line[4096];
	struct job job = { 0 };
	const char *fd;
	int code;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &job);
	fd = getenv("KTSTR_METRIC_FD");
	job.metrics = fd ? fdopen(atoi(fd), "w") : NULL;
	/* Line-buffered: a line is one write(), so CMD's output can't split it. */
	setvbuf(stderr, line, _IOLBF, sizeof(line));
	code = run(&job, &scheduler);
	scheduler_free(&scheduler);
	return code;
}
