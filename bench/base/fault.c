/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/fault.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/terminal.h"

/* The handlers below call only async-signal-safe functions. */
static const struct fault {
	int signo;
	const char *what; /* NULL: no message; abort() and the sender of SIGQUIT have their own */
} faults[] = {
	{ SIGSEGV, "ktstr: SIGSEGV; report this as a fault; at address 0x" },
	{ SIGBUS, "ktstr: SIGBUS; a kernel, initrd or disk file was truncated while the machine ran; at address 0x" },
	{ SIGFPE, "ktstr: SIGFPE; report this as a fault; at address 0x" },
	{ SIGILL, "ktstr: SIGILL; report this as a fault; at address 0x" },
	{ SIGABRT, NULL },
	{ SIGQUIT, NULL },
};
#define FAULTS (sizeof(faults) / sizeof(*faults))

static struct sigaction before[FAULTS];

static char *hex(char *end, uintptr_t value)
{
	do
		*--end = "0123456789abcdef"[value % 16];
	while (value /= 16);
	return end;
}

static void print_fault(const char *what, const void *address)
{
	char line[192], digits[2 * sizeof(uintptr_t)], *from;
	size_t n = strlen(what), d;

	from = hex(digits + sizeof(digits), (uintptr_t)address);
	d = (size_t)(digits + sizeof(digits) - from);
	memcpy(line, what, n);
	memcpy(line + n, from, d);
	line[n + d] = '\n';
	/* An error of this write cannot be reported anywhere. */
	if (write(STDERR_FILENO, line, n + d + 1) < 0)
		return;
}

static void on_fault(int signo, siginfo_t *info, void *context)
{
	size_t i = 0;

	(void)context;
	terminal_restore();
	while (i < FAULTS && faults[i].signo != signo)
		i++;
	if (i == FAULTS)
		return;
	if (faults[i].what)
		print_fault(faults[i].what, info->si_addr);
	sigaction(signo, &before[i], NULL);
	/* A fault recurs when the handler returns; a signal from kill() must be raised again. */
	if (info->si_code <= 0)
		raise(signo);
}

void fault_catch(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	for (size_t i = 0; i < FAULTS; i++) {
		if (sigaction(faults[i].signo, NULL, &before[i]) || before[i].sa_handler == SIG_IGN)
			continue;
		sigaction(faults[i].signo, &sa, NULL);
	}
}
