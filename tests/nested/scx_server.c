/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stands in for a scheduler's statistics server, in the guest: lines of JSON on
 * the socket where the relay looks. usage: scx-server MODE COUNT; answers COUNT
 * requests and ends.
 *   ok      {"errno":0,"args":{"resp":{"n":N}}}
 *   error   an errno
 *   empty   no resp
 *   huge    a line of 600 KiB
 *   large   a line of 300 KiB
 *   slow    8 s late
 *   die     half an answer, then the end of the connection
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATH "/var/run/scx/root/stats"

static void put_large(FILE *f, size_t bytes)
{
	fputs("{\"errno\":0,\"args\":{\"resp\":\"", f);
	while (bytes--)
		putc('x', f);
	fputs("\"}}\n", f);
}

/* False: the connection is to end. */
static int answer(FILE *f, const char *mode, unsigned n)
{
	if (!strcmp(mode, "error"))
		fputs("{\"errno\":2,\"args\":{\"resp\":\"no such statistics\"}}\n", f);
	else if (!strcmp(mode, "empty"))
		fputs("{\"errno\":0,\"args\":{}}\n", f);
	else if (!strcmp(mode, "huge"))
		put_large(f, 600 << 10);
	else if (!strcmp(mode, "large"))
		put_large(f, 300 << 10);
	else if (!strcmp(mode, "die"))
		fputs("{\"errno\":0,\"args\":{\"re", f);
	else
		fprintf(f, "{\"errno\":0,\"args\":{\"resp\":{\"n\":%u}}}\n", n);
	fflush(f);
	return strcmp(mode, "die");
}

int main(int argc, char **argv)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = PATH };
	unsigned count = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0, n = 0;
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	static char line[1 << 20];

	mkdir("/var/run", 0755);
	mkdir("/var/run/scx", 0755);
	mkdir("/var/run/scx/root", 0755);
	unlink(PATH);
	if (!count || bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, 4)) {
		perror("scx-server");
		return 1;
	}
	puts("listening");
	fflush(stdout);
	while (n < count) {
		int fd = accept(listener, NULL, NULL), go_on = 1;
		FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");

		while (go_on && n < count && fgets(line, sizeof(line), in)) {
			if (strncmp(line, "{\"req\":\"stats\"", 14))
				return 2;
			if (!strcmp(argv[1], "slow"))
				sleep(8);
			go_on = answer(out, argv[1], ++n);
		}
		fclose(in);
		fclose(out);
	}
	/* The last answer has a way to go. */
	sleep(1);
	return 0;
}
