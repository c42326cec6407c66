/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-init/relay.h"

#define PIPE_SIZE (256 << 10)
/* Above the descriptors that the child gets, so that no dup2() overwrites a source. */
#define FD_SAFE 16

/* The step at which the child failed. */
struct failure {
	enum { FAILED_CWD = 1, FAILED_EXEC } step;
	int err;
};

/* Both ends of the pipes, ours and the child's; -1: not open. */
struct pipes {
	int ours[4], childs[4];
	int failure[2];
};

char **payload_environment(char *const *env)
{
	static char *const defaults[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root",
		"TERM=linux",
		"KTSTR_METRIC_FD=3",
	};
	size_t n = 0, n_defaults = sizeof(defaults) / sizeof(*defaults);
	char **all;

	while (env && env[n])
		n++;
	all = calloc(n + n_defaults + 1, sizeof(*all));
	if (!all)
		return NULL;
	if (n)
		memcpy(all, env, n * sizeof(*all));
	for (size_t d = 0; d < n_defaults; d++) {
		size_t name = strcspn(defaults[d], "=") + 1, i = 0;

		while (all[i] && strncmp(all[i], defaults[d], name))
			i++;
		if (!all[i])
			all[n++] = defaults[d];
	}
	return all;
}

int payload_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void pipes_close(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

/* A terminal in place of stdin, stdout and stderr. What the child prints on
 * either comes out of one end, as output. */
static int pty_open(struct pipes *p)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), slave;

	if (master < 0)
		return -errno;
	p->ours[STDOUT_FILENO] = master;
	p->ours[STDIN_FILENO] = fcntl(master, F_DUPFD_CLOEXEC, 0);
	if (unlockpt(master))
		return -errno;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return -errno;
	p->childs[STDIN_FILENO] = slave;
	p->childs[STDOUT_FILENO] = fcntl(slave, F_DUPFD_CLOEXEC, 0);
	p->childs[STDERR_FILENO] = fcntl(slave, F_DUPFD_CLOEXEC, 0);
	return p->ours[STDIN_FILENO] < 0 || p->childs[STDOUT_FILENO] < 0 || p->childs[STDERR_FILENO] < 0 ? -errno : 0;
}

static int pipes_open(struct pipes *p, const struct config *config)
{
	int ret;

	memset(p, 0xff, sizeof(*p));
	ret = config->tty ? pty_open(p) : 0;
	for (int i = config->tty ? PAYLOAD_METRIC_FD : 0; i < 4 && !ret; i++) {
		int ends[2], ours = i == STDIN_FILENO;

		/* The order between two pipes is lost. */
		if (i == STDERR_FILENO && config->one_output) {
			p->childs[i] = fcntl(p->childs[STDOUT_FILENO], F_DUPFD_CLOEXEC, 0);
			if (p->childs[i] < 0)
				return -errno;
			continue;
		}
		if (pipe2(ends, O_CLOEXEC))
			return -errno;
		p->ours[i] = ends[ours];
		p->childs[i] = ends[!ours];
		/* Larger pipes mean fewer turns; the kernel's limit may forbid it. */
		fcntl(ends[0], F_SETPIPE_SZ, PIPE_SIZE);
		if (fcntl(p->ours[i], F_SETFL, O_NONBLOCK))
			return -errno;
	}
	if (ret)
		return ret;
	return pipe2(p->failure, O_CLOEXEC) ? -errno : 0;
}

void payload_child_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
}

__attribute__((noreturn)) static void child_exec(const struct config *config, char **argv, char **env, int failure_fd)
{
	struct failure f = { .step = FAILED_CWD };

	payload_child_signals();
	if (!config->cwd || !chdir(config->cwd)) {
		f.step = FAILED_EXEC;
		environ = env;
		execvp(argv[0], argv);
	}
	f.err = errno;
	if (write(failure_fd, &f, sizeof(f)) != sizeof(f))
		_exit(PAYLOAD_NOT_EXECUTABLE);
	_exit(f.step == FAILED_EXEC && f.err == ENOENT ? PAYLOAD_NOT_FOUND : PAYLOAD_NOT_EXECUTABLE);
}

__attribute__((noreturn)) static void child_piped(const struct config *config, char **env, const struct pipes *p)
{
	int fds[4], failure_fd = fcntl(p->failure[1], F_DUPFD_CLOEXEC, FD_SAFE);

	for (int i = 0; i < 4; i++)
		fds[i] = fcntl(p->childs[i], F_DUPFD_CLOEXEC, FD_SAFE);
	for (int i = 0; i < 4; i++)
		if (fds[i] < 0 || dup2(fds[i], i) < 0)
			_exit(PAYLOAD_NOT_EXECUTABLE);
	setsid();
	if (config->tty)
		ioctl(STDIN_FILENO, TIOCSCTTY, 0);
	child_exec(config, config->argv, env, failure_fd);
}

static int report_start_failure(struct bulk *bulk, const struct config *config, const struct failure *f)
{
	if (f->step == FAILED_CWD)
		return bulk_complain(bulk, "ktstr: %s: %s in the guest", config->cwd, strerror(f->err));
	if (f->err == ENOENT && strchr(config->argv[0], '/') && !access(config->argv[0], F_OK))
		return bulk_complain(bulk, "ktstr: %s: its interpreter or loader is not in the guest", config->argv[0]);
	if (f->err == ENOENT)
		return bulk_complain(bulk, "ktstr: %s: not found in the guest", config->argv[0]);
	return bulk_complain(bulk, "ktstr: %s: %s in the guest", config->argv[0], strerror(f->err));
}

int payload_signals(void)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int relay(struct bulk *bulk, struct hub *hub, const struct config *config, const struct relay_ends *ends,
		 pid_t child, int *status)
{
	/* A window size may arrive at any time, even after the relay has closed its ends. */
	int window = config->tty && hub ? fcntl(ends->out, F_DUPFD_CLOEXEC, 0) : -1, ret;

	if (window >= 0)
		hub_window(hub, window);
	ret = relay_run(bulk, hub, ends, child, status);
	if (window >= 0) {
		hub_window(hub, -1);
		close(window);
	}
	return ret;
}

int payload_run(struct bulk *bulk, struct hub *hub, const struct config *config)
{
	char **env = payload_environment(config->env);
	int status = 0, ended_fd = -1, ret;
	struct failure failure;
	struct pipes p;
	pid_t child;

	ret = env ? pipes_open(&p, config) : -ENOMEM;
	if (!env)
		return ret;
	if (ret)
		goto out;
	ret = ended_fd = payload_signals();
	if (ret < 0)
		goto out;
	child = fork();
	if (child < 0) {
		ret = -errno;
		close(ended_fd);
		goto out;
	}
	if (!child)
		child_piped(config, env, &p);
	pipes_close(p.childs, 4);
	pipes_close(&p.failure[1], 1);
	/* Returns at once when the child has started: the other end is close-on-exec. */
	ret = 0;
	if (read(p.failure[0], &failure, sizeof(failure)) == sizeof(failure))
		ret = report_start_failure(bulk, config, &failure);
	if (!ret)
		ret = relay(bulk, hub, config,
			    &(struct relay_ends){ p.ours[0], p.ours[1], p.ours[2], p.ours[3], ended_fd, config->tty },
			    child, &status);
	memset(p.ours, 0xff, sizeof(p.ours));
	if (!ret)
		ret = payload_exit_code(status);
out:
	pipes_close(p.ours, 4);
	pipes_close(p.childs, 4);
	pipes_close(p.failure, 2);
	free(env);
	return ret;
}
