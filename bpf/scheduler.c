/* SPDX-License-Identifier: GPL-2.0-only */
#include "bpf/scheduler.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SYSFS "/sys/kernel/sched_ext/"
#define PATIENCE_MS 60000 /* a verifier may have much to read, on a slow machine */
#define STEP_MS 20

void scheduler_say(const struct scheduler *s, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "ktstr-scx: %s: ", s->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	putc('\n', stderr);
}

/* --- what sched_ext says -------------------------------------------------- */

/* The first line of a file in sysfs; "" if there is none. */
static bool read_line(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, size - 1);

	if (fd >= 0)
		close(fd);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return *line;
}

static bool read_enabled(char *ops, size_t size)
{
	char state[32];

	return read_line(SYSFS "state", state, sizeof(state)) && !strcmp(state, "enabled") &&
	       read_line(SYSFS "root/ops", ops, size);
}

static uint64_t read_enable_seq(void)
{
	char line[32];

	return read_line(SYSFS "enable_seq", line, sizeof(line)) ? strtoull(line, NULL, 10) : 0;
}

static int check_kernel(const struct scheduler *s)
{
	char state[32], ops[128];
	struct utsname u;

	if (!read_line(SYSFS "state", state, sizeof(state))) {
		uname(&u);
		scheduler_say(s, "kernel %s has no sched_ext; boot one that has, such as 7.2", u.release);
		return SCHEDULER_UNAVAILABLE;
	}
	if (!strcmp(state, "disabled"))
		return 0;
	read_line(SYSFS "root/ops", ops, sizeof(ops));
	scheduler_say(s, "scheduler %s is there already, %s; end it first", *ops ? ops : "of another name", state);
	return SCHEDULER_UNAVAILABLE;
}

static int wait_enabled(struct scheduler *s)
{
	for (int ms = 0; ms < PATIENCE_MS && !s->exited; ms += STEP_MS) {
		if (read_enabled(s->ops, sizeof(s->ops))) {
			s->enable_seq = read_enable_seq();
			return 0;
		}
		scheduler_poll(s, STEP_MS);
	}
	if (!s->exited) {
		scheduler_say(s, "not enabled after %d s", PATIENCE_MS / 1000);
		return SCHEDULER_INTERNAL;
	}
	scheduler_say(s, "ended before it was enabled: %s%s%s", s->exit.reason, *s->exit.msg ? ": " : "", s->exit.msg);
	return s->object ? SCHEDULER_INTERNAL : SCHEDULER_FAILED;
}

/* --- its life ------------------------------------------------------------- */

bool scheduler_known(const char *name)
{
	return strchr(name, '/') || object_find(name);
}

int scheduler_attach(struct scheduler *s, const char *name)
{
	int rc;

	memset(s, 0, sizeof(*s));
	s->name = name;
	s->object = object_find(name);
	s->link_fd = s->pid_fd = -1;
	rc = check_kernel(s);
	if (!rc)
		rc = s->object ? object_start(s) : program_start(s);
	return rc ? rc : wait_enabled(s);
}

int scheduler_fd(const struct scheduler *s)
{
	return s->object ? ring_buffer__epoll_fd(s->ring) : s->pid_fd;
}

void scheduler_poll(struct scheduler *s, int timeout_ms)
{
	if (s->exited)
		return;
	if (s->object)
		object_poll(s, timeout_ms);
	else
		program_poll(s, timeout_ms);
}

bool scheduler_holds(struct scheduler *s)
{
	char ops[sizeof(s->ops)];

	scheduler_poll(s, 0);
	return !s->exited && read_enabled(ops, sizeof(ops)) && !strcmp(ops, s->ops) &&
	       read_enable_seq() == s->enable_seq;
}

void scheduler_detach(struct scheduler *s)
{
	if (s->object)
		object_stop(s);
	else
		program_stop(s);
}

void scheduler_free(struct scheduler *s)
{
	if (s->object)
		object_free(s);
	else
		program_stop(s);
}
