/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr run: a command in a guest, or a plain VMM for any image. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/say.h"
#include "bench/cli/parse.h"
#include "bench/cli/settings.h"
#include "bench/host/facts.h"
#include "bench/machine/archive.h"
#include "bench/machine/nested.h"
#include "bench/machine/options.h"
#include "bench/machine/plan.h"
#include "bench/machine/resolve.h"
#include "bench/verb/drive.h"
#include "bench/verb/verbs.h"

struct run_arguments {
	struct machine_arguments machine;
	const char *dump_initrd;
};

enum { OPT_DUMP_INITRD = 0x300 };

/* For bench/lab/compare: what another VMM needs to boot the same guest. */
static const struct argp_option options[] = {
	{ "dump-initrd", OPT_DUMP_INITRD, "FILE", OPTION_HIDDEN,
	  "Write the guest's first file system to FILE and the kernel's command line to stdout, and run nothing", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run_arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->machine;
		return 0;
	case OPT_DUMP_INITRD:
		a->dump_initrd = arg;
		return 0;
	case ARGP_KEY_ARG:
		machine_command_take(&a->machine, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &machine_options_argp, 0, NULL, 0 }, { 0 } };
const struct argp run_argp = {
	.options = options,
	.parser = parse,
	.children = children,
	.args_doc = "-- CMD [ARG...]",
	.doc = "Boot a stock kernel and run CMD in it: stdin, stdout, stderr and exit code are those of CMD.\v"
	       "CMD is one of busybox's applets, or a program of this machine, copied with the shared libraries it "
	       "needs (perl, python and ruby, and scripts for them, with their modules). Without CMD, --initrd boots "
	       "any image, with the terminal on COM1 (Ctrl-] ends it).\n\n"
	       "No output is lost silently. The exit code is 141 if the reader of stdout closed it, 124 if it read "
	       "nothing until --timeout, and 1 if a disk is full or CMD did not write an --output. If stdout and "
	       "stderr are the same file, pipe or terminal, what CMD writes to them keeps its order.\n\n"
	       "A scheduler that does not last ends CMD too. The last line on stderr says why:\n\n"
	       "  kicked out by the kernel: ...      such as a runnable task stall; exit code 1\n"
	       "  ended itself: ...                  or its program ended before CMD did; 1\n"
	       "  the kernel refused to load it ...  the verifier's log is in its output; 1\n"
	       "  ... before it attached ...         its program failed early; 1\n"
	       "  took no notice of SIGINT ...       it was killed 10 s after CMD's end; 1\n"
	       "  left its scheduler attached ...    a link may be pinned in /sys/fs/bpf; 1\n"
	       "  can't be started: ...              its interpreter or loader is missing; 69\n"
	       "  kernel ... has no sched_ext ...    69\n"
	       "  restarted itself ...               CPU hotplug; the exit code is CMD's,\n"
	       "                                     bench's is 2 and it prints no table\n\n"
	       "--stats has under guest.scheduler how long it took to attach, the kernel's event counters, kind and "
	       "reason of its end, the kernel's dump, and the last 256 KiB of its output.\n\n"
	       "--poll learns from the traffic how long to busy-wait, does not while another thread needs the CPU, and "
	       "waits more than 200 us only where that shortens the time to the next request. --net with mtu= gives "
	       "the guest that MTU; longer frames are dropped and counted.\n\n"
	       "EXAMPLES\n"
	       "  ktstr run -- uname -a\n"
	       "  cat file | ktstr run -- wc -c\n"
	       "  ktstr run --kernel 6.12 --cpus 4 --memory 5G -- free -m\n"
	       "  ktstr run --disk disk.img,iops=3000 -- fio --name=t --filename=/dev/vda --rw=randread --direct=1\n"
	       "  ktstr run --file ./prog:/prog --timeout 30s -- /prog --its-own-option\n"
	       "  ktstr run --scheduler fifo -- cat /sys/kernel/sched_ext/root/ops\n"
	       "  ip tuntap add tap0 mode tap; ktstr run --host direct --net tap=tap0 -- ip a\n"
	       "  ktstr run --kernel bzImage --initrd image.cpio\n"
	       "  ktstr run --dry-run=json --cpus 4 -- true >spec.json; ktstr run --spec spec.json --cpus 8",
};

static int dump_initrd(const char *path, const struct machine_resolved *r, const struct machine_job *job)
{
	char *cmdline = machine_guest_cmdline(r, job);
	struct machine_archive archive = { 0 };
	int rc = cmdline ? machine_archive_make(&archive, r, job) : EXIT_INTERNAL, error = 0;
	FILE *f = rc ? NULL : fopen(path, "we");

	if (!rc)
		error = f ? machine_archive_write(&archive, r->spec, f) : -errno;
	if (error) {
		say_error("--dump-initrd %s: can't be written: %s", path, strerror(-error));
		rc = EXIT_FAILED;
	}
	if (!rc)
		puts(cmdline);
	if (f)
		fclose(f);
	machine_archive_free(&archive);
	free(cmdline);
	return rc;
}

int verb_run(int argc, char **argv)
{
	static struct run_arguments a;
	static struct machine_resolved r;
	const struct machine_spec *o = &a.machine.spec;
	struct machine_result result;
	struct machine_job job = { .stdio = { 0, 1, 2 }, .start_ns = process_start_ns };
	int rc;

	cli_parse(&run_argp, "run", argc, argv, &a);
	rc = machine_command_check(o);
	if (!rc && a.dump_initrd && !o->command.n) {
		say_error("--dump-initrd: requires a command; pass it after --");
		rc = EXIT_USAGE;
	}
	if (!rc)
		rc = machine_resolve(o, &r);
	if (rc)
		return rc;
	job.argv = o->command.word;
	job.shell = o->shell;
	job.other_vmm = a.dump_initrd;
	if (a.dump_initrd)
		return dump_initrd(a.dump_initrd, &r, &job);
	rc = host_choose(o->host, &job.probe);
	if (rc < 0)
		return -rc;
	if (a.machine.dry_run)
		return machine_dry_run(&r, &job, (enum host_choice)rc, a.machine.dry_run, settings_json());
	if (rc == HOST_NESTED)
		return machine_run_nested(&r, &job, "run", NULL, NULL);
	drive_machine(&r, &job, &result);
	json_decref(result.facts);
	return result.code;
}
