/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr kernel: what is in the cache, and the ELF inside a bzImage. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/cache.h"
#include "bench/cli.h"
#include "bench/verbs.h"
#include "bench/vmlinux.h"

static const char doc[] =
	"The kernels that --kernel knows.\v"
	"  list                what bench/fetch has put into the cache\n"
	"  vmlinux KERNEL OUT  decompress the ELF kernel in KERNEL (a bzImage, or a name in the cache) to OUT;\n"
	"                      --kernel boots it by its PVH note\n\n"
	"EXAMPLES\n"
	"  ktstr kernel list\n"
	"  ktstr kernel vmlinux 7.2 vmlinux && ktstr run --kernel ./vmlinux -- uname -r\n";

struct args {
	char *word[3];
	unsigned n;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	if (a->n == 3)
		cli_usage("kernel: %s: one word too many; see ktstr kernel --help", arg);
	a->word[a->n++] = arg;
	return 0;
}

/* A name that is a link (default, 7.2) is shown with what it stands for. */
static void print_kernel(const char *root, const char *name)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (snprintf(path, sizeof(path), "%s/%s/vmlinuz", root, name) >= PATH_MAX || stat(path, &st))
		return;
	*strrchr(path, '/') = '\0';
	n = readlink(path, target, sizeof(target) - 1);
	if (n > 0)
		printf("%-32s -> %.*s\n", name, (int)n, target);
	else
		printf("%-32s %.1f MiB\n", name, (double)st.st_size / (1 << 20));
}

static int list(void)
{
	char root[PATH_MAX];
	struct dirent **entry;
	int n = cache_path(root, "kernels") ? -1 : scandir(root, &entry, NULL, alphasort);

	if (n < 0) {
		cli_error("kernel list: nothing in the cache; run bench/fetch kernel 7.2");
		return CLI_UNAVAILABLE;
	}
	for (int i = 0; i < n; i++) {
		if (entry[i]->d_name[0] != '.')
			print_kernel(root, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	return fflush(stdout) ? CLI_FAILED : CLI_OK;
}

static int vmlinux(const char *kernel, const char *out)
{
	char dir[PATH_MAX], release[NAME_MAX + 1], image[PATH_MAX], why[512];

	if (access(kernel, F_OK) && !strchr(kernel, '/') && !cache_kernel(kernel, dir, release)) {
		if (snprintf(image, sizeof(image), "%s/vmlinuz", dir) >= PATH_MAX)
			return CLI_UNAVAILABLE;
		kernel = image;
	}
	if (vmlinux_extract(kernel, out, why, sizeof(why))) {
		cli_error("%s", why);
		return CLI_UNAVAILABLE;
	}
	return CLI_OK;
}

const struct argp kernel_argp = { .parser = parse, .args_doc = "list\nvmlinux KERNEL OUT", .doc = doc };

int verb_kernel(int argc, char **argv)
{
	struct args a = { .n = 0 };

	cli_parse(&kernel_argp, "kernel", argc, argv, &a);
	if (a.n == 1 && !strcmp(a.word[0], "list"))
		return list();
	if (a.n == 3 && !strcmp(a.word[0], "vmlinux"))
		return vmlinux(a.word[1], a.word[2]);
	cli_usage("kernel: list, or vmlinux KERNEL OUT; see ktstr kernel --help");
}
