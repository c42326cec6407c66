/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr shell: a guest's console in the user's terminal. */
#include <string.h>

#include "bench/cli/parse.h"
#include "bench/cli/settings.h"
#include "bench/host/facts.h"
#include "bench/machine/nested.h"
#include "bench/machine/options.h"
#include "bench/machine/plan.h"
#include "bench/machine/resolve.h"
#include "bench/verb/drive.h"
#include "bench/verb/verbs.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct machine_arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = a;
		return 0;
	case ARGP_KEY_ARG:
		machine_command_take(a, state);
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
	       "and all other keys are the guest's; Ctrl-] ends the machine. The exit code is the shell's. If stdin is "
	       "no terminal, its bytes are typed, and its end ends the shell.\v"
	       "EXAMPLES\n"
	       "  ktstr shell\n"
	       "  ktstr shell --cpus 4 --disk size=1G --file ./prog\n"
	       "  ktstr shell -- top\n"
	       "  echo 'dmesg | tail' | ktstr shell",
};

int verb_shell(int argc, char **argv)
{
	static struct machine_arguments a;
	static struct machine_resolved r;
	struct machine_result result;
	struct machine_job job = { .shell = true, .stdio = { 0, 1, 2 }, .start_ns = process_start_ns };
	int rc;

	cli_parse(&shell_argp, "shell", argc, argv, &a);
	a.spec.shell = true;
	rc = machine_command_check(&a.spec);
	if (!rc)
		rc = machine_resolve(&a.spec, &r);
	if (rc)
		return rc;
	rc = host_choose(a.spec.host, &job.probe);
	if (rc < 0)
		return -rc;
	job.argv = a.spec.command.word;
	if (a.dry_run)
		return machine_dry_run(&r, &job, (enum host_choice)rc, a.dry_run, settings_json());
	if (rc == HOST_NESTED)
		return machine_run_nested(&r, &job, "shell", NULL, NULL);
	drive_machine(&r, &job, &result);
	json_decref(result.facts);
	return result.code;
}
