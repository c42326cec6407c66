/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/machine/options.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/nested_env.h"
#include "bench/base/path.h"
#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/cache/path.h"
#include "bench/host/options.h"
#include "bench/kernel/config.h"
#include "bench/kernel/find.h"
#include "bench/kernel/image.h"
#include "bench/machine/guest_options.h"
#include "bench/machine/scheduler.h"
#include "bench/machine/shape.h"
#include "bench/nested/plan.h"
#include "bench/session/conversation.h"
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
	  "Let the guest read device registers from memory: no exit an interrupt instead of one (auto: where "
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
	  "Copy a file or directory into the guest; a program brings its shared libraries. DIR:/ lays a directory over "
	  "the guest's root",
	  11 },
	{ "module", OPT_MODULE, "NAME", 0, "Load a kernel module, and what it needs", 11 },
	{ "output", OPT_OUTPUT, "PATH", 0,
	  "Bring the guest's file PATH back to the same place; it is an error if the command does not write it, and an "
	  "older "
	  "file there is removed then",
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
	  "Print the machine that would be, and make none; with --dry-run=json as JSON", 11 },
	{ "verbose", 'v', NULL, 0, "Tell on stderr what is being done", 11 },
	{ 0 },
};

static enum host_choice parse_host(const char *arg)
{
	static const char *const names[] = { "auto", "direct", "nested", "try" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(arg, names[i]))
			return (enum host_choice)i;
	say_usage("--host %s: no such kind of host; use auto, direct or nested", arg);
}

static void parse_cpus(struct machine_options *o, const char *arg)
{
	uint64_t n;

	if (number_parse(arg, 1, VM_CPUS_MAX, &n))
		say_usage("--cpus %s: not a number of CPUs; use 1 to %d", arg, VM_CPUS_MAX);
	o->cpus = (unsigned)n;
	o->shape.cpus_given = true;
}

static void parse_memory(struct machine_options *o, const char *arg)
{
	if (size_parse(arg, &o->memory))
		say_usage("--memory %s: not a size; write it as 512M or 2G", arg);
	if (o->memory < VM_MEMORY_MIN)
		say_usage("--memory %s: too little to boot a kernel; use 64M or more", arg);
	if (o->memory > UINT64_C(1) << 46)
		say_usage("--memory %s: more than can be addressed; use 64T or less", arg);
	/* Whole pages. */
	o->memory &= ~UINT64_C(0xfff);
	o->shape.memory_given = true;
}

static void parse_disk(struct machine_options *o, const char *arg)
{
	char why[PATH_MAX + 512];

	if (o->n_disks == MACHINE_DISKS_MAX)
		say_usage("--disk %s: more disks than fit; use at most %d", arg, MACHINE_DISKS_MAX);
	if (disk_parse(arg, &o->disk[o->n_disks], why, sizeof(why)))
		say_usage("%s", why);
	o->n_disks++;
}

