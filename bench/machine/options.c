/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/machine/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/host/options.h"
#include "bench/machine/guest_options.h"
#include "bench/machine/scheduler.h"
#include "bench/machine/shape.h"
#include "bench/spec/document.h"
#include "bench/spec/file.h"
#include "kvm/vm.h"

enum {
	OPT_HOST = 0x200,
	OPT_KERNEL,
	OPT_INITRD,
	OPT_APPEND,
	OPT_SCHEDULER,
	OPT_SCHEDULER_LOG,
	OPT_CPUS,
	OPT_MEMORY,
	OPT_DISK,
	OPT_NET,
	OPT_POLL,
	OPT_REGISTER_PAGE,
	OPT_FILE,
	OPT_MODULE,
	OPT_OUTPUT,
	OPT_TIMEOUT,
	OPT_STATS,
	OPT_CONSOLE,
	OPT_EVENTS,
	OPT_SCX_STATS,
	OPT_WAKE,
	OPT_DRY_RUN,
	OPT_SPEC,
};

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "The machine:", 10 },
	{ "host", OPT_HOST, "auto|direct|nested", 0,
	  "Where the VM runs: direct (this machine's KVM), nested (in a small Linux under QEMU), or auto: direct where "
	  "KVM boots stock kernels (auto)",
	  10 },
	{ "kernel", OPT_KERNEL, "K", 0,
	  "An image, a name that ktstr kernel list shows, a build tree, or host: the one that runs here "
	  "(default)",
	  10 },
	{ "initrd", OPT_INITRD, "I", 0, "First file system; with a command, ktstr's own is laid over it", 10 },
	{ "append", OPT_APPEND, "WORDS", 0, "Add to the kernel's command line", 10 },
	{ "scheduler", OPT_SCHEDULER, "NAME", 0,
	  "Run the command under a sched_ext scheduler: one of [" KTSTR_SCHEDULERS
	  "], a program that loads one ('./scx_simple -v', quoted as for a shell), or a BPF object (./x.bpf.o) (the "
	  "kernel's own)",
	  10 },
	{ "cpus", OPT_CPUS, "N", 0, "CPUs, 1 to 1024, all alike (2)", 10 },
	{ "memory", OPT_MEMORY, "SIZE", 0,
	  "Memory, 64M or more, and as much as the kernel needs (1G, or what CPUs, nodes and files need)", 10 },
	{ "disk", OPT_DISK, "DISK", 0,
	  "PATH[,ro] (a comma in PATH is written twice) or size=256M; then also engine=auto|uring|sync (sync: a hung "
	  "disk blocks the whole VMM), "
	  "direct=on, iops=N, bps=N, iops-burst=N, "
	  "bps-burst=N, serial=NAME, discard=on (the guest may give back what it no longer needs); may be repeated",
	  10 },
	{ "register-page", OPT_REGISTER_PAGE, "auto|on|off", 0,
	  "Let the guest read device registers from memory: saves one exit per interrupt (auto: where "
	  "this KVM can, and is not slower with it)",
	  10 },
	{ "poll", OPT_POLL, "auto|off|US", 0,
	  "Busy-wait at most US microseconds before the devices' thread sleeps; how long is learnt from the traffic "
	  "(auto: 2000 where a CPU is to spare, else off)",
	  10 },
	{ "net", OPT_NET, "[loopback|tap=NAME][,mac=ADDRESS][,mtu=BYTES]", OPTION_ARG_OPTIONAL,
	  "A network card: one that echoes each frame, or one on the TAP device NAME (loopback)", 10 },
	{ NULL, 0, NULL, 0, "What goes in and out:", 11 },
	{ "file", OPT_FILE, "HOST[:GUEST]", 0,
	  "Copy a file or directory into the guest; programs bring their shared libraries. DIR:/ lays a directory over "
	  "the guest's root",
	  11 },
	{ "module", OPT_MODULE, "NAME", 0, "Load a kernel module, and what it needs", 11 },
	{ "output", OPT_OUTPUT, "PATH", 0,
	  "Copy the guest's file PATH back to the same place; it is an error if the command does not write it, and an "
	  "older file there is removed then. DIR/, with the slash: each file of the directory, as soon as it is "
	  "finished",
	  11 },
	{ "timeout", OPT_TIMEOUT, "TIME", 0,
	  "End the guest after this time, in order if it still can, with exit code 124", 11 },
	{ "stats", OPT_STATS, "FILE", 0, "Write all counters to FILE, as JSON", 11 },
	{ "scheduler-log", OPT_SCHEDULER_LOG, "FILE", 0,
	  "Write what the scheduler prints to FILE (stderr, with its name before each line)", 11 },
	{ "events", OPT_EVENTS, "FILE", 0, "Write what happens to FILE while it does, a line of JSON each", 11 },
	{ "scx-stats", OPT_SCX_STATS, "TIME", 0,
	  "Ask the scheduler for its statistics at this interval; the answers are events", 11 },
	{ "wake", OPT_WAKE, "NAME[@TIME]", 0,
	  "Send the guest a wake byte, TIME after the command started: vc-dump, shutdown, bpf-write-done, "
	  "accessor-ready; may be repeated",
	  11 },
	{ "console", OPT_CONSOLE, NULL, 0, "Show the guest's COM1 on stderr", 11 },
	{ "dry-run", OPT_DRY_RUN, "json", OPTION_ARG_OPTIONAL,
	  "Print the machine that would be made, and make none; =json: as JSON, with the spec that --spec takes", 11 },
	{ "spec", OPT_SPEC, "FILE", 0,
	  "Take machine and command from FILE (-: stdin), as --dry-run=json prints them. Options beside it override "
	  "it, a list as a whole; config file and environment are not read",
	  11 },
	{ "verbose", 'v', NULL, 0, "Say on stderr what is being done", 11 },
	{ 0 },
};

