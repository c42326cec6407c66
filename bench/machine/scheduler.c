/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/machine/scheduler.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/path.h"
#include "bench/base/say.h"
#include "bench/host/facts.h"
#include "bench/initramfs/command.h"
#include "bench/initramfs/elf.h"
#include "bench/kernel/scx.h"
#include "bench/machine/guest_options.h"
#include "bench/spec/file.h"
#include "bpf/words.h"

/* KTSTR_SCHEDULERS are names with ", " between them; none, where this was built without clang. */
static bool is_ours(const char *arg)
{
	size_t n = strlen(arg);

	for (const char *at = KTSTR_SCHEDULERS; n && *at; at += strspn(at, ", ")) {
		size_t len = strcspn(at, ",");

		if (len == n && !memcmp(at, arg, n))
			return true;
		at += len;
	}
	return false;
}

static bool is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* The program or object that @arg names, and what stands after it; false: neither. errno EINVAL: a quote has no end. */
static bool find_program(const char *arg, char host[PATH_MAX], const char **rest)
{
	char **words;
	bool found;

	/* A path with a blank in it needs no quotes where nothing else can be meant. */
	if (strchr(arg, '/') && strlen(arg) < PATH_MAX && is_file(arg)) {
		strcpy(host, arg);
		*rest = "";
		return true;
	}
	words = words_split(arg);
	if (!words)
		return false;
	errno = 0;
	found = words[0] && strlen(words[0]) < PATH_MAX && !is_ours(arg);
	if (found && strchr(words[0], '/'))
		strcpy(host, words[0]);
	else if (found)
		found = command_find(words[0], host) == COMMAND_HOST;
	*rest = arg + words_first(arg);
	free(words);
	errno = 0;
	return found;
}

/* Whether @arg names something. 0, or -EINVAL with @why. */
static int check_name(const char *arg, char *why, size_t size)
{
	char host[PATH_MAX];
	const char *rest;

	if (is_ours(arg) || find_program(arg, host, &rest))
		return 0;
	if (errno == EINVAL)
		snprintf(why, size, "a quote is not closed; quote as for a shell");
	else if (!*KTSTR_SCHEDULERS)
		snprintf(why, size,
			 "this ktstr was built without schedulers of its own, and PATH has no such program; install "
			 "clang and build it again, or name a program");
	else
		snprintf(why, size,
			 "neither one of " KTSTR_SCHEDULERS " nor a program of PATH; for a program elsewhere or a BPF "
			 "object write its path, with a / in it");
	return -EINVAL;
}

void machine_scheduler_parse(char **scheduler, const char *arg)
{
	char why[512];

	if (check_name(arg, why, sizeof(why)))
		say_usage("--scheduler %s: %s", arg, why);
	machine_text_set(scheduler, arg);
}

bool machine_scheduler_program(const struct machine_spec *o, char host[PATH_MAX])
{
	const char *rest;

	return o->scheduler && find_program(o->scheduler, host, &rest);
}

const char *machine_scheduler_name(const struct machine_spec *o, char name[PATH_MAX])
{
	char host[PATH_MAX];
	const char *slash;

	if (!machine_scheduler_program(o, host))
		return o->scheduler;
	slash = strrchr(host, '/');
	strcpy(name, slash ? slash + 1 : host);
	return name;
}

bool machine_scheduler_is_object(const char *host)
{
	struct elf_file f;
	bool is;

	if (elf_file_open(&f, host))
		return false;
	is = f.machine == EM_BPF;
	elf_file_close(&f);
	return is;
}

/* Where the kernel's configuration lies beside it; else the guest finds out. */
static int check_sched_ext(struct machine_resolved *r)
{
	char path[PATH_MAX + 8], line[256];
	bool has = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s", r->image);
	strcpy(strrchr(path, '/'), "/config");
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (!has && fgets(line, sizeof(line), f))
		has = !strcmp(line, "CONFIG_SCHED_CLASS_EXT=y\n");
	fclose(f);
	if (has)
		return 0;
	r->lacks_sched_ext = true;
	say_error("--scheduler %s: kernel %s has no sched_ext; use one that has, such as --kernel default",
		  r->spec->scheduler, *r->kernel_name ? r->kernel_name : r->image);
	return EXIT_UNAVAILABLE;
}

static int check_program(const struct machine_spec *o, const char *host)
{
	struct stat st;

	if (stat(host, &st)) {
		say_error("--scheduler %s: %s: %s; name a program or a BPF object", o->scheduler, host,
			  strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	if (!S_ISREG(st.st_mode)) {
		say_error("--scheduler %s: %s: not a regular file; name a program or a BPF object", o->scheduler, host);
		return EXIT_UNAVAILABLE;
	}
	if (access(host, R_OK)) {
		say_error("--scheduler %s: %s: %s; make it readable", o->scheduler, host, strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	if (!(st.st_mode & 0111) && !machine_scheduler_is_object(host)) {
		say_error("--scheduler %s: %s: not executable; use chmod +x, or name the program", o->scheduler, host);
		return EXIT_UNAVAILABLE;
	}
	return 0;
}

int machine_scheduler_check(struct machine_resolved *r)
{
	const struct machine_spec *o = r->spec;
	char program[PATH_MAX], why[512];
	bool is_program = machine_scheduler_program(o, program);
	int rc = is_program ? check_program(o, program) : 0;

	/* One of a --spec was not checked when it was read. */
	if (!is_program && check_name(o->scheduler, why, sizeof(why))) {
		say_error("--scheduler %s: %s", o->scheduler, why);
		return EXIT_USAGE;
	}
	if (!rc && o->scheduler_log)
		rc = file_output_check("--scheduler-log", o->scheduler_log);
	if (!rc)
		rc = check_sched_ext(r);
	/* Ours call none of what a kernel may lack; the machine around the nested host has said it. */
	if (!rc && is_program && !host_is_nested())
		kernel_scx_warn(r->image, *r->kernel_name ? r->kernel_name : r->image);
	return rc;
}

/* A scheduler's name; or where the guest has its program, and its words. To free(). */
static char *scheduler_in_guest(const struct machine_spec *o)
{
	char host[PATH_MAX], guest[PATH_MAX], *quoted, *text;
	const char *rest;

	if (!find_program(o->scheduler, host, &rest) || path_absolute(host, guest))
		return strdup(o->scheduler);
	quoted = words_quote(guest);
	if (!quoted || asprintf(&text, "%s%s", quoted, rest) < 0)
		text = NULL;
	free(quoted);
	return text;
}

int machine_scheduler_argv(struct initramfs *in, const struct machine_spec *o, const char *const *argv)
{
	char *scheduler = scheduler_in_guest(o);
	const char **words;
	size_t n = 0;

	while (argv[n])
		n++;
	words = calloc(n + 5, sizeof(*words));
	if (!scheduler || !words) {
		say_error("out of memory");
		free(words);
		free(scheduler);
		return EXIT_INTERNAL;
	}
	words[0] = SCHEDULER_LOADER_IN_GUEST;
	words[1] = "--log-to-host";
	words[2] = scheduler;
	words[3] = "--";
	memcpy(words + 4, argv, n * sizeof(*words));
	initramfs_set_argv(in, words);
	free(words);
	free(scheduler);
	return 0;
}
