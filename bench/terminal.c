/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/terminal.h"

#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static bool raw;

void terminal_restore(void)
{
	if (raw)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
	raw = false;
}

bool terminal_raw(void)
{
	struct termios t;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved))
		return false;
	t = saved;
	cfmakeraw(&t);
	/* Our own messages still begin at the left. */
	t.c_oflag |= OPOST | ONLCR;
	atexit(terminal_restore);
	raw = !tcsetattr(STDIN_FILENO, TCSAFLUSH, &t);
	return raw;
}
