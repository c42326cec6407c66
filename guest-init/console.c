/* SPDX-License-Identifier: GPL-2.0-only */
/* The command on the console: a session of its own with a controlling
 * terminal, so that job control and ^C work. */
#include "guest-init/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "guest-init/relay.h"

/* /dev/console stands for the last console on the kernel command line; only under its own name it can become a
 * controlling terminal. */
static int open_active_console(void)
{
	char names[256] = "", path[300];
	int fd = open("/sys/class/tty/console/active", O_RDONLY | O_CLOEXEC);
	char *last;

	if (fd < 0)
		return -1;
	if (read(fd, names, sizeof(names) - 1) < 0)
		names[0] = '\0';
	close(fd);
	names[strcspn(names, "\n")] = '\0';
	last = strrchr(names, ' ');
	snprintf(path, sizeof(path), "/dev/%s", last ? last + 1 : names);
	return open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static int open_console(void)
{
	int fd = open("/dev/hvc0", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		fd = open_active_console();
	if (fd < 0)
		fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
	return fd;
}

__attribute__((noreturn)) static void child_on_console(const struct config *config, char **env, int metric_fd)
{
	static char *shell[] = { "sh", "-l", NULL };
	char **argv = config->argv ? config->argv : shell;
	int fd;

	payload_child_signals();
	setsid();
	fd = open_console();
	if (fd >= 0) {
		ioctl(fd, TIOCSCTTY, 1);
		for (int i = 0; i < 3; i++)
			dup2(fd, i);
	}
	/* The metric descriptor stays open in the program: if it has its number already, clear close-on-exec. */
	if (metric_fd == PAYLOAD_METRIC_FD)
		fcntl(metric_fd, F_SETFD, 0);
	else if (metric_fd >= 0)
		dup2(metric_fd, PAYLOAD_METRIC_FD);
	if (!config->cwd || !chdir(config->cwd)) {
		environ = env;
		execvp(argv[0], argv);
	}
	fprintf(stderr, "ktstr: %s: %s in the guest\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? PAYLOAD_NOT_FOUND : PAYLOAD_NOT_EXECUTABLE);
}

int payload_run_on_console(struct bulk *bulk, struct hub *hub, const struct config *config)
{
	char **env = payload_environment(config->env);
	int status, ended_fd, ret, window = -1, metrics[2] = { -1, -1 };
	pid_t child;

	if (!env)
		return -ENOMEM;
	ret = ended_fd = payload_signals();
	/* ktstr-scx and workloads report through it, also on a terminal. */
	if (ret >= 0 && bulk->fd >= 0 && (pipe2(metrics, O_CLOEXEC) || fcntl(metrics[0], F_SETFL, O_NONBLOCK)))
		ret = -errno;
	child = ret < 0 ? -1 : fork();
	if (!child)
		child_on_console(config, env, metrics[1]);
	free(env);
	if (metrics[1] >= 0)
		close(metrics[1]);
	if (child < 0) {
		ret = ret < 0 ? ret : -errno;
		if (metrics[0] >= 0)
			close(metrics[0]);
		return ret;
	}
	if (hub) {
		window = open_console();
		hub_window(hub, window);
	}
	ret = relay_run(bulk, hub, &(struct relay_ends){ -1, -1, -1, metrics[0], ended_fd, false }, child, &status);
	if (window >= 0) {
		hub_window(hub, -1);
		/* Drain the terminal before the exit code is sent. */
		tcdrain(window);
		close(window);
	}
	return ret ? ret : payload_exit_code(status);
}
