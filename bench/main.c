/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr: the verb table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cli.h"
#include "bench/verbs.h"
#include "reactor/reactor.h"

uint64_t process_start_ns;

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} verbs[] = {
	{ "run", verb_run, "run a command in a guest, with its stdio and exit code" },
	{ "shell", verb_shell, "a guest's console in this terminal" },
	{ "bench", verb_bench, "measure latencies in a guest and print their table" },
	{ "doctor", verb_doctor, "say what this machine has, and what follows" },
	{ "kernel", verb_kernel, "list the cache's kernels, take the ELF out of a bzImage" },
	{ "nested", verb_nested, "run any command in the nested host (QEMU, TCG)" },
};
#define VERBS (sizeof(verbs) / sizeof(*verbs))

static void help(FILE *f)
{
	fputs("usage: ktstr VERB [OPTIONS]\n\n"
	      "Boots stock kernels under KVM on a VMM of its own, and measures schedulers and I/O in them.\n\n",
	      f);
	for (unsigned i = 0; i < VERBS; i++)
		fprintf(f, "  %-8s %s\n", verbs[i].name, verbs[i].what);
	fputs("\nktstr VERB --help tells more; ktstr --version says which this is.\n\n"
	      "EXAMPLES\n"
	      "  ktstr run -- uname -a                    a stock kernel's word\n"
	      "  ktstr run --disk size=256M -- mkfs.ext4 /dev/vda\n"
	      "  ktstr bench --cpus 4 --json result.json  the latency table of 4 CPUs\n"
	      "  ktstr doctor                             hardware KVM or not?\n\n"
	      "EXIT CODES\n"
	      "  the guest command's own; else 0 ok, 1 failed, 64 usage, 69 unavailable, 70 internal, 124 timeout,\n"
	      "  127 command not found, 128+N ended by signal N, 255 guest panic\n",
	      f);
}

int main(int argc, char **argv)
{
	process_start_ns = monotonic_ns();
	if (argc < 2)
		cli_usage("no verb; see ktstr --help");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(stdout);
		return fflush(stdout) ? CLI_FAILED : CLI_OK;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("ktstr " KTSTR_VERSION);
		return fflush(stdout) ? CLI_FAILED : CLI_OK;
	}
	for (unsigned i = 0; i < VERBS; i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	cli_usage("%s: unknown verb; see ktstr --help", argv[1]);
}
