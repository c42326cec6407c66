/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/environment.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX 4096

/* The first line of @path; false: none. */
static int read_line(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, line, size - 1);
	close(fd);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return line[0] != '\0';
}

size_t environment_quote(char *json, size_t size, const char *text)
{
	size_t at = 0;

	json[at++] = '"';
	/* Room for the longest escape, the quote and the NUL. Bytes that are not ASCII are escaped too: they need not
	 * be UTF-8. */
	for (; *text && at + 8 <= size; text++) {
		uint8_t c = (uint8_t)*text;

		if (c == '"' || c == '\\')
			at += (size_t)snprintf(json + at, size - at, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			at += (size_t)snprintf(json + at, size - at, "\\u%04x", c);
		else
			json[at++] = (char)c;
	}
	json[at++] = '"';
	json[at] = '\0';
	return at;
}

size_t environment_json(char *json, size_t size)
{
	char text[TEXT_MAX], kernel[6 * 65 + 3], sched[6 * 128 + 3] = "null", cmdline[2 * TEXT_MAX], boot[6 * 40 + 3];
	struct timespec up;
	struct utsname u;
	int n;

	uname(&u);
	clock_gettime(CLOCK_BOOTTIME, &up);
	environment_quote(kernel, sizeof(kernel), u.release);
	if (read_line("/sys/kernel/sched_ext/root/ops", text, 128))
		environment_quote(sched, sizeof(sched), text);
	if (!read_line("/proc/cmdline", text, sizeof(text)))
		text[0] = '\0';
	environment_quote(cmdline, sizeof(cmdline), text);
	if (!read_line("/proc/sys/kernel/random/boot_id", text, 40))
		text[0] = '\0';
	environment_quote(boot, sizeof(boot), text);
	n = snprintf(
		json, size,
		"{\"kernel\":%s,\"cpus\":%ld,\"sched_ext\":%s,\"uptime_s\":%ld.%03ld,\"boot_id\":%s,\"cmdline\":%s}",
		kernel, sysconf(_SC_NPROCESSORS_ONLN), sched, (long)up.tv_sec, up.tv_nsec / 1000000, boot, cmdline);
	return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}
