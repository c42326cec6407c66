/* SPDX-License-Identifier: GPL-2.0-only */
/* A verb of the ktstr command, as help, manual and settings see it. The tables are in bench/verb/main.c. */
#ifndef KTSTR_BENCH_CLI_VERB_H
#define KTSTR_BENCH_CLI_VERB_H

#include <argp.h>

enum {
	VERB_MACHINE = 1, /* has the machine's options: settings of the environment and without a section are its */
	VERB_COMMAND = 2, /* what follows the first word is a command's, its options too */
	VERB_HIDDEN = 4,  /* for the build */
};

struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
	const struct argp *argp;
	unsigned flags;
	const struct verb *verbs; /* its own, by the word that follows; the last has no name. NULL: none */
};
/* That of @list with this name, or NULL. */
const struct verb *verb_find(const struct verb *list, const char *name);
/* All of them; the last has no name. */
extern const struct verb verbs[];
/* What --help and the manual say beside the tables. */
extern const char verbs_what[], verbs_examples[], verbs_exit_codes[];

#endif
