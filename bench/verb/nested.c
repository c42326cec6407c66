/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr nested: runs any command in the nested host. */
#include <argp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/cli/parse.h"
#include "bench/host/facts.h"
#include "bench/nested/run.h"
#include "bench/verb/verbs.h"

#define EACH_MAX 64
#define MIB (1ull << 20)
#define MEMORY_MIN (256 * MIB)
#define SECOND_NS 1000000000ull

struct args {
	struct nested_plan plan;
	struct nested_file files[EACH_MAX], trees[EACH_MAX];
	struct nested_disk disks[EACH_MAX];
	struct nested_output_dir dirs[EACH_MAX];
	const char *kernels[EACH_MAX], *outputs[EACH_MAX], *env[EACH_MAX];
	size_t n_kernels, n_outputs, n_env;
};

enum { OPT_TREE = 256, OPT_DISK, OPT_KERNEL, OPT_OUTPUT, OPT_OUTPUT_DIR, OPT_CPUS };

static const struct argp_option options[] = {
	{ "file", 'f', "HOST[:GUEST]", 0, "Copy a file; programs bring their shared libraries", 0 },
	{ "tree", OPT_TREE, "HOST[:GUEST]", 0, "Copy a directory", 0 },
	{ "disk", OPT_DISK, "PATH[,ro]", 0, "Attach a disk image, which CMD finds at PATH", 0 },
	{ "kernel", OPT_KERNEL, "NAME", 0, "Copy a kernel of the cache, to the same path", 0 },
	{ "output", OPT_OUTPUT, "PATH", 0, "Copy the file PATH back when the command has ended", 0 },
	{ "output-dir", OPT_OUTPUT_DIR, "HOST[:GUEST]", 0,
	  "Copy each file of a directory back as soon as it is finished", 0 },
	{ "env", 'e', "NAME=VALUE", 0, "Set a variable in the command's environment", 0 },
	{ "self", 's', NULL, 0, "Copy ktstr itself, and guest-init", 0 },
	{ "memory", 'm', "SIZE", 0, "Memory of the nested host (1536M)", 0 },
	{ "cpus", OPT_CPUS, "N", 0, "CPUs for CMD (2); the nested host has one more for itself", 0 },
	{ "timeout", 't', "TIME", 0, "End the command after TIME, with exit code 124", 0 },
	{ 0 },
};

static uint64_t number(const char *arg, const char *what, uint64_t max)
{
	uint64_t value;

	if (number_parse(arg, 1, max, &value))
		say_usage("%s %s: not a number from 1 to %llu", what, arg, (unsigned long long)max);
	return value;
}

static uint64_t memory_mib(const char *arg)
{
	uint64_t bytes;

	if (size_parse(arg, &bytes) || bytes < MEMORY_MIN || bytes % MIB)
		say_usage("--memory %s: not a size in whole MiB from %d MiB, such as 2G", arg, (int)(MEMORY_MIN / MIB));
	return bytes / MIB;
}

static uint64_t timeout_ns(const char *arg)
{
	uint64_t ns;

	if (duration_parse(arg, &ns) || ns < SECOND_NS)
		say_usage("--timeout %s: not a time from 1 s, such as 90s or 5m", arg);
	return ns;
}

/* The index of the next element in a NULL-terminated list of EACH_MAX. */
static size_t next_index(size_t *n, const char *what)
{
	if (*n + 1 >= EACH_MAX)
		say_usage("%s: given more than %d times", what, EACH_MAX - 1);
	return (*n)++;
}

static struct nested_file file_of(char *arg)
{
	char *colon = strrchr(arg, ':');

	if (colon)
		*colon++ = '\0';
	return (struct nested_file){ .host = arg, .guest = colon };
}

static struct nested_output_dir output_dir_of(char *arg)
{
	struct nested_file f = file_of(arg);

	if (!*f.host || (f.guest && *f.guest != '/'))
		say_usage("--output-dir: not HOST or HOST:GUEST with an absolute GUEST, such as results:/results");
	return (struct nested_output_dir){ .host = f.host, .guest = f.guest };
}

static struct nested_disk disk_of(char *arg)
{
	char *ro = strrchr(arg, ',');
	bool is_ro = ro && !strcmp(ro, ",ro");

