/* SPDX-License-Identifier: GPL-2.0-only */
/* fio on the same file: what the host gives without a device in between. */
#include <errno.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/lab/plane/cell.h"

#define WORDS 24
#define WORD 96
#define OUTPUT_MAX (256u << 10)

extern char **environ;

struct words {
	unsigned n;
	char text[WORDS][WORD];
	char *argv[WORDS + 1];
};

static void __attribute__((format(printf, 2, 3))) add(struct words *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->text[w->n], WORD, fmt, ap);
	va_end(ap);
	w->argv[w->n] = w->text[w->n];
	w->argv[++w->n] = NULL;
}

static void fio_command(struct words *w, const struct cell *c, enum contender who, uint64_t ns)
{
	w->n = 0;
	add(w, "fio");
	add(w, "--name=plane");
	add(w, "--output-format=json");
	add(w, "--filename=%s", c->storage->path);
	add(w, "--size=%llu", (unsigned long long)c->storage->size);
	add(w, "--rw=%s", c->write ? "randwrite" : "randread");
	add(w, "--bs=4k");
	add(w, "--ioengine=%s", who == FIO_URING ? "io_uring" : "psync");
	add(w, "--iodepth=%u", who == FIO_URING ? c->depth : 1);
	add(w, "--direct=%d", c->storage->direct);
	add(w, "--time_based");
	add(w, "--runtime=%lluus", (unsigned long long)(ns / 1000));
	add(w, "--norandommap");
	add(w, "--randrepeat=0");
	add(w, "--invalidate=0"); /* the page cache is to be found as we found it */
	add(w, "--fallocate=none");
	add(w, "--allow_file_create=0");
	add(w, "--gtod_reduce=1"); /* the device reads no clock for each request either */
	add(w, "--thread");
}

/* Its standard output into @text; 0 or a negative errno. */
static int run_fio(const struct words *w, char *text, size_t size)
{
	posix_spawn_file_actions_t actions;
	size_t n = 0;
	ssize_t got;
	int p[2], err, status;
	pid_t pid;

	if (pipe(p))
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, p[1], 1);
	posix_spawn_file_actions_addclose(&actions, p[0]);
	posix_spawn_file_actions_addclose(&actions, p[1]);
	err = -posix_spawnp(&pid, "fio", &actions, NULL, w->argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(p[1]);
	while (!err && n < size - 1 && (got = read(p[0], text + n, size - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(p[0]);
	if (err)
		return err;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

static int read_result(const char *text, bool write, struct sample *s)
{
	const char *start = strchr(text, '{'); /* notes may come before it */
	json_t *root = start ? json_loads(start, JSON_DISABLE_EOF_CHECK, NULL) : NULL, *side;
	double user = 0, system = 0, iops = 0, total = 0;
	int error = 1;

	if (!root || json_unpack(root, "{s:[{s:i, s:F, s:F, s:o}]}", "jobs", "error", &error, "usr_cpu", &user,
				 "sys_cpu", &system, write ? "write" : "read", &side))
		error = 1;
	else if (json_unpack(side, "{s:F, s:F}", "iops", &iops, "total_ios", &total))
		error = 1;
	json_decref(root);
	if (error || iops <= 0)
		return -EPROTO;
	*s = (struct sample){ .iops = iops, .cpu_us = (user + system) / 100 * 1e6 / iops, .allocations = -1 };
	return 0;
}

int fio_measure(const struct cell *c, enum contender who, uint64_t ns, struct sample *s, char *why, size_t why_size)
{
	struct words w;
	char *text = malloc(OUTPUT_MAX);
	int err = text ? 0 : -ENOMEM;

	fio_command(&w, c, who, ns);
	if (!err)
		err = run_fio(&w, text, OUTPUT_MAX);
	if (!err)
		err = read_result(text, c->write, s);
	if (err == -ENOENT)
		snprintf(why, why_size, "fio is not installed");
	else if (err)
		snprintf(why, why_size, "fio failed: %s", strerror(-err));
	free(text);
	return err;
}
