/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr kernel: the guest kernels in the cache. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/program.h"
#include "bench/base/say.h"
#include "bench/cache/path.h"
#include "bench/cli/parse.h"
#include "bench/host/facts.h"
#include "bench/kernel/cache.h"
#include "bench/kernel/find.h"
#include "bench/kernel/image.h"
#include "bench/kernel/scx.h"
#include "bench/kernel/vmlinux.h"
#include "bench/verb/verbs.h"

static const char doc[] =
	"Manage the kernels that --kernel finds by name.\v"
	"  list [--available]  list the cached kernels, and which of them are damaged,\n"
	"                      debug kernels, or refuse schedulers; --available: list\n"
	"                      those in Debian's archive, and which would be the default\n"
	"  fetch [--refresh] [NAME...]\n"
	"                      unpack Debian's packages into the cache. NAME is a\n"
	"                      series of its cloud kernels (6.12, 6.1), a release,\n"
	"                      default (the newest series whose sched_ext works), or\n"
	"                      nested (QEMU and the kernel of the nested host);\n"
	"                      without NAME: what this machine needs, default and\n"
	"                      perhaps nested. Kernels in the cache are not fetched\n"
	"                      again; --refresh looks for newer ones\n"
	"  check [KERNEL]      check that schedulers can be loaded: exit code 0, else\n"
	"                      1; 2: the BTF cannot be read\n"
	"  build [--source S] [--config FILE]... [--jobs N]\n"
	"                      build a kernel from source with all drivers that guests\n"
	"                      need built in; see ktstr kernel build --help\n"
	"  rm NAME...          remove a kernel, its other names, and all derived files\n"
	"  vmlinux KERNEL OUT  decompress the ELF kernel in KERNEL (as --kernel takes\n"
	"                      it) to OUT\n\n"
	"Kernels appear in the cache whole or not at all, with their SHA-256 (SHA256SUMS). Of two processes that fetch "
	"the same kernel one waits; one that is killed leaves no partial kernel.\n\n"
	"EXAMPLES\n"
	"  ktstr kernel list --available\n"
	"  ktstr kernel fetch\n"
	"  ktstr kernel fetch 6.12 6.1\n"
	"  ktstr kernel build --source ~/linux\n"
	"  ktstr kernel rm 6.1\n"
	"  ktstr run --kernel ~/linux -- uname -r     a build tree as it is\n";

struct args {
	char **word; /* NULL-terminated */
	int n;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	/* The remaining words belong to the subcommand, options included. */
	a->word = state->argv + state->next - 1;
	a->n = state->argc - state->next + 1;
	state->next = state->argc;
	return 0;
}

/* Executes a script of this build in place of this process. */
static int run_script(const char *script, const char *first, char **words)
{
	char path[PATH_MAX], program[PATH_MAX];
	const char **argv;
	unsigned n = 0;

	if (host_companion(script, script, path))
		return EXIT_UNAVAILABLE;
	while (words[n])
		n++;
	argv = calloc(n + 4, sizeof(*argv));
	if (!argv) {
		say_error("out of memory");
		return EXIT_INTERNAL;
	}
	n = 0;
	argv[n++] = path;
	if (!program_self(program))
		setenv("KTSTR_PROGRAM", program, 1);
	/* Options come before the name of what to fetch. */
	while (first && *words && **words == '-')
		argv[n++] = *words++;
	if (first)
		argv[n++] = first;
	while (*words)
		argv[n++] = *words++;
	execv(path, (char *const *)argv);
	say_error("%s: %s; build all of ktstr", path, strerror(errno));
	free(argv);
	return EXIT_UNAVAILABLE;
}

static int run_fetch(struct args *a)
{
	char *words[3] = { NULL };
	int n = 0;

	if (a->n > 1 && (a->n > 2 || a->word[1][0] != '-'))
		return run_script("kernel/fetch", "kernel", a->word + 1);
	if (a->n > 1)
		words[n++] = a->word[1];
	words[n] = (char *)"needed";
	return run_script("kernel/fetch", NULL, words);
}

static int run_remove(struct args *a)
{
	int rc = EXIT_OK;

	for (int i = 1; i < a->n; i++) {
		int one = kernel_cache_remove(a->word[i]);

		rc = rc ? rc : one;
	}
	return rc;
}

