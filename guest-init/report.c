/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/report.h"

#include <fcntl.h>
#include <mntent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <ucontext.h>
#include <unistd.h>

#include "guest-init/clock.h"

#define LINE_MAX_LEN 1024
#define BACKTRACE_MAX 16
#define STACK_MAX (8u << 20)
#define MOUNTS_MAX 256
#define DEATHS_MS 5000 /* the host waits for 20 s */

/* Opened for each line, since either device may appear late or never. */
static void put_line(const char *device, const char *prefix, const char *line)
{
	char text[LINE_MAX_LEN + 16];
	int fd = open(device, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	int n = snprintf(text, sizeof(text), "%s%s\n", prefix, line);

	if (fd < 0)
		return;
	/* A failure can't be reported to anybody. */
	if (write(fd, text, (size_t)n) < 0) {
	}
	close(fd);
}

__attribute__((format(printf, 3, 0))) static void say(const char *level, const char *what, const char *fmt, va_list ap)
{
	char line[LINE_MAX_LEN];
	int at = snprintf(line, sizeof(line), "%s", what);

	vsnprintf(line + at, sizeof(line) - (size_t)at, fmt, ap);
	put_line("/dev/ttyS1", "", line);
	put_line("/dev/kmsg", level, line);
}

void report_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("<4>", "ktstr-init: warning: ", fmt, ap);
	va_end(ap);
}

__attribute__((format(printf, 1, 2))) static void say_panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("<0>", "PANIC: ktstr-init: ", fmt, ap);
	va_end(ap);
}

__attribute__((noreturn)) static void restart(void)
{
	sync();
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

void report_panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("<0>", "PANIC: ktstr-init: ", fmt, ap);
	va_end(ap);
	restart();
}

void report_drain(void)
{
	static const char *const ports[] = { "/dev/ttyS0", "/dev/ttyS1" };

	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		int fd = open(ports[i], O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

		if (fd < 0)
			continue;
		tcdrain(fd);
		close(fd);
	}
}

/* Flush journals, so that the file systems on disks are clean. */
static void unmount_disks(void)
{
	int64_t until_ms = now_ms() + DEATHS_MS;
	struct mntent *m;
	char *at[MOUNTS_MAX];
	int n = 0;
	pid_t pid;
	FILE *f;

	/* Kill all processes, so that nobody writes any more. Only init may do that: in another process it would end
	 * the machine. */
	if (getpid() != 1)
		return;
	kill(-1, SIGKILL);
	/* Reap until the last has gone, with its open files: all are init's children by now. */
	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 && now_ms() < until_ms)
		if (!pid)
			usleep(1000);
	f = setmntent("/proc/self/mounts", "re");
	while (f && n < MOUNTS_MAX && (m = getmntent(f)))
		if (!strncmp(m->mnt_fsname, "/dev/", 5) && (at[n] = strdup(m->mnt_dir)))
			n++;
	if (f)
		endmntent(f);
	/* In reverse order: one may be mounted below another. */
	while (n-- > 0)
		if (umount2(at[n], 0))
			mount(NULL, at[n], NULL, MS_REMOUNT | MS_RDONLY, NULL);
	sync();
}

void report_power_off(void)
{
	sync();
	unmount_disks();
	reboot(RB_POWER_OFF);
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

/* Return addresses by the chain of frame pointers, which a crash may have
 * broken: each link has to lie further up the same stack. */
static void backtrace_to(char *text, size_t size, uintptr_t rip, uintptr_t rsp, uintptr_t rbp)
{
	size_t at = (size_t)snprintf(text, size, "%#lx", (unsigned long)rip);
	uintptr_t low = rsp;

	for (int i = 0; i < BACKTRACE_MAX && at < size; i++) {
		if (rbp < low || rbp - rsp > STACK_MAX || rbp % sizeof(uintptr_t))
			return;
		uintptr_t *frame = (uintptr_t *)rbp;

		if (!frame[0] || !frame[1])
			return;
		at += (size_t)snprintf(text + at, size - at, " %#lx", (unsigned long)frame[1]);
		low = rbp + sizeof(uintptr_t);
		rbp = frame[0];
	}
}

static void fatal(int sig, siginfo_t *info, void *context)
{
	const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	uintptr_t rip = (uintptr_t)regs[REG_RIP];
	char trace[512];

	/* Report the certain facts first: walking the stack may crash too. */
	say_panic("signal %d (SIG%s), address %p, at %#lx", sig, sigabbrev_np(sig), info->si_addr, (unsigned long)rip);
	backtrace_to(trace, sizeof(trace), rip, (uintptr_t)regs[REG_RSP], (uintptr_t)regs[REG_RBP]);
	say_panic("backtrace: %s", trace);
	restart();
}

void report_fatal_signals(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS };
	static uint8_t stack[64 << 10];
	const stack_t alternative = { .ss_sp = stack, .ss_size = sizeof(stack) };
	/* RESETHAND: a second crash kills init, and the kernel panics. */
	struct sigaction sa = { .sa_sigaction = fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND };

	sigaltstack(&alternative, NULL);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &sa, NULL);
}
