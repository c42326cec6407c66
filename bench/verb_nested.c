/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr nested: any command in the nested host. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "bench/cache.h"
#include "bench/nested.h"
#include "bench/verbs.h"

#define EACH_MAX 64

struct args {
	struct nested_plan plan;
	struct nested_file files[EACH_MAX], trees[EACH_MAX];
	struct nested_disk disks[EACH_MAX];
	const char *kernels[EACH_MAX], *outputs[EACH_MAX], *env[EACH_MAX];
	size_t n_kernels, n_outputs, n_env;
};

enum { OPT_TREE = 256, OPT_DISK, OPT_KERNEL, OPT_OUTPUT, OPT_CPUS };

static const struct argp_option options[] = {
	{ "file", 'f', "HOST[:GUEST]", 0, "Bring a file; a program comes with its shared libraries", 0 },
	{ "tree", OPT_TREE, "HOST[:GUEST]", 0, "Bring a directory with all below", 0 },
	{ "disk", OPT_DISK, "PATH[,ro]", 0, "Attach a disk image; it is found at PATH", 0 },
	{ "kernel", OPT_KERNEL, "NAME", 0, "Bring a kernel of the cache, to the same place", 0 },
	{ "output", OPT_OUTPUT, "PATH", 0, "Bring back the file PATH when the command has ended", 0 },
	{ "env", 'e', "NAME=VALUE", 0, "Set a variable in the command's environment", 0 },
	{ "self", 's', NULL, 0, "Bring ktstr itself, and guest-init", 0 },
	{ "memory", 'm', "MIB", 0, "Memory of the nested host, MiB (1536)", 0 },
	{ "cpus", OPT_CPUS, "N", 0, "CPUs of the nested host (2)", 0 },
	{ "timeout", 't', "S", 0, "End the command after this time, with exit code 124", 0 },
	{ 0 },
};

static unsigned number(struct argp_state *state, const char *arg, const char *what, unsigned max)
{
	char *end;
	unsigned long value = strtoul(arg, &end, 10);

	if (*end || end == arg || !value || value > max)
		argp_error(state, "%s: %s: not a number from 1 to %u", what, arg, max);
	return (unsigned)value;
}

/* Room for one more in a list of EACH_MAX with a NULL at its end. */
static size_t next(struct argp_state *state, size_t *n, const char *what)
{
	if (*n + 1 >= EACH_MAX)
		argp_error(state, "%s: given more than %d times", what, EACH_MAX - 1);
	return (*n)++;
}

static struct nested_file file_of(char *arg)
{
	char *colon = strrchr(arg, ':');

	if (colon)
		*colon++ = '\0';
	return (struct nested_file){ .host = arg, .guest = colon };
}

static struct nested_disk disk_of(char *arg)
{
	char *ro = strrchr(arg, ',');
	bool is_ro = ro && !strcmp(ro, ",ro");

	if (is_ro)
		*ro = '\0';
	return (struct nested_disk){ .path = arg, .ro = is_ro };
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;
	struct nested_plan *plan = &a->plan;

	switch (key) {
	case 'f':
		a->files[next(state, &plan->n_binaries, "--file")] = file_of(arg);
		return 0;
	case OPT_TREE:
		a->trees[next(state, &plan->n_trees, "--tree")] = file_of(arg);
		return 0;
	case OPT_DISK:
		a->disks[next(state, &plan->n_disks, "--disk")] = disk_of(arg);
		return 0;
	case OPT_KERNEL:
		a->kernels[next(state, &a->n_kernels, "--kernel")] = arg;
		return 0;
	case OPT_OUTPUT:
		a->outputs[next(state, &a->n_outputs, "--output")] = arg;
		return 0;
	case 'e':
		if (!strchr(arg, '='))
			argp_error(state, "--env: %s: not NAME=VALUE", arg);
		a->env[next(state, &a->n_env, "--env")] = arg;
		return 0;
	case 's':
		plan->self = true;
		return 0;
	case 'm':
		plan->memory_mib = number(state, arg, "--memory", 1u << 20);
		return 0;
	case OPT_CPUS:
		plan->cpus = number(state, arg, "--cpus", 64);
		return 0;
	case 't':
		plan->timeout_s = (int)number(state, arg, "--timeout", 1u << 20);
		return 0;
	case ARGP_KEY_ARGS:
		plan->argv = (const char *const *)state->argv + state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "no command given");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int verb_nested(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "-- CMD...",
		.doc = "Run a command in the nested host: a small Linux under QEMU in which KVM boots stock kernels.\v"
		       "CMD is looked for there: busybox's applets, and what --file brings.",
	};
	char guest_init[PATH_MAX], why[512];
	struct args a = { 0 };
	int ret;

	argp_err_exit_status = EX_USAGE;
	ret = argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &a);
	if (ret)
		return EX_USAGE;
	a.plan.binaries = a.files;
	a.plan.trees = a.trees;
	a.plan.disks = a.disks;
	a.plan.kernels = a.kernels;
	a.plan.outputs = a.outputs;
	a.plan.env = a.env;
	ret = own_file(guest_init, "../guest-init/guest-init");
	if (ret) {
		fprintf(stderr, "ktstr: guest-init: %s; build ktstr whole\n", strerror(-ret));
		return EX_UNAVAILABLE;
	}
	a.plan.guest_init = guest_init;
	ret = nested_run(&a.plan, why, sizeof(why));
	if (ret >= 0)
		return ret;
	fprintf(stderr, "ktstr: %s\n", why);
	return nested_exit_code(ret);
}
