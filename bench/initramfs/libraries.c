/* SPDX-License-Identifier: GPL-2.0-only */
/* Interpreters that need a tree of files. The interpreter itself is asked for its directories. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/initramfs/archive.h"
#include "bench/initramfs/closure.h"
#include "bench/initramfs/entries.h"

/* Limit for all directories of one interpreter; a nested run copies them twice. */
#define LIBRARY_MAX (128ull << 20)
/* The answer is stored with the files, so that a nested run need not ask again: programs start slowly under TCG. */
#define ANSWERS "/ktstr/libraries"

static const struct interpreter {
	const char *name, *option, *question; /* prints one directory per line */
} interpreters[] = {
	{ "python", "-Ic", "import sys; print('\\n'.join(sys.path))" },
	{ "perl", "-e", "print map { \"$_\\n\" } @INC" },
	{ "ruby", "-e", "puts $:" },
};

static const struct interpreter *interpreter_of(const char *program)
{
	const char *base = strrchr(program, '/') + 1;

	for (size_t i = 0; i < sizeof(interpreters) / sizeof(*interpreters); i++) {
		size_t n = strlen(interpreters[i].name);

		/* Matches "perl", "python3" and "python3.11", but not "perldoc". */
		if (!strncmp(base, interpreters[i].name, n) && !base[n + strspn(base + n, "0123456789.")])
			return &interpreters[i];
	}
	return NULL;
}

/* A stream of what @program prints. NULL: it cannot be run. */
static FILE *ask(const char *program, const struct interpreter *i)
{
	char *argv[] = { (char *)program, (char *)i->option, (char *)i->question, NULL };
	posix_spawn_file_actions_t actions;
	int fd = memfd_create("directories", MFD_CLOEXEC), status = -1, rc;
	pid_t pid;
	FILE *f;

	if (fd < 0)
		return NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	rc = posix_spawn(&pid, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	while (!rc && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	f = rc || status ? NULL : fdopen(fd, "r");
	if (f)
		rewind(f);
	else
		close(fd);
	return f;
}

static FILE *answer_of(const char *program, const struct interpreter *i)
{
	char path[PATH_MAX];
	FILE *f = NULL;

	if (snprintf(path, sizeof(path), ANSWERS "%s", program) < PATH_MAX)
		f = fopen(path, "re");
	return f ? f : ask(program, i);
}

/* --- one directory ----------------------------------------------------------- */

static void add_library(void *ctx, const char *path)
{
	initramfs_add_file(ctx, path, path);
}

/* Modules that are shared libraries need others. One whose libraries are missing does not work here either. */
static void add_closures(struct initramfs *in, const char *dir)
{
	char *roots[] = { (char *)dir, NULL }, why[256];
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	const FTSENT *f;

	while (tree && !in->error && (f = fts_read(tree)))
		if (f->fts_info == FTS_F && f->fts_namelen > 3 && !strcmp(f->fts_name + f->fts_namelen - 3, ".so"))
			(void)elf_closure(f->fts_accpath, add_library, in, why, sizeof(why));
	if (tree)
		fts_close(tree);
}

static uint64_t bytes_in(const char *dir)
{
	char *roots[] = { (char *)dir, NULL };
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	const FTSENT *f;
	uint64_t n = 0;

	while (tree && n <= LIBRARY_MAX && (f = fts_read(tree)))
		n += f->fts_info == FTS_F ? (uint64_t)f->fts_statp->st_size : 0;
	if (tree)
		fts_close(tree);
	return n;
}

/* @dirs: each followed by a newline. */
static bool is_within(const char *dir, const char *dirs)
{
	for (; *dirs; dirs += strcspn(dirs, "\n") + 1) {
		size_t n = strcspn(dirs, "\n");

		if (!strncmp(dir, dirs, n) && (!dir[n] || dir[n] == '/'))
			return true;
	}
	return false;
}

static void add_directory(struct initramfs *in, const char *dir, const char *real)
{
	initramfs_add_tree(in, real, real);
	if (strcmp(dir, real))
		initramfs_add_link(in, dir, real);
	add_closures(in, real);
}

/* --- all of them --------------------------------------------------------------- */

static int add_answered(struct initramfs *in, const char *program, FILE *answer, FILE *given, char **dirs)
{
	char line[PATH_MAX], real[PATH_MAX];
	uint64_t left = LIBRARY_MAX, n;
	struct stat st;

	while (!in->error && fgets(line, sizeof(line), answer)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '/' || !realpath(line, real) || stat(real, &st) || !S_ISDIR(st.st_mode))
			continue;
		fflush(given);
		if (is_within(real, *dirs))
			continue;
		n = bytes_in(real);
		if (n > left) {
			snprintf(in->note, sizeof(in->note),
				 "%.100s: its directory %.150s is too large to come by itself; bring it by --file "
				 "%.150s",
				 program, line, line);
			continue;
		}
		left -= n;
		fprintf(given, "%s\n", real);
		add_directory(in, line, real);
	}
	return in->error;
}

/* pyvenv.cfg marks a virtual environment. */
static void add_venv(struct initramfs *in, const char *program)
{
	char path[PATH_MAX], *slash;

	snprintf(path, sizeof(path), "%s", program);
	for (unsigned i = 0; i < 2; i++) {
		slash = strrchr(path, '/');
		if (!slash)
			return;
		*slash = '\0';
	}
	if (strlen(path) + 16 > sizeof(path))
		return;
	strcat(path, "/pyvenv.cfg");
	if (!access(path, R_OK))
		initramfs_add_file(in, path, path);
}

int initramfs_add_interpreter_files(struct initramfs *in, const char *program)
{
	char *real = realpath(program, NULL), *dirs = NULL, path[PATH_MAX];
	const struct interpreter *i = real ? interpreter_of(real) : NULL;
	FILE *answer, *given;
	size_t len;

	free(real);
	if (!i || in->error || program[0] != '/' || snprintf(path, sizeof(path), ANSWERS "%s", program) >= PATH_MAX ||
	    initramfs_find(in, path))
		return in->error;
	answer = answer_of(program, i);
	if (!answer) {
		snprintf(in->note, sizeof(in->note),
			 "%.200s: does not say where its library is; bring that by --file DIRECTORY", program);
		return 0;
	}
	given = open_memstream(&dirs, &len);
	if (given && !fflush(given)) {
		add_answered(in, program, answer, given, &dirs);
		fclose(given);
		add_venv(in, program);
		initramfs_add_data(in, path, 0644, dirs, len);
	} else {
		initramfs_no_memory(in);
	}
	fclose(answer);
	free(dirs);
	return in->error;
}