static enum host_choice parse_host(const char *arg)
{
	for (enum host_choice h = HOST_AUTO; h <= HOST_TRY; h++)
		if (!strcmp(arg, host_choice_names[h]))
			return h;
	say_usage("--host %s: no such kind of host; use auto, direct or nested", arg);
}

static void parse_cpus(struct machine_spec *o, const char *arg)
{
	uint64_t n;

	if (number_parse(arg, 1, VM_CPUS_MAX, &n))
		say_usage("--cpus %s: not a number of CPUs; use 1 to %d", arg, VM_CPUS_MAX);
	o->cpus = (unsigned)n;
}

static void parse_memory(struct machine_spec *o, const char *arg)
{
	if (size_parse(arg, &o->memory))
		say_usage("--memory %s: not a size; write it as 512M or 2G", arg);
	if (o->memory < VM_MEMORY_MIN)
		say_usage("--memory %s: too little to boot a kernel; use 64M or more", arg);
	if (o->memory > MACHINE_MEMORY_MAX)
		say_usage("--memory %s: more than can be addressed; use 64T or less", arg);
	/* Whole pages. */
	o->memory &= ~UINT64_C(0xfff);
}

static void parse_disk(struct machine_spec *o, const char *arg)
{
	char why[PATH_MAX + 512];

	if (o->n_disks == MACHINE_DISKS_MAX)
		say_usage("--disk %s: more disks than fit; use at most %d", arg, MACHINE_DISKS_MAX);
	if (disk_parse(arg, &o->disk[o->n_disks], why, sizeof(why)))
		say_usage("%s", why);
	o->n_disks++;
}

static void parse_wake(struct machine_spec *o, const char *arg)
{
	int rc = conversation_wake_parse(&o->conversation, arg);

	if (rc == -E2BIG)
		say_usage("--wake %s: given too often; at most %d times", arg, CONVERSATION_WAKES_MAX);
	if (rc)
		say_usage("--wake %s: not NAME or NAME@TIME, such as vc-dump@2s; NAME is vc-dump, shutdown, "
			  "bpf-write-done or accessor-ready",
			  arg);
}

/* An optional value may stand in a word of its own; what else follows is not for us. */
static void parse_net(struct machine_spec *o, const char *arg, struct argp_state *state)
{
	char why[256];

	if (!arg && state->next < state->argc && nic_is_value(state->argv[state->next]))
		arg = state->argv[state->next++];
	if (nic_parse(arg, &o->nic, why, sizeof(why)))
		say_usage("--net %s", why);
}

static void parse_file(struct machine_spec *o, const char *arg)
{
	int rc;

	if (o->n_files == MACHINE_FILES_MAX)
		say_usage("--file %s: given too often; at most %d times", arg, MACHINE_FILES_MAX);
	rc = file_pair_parse(arg, &o->file[o->n_files]);
	if (rc == -ENOMEM)
		say_usage("--file %s: out of memory", arg);
	if (rc)
		say_usage("--file %s: is not HOST or HOST:GUEST; name a file before the colon and one after it", arg);
	o->n_files++;
}

/* The word stands before all others, see cli/settings.c. */
static void take_spec(struct machine_arguments *a, const char *arg)
{
	char why[FIELD_WHY];
	int rc;

	if (a->spec_file)
		say_usage("--spec %s: --spec %s is given too; name one file", arg, a->spec_file);
	rc = spec_load(&a->spec, arg, why);
	if (rc == -EINVAL)
		say_usage("--spec %s: %s", arg, why);
	if (rc) {
		say_error("--spec %s: %s", arg, why);
		exit(EXIT_UNAVAILABLE);
	}
	a->spec_file = arg;
}

static void free_files(struct machine_spec *o)
{
	while (o->n_files)
		file_pair_free(&o->file[--o->n_files]);
}

