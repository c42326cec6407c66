/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static volatile sig_atomic_t raw;

/* What was typed for the guest and not taken is the shell's, as is usual; output that nobody takes is not waited for.
 */
void terminal_restore(void)
{
	if (raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	raw = 0;
}

bool terminal_raw(void)
{
	struct termios t;

	if (raw)
		return true;
	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved))
		return false;
	t = saved;
	cfmakeraw(&t);
	/* Our own messages still begin at the left. */
	t.c_oflag |= OPOST | ONLCR;
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

	/* An error of the file is no wait. */
	if (poll(&p, 1, 0) != 0)
		return;
	nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (nowhere < 0)
		return;
	dup2(nowhere, STDERR_FILENO);
	close(nowhere);
}
