/* SPDX-License-Identifier: GPL-2.0-only */
/* A scheduler that a program of its own brings, such as those of the scx project: started, watched, asked to end. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/scheduler.h"

#define WORDS_MAX 64
#define GRACE_MS 10000 /* between SIGINT and SIGKILL */

__attribute__((noreturn)) static void exec_words(const struct scheduler *s)
{
	char *argv[WORDS_MAX + 1] = { NULL }, *line = strdup(s->name), *save = NULL;
	sigset_t none;
	int n = 0;

	for (char *word = line ? strtok_r(line, " ", &save) : NULL; word && n < WORDS_MAX;
	     word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGINT);
	/* stdout is the command's alone. */
	dup2(STDERR_FILENO, STDOUT_FILENO);
	if (n)
		execv(argv[0], argv);
	scheduler_say(s, "%s", n ? strerror(errno) : "no program named");
	_exit(errno == ENOENT ? 127 : 126);
}

int program_start(struct scheduler *s)
{
	s->pid = fork();
	if (!s->pid)
		exec_words(s);
	if (s->pid > 0)
		s->pid_fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	if (s->pid > 0 && s->pid_fd >= 0)
		return 0;
	scheduler_say(s, "can't be started: %s", strerror(errno));
	return SCHEDULER_INTERNAL;
}

static void reap(struct scheduler *s, int status)
{
	s->pid = 0;
	s->exited = true;
	s->exit.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	snprintf(s->exit.reason, sizeof(s->exit.reason), "its program ended with code %lld", s->exit.code);
}

void program_poll(struct scheduler *s, int timeout_ms)
{
	struct pollfd fd = { .fd = s->pid_fd, .events = POLLIN };
	int status;

	if (s->pid > 0 && poll(&fd, 1, timeout_ms) > 0 && waitpid(s->pid, &status, WNOHANG) == s->pid)
		reap(s, status);
}

void program_stop(struct scheduler *s)
{
	/* As from a terminal: what such programs expect. */
	if (s->pid > 0)
		kill(s->pid, SIGINT);
	program_poll(s, GRACE_MS);
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		program_poll(s, -1);
	}
	if (s->pid_fd >= 0)
		close(s->pid_fd);
	s->pid_fd = -1;
}