/* Options that may be repeated. False: this is none. */
static bool parse_repeated(struct machine_arguments *a, int key, const char *arg)
{
	struct machine_spec *o = &a->spec;

	switch (key) {
	case OPT_DISK:
		if (machine_list_replaces(a, LIST_DISKS))
			o->n_disks = 0;
		parse_disk(o, arg);
		return true;
	case OPT_FILE:
		if (machine_list_replaces(a, LIST_FILES))
			free_files(o);
		parse_file(o, arg);
		return true;
	case OPT_MODULE:
		if (machine_list_replaces(a, LIST_MODULES))
			word_list_free(&o->modules);
		machine_list_add(&o->modules, "--module", arg);
		return true;
	case OPT_OUTPUT:
		if (machine_list_replaces(a, LIST_OUTPUTS))
			word_list_free(&o->outputs);
		machine_list_add(&o->outputs, "--output", arg);
		return true;
	case OPT_WAKE:
		if (machine_list_replaces(a, LIST_WAKES))
			o->conversation.n_wakes = 0;
		parse_wake(o, arg);
		return true;
	default:
		return false;
	}
}

/* Options whose value is kept as it is. False: this is none. */
static bool parse_text(struct machine_spec *o, int key, const char *arg)
{
	char **text;

	switch (key) {
	case OPT_KERNEL:
		text = &o->kernel;
		break;
	case OPT_INITRD:
		text = &o->initrd;
		break;
	case OPT_APPEND:
		text = &o->append;
		break;
	case OPT_SCHEDULER_LOG:
		text = &o->scheduler_log;
		break;
	case OPT_STATS:
		text = &o->stats;
		break;
	case OPT_EVENTS:
		text = &o->conversation.events;
		break;
	default:
		return false;
	}
	machine_text_set(text, arg);
	return true;
}

static void parse_dry_run(struct machine_arguments *a, const char *arg)
{
	bool needs = arg && !strcmp(arg, "needs");

	if (arg && !needs && strcmp(arg, "json") != 0)
		say_usage("--dry-run %s: not a form; use --dry-run or --dry-run=json", arg);
	a->dry_run = needs ? DRY_RUN_NEEDS : arg ? DRY_RUN_JSON : DRY_RUN_TEXT;
}

static void parse_register_page(struct machine_spec *o, const char *arg)
{
	if (register_choice_parse(arg, &o->register_page))
		say_usage("--register-page %s: use auto, on or off", arg);
}

static void parse_poll(struct machine_spec *o, const char *arg)
{
	if (poll_parse(arg, &o->poll))
		say_usage("--poll %s: use auto, off, or microseconds up to 1000000", arg);
}

static void parse_time(uint64_t *ns, const char *option, const char *arg, const char *examples)
{
	if (duration_parse(arg, ns) || !*ns)
		say_usage("%s %s: not a time; write it as %s", option, arg, examples);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct machine_arguments *a = state->input;
	struct machine_spec *o = &a->spec;

	if (parse_repeated(a, key, arg) || parse_text(o, key, arg))
		return 0;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = a;
		state->child_inputs[1] = &o->host_cpus;
		state->child_inputs[2] = a;
		return 0;
	case OPT_SPEC:
		take_spec(a, arg);
		return 0;
	case OPT_HOST:
		o->host = parse_host(arg);
		return 0;
	case OPT_REGISTER_PAGE:
		parse_register_page(o, arg);
		return 0;
	case OPT_POLL:
		parse_poll(o, arg);
		return 0;
	case OPT_SCHEDULER:
		machine_scheduler_parse(&o->scheduler, arg);
		return 0;
	case OPT_CPUS:
		parse_cpus(o, arg);
		return 0;
	case OPT_MEMORY:
		parse_memory(o, arg);
		return 0;
	case OPT_NET:
		parse_net(o, arg, state);
		return 0;
	case OPT_TIMEOUT:
		parse_time(&o->timeout_ns, "--timeout", arg, "30s or 2m");
		return 0;
	case OPT_SCX_STATS:
		parse_time(&o->conversation.scx_stats_ns, "--scx-stats", arg, "100ms or 1s");
		return 0;
	case OPT_CONSOLE:
		o->console = true;
		return 0;
	case OPT_DRY_RUN:
		parse_dry_run(a, arg);
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &machine_shape_argp, 0, NULL, 0 },
					      { &host_options_argp, 0, NULL, 0 },
					      { &guest_options_argp, 0, NULL, 0 },
					      { 0 } };
const struct argp machine_options_argp = { .options = options, .parser = parse, .children = children };

void machine_command_take(struct machine_arguments *a, struct argp_state *state)
{
	word_list_free(&a->spec.command);
	for (int i = state->next - 1; i < state->argc; i++)
		if (word_list_add(&a->spec.command, state->argv[i]))
			say_usage("%s: out of memory", state->argv[i]);
	state->next = state->argc;
}
