/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/workloads/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/workloads/kernel_file.h"

#define MOUNT "/sys/fs/cgroup"

bool cgroup_own(struct cgroup *c, char *why, size_t size)
{
	char text[4096], *line, *rest = text;

	kernel_file_read("/proc/self/cgroup", text, sizeof(text));
	/* The line of version 2 is "0::/PATH". */
	while ((line = strsep(&rest, "\n")) && strncmp(line, "0::/", 4) != 0)
		;
	if (!line || strlen(line) + sizeof(MOUNT) > sizeof(c->path) || access(MOUNT "/cgroup.controllers", F_OK)) {
		snprintf(why, size, "no cgroup2 at " MOUNT);
		return false;
	}
	snprintf(c->path, sizeof(c->path), MOUNT "%s", strcmp(line + 3, "/") ? line + 3 : "");
	return true;
}

bool cgroup_write(const struct cgroup *c, const char *file, const char *text, char *why, size_t size)
{
	char path[CGROUP_PATH + 64];
	int fd, error = 0;

	snprintf(path, sizeof(path), "%s/%s", c->path, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		error = errno ? errno : EIO;
	if (fd >= 0)
		close(fd);
	if (error)
		snprintf(why, size, "%s: %s: %s", path, text, strerror(error));
	return !error;
}

bool cgroup_enable(const struct cgroup *c, const char *controller, char *why, size_t size)
{
	char path[CGROUP_PATH + 64], text[1024], name[64];
	const char *at;
	size_t n = strlen(controller);

	snprintf(path, sizeof(path), "%s/cgroup.controllers", c->path);
	kernel_file_read(path, text, sizeof(text));
	for (at = strstr(text, controller); at; at = strstr(at + 1, controller))
		if ((at == text || at[-1] == ' ') && strchr(" \n", at[n]))
			break;
	if (!at) {
		snprintf(why, size, "%s: no controller %s; the guest's kernel needs it", c->path, controller);
		return false;
	}
	snprintf(name, sizeof(name), "+%s", controller);
	return cgroup_write(c, "cgroup.subtree_control", name, why, size);
}

bool cgroup_make(struct cgroup *c, const struct cgroup *parent, const char *name, bool threaded, char *why, size_t size)
{
	c->path[0] = '\0';
	if (strlen(parent->path) + strlen(name) + 2 > sizeof(c->path)) {
		snprintf(why, size, "%s: the path is too long", name);
		return false;
	}
	snprintf(c->path, sizeof(c->path), "%.*s/%.*s", (int)strlen(parent->path), parent->path, (int)strlen(name),
		 name);
	if (mkdir(c->path, 0755) && errno != EEXIST) {
		snprintf(why, size, "%s: %s", c->path, strerror(errno));
		c->path[0] = '\0';
		return false;
	}
	return !threaded || cgroup_write(c, "cgroup.type", "threaded", why, size);
}

void cgroup_remove(struct cgroup *c)
{
	/* Those that were in it may still be on their way out. */
	for (unsigned i = 0; *c->path && rmdir(c->path) && errno == EBUSY && i < 100; i++)
		usleep(10000);
	c->path[0] = '\0';
}
