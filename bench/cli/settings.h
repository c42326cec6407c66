/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Options that nobody typed: of the config file and the environment.
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
 * Command line, environment, [verb], top of the file: an option given at one of these replaces all that the later ones
 * say of it. Options that may be repeated may be so at each place.
 */
#ifndef KTSTR_BENCH_CLI_SETTINGS_H
#define KTSTR_BENCH_CLI_SETTINGS_H

#include "bench/cli/verb.h"

/*
 * The words of the command line, @argv[1] being @verb's name, with what the settings add put behind it: "--cpus=4".
 * Lives as long as the process. Exits with EXIT_USAGE on an unknown name, with its file and line.
 */
char **settings_words(const struct verb *verb, int *argc, char **argv);

/* What settings_words() put in: @origin is FILE:LINE or the variable's name. */
struct setting {
	char *name, *value, *origin;
	unsigned rank;
};
unsigned settings_used(const struct setting *const **list);

/*
 * The value of the @nth option @name that counts, typed or of the settings: "" when it has none; NULL: it is not given
 * so often.
 */
const char *settings_given(const char *name, unsigned nth);

/* The above, for users. */
extern const char settings_manual[];

/* Variables of the environment that are no options. The last has no name. */
struct settings_variable {
	const char *name, *what;
};
extern const struct settings_variable settings_variables[];

#endif