static int run_list(struct args *a)
{
	if (a->n < 2)
		return kernel_cache_list();
	if (a->word[1][0] == '-' && strcmp(a->word[1], "--available"))
		cli_parse(&kernel_argp, "kernel", 2, a->word, a);
	if (a->n > 2 || a->word[1][0] != '-')
		say_usage("kernel list: too many words; use ktstr kernel list [--available]");
	return run_script("kernel/fetch", "available", a->word + 2);
}

/* bench/kernel/fetch also uses it to choose the default kernel. */
static int run_check(struct args *a)
{
	char release[NAME_MAX + 1], text[256], remedy[NAME_MAX + 64];
	struct kernel_btf_scx found;
	enum kernel_scx kind;
	struct kernel_found k;
	int rc = kernel_find(a->n > 1 ? a->word[1] : NULL, &k);

	if (rc)
		return rc;
	kind = kernel_scx(k.image, &found);
	if (!kernel_image_release(k.image, release))
		snprintf(release, sizeof(release), "%s", "release unknown");
	kernel_scx_text(kind, &found, text, sizeof(text));
	if (kind == KERNEL_SCX_COMPLETE) {
		printf("%s: schedulers can be loaded; its BTF has all %u sched_ext kfuncs\n", release, found.kfuncs);
	} else if (kind == KERNEL_SCX_UNKNOWN) {
		printf("%s: unknown whether schedulers can be loaded: its BTF cannot be read\n", release);
	} else {
		kernel_scx_remedy(remedy, sizeof(remedy));
		printf("%s: %s; %s\n", release, text, remedy);
	}
	if (fflush(stdout))
		return EXIT_FAILED;
	return kind == KERNEL_SCX_COMPLETE ? EXIT_OK : kind == KERNEL_SCX_UNKNOWN ? EXIT_INCONCLUSIVE : EXIT_FAILED;
}

static int run_build(struct args *a)
{
	return run_script("kernel/build", NULL, a->word + 1);
}

static int run_vmlinux(struct args *a)
{
	struct kernel_found k;
	char why[512];
	int rc = kernel_find(a->word[1], &k);

	if (rc)
		return rc;
	if (vmlinux_extract(k.image, a->word[2], why, sizeof(why))) {
		say_error("%s", why);
		return EXIT_UNAVAILABLE;
	}
	return EXIT_OK;
}

const struct argp kernel_argp = {
	.parser = parse,
	.args_doc =
		"list [--available]\nfetch [NAME...]\nbuild [OPTIONS]\ncheck [KERNEL]\nrm NAME...\nvmlinux KERNEL OUT",
	.doc = doc,
};

static const struct sub {
	const char *name, *words;
	int least, most; /* words; -1: any number, options included */
	int (*run)(struct args *a);
} subs[] = {
	{ "list", " [--available]", 0, -1, run_list },
	{ "fetch", "", 0, -1, run_fetch },
	{ "build", "", 0, -1, run_build },
	{ "check", " [KERNEL]", 0, 1, run_check },
	{ "rm", " NAME...", 1, INT_MAX, run_remove },
	{ "vmlinux", " KERNEL OUT", 2, 2, run_vmlinux },
	{ 0 },
};

static int run_sub(const struct sub *s, struct args *a)
{
	if (s->most >= 0 && a->n > 1 && a->word[1][0] == '-') {
		/* --help, or an unknown option. */
		cli_parse(&kernel_argp, "kernel", 2, a->word, a);
	}
	if (s->most >= 0 && (a->n - 1 < s->least || a->n - 1 > s->most))
		say_usage("kernel %s: %s; use ktstr kernel %s%s", s->name,
			  a->n - 1 < s->least ? "too few words" : "too many words", s->name, s->words);
	return s->run(a);
}

int verb_kernel(int argc, char **argv)
{
	struct args a = { .n = 0 };

	cli_parse(&kernel_argp, "kernel", argc, argv, &a);
	if (!a.n)
		say_usage("kernel: requires a subcommand; use list, fetch, build, check, rm or vmlinux");
	for (const struct sub *s = subs; s->name; s++)
		if (!strcmp(a.word[0], s->name))
			return run_sub(s, &a);
	say_usage("kernel %s: no such subcommand; use list, fetch, build, check, rm or vmlinux", a.word[0]);
}
