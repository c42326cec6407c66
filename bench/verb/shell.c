/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr shell: a guest's console in the user's terminal. */
#include <string.h>

#include "bench/base/say.h"
#include "bench/cli/parse.h"
#include "bench/host/facts.h"
#include "bench/machine/nested.h"
#include "bench/machine/options.h"
#include "bench/machine/plan.h"
#include "bench/verb/drive.h"
#include "bench/verb/verbs.h"

struct shell_arguments {
	struct machine_options machine;
	char **argv;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct shell_arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->machine;
		return 0;
	case ARGP_KEY_ARG:
		/* The rest is the command's, its options too. */
		a->argv = state->argv + state->next - 1;
		state->next = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &machine_options_argp, 0, NULL, 0 }, { 0 } };
const struct argp shell_argp = {
	.parser = parse,
	.children = children,
	.args_doc = "[-- CMD [ARG...]]",
	.doc = "Boot a stock kernel and give its console, with a shell (or CMD) on it, to this terminal: its size, ^C "
	       "and "
	       "all other keys are the guest's; Ctrl-] ends the machine. The exit code is the shell's. If stdin is no "
	       "terminal, its bytes are typed, and its end ends the shell.\v"
	       "EXAMPLES\n"
	       "  ktstr shell\n"
	       "  ktstr shell --cpus 4 --disk size=1G --file ./prog\n"
	       "  ktstr shell -- top\n"
	       "  echo 'dmesg | tail' | ktstr shell",
};

int verb_shell(int argc, char **argv)
{
	static struct shell_arguments a;
	struct machine_result result;
	struct machine_job job = { .shell = true, .stdio = { 0, 1, 2 }, .start_ns = process_start_ns };
	int rc;

	machine_options_init(&a.machine);
	cli_parse(&shell_argp, "shell", argc, argv, &a);
	if (a.machine.conversation.n_wakes) {
		say_error("--wake: in a shell these bytes would be keys; use ktstr run");
		return EXIT_USAGE;
	}
	if (a.machine.scheduler && !a.argv) {
		say_error("--scheduler: needs a command; put one behind --, such as sh");
		return EXIT_USAGE;
	}
	rc = machine_options_check(&a.machine);
	if (rc)
		return rc;
	rc = host_choose(a.machine.host, &job.probe);
	if (rc < 0)
		return -rc;
	job.argv = a.argv;
	if (a.machine.dry_run)
		return machine_dry_run(&a.machine, &job, (enum host_choice)rc);
	if (rc == HOST_NESTED)
		return machine_run_nested(&a.machine, &job, NULL, argc, argv);
	drive_machine(&a.machine, &job, &result);
	json_decref(result.facts);
	return result.code;
}