	if (is_ro)
		*ro = '\0';
	return (struct nested_disk){ .path = arg, .ro = is_ro };
}

/* What may be given repeatedly. False: @key is none of these. */
static bool parse_list(struct args *a, int key, char *arg)
{
	struct nested_plan *plan = &a->plan;

	switch (key) {
	case 'f':
		a->files[next_index(&plan->n_binaries, "--file")] = file_of(arg);
		return true;
	case OPT_TREE:
		a->trees[next_index(&plan->n_trees, "--tree")] = file_of(arg);
		return true;
	case OPT_DISK:
		a->disks[next_index(&plan->n_disks, "--disk")] = disk_of(arg);
		return true;
	case OPT_KERNEL:
		a->kernels[next_index(&a->n_kernels, "--kernel")] = arg;
		return true;
	case OPT_OUTPUT:
		a->outputs[next_index(&a->n_outputs, "--output")] = arg;
		return true;
	case OPT_OUTPUT_DIR:
		a->dirs[next_index(&plan->n_output_dirs, "--output-dir")] = output_dir_of(arg);
		return true;
	case 'e':
		if (*arg == '=' || !strchr(arg, '='))
			say_usage("--env %s: not NAME=VALUE; write it as PATH=/bin", arg);
		a->env[next_index(&a->n_env, "--env")] = arg;
		return true;
	default:
		return false;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;
	struct nested_plan *plan = &a->plan;

	if (parse_list(a, key, arg))
		return 0;
	switch (key) {
	case 's':
		plan->self = true;
		return 0;
	case 'm':
		plan->memory_mib = memory_mib(arg);
		return 0;
	case OPT_CPUS:
		plan->cpus = (unsigned)number(arg, "--cpus", NESTED_CPUS_MAX);
		return 0;
	case 't':
		plan->timeout_ns = timeout_ns(arg);
		return 0;
	case ARGP_KEY_ARG:
		/* The remaining words are the command's, options included. */
		plan->argv = (const char *const *)state->argv + state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		say_usage("nested: requires a command; pass it after --");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp nested_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "-- CMD...",
	.doc = "Run a command in the nested host: a small Linux under QEMU in which KVM boots stock kernels.\v"
	       "CMD is one of busybox's applets, or a program that --file copied. ktstr kernel fetch nested fetches "
	       "QEMU and the kernel.\n\n"
	       "Results in it are right; timings are not those of hardware. It has one CPU more than CMD may use, "
	       "because QEMU's emulation now and then overwrites guests on the first one. Its init holds idle VMs, so "
	       "that KVM patches no code while guests run. KTSTR_NESTED_CPU_MODEL is QEMU's -cpu; ktstr doctor warns "
	       "of a model without cmpxchg16b, which guests need.\n\n"
	       "A file of an --output-dir is finished when it is renamed to its name or closed by its writer. It "
	       "appears here whole, or not at all if the nested host dies first; one that is removed is removed here "
	       "too. What is there before is not copied: pass the directory to --tree as well to have it in the nested "
	       "host.\n\n"
	       "EXAMPLES\n"
	       "  ktstr nested --self -- ktstr doctor --kvm-kind\n"
	       "  ktstr nested --cpus 4 --memory 4G --file ./prog -- ./prog\n"
	       "  ktstr nested --output-dir results:/results --file ./prog -- ./prog --out /results",
};

int verb_nested(int argc, char **argv)
{
	char guest_init[PATH_MAX], why[512];
	struct args a = { 0 };
	int ret;

	cli_parse(&nested_argp, "nested", argc, argv, &a);
	a.plan.binaries = a.files;
	a.plan.trees = a.trees;
	a.plan.disks = a.disks;
	a.plan.kernels = a.kernels;
	a.plan.outputs = a.outputs;
	a.plan.output_dirs = a.dirs;
	a.plan.env = a.env;
	if (host_companion("guest-init", "../guest-init/guest-init", guest_init))
		return EXIT_UNAVAILABLE;
	a.plan.guest_init = guest_init;
	ret = nested_run(&a.plan, why, sizeof(why));
	if (ret >= 0)
		return ret;
	say_error("%s", why);
	return nested_exit_code(ret);
}
