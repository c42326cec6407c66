/* SPDX-License-Identifier: GPL-2.0-only */
#include "bpf/kernel_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECORD_MAX 8192	    /* of /dev/kmsg: the kernel's own limit */
#define RECORDS_MAX 1000000 /* bound on records per call, for a kernel that logs without end */
#define PREFIX "sched_ext: "

void kernel_log_open(struct kernel_log *l)
{
	l->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (l->fd >= 0)
		lseek(l->fd, 0, SEEK_END);
}

void kernel_log_close(struct kernel_log *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static bool parse_end(const char *text, const char *ops, char *reason, size_t size)
{
	static const char kind[] = "BPF scheduler \"", then[] = "\" disabled (";
	size_t n = strlen(ops), len;

	if (strncmp(text, kind, sizeof(kind) - 1))
		return false;
	text += sizeof(kind) - 1;
	if (strncmp(text, ops, n) || strncmp(text + n, then, sizeof(then) - 1))
		return false;
	text += n + sizeof(then) - 1;
	len = strcspn(text, ")\n");
	snprintf(reason, size, "%.*s", (int)len, text);
	return true;
}

bool kernel_log_parse(const char *text, const char *ops, char *reason, size_t reason_size, char *message,
		      size_t message_size)
{
	size_t n = strlen(ops);

	if (strncmp(text, PREFIX, sizeof(PREFIX) - 1))
		return false;
	text += sizeof(PREFIX) - 1;
	if (parse_end(text, ops, reason, reason_size)) {
		message[0] = '\0';
		return true;
	}
	/* The line after the end has the message; lines of a stack trace follow without the name. */
	if (!*reason || *message || strncmp(text, ops, n) || strncmp(text + n, ": ", 2))
		return false;
	snprintf(message, message_size, "%.*s", (int)strcspn(text + n + 2, "\n"), text + n + 2);
	return true;
}

bool kernel_log_end(struct kernel_log *l, const char *ops, char *reason, size_t reason_size, char *message,
		    size_t message_size)
{
	char record[RECORD_MAX + 1];

	reason[0] = message[0] = '\0';
	for (unsigned i = 0; l->fd >= 0 && i < RECORDS_MAX; i++) {
		ssize_t n = read(l->fd, record, RECORD_MAX);
		const char *text;

		/* Records were overwritten before we read them. */
		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (n <= 0)
			break;
		record[n] = '\0';
		text = strchr(record, ';');
		if (text)
			kernel_log_parse(text + 1, ops, reason, reason_size, message, message_size);
	}
	return *reason;
}

int kernel_log_kind(const char *reason)
{
	static const struct {
		const char *reason;
		int kind;
	} kinds[] = {
		{ "unregistered from user space", 64 },
		{ "unregistered from BPF", 65 },
		{ "unregistered from the main kernel", 66 },
		{ "disabled by sysrq-S", 67 },
		{ "parent exiting", 68 },
		{ "killed by parent scheduler", 69 },
		{ "runtime error", 1024 },
		{ "scx_bpf_error", 1025 },
		{ "runnable task stall", 1026 },
		{ "reenqueue limit", 1027 },
		{ "rescue bandwidth overload", 1028 },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].reason, reason))
			return kinds[i].kind;
	return -1;
}
