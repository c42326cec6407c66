/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static volatile sig_atomic_t raw;

/* TCSANOW: unread input stays for the shell, and output that nobody reads does not block us. */
void terminal_restore(void)
{
	if (raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	raw = 0;
}

/* For our own messages: a raw terminal needs a carriage return before each newline. */
static ssize_t write_line(void *cookie, const char *text, size_t len)
{
	char out[2048];
	size_t n = 0;

	(void)cookie;
	if (!raw || !isatty(STDERR_FILENO))
		return write(STDERR_FILENO, text, len);
	for (size_t i = 0; i < len; i++) {
		if (n + 2 > sizeof(out)) {
			if (write(STDERR_FILENO, out, n) < 0)
				return -1;
			n = 0;
		}
		if (text[i] == '\n')
			out[n++] = '\r';
		out[n++] = text[i];
	}
	return n && write(STDERR_FILENO, out, n) < 0 ? -1 : (ssize_t)len;
}

static void add_carriage_returns(void)
{
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_line });

	if (!f)
		return;
	setvbuf(f, NULL, _IOLBF, 0);
	stderr = f;
}

bool terminal_raw(void)
{
	struct termios t;

	if (raw)
		return true;
	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved))
		return false;
	t = saved;
	/* Output too: the guest's tty has already processed it. */
	cfmakeraw(&t);
	add_carriage_returns();
	atexit(terminal_restore);
	raw = !tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
	return raw;
}

bool terminal_size(uint16_t *rows, uint16_t *columns)
{
	struct winsize w;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &w) || !w.ws_row || !w.ws_col)
		return false;
	*rows = w.ws_row;
	*columns = w.ws_col;
	return true;
}

void terminal_leave_stuck_stderr(void)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	int nowhere;

	/* Writable, or in error: neither blocks. */
	if (poll(&p, 1, 0) != 0)
		return;
	nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (nowhere < 0)
		return;
	dup2(nowhere, STDERR_FILENO);
	close(nowhere);
}
