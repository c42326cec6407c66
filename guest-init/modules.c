/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/module.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest-init/report.h"

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && !strcmp(text + len - end_len, end);
}

/* Without these there is no port to report by. */
static bool is_vital(const char *path)
{
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	return !strncmp(name, "virtio_console.", 15) || !strncmp(name, "virtio_mmio.", 12);
}

static int load_module(const char *path)
{
	bool compressed = ends_with(path, ".xz") || ends_with(path, ".zst") || ends_with(path, ".gz");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, "", compressed ? MODULE_INIT_COMPRESSED_FILE : 0) && errno != EEXIST)
		ret = -errno;
	close(fd);
	return ret;
}

void modules_load(char *const *paths)
{
	for (; paths && *paths; paths++) {
		int ret = load_module(*paths);

		if (ret && is_vital(*paths))
			report_panic("module %s: %s", *paths, strerror(-ret));
		if (ret)
			report_warn("module %s: %s", *paths, strerror(-ret));
	}
}
