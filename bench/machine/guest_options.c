/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/machine/guest_options.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/path.h"
#include "bench/base/say.h"
#include "bench/base/size.h"

enum { OPT_ENV = 0x500, OPT_CWD, OPT_MODULES };

static const struct argp_option options[] = {
	{ "env", OPT_ENV, "NAME=VALUE", 0, "Set a variable in the command's environment; may be repeated", 11 },
	{ "cwd", OPT_CWD, "DIR", OPTION_ARG_OPTIONAL,
	  "Copy the directory DIR, 512 MiB at most, to the same place in the guest and run the command there (the "
	  "working directory)",
	  11 },
	{ "modules", OPT_MODULES, "all|needed", 0,
	  "all: the guest has all of the kernel's modules, for modprobe (needed: those of its devices and --module)",
	  11 },
	{ 0 },
};

void machine_text_set(char **text, const char *arg)
{
	free(*text);
	*text = strdup(arg);
	if (!*text)
		say_usage("%.80s: out of memory", arg);
}

void machine_list_add(struct word_list *list, const char *option, const char *item)
{
	if (!*item)
		say_usage("%s: is empty; give it a name", option);
	if (list->n == MACHINE_LIST_MAX)
		say_usage("%s %s: given too often; at most %d times", option, item, MACHINE_LIST_MAX);
	if (word_list_add(list, item))
		say_usage("%s %s: out of memory", option, item);
}

static void parse_env(struct machine_arguments *a, const char *arg)
{
	if (*arg == '=' || !strchr(arg, '='))
		say_usage("--env %s: not NAME=VALUE; write it as LC_ALL=C", arg);
	if (!strncmp(arg, "KTSTR_", 6))
		say_usage("--env %s: names that begin with KTSTR_ are ktstr's own; use another", arg);
	if (machine_list_replaces(a, LIST_ENV))
		word_list_free(&a->spec.guest.env);
	machine_list_add(&a->spec.guest.env, "--env", arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct machine_arguments *a = state->input;
	struct guest_options *o = &a->spec.guest;

	switch (key) {
	case OPT_ENV:
		parse_env(a, arg);
		return 0;
	case OPT_CWD:
		if (arg && !*arg)
			say_usage("--cwd: is empty; name a directory, or leave the = out");
		machine_text_set(&o->cwd, arg ? arg : ".");
		return 0;
	case OPT_MODULES:
		if (strcmp(arg, "all") && strcmp(arg, "needed"))
			say_usage("--modules %s: use all or needed; one module is named by --module", arg);
		o->all_modules = !strcmp(arg, "all");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp guest_options_argp = { .options = options, .parser = parse };

/* nftw() hands nothing on. */
static uint64_t counted, count_max;

static int add_bytes(const char *path, const struct stat *st, int type, struct FTW *at)
{
	counted += type == FTW_F ? (uint64_t)st->st_size : 0;
	return counted > count_max;
}

uint64_t guest_tree_bytes(const char *path, uint64_t max)
{
	counted = 0;
	count_max = max;
	nftw(path, add_bytes, 16, FTW_PHYS);
	return counted;
}

static bool is_kernels(const char *path)
{
	static const char *const roots[] = { "/proc", "/sys" };

	for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++) {
		size_t n = strlen(roots[i]);

		if (!strncmp(path, roots[i], n) && (!path[n] || path[n] == '/'))
			return true;
	}
	return !strcmp(path, "/") || !strcmp(path, "/dev");
}

int guest_options_check(const struct guest_options *o, char path[PATH_MAX])
{
	char most[SIZE_TEXT];
	struct stat st;
	int rc;

	if (!o->cwd)
		return 0;
	rc = path_absolute(o->cwd, path);
	if (rc) {
		say_error("--cwd %s: %s; %s", o->cwd, strerror(-rc),
			  rc == -ENOENT ? "the working directory was removed, change to one that exists"
					: "name another directory");
		return EXIT_UNAVAILABLE;
	}
	errno = 0;
	if (!stat(path, &st) && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	if (errno || access(path, R_OK | X_OK)) {
		say_error("--cwd %s: %s; name a directory that can be read", path, strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	if (is_kernels(path)) {
		say_error("--cwd %s: the guest has its own; name a directory with your files", path);
		return EXIT_USAGE;
	}
	if (guest_tree_bytes(path, GUEST_CWD_MAX) <= GUEST_CWD_MAX)
		return 0;
	say_error("--cwd %s: has more than %s, which would all be copied into the guest's memory; name a directory "
		  "with less, copy what is needed by --file, or use a --disk",
		  path, size_format(most, GUEST_CWD_MAX));
	return EXIT_UNAVAILABLE;
}
