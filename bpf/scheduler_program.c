/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scheduler that comes with its own program, such as those of the scx project: starts, watches and ends the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/scheduler_kind.h"

#define CHUNK 16384
#define CHUNKS_MAX 64 /* read at once from a program that prints without end */

/* --- its start ------------------------------------------------------------ */

__attribute__((noreturn)) static void exec_words(const struct scheduler *s, int output_fd, int failure_fd)
{
	sigset_t none;
	int error;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* A process group, so that a script's children get the signals too, as at a terminal. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGINT);
	dup2(output_fd, STDOUT_FILENO);
	dup2(output_fd, STDERR_FILENO);
	/* The command's descriptors, such as the metric descriptor, are not the program's. */
	close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	execv(s->words[0], s->words);
	error = errno;
	if (write(failure_fd, &error, sizeof(error)) != sizeof(error))
		_exit(126);
	_exit(127);
}

/* Why it did not start: ENOENT and ENOEXEC have two causes each. */
static const char *start_error(const struct scheduler *s, int error)
{
	if (error == ENOENT && !access(s->words[0], F_OK))
		return "its interpreter or loader is not in the guest";
	if (error == ENOEXEC)
		return "neither a program nor a script that names its interpreter";
	return strerror(error);
}

static int start_program(struct scheduler *s)
{
	int output[2] = { -1, -1 }, failure[2] = { -1, -1 }, error = 0;

	if (pipe2(output, O_CLOEXEC) || pipe2(failure, O_CLOEXEC))
		error = errno;
	if (!error) {
		s->pid = fork();
		if (!s->pid)
			exec_words(s, output[1], failure[1]);
		error = s->pid < 0 ? errno : 0;
	}
	if (output[1] >= 0)
		close(output[1]);
	if (failure[1] >= 0)
		close(failure[1]);
	s->output_fd = output[0];
	if (!error) {
		setpgid(s->pid, s->pid); /* both parent and child do it: either may run first */
		fcntl(s->output_fd, F_SETFL, O_NONBLOCK);
		/* End of file without data: the program runs. */
		if (read(failure[0], &error, sizeof(error)) != sizeof(error))
			error = 0;
	}
	if (failure[0] >= 0)
		close(failure[0]);
	if (!error) {
		s->pid_fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
		error = s->pid_fd < 0 ? errno : 0;
	}
	if (!error)
		return 0;
	scheduler_say(s, "%s: can't be started: %s", s->words[0], start_error(s, error));
	return SCHEDULER_UNAVAILABLE;
}

/* --- while it runs -------------------------------------------------------- */

static void take_output(struct scheduler *s)
{
	char chunk[CHUNK];
	ssize_t n = 0;

	for (unsigned i = 0; s->output_fd >= 0 && i < CHUNKS_MAX; i++) {
		n = read(s->output_fd, chunk, sizeof(chunk));
		if (n > 0)
			log_put(&s->log, chunk, (size_t)n);
		else
			break;
	}
	if (s->output_fd >= 0 && (!n || (n < 0 && errno != EAGAIN && errno != EINTR))) {
		close(s->output_fd);
		s->output_fd = -1;
	}
}

static void reap_program(struct scheduler *s)
{
	if (s->pid <= 0 || waitpid(s->pid, &s->status, WNOHANG) != s->pid)
		return;
	s->ended = true;
	/* Its last output is still in the pipe. */
	take_output(s);
}

static void poll_program(struct scheduler *s, int timeout_ms)
{
	struct pollfd fds[] = { { .fd = s->ended ? -1 : s->pid_fd, .events = POLLIN },
				{ .fd = s->output_fd, .events = POLLIN } };

	if (poll(fds, 2, timeout_ms) <= 0)
		return;
	if (fds[1].revents)
		take_output(s);
	if (fds[0].revents)
		reap_program(s);
}

const char *scheduler_program_ended(const struct scheduler *s, char *text, size_t size)
{
	if (WIFSIGNALED(s->status))
		snprintf(text, size, "was killed by signal %d (%s)", WTERMSIG(s->status),
			 strsignal(WTERMSIG(s->status)));
	else
		snprintf(text, size, "ended with code %d", WEXITSTATUS(s->status));
	return text;
}

static int ended_fd(const struct scheduler *s)
{
	return s->ended ? -1 : s->pid_fd;
}

static void explain_early_end(struct scheduler *s)
{
	char how[128];

	scheduler_program_ended(s, how, sizeof(how));
	if (s->log.refused)
		scheduler_say(s,
			      "the kernel refused to load it (the verifier's log is in the scheduler's output); its "
			      "program %s",
			      how);
	else
		scheduler_say(s, "its program %s before it attached a scheduler%s; see its output", how,
			      s->log.failed ? ", which could not be loaded" : "");
}

/* --- its end -------------------------------------------------------------- */

static void wait_end(struct scheduler *s, uint64_t patience_ms)
{
	uint64_t deadline = scheduler_clock_ns() + patience_ms * 1000000u, now;

	while (!s->ended && (now = scheduler_clock_ns()) < deadline)
		poll_program(s, (int)((deadline - now) / 1000000u) + 1);
}

static void stop_program(struct scheduler *s)
{
	if (s->pid > 0 && s->pid_fd >= 0 && !s->ended) {
		/* As ^C at a terminal, which such programs expect. */
		kill(-s->pid, SIGINT);
		wait_end(s, scheduler_patience.grace_ms);
		if (!s->ended)
			s->stop = STOP_KILLED;
	}
	/* This also ends what a script left running. */
	if (s->pid > 0) {
		kill(-s->pid, SIGKILL);
		if (s->pid_fd >= 0)
			wait_end(s, scheduler_patience.grace_ms);
	}
	s->pid = 0;
	if (s->pid_fd >= 0)
		close(s->pid_fd);
	if (s->output_fd >= 0)
		close(s->output_fd);
	s->pid_fd = s->output_fd = -1;
}

const struct scheduler_kind scheduler_kind_program = {
	.restarts = true,
	.start = start_program,
	.poll = poll_program,
	.fd = ended_fd,
	.explain_early_end = explain_early_end,
	.stop = stop_program,
	.free = stop_program,
};