static void parse_wake(struct machine_options *o, const char *arg)
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
static void parse_net(struct machine_options *o, const char *arg, struct argp_state *state)
{
	char why[256];

	if (!arg && state->next < state->argc && nic_is_value(state->argv[state->next]))
		arg = state->argv[state->next++];
	if (nic_parse(arg, &o->nic, why, sizeof(why)))
		say_usage("--net %s", why);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct machine_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = o;
		state->child_inputs[1] = &o->host_cpus;
		state->child_inputs[2] = &o->guest;
		return 0;
	case OPT_HOST:
		o->host = parse_host(arg);
		return 0;
	case OPT_REGISTER_PAGE:
		if (register_choice_parse(arg, &o->register_page))
			say_usage("--register-page %s: use auto, on or off", arg);
		return 0;
	case OPT_KERNEL:
		o->kernel = arg;
		return 0;
	case OPT_POLL:
		if (poll_parse(arg, &o->poll))
			say_usage("--poll %s: use auto, off, or microseconds up to 1000000", arg);
		return 0;
	case OPT_INITRD:
		o->initrd = arg;
		return 0;
	case OPT_APPEND:
		o->append = arg;
		return 0;
	case OPT_SCHEDULER:
		machine_scheduler_parse(o, arg);
		return 0;
	case OPT_SCHEDULER_LOG:
		o->scheduler_log = arg;
		return 0;
	case OPT_CPUS:
		parse_cpus(o, arg);
		return 0;
	case OPT_MEMORY:
		parse_memory(o, arg);
		return 0;
	case OPT_DISK:
		parse_disk(o, arg);
		return 0;
	case OPT_NET:
		parse_net(o, arg, state);
		return 0;
	case OPT_FILE:
		machine_list_add(&o->files, "--file", arg);
		return 0;
	case OPT_MODULE:
		machine_list_add(&o->modules, "--module", arg);
		return 0;
	case OPT_OUTPUT:
		machine_list_add(&o->outputs, "--output", arg);
		return 0;
	case OPT_TIMEOUT:
		if (duration_parse(arg, &o->timeout_ns) || !o->timeout_ns)
			say_usage("--timeout %s: not a time; write it as 30s or 2m", arg);
		return 0;
	case OPT_STATS:
		o->stats = arg;
		return 0;
	case OPT_EVENTS:
		o->conversation.events = arg;
		return 0;
	case OPT_SCX_STATS:
		if (duration_parse(arg, &o->conversation.scx_stats_ns) || !o->conversation.scx_stats_ns)
			say_usage("--scx-stats %s: not a time; write it as 100ms or 1s", arg);
		return 0;
	case OPT_WAKE:
		parse_wake(o, arg);
		return 0;
	case OPT_CONSOLE:
		o->console = true;
		return 0;
	case OPT_DRY_RUN:
		if (arg && strcmp(arg, "json"))
			say_usage("--dry-run %s: not a form; use --dry-run or --dry-run=json", arg);
		o->dry_run = arg ? DRY_RUN_JSON : DRY_RUN_TEXT;
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

void machine_options_init(struct machine_options *o)
{
	o->cpus = 2;
	o->memory = UINT64_C(1) << 30;
}

/* --- checks ------------------------------------------------------------- */

static int find_kernel(struct machine_options *o)
{
	char release[NAME_MAX + 1];
	struct kernel_found k;
	const char *brought = getenv(NESTED_ENV) ? getenv(NESTED_KERNEL_ENV) : NULL;
	int rc = kernel_find(brought ? brought : o->kernel, &k);

	if (rc)
		return rc;
	memcpy(o->image, k.image, sizeof(o->image));
	memcpy(o->module_dir, k.module_dir, sizeof(o->module_dir));
	memcpy(o->kernel_name, k.name, sizeof(o->kernel_name));
	/* Where libbpf looks for the values of a program's __kconfig externs. */
	if (kernel_config_file(o->image, o->config) && kernel_image_release(o->image, release))
		snprintf(o->config_in_guest, sizeof(o->config_in_guest), "/boot/config-%s", release);
	return 0;
}

int machine_kernel_check(const struct machine_options *o)
{
	const char *missing;
	char why[256];

	if (kernel_image_check(o->image, why, sizeof(why))) {
		say_error("kernel %s: %s", o->image, why);
		return EXIT_UNAVAILABLE;
	}
	/* Without its console a guest is silent for a minute, and then ends. An --initrd may have modules of its own.
	 */
	if (*o->module_dir || o->initrd || kernel_image_drivers(o->image, o->config, &missing) != -ENOENT)
		return 0;
	say_error("kernel %s: %s is not built in, and its modules are not found; put them beside it as "
		  "lib/modules/RELEASE, or name a kernel that ktstr kernel list shows",
		  o->image, missing);
	return EXIT_UNAVAILABLE;
}

static int check_readable(const char *what, const char *path, bool directory)
{
	struct stat st;

	if (access(path, R_OK) || stat(path, &st)) {
		say_error("%s %s: %s; name a file that can be read", what, path, strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	if (!S_ISREG(st.st_mode) && !(directory && S_ISDIR(st.st_mode))) {
		say_error("%s %s: not a regular file%s; name one", what, path, directory ? " or a directory" : "");
		return EXIT_UNAVAILABLE;
	}
	return 0;
}

static int check_files(const struct machine_options *o)
{
	char host[PATH_MAX];
	const char *guest;

	for (unsigned i = 0; i < o->files.n; i++) {
		int rc;

		if (!file_split(o->files.word[i], host, &guest)) {
			say_error("--file %s: is not HOST or HOST:GUEST; name a file before the colon and one behind",
				  o->files.word[i]);
			return EXIT_USAGE;
		}
		rc = check_readable("--file", host, true);
		if (rc)
			return rc;
	}
	return 0;
}

/*
 * What a guest needs beside the memory that its kernel starts in, which is its again then: 7.2 ran a shell with 4 MiB
 * more, and had 3 MiB left. A kernel that has less ends before it has a console.
 */
#define GUEST_OWN_MIB 4

static int check_memory(const struct machine_options *o)
{
	uint64_t end = kernel_image_end(o->image), brought = machine_brought_bytes(o) >> 20;
	uint64_t need = (end >> 20) + GUEST_OWN_MIB + 2 * brought;

	if (!end || o->memory >> 20 >= need)
		return 0;
	say_error("--memory %" PRIu64 "M: too little for %s, which needs %" PRIu64 " MiB to start and %" PRIu64
		  " to run "
		  "with what is copied into it; use --memory %" PRIu64 "M or more",
		  o->memory >> 20, o->image, end >> 20, GUEST_OWN_MIB + 2 * brought, need);
	return EXIT_USAGE;
}

static int check_disk(const struct disk *d)
{
	char why[PATH_MAX + 512];
	unsigned tail;

	if (disk_check(d, &tail, why, sizeof(why))) {
		say_error("--disk %s", why);
		return EXIT_UNAVAILABLE;
	}
	if (tail)
		say_error("--disk %s: the guest does not see its last %u bytes, which are no whole sector of 512",
			  d->blk.path, tail);
	return 0;
}

int machine_options_check(struct machine_options *o)
{
	int rc = guest_options_check(&o->guest);

	if (!rc)
		rc = machine_shape_check(o);
	if (!rc)
		rc = host_options_check(&o->host_cpus);

	if (!rc)
		rc = find_kernel(o);
	if (!rc)
		rc = check_memory(o);
	if (!rc && o->initrd)
		rc = check_readable("--initrd", o->initrd, false);
	for (unsigned i = 0; i < o->n_disks && !rc; i++)
		rc = check_disk(&o->disk[i]);
	if (!rc && o->append && strlen(o->append) > 3000) {
		say_error("--append: longer than a kernel takes; use at most 3000 bytes");
		rc = EXIT_USAGE;
	}
	if (!rc && o->modules.n && !*o->module_dir) {
		say_error("--module %s: no modules found for kernel %s; put lib/modules/RELEASE beside it",
			  o->modules.word[0], o->image);
		rc = EXIT_UNAVAILABLE;
	}
	if (!rc && o->guest.all_modules && !*o->module_dir) {
		say_error("--modules all: no modules found for kernel %s; put lib/modules/RELEASE beside it", o->image);
		rc = EXIT_UNAVAILABLE;
	}
	if (!rc && o->scheduler)
		rc = machine_scheduler_check(o);
	if (!rc && o->scheduler_log && !o->scheduler) {
		say_error("--scheduler-log %s: needs a --scheduler to log", o->scheduler_log);
		rc = EXIT_USAGE;
	}
	if (!rc && o->stats)
		rc = file_result_check("--stats", o->stats);
	if (o->conversation.events && getenv(NESTED_EVENTS_ENV)) {
		snprintf(o->events_fd, sizeof(o->events_fd), "/dev/fd/%.8s", getenv(NESTED_EVENTS_ENV));
		o->conversation.events = o->events_fd;
	}
	if (!rc && o->conversation.events)
		rc = file_output_check("--events", o->conversation.events);
	for (unsigned i = 0; i < o->outputs.n && !rc; i++)
		rc = file_result_check("--output", o->outputs.word[i]);
	return rc ? rc : check_files(o);
}
