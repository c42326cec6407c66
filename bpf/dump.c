/* SPDX-License-Identifier: GPL-2.0-only */
#include "bpf/dump.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENT "sched_ext_dump: "
#define BUFFERS_KIB 8192 /* of all CPUs together */
#define BUFFER_KIB_MAX 512
#define BUFFER_KIB_MIN 32
#define DUMP_MAX (512u << 10) /* what is read of them */

const char *dump_tracefs = "/sys/kernel/tracing/";

static int open_file(const char *name, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s", dump_tracefs, name);
	return open(path, flags | O_CLOEXEC);
}

static FILE *read_file(const char *name)
{
	int fd = open_file(name, O_RDONLY);

	return fd < 0 ? NULL : fdopen(fd, "r");
}

static bool write_file(const char *name, const char *text)
{
	int fd = open_file(name, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Until the first event is enabled the kernel has a trace buffer of one page per CPU; enabling one would grow it to 1.4
 * MB. */
static void size_buffers(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF), kib = BUFFERS_KIB / (cpus > 0 ? cpus : 1);
	FILE *f = read_file("buffer_size_kb");
	char text[64] = "";

	if (!f)
		return;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	if (!strstr(text, "expanded"))
		return; /* it is in use */
	kib = kib > BUFFER_KIB_MAX ? BUFFER_KIB_MAX : kib < BUFFER_KIB_MIN ? BUFFER_KIB_MIN : kib;
	snprintf(text, sizeof(text), "%ld", kib);
	write_file("buffer_size_kb", text);
}

bool dump_record(void)
{
	size_buffers();
	return write_file("events/sched_ext/sched_ext_dump/enable", "1");
}

char *dump_read(void)
{
	FILE *trace = read_file("trace"), *out;
	char *line = NULL, *text = NULL;
	size_t cap = 0, size = 0, len = 0;

	out = trace ? open_memstream(&text, &size) : NULL;
	while (out && len < DUMP_MAX && getline(&line, &cap, trace) > 0) {
		const char *at = line[0] == '#' ? NULL : strstr(line, EVENT);

		if (at && fputs(at + sizeof(EVENT) - 1, out) >= 0)
			len += strlen(at) - sizeof(EVENT) + 1;
	}
	free(line);
	if (out)
		fclose(out);
	if (trace)
		fclose(trace);
	if (len)
		return text;
	free(text);
	return NULL;
}
