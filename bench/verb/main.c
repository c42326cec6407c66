/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr: the verb table. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/fault.h"
#include "bench/base/say.h"
#include "bench/cli/help.h"
#include "bench/cli/settings.h"
#include "bench/cli/verb.h"
#include "bench/verb/bench_verbs.h"
#include "bench/verb/verbs.h"
#include "reactor/reactor.h"

#define LARGE_BYTES 65536 /* mapped by itself, and there when it is touched */

uint64_t process_start_ns;

const struct verb verbs[] = {
	{ "run", verb_run, "run a command in a guest, with its stdio and exit code", &run_argp,
	  VERB_MACHINE | VERB_COMMAND, NULL },
	{ "shell", verb_shell, "a guest's console in this terminal", &shell_argp, VERB_MACHINE | VERB_COMMAND, NULL },
	{ "bench", verb_bench, "measure latencies in a guest and print their table", &bench_argp, VERB_MACHINE,
	  bench_verbs },
	{ "doctor", verb_doctor, "say what this machine has, and what follows", &doctor_argp, 0, NULL },
	{ "kernel", verb_kernel, "fetch, build, list and remove guest kernels", &kernel_argp, 0, NULL },
	{ "locks", verb_locks, "say which machines hold which CPUs of this host", &locks_argp, 0, NULL },
	{ "topo", verb_topo, "list the shapes of machines that have names, or show one", &topo_argp, 0, NULL },
	{ "nested", verb_nested, "run any command in the nested host (QEMU, TCG)", &nested_argp, VERB_COMMAND, NULL },
	{ "manual", verb_manual, "write manual pages and completions", &manual_argp, VERB_HIDDEN, NULL },
	{ 0 },
};

const char verbs_what[] = "Boots stock kernels under KVM on a VMM of its own, and measures schedulers and I/O in them.";
const char verbs_examples[] = "  ktstr run -- uname -a                    a stock kernel's word\n"
			      "  ktstr run --disk size=256M -- mkfs.ext4 /dev/vda\n"
			      "  ktstr bench --cpus 4 --json result.json  the latency table of 4 CPUs\n"
			      "  ktstr doctor                             hardware KVM or not?\n";
const char verbs_exit_codes[] =
	"  the guest command's own; else 0 ok, 1 failed, 64 usage, 69 unavailable, 70 internal, 77 skipped,\n"
	"  124 timeout, 127 command not found, 128+N ended by signal N, 255 guest panic\n";

static void help(FILE *f)
{
	fprintf(f, "usage: ktstr VERB [OPTIONS]\n\n%s\n\n", verbs_what);
	for (const struct verb *v = verbs; v->name; v++)
		if (!(v->flags & VERB_HIDDEN))
			fprintf(f, "  %-8s %s\n", v->name, v->what);
	fprintf(f,
		"\nktstr VERB --help explains a verb; ktstr --version prints the version.\n\n"
		"EXAMPLES\n%s\nEXIT CODES\n%s",
		verbs_examples, verbs_exit_codes);
}

/* Whatever fails then does so because of this, and says only that there is no such file. */
static void check_cwd(void)
{
	char cwd[PATH_MAX];

	if (!getcwd(cwd, sizeof(cwd)) && errno == ENOENT)
		say_error("the working directory was removed, so that relative paths lead nowhere; change to one that "
			  "exists");
}

/*
 * A descriptor that the caller closed would be given to the next file opened: what is meant for stdout would go there,
 * and 0 is "none" in many places here. Reading gives the end, and writing fails still.
 */
static void keep_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* @argv[1] is @v's name. */
static int run_verb(const struct verb *v, int argc, char **argv)
{
	const struct verb *sub = v->verbs && argc > 2 ? verb_find(v->verbs, argv[2]) : NULL;

	if ((sub ? sub : v)->flags & (VERB_MACHINE | VERB_COMMAND))
		check_cwd();
	if (sub) {
		argc--;
		argv++;
	}
	/* What has no machine has none of its settings either. */
	if (!(v->flags & VERB_HIDDEN) && (!sub || sub->flags & VERB_MACHINE))
		argv = settings_words(v, sub, &argc, argv);
	help_verb = sub ? sub : v;
	return help_verb->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	const struct verb *v;

	process_start_ns = monotonic_ns();
	fault_catch();
	keep_stdio();
	/* Else what is large comes from the heap once something large was freed, and calloc() touches all of it. */
	mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	if (argc < 2)
		say_usage("no verb; see ktstr --help");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(stdout);
		return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("ktstr " KTSTR_VERSION);
		return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
	}
	v = verb_find(verbs, argv[1]);
	if (v)
		return run_verb(v, argc, argv);
	say_usage("%s: unknown verb; see ktstr --help", argv[1]);
}
