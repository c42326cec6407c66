/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options of the config file and the environment.
 *
 * The file is $KTSTR_CONFIG, else ktstr/config in $XDG_CONFIG_HOME or ~/.config:
 *   # a comment
 *   cpus = 4          an option by its long name, for run, shell and bench where they have it
 *   net = yes         one without a value: yes or no
 *   [bench]           what follows is for this verb alone
 *   duration = 10s
 * A value is the rest of its line without the blanks around it; nothing is quoted. In the environment the same is
 * KTSTR_CPUS=4, for run, shell and bench; empty is not set.
 *
 * Command line, environment, job file, [verb], top of the file: an option given at one of these replaces all that the
 * later ones say of it. Options that may be repeated may be so at each place.
 */
#ifndef KTSTR_BENCH_CLI_SETTINGS_H
#define KTSTR_BENCH_CLI_SETTINGS_H

#include <jansson.h>

#include "bench/cli/verb.h"

/*
 * The words of the command line, @argv[1] being @verb's name, followed by what the settings add: "--cpus=4".
 * With a --spec they add nothing, and it comes first. A --job (cli/job.h) stands between the environment and the config
 * file, and may have options of @sub, the sub-verb; NULL: there is none.
 * Lives as long as the process. Exits with EXIT_USAGE on an unknown name, with its file and line.
 */
char **settings_words(const struct verb *verb, const struct verb *sub, int *argc, char **argv);

/* What settings_words() put in: a list of {"name", "value", "origin"}, the last FILE:LINE or the variable's name. */
json_t *settings_json(void);

/* The above, for users. */
extern const char settings_manual[];

/* Variables of the environment that are no options. The last has no name. */
struct settings_variable {
	const char *name, *what;
};
extern const struct settings_variable settings_variables[];

#endif
