/* SPDX-License-Identifier: GPL-2.0-only */
/* Adds programs with their libraries and interpreters, and directories. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/program.h"
#include "bench/initramfs/archive.h"
#include "bench/initramfs/closure.h"
#include "bench/initramfs/entries.h"

#define INTERPRETERS_MAX 4 /* a script's interpreter may be a script, as the kernel allows */

struct found {
	struct initramfs *in;
	bool any;
};

static void add_library(void *ctx, const char *path)
{
	struct found *f = ctx;

	f->any = true;
	initramfs_add_file(f->in, path, path);
}

static int add_program(struct initramfs *in, const char *host, const char *guest, int depth);

/* Cuts the next word off @at, as env -S does except for quotes and escapes. NULL: none. */
static char *next_word(char **at)
{
	char *word = *at + strspn(*at, " \t");
	size_t n = strcspn(word, " \t");

	if (!n)
		return NULL;
	*at = word + n + (word[n] != '\0');
	word[n] = '\0';
	return word;
}

/* @word without a leading "-S", "-vS" or "--split-string=" of env. */
static char *without_split(char *word)
{
	static const char *const options[] = {
		"-S", "-iS", "-vS", "-ivS", "-viS", "--split-string=", "--split-string"
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (!strncmp(word, options[i], strlen(options[i])))
			return word + strlen(options[i]);
	return word;
}

/*
 * The program that env would run, from the text after env in a #! line; NULL: none. The kernel passes that text as a
 * single argument, which only -S splits.
 */
static const char *run_by_env(char *rest)
{
	char *word;

	if (*rest != '-')
		return *rest && !strchr(rest, '=') ? rest : NULL;
	while ((word = next_word(&rest))) {
		if (!strcmp(word, "-u") || !strcmp(word, "-C") || !strcmp(word, "--unset") || !strcmp(word, "--chdir"))
			next_word(&rest);
		word = without_split(word);
		if (*word && *word != '-' && !strchr(word, '='))
			return word;
	}
	return NULL;
}

/* "#!/usr/bin/env python3": what the line names, and what env would run. */
static int add_interpreter(struct initramfs *in, const char *script, char *line, int depth)
{
	char *word = line + strspn(line, " \t"), *rest, path[PATH_MAX];
	const char *run;

	if (depth == INTERPRETERS_MAX)
		return initramfs_fail(in, -ELOOP, "%s: too many interpreters of interpreters", script);
	word[strcspn(word, "\n")] = '\0';
	rest = word + strcspn(word, " \t");
	if (*rest)
		*rest++ = '\0';
	rest += strspn(rest, " \t");
	for (size_t n = strlen(rest); n && strchr(" \t", rest[n - 1]); n--)
		rest[n - 1] = '\0';
	if (access(word, X_OK))
		return initramfs_fail(in, -ENOENT, "%s: its interpreter %s is not found", script, word);
	if (strlen(word) > 4 && !strcmp(word + strlen(word) - 4, "/env")) {
		run = run_by_env(rest);
		if (run && strchr(run, '/'))
			add_program(in, run, run, depth + 1);
		else if (run && !program_find(run, path))
			add_program(in, path, path, depth + 1);
		else if (run)
			return initramfs_fail(in, -ENOENT, "%s: its interpreter %s is not found", script, run);
	}
	return add_program(in, word, word, depth + 1);
}

/*
 * Keeps a link as a link, since a program may find its libraries and files relative
 * to its real path.
 */
static int place(struct initramfs *in, const char *host, const char *guest)
{
	char at[PATH_MAX], real_at[PATH_MAX];
	char *real = realpath(host, NULL);
	int ret;

	if (!real)
		return initramfs_fail(in, -errno, "%s: %s", host, strerror(errno));
	if (!guest && host[0] == '/') {
		ret = initramfs_resolve(in, host, at);
		if (!ret)
			ret = initramfs_resolve(in, real, real_at);
		if (!ret)
			ret = initramfs_add_file(in, real, real);
		if (!ret && strcmp(at, real_at))
			ret = initramfs_add_link(in, host, real);
	} else {
		ret = initramfs_add_file(in, host, guest);
	}
	free(real);
	return ret;
}

static int add_program(struct initramfs *in, const char *host, const char *guest, int depth)
{
	struct found found = { .in = in };
	char head[256] = "", why[256];
	int fd, ret;

	if (in->error || place(in, host, guest && strcmp(guest, host) ? guest : NULL))
		return in->error;
	fd = open(host, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, head, sizeof(head) - 1) < 0)
		initramfs_fail(in, -errno, "%s: %s", host, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (in->error)
		return in->error;
	if (!strncmp(head, "#!", 2))
		return add_interpreter(in, host, head + 2, depth);
	if (strncmp(head, "\177ELF", 4))
		return 0;
	ret = elf_closure(host, add_library, &found, why, sizeof(why));
	if (ret)
		return initramfs_fail(in, ret, "%s", why);
	/* ld.so finds libraries in directories of /etc/ld.so.conf only by its cache. */
	if (found.any && !access("/etc/ld.so.cache", R_OK))
		initramfs_add_file(in, "/etc/ld.so.cache", "/etc/ld.so.cache");
	return initramfs_add_interpreter_files(in, host);
}

int initramfs_add_binary(struct initramfs *in, const char *host, const char *guest)
{
	return add_program(in, host, guest, 0);
}

static int add_tree_entry(struct initramfs *in, const FTSENT *f, const char *guest)
{
	char target[PATH_MAX];
	ssize_t n;

	switch (f->fts_info) {
	case FTS_D:
		return initramfs_add_dir(in, guest, f->fts_statp->st_mode & 07777);
	case FTS_F:
		return initramfs_add_file(in, f->fts_accpath, guest);
	case FTS_SL:
	case FTS_SLNONE:
		n = readlink(f->fts_accpath, target, sizeof(target) - 1);
		if (n < 0)
			return initramfs_fail(in, -errno, "%s: %s", f->fts_path, strerror(errno));
		target[n] = '\0';
		return initramfs_add_link(in, guest, target);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return initramfs_fail(in, -f->fts_errno, "%s: %s", f->fts_path, strerror(f->fts_errno));
	default: /* FTS_DP: a directory after its contents; and sockets and the like */
		return 0;
	}
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

int initramfs_add_tree(struct initramfs *in, const char *host, const char *guest)
{
	char *real, *roots[2] = { NULL, NULL };
	char path[PATH_MAX];
	FTSENT *f;
	FTS *tree;

	if (in->error)
		return in->error;
	/* The top itself may be a link to a directory. */
	real = roots[0] = realpath(host, NULL);
	tree = real ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name) : NULL;
	if (!tree) {
		initramfs_fail(in, -errno, "%s: %s", host, strerror(errno));
		free(real);
		return in->error;
	}
	while (!in->error && (f = fts_read(tree))) {
		if (snprintf(path, sizeof(path), "%s%s", guest ? guest : real, f->fts_path + strlen(real)) >=
		    (int)sizeof(path))
			initramfs_fail(in, -ENAMETOOLONG, "%s: the path is too long", f->fts_path);
		else if (strspn(path, "/") != strlen(path)) /* the root is there */
			add_tree_entry(in, f, path);
	}
	fts_close(tree);
	free(real);
	return in->error;
}
