/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A user at a terminal: runs a command on a pseudo-terminal of a size and acts
 * step by step on what it shows.
 * usage: pty ROWSxCOLUMNS [STEP...] -- COMMAND...
 *   =TEXT  wait until TEXT has been shown behind what was waited for before
 *   +TEXT  type it; \r \n \\ and \xHH are meant
 *   @RxC   the window gets another size
 *   !N     signal N to the command
 * What is shown goes to stdout. Exit code: the command's (128 + signal); 97 it
 * ended too early or a text did not come within 150 s; 98 the terminal is not
 * as it was before.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 150

static int master;
static pid_t child;
static bool ended;
static int status;
static char *shown;
static size_t len, seen;

static int take(int timeout_ms)
{
	struct pollfd p = { .fd = master, .events = POLLIN };
	char data[4096];
	ssize_t n;

	if (poll(&p, 1, timeout_ms) <= 0)
		return 0;
	n = read(master, data, sizeof(data));
	if (n <= 0)
		return -1;
	if (write(STDOUT_FILENO, data, (size_t)n) != n)
		return -1;
	shown = realloc(shown, len + (size_t)n);
	memcpy(shown + len, data, (size_t)n);
	len += (size_t)n;
	return 1;
}

static void give_up(const char *step)
{
	fprintf(stderr, "pty: at step %s\n", step);
	kill(child, SIGTERM);
	exit(97);
}

static bool has_come(const char *text)
{
	const char *at = len > seen ? memmem(shown + seen, len - seen, text, strlen(text)) : NULL;

	if (at)
		seen = (size_t)(at - shown) + strlen(text);
	return at;
}

/* The terminal stays open here, so that its end tells nothing. */
static bool has_ended(void)
{
	ended = ended || waitpid(child, &status, WNOHANG) == child;
	return ended;
}

static void await(const char *text)
{
	time_t end = time(NULL) + PATIENCE_S;

	while (!has_come(text)) {
		bool over = has_ended();
		int n = take(over ? 0 : 1000);

		if (over && n <= 0) {
			fprintf(stderr, "pty: ended before %s came\n", text);
			exit(97);
		}
		if (n < 0 || time(NULL) > end)
			give_up(text);
	}
}

static void type(const char *text)
{
	for (; *text; text++) {
		char c = *text;
		unsigned hex;

		if (c == '\\') {
			text++;
			c = *text == 'r' ? '\r' : *text == 'n' ? '\n' : *text;
			if (*text == 'x' && sscanf(text + 1, "%2x", &hex) == 1) {
				c = (char)hex;
				text += 2;
			}
		}
		if (write(master, &c, 1) != 1)
			give_up(text);
	}
}

static void resize(const char *text)
{
	struct winsize w = { 0 };

	if (sscanf(text, "%hux%hu", &w.ws_row, &w.ws_col) != 2 || ioctl(master, TIOCSWINSZ, &w))
		give_up(text);
}

int main(int argc, char **argv)
{
	struct termios before, after;
	int i = 2, command = 2, slave;

	while (command < argc && strcmp(argv[command], "--"))
		command++;
	if (argc < 4 || command + 1 >= argc)
		return 64;
	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || unlockpt(master))
		return 70;
	/* Held here, so that it can be looked at when the command has gone. */
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	resize(argv[1]);
	tcgetattr(slave, &before);
	child = fork();
	if (!child) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		for (int fd = 0; fd < 3; fd++)
			dup2(slave, fd);
		execvp(argv[command + 1], argv + command + 1);
		_exit(127);
	}
	for (; i < command; i++)
		switch (argv[i][0]) {
		case '=':
			await(argv[i] + 1);
			break;
		case '+':
			type(argv[i] + 1);
			break;
		case '@':
			resize(argv[i] + 1);
			break;
		case '!':
			kill(child, atoi(argv[i] + 1));
			break;
		}
	for (time_t end = time(NULL) + PATIENCE_S; !has_ended();) {
		take(50);
		if (time(NULL) > end)
			give_up("the end");
	}
	while (take(0) > 0)
		;
	tcgetattr(slave, &after);
	if (before.c_iflag != after.c_iflag || before.c_oflag != after.c_oflag || before.c_lflag != after.c_lflag ||
	    before.c_cflag != after.c_cflag)
		return 98;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
