/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/machine_scheduler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cli.h"
#include "bench/host.h"
#include "bench/path.h"

#define LOADER_IN_GUEST "/ktstr/ktstr-scx"

/* KTSTR_SCHEDULERS are names with ", " between them; none, where this was built without clang. */
void machine_scheduler_parse(struct machine_options *o, const char *arg)
{
	size_t n = strlen(arg);

	o->scheduler = arg;
	if (arg[strcspn(arg, " /")] == '/')
		return;
	for (const char *at = KTSTR_SCHEDULERS; n && *at; at += strspn(at, ", ")) {
		size_t len = strcspn(at, ",");

		if (len == n && !memcmp(at, arg, n))
			return;
		at += len;
	}
	if (!*KTSTR_SCHEDULERS)
		cli_usage("--scheduler %s: this ktstr was built without any; install clang and build it again", arg);
	cli_usage("--scheduler %s: no such scheduler; use one of " KTSTR_SCHEDULERS
		  ", or the path of a program that brings one",
		  arg);
}

bool machine_scheduler_program(const struct machine_options *o, char host[PATH_MAX])
{
	size_t n = o->scheduler ? strcspn(o->scheduler, " ") : 0;

	if (!n || n >= PATH_MAX || !memchr(o->scheduler, '/', n))
		return false;
	memcpy(host, o->scheduler, n);
	host[n] = '\0';
	return true;
}

/* Where the kernel's configuration lies beside it; else the guest finds out. */
static int check_sched_ext(const struct machine_options *o)
{
	char path[PATH_MAX + 8], line[256];
	bool has = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s", o->image);
	strcpy(strrchr(path, '/'), "/config");
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (!has && fgets(line, sizeof(line), f))
		has = !strcmp(line, "CONFIG_SCHED_CLASS_EXT=y\n");
	fclose(f);
	if (has)
		return 0;
	cli_error("--scheduler %s: kernel %s has no sched_ext; use one that has, such as --kernel 7.2", o->scheduler,
		  *o->kernel_name ? o->kernel_name : o->image);
	return CLI_UNAVAILABLE;
}

int machine_scheduler_check(const struct machine_options *o)
{
	char program[PATH_MAX];

	if (!machine_scheduler_program(o, program) || !access(program, R_OK | X_OK))
		return check_sched_ext(o);
	cli_error("--scheduler %s: %s; name a program that can be run", program, strerror(errno));
	return CLI_UNAVAILABLE;
}

/* A scheduler's name; or its program, which is brought, where the guest has it, and its words. To free(). */
static char *scheduler_in_guest(struct initramfs *in, const struct machine_options *o)
{
	char host[PATH_MAX], guest[PATH_MAX], *text;

	if (!machine_scheduler_program(o, host) || path_absolute(host, guest))
		return strdup(o->scheduler);
	initramfs_add_binary(in, host, guest);
	return asprintf(&text, "%s%s", guest, o->scheduler + strlen(host)) < 0 ? NULL : text;
}

int machine_scheduler_argv(struct initramfs *in, const struct machine_options *o, char *const *argv)
{
	char loader[PATH_MAX], *scheduler;
	const char **words;
	size_t n = 0;

	if (host_companion("ktstr-scx", "../bpf/ktstr-scx", loader))
		return CLI_UNAVAILABLE;
	while (argv[n])
		n++;
	scheduler = scheduler_in_guest(in, o);
	words = calloc(n + 4, sizeof(*words));
	if (!scheduler || !words) {
		cli_error("out of memory");
		free(words);
		free(scheduler);
		return CLI_INTERNAL;
	}
	words[0] = LOADER_IN_GUEST;
	words[1] = scheduler;
	words[2] = "--";
	memcpy(words + 3, argv, n * sizeof(*words));
	initramfs_add_binary(in, loader, LOADER_IN_GUEST);
	initramfs_set_argv(in, words);
	free(words);
	free(scheduler);
	return 0;
}
