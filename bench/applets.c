/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/applets.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *known, known_of[PATH_MAX];

static int list_into(const char *busybox, int fd)
{
	char *argv[] = { "busybox", "--list", NULL };
	posix_spawn_file_actions_t actions;
	int status, ret;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
	ret = posix_spawn(&pid, busybox, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (ret)
		return -ret;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status ? -EIO : 0;
}

static char *read_whole(int fd)
{
	struct stat st;
	char *text = NULL;

	if (!fstat(fd, &st))
		text = calloc(1, (size_t)st.st_size + 1);
	if (text && pread(fd, text, (size_t)st.st_size, 0) != st.st_size) {
		free(text);
		text = NULL;
		errno = EIO;
	}
	return text;
}

const char *applets_of(const char *busybox)
{
	int fd, ret;

	if (known && !strcmp(busybox, known_of))
		return known;
	/* A file, not a pipe: busybox writes each name and each newline by itself, and would wake us for each. */
	fd = memfd_create("applets", MFD_CLOEXEC);
	if (fd < 0)
		return NULL;
	ret = list_into(busybox, fd);
	free(known);
	known = ret ? NULL : read_whole(fd);
	snprintf(known_of, sizeof(known_of), "%s", busybox);
	close(fd);
	if (ret)
		errno = -ret;
	return known;
}
