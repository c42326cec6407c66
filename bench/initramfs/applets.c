/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/initramfs/applets.h"

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

#include "bench/cache/path.h"
#include "bench/cache/store.h"

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

static int make_list(void *ctx, int fd)
{
	return list_into(ctx, fd);
}

/* The name covers the program's path and identity: another busybox has another list. */
static int name_of(const char *busybox, char name[SHA256_HEX])
{
	char identity[STORE_IDENTITY], real[PATH_MAX];
	struct sha256 s;
	struct stat st;

	if (!realpath(busybox, real) || stat(real, &st))
		return -errno;
	store_identity(&st, identity);
	sha256_init(&s);
	sha256_add(&s, real, strlen(real) + 1);
	sha256_add(&s, identity, strlen(identity));
	sha256_hex(&s, name);
	return 0;
}

static char *read_list(int fd)
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

static int list_in_memory(const char *busybox)
{
	int fd = memfd_create("applets", MFD_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = list_into(busybox, fd);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

const char *applets_of(const char *busybox)
{
	const struct store_maker maker = { make_list, (void *)busybox };
	char name[SHA256_HEX], why[256], cache[PATH_MAX];
	int fd;

	if (known && !strcmp(busybox, known_of))
		return known;
	/* A file and not a pipe: busybox writes each name and newline separately, and a pipe would wake us each time.
	 */
	fd = name_of(busybox, name);
	/* A query does not create the cache. */
	if (!fd && (cache_path(cache, NULL) || access(cache, F_OK)))
		fd = list_in_memory(busybox);
	else if (!fd)
		fd = store_get("applets", name, &maker, why, sizeof(why));
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	free(known);
	known = read_list(fd);
	snprintf(known_of, sizeof(known_of), "%s", busybox);
	close(fd);
	return known;
}
