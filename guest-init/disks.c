/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest-init/clock.h"

#define WAIT_MS 30000
#define STEP_US (5 * 1000)

static unsigned disks_count(void)
{
	unsigned n = 0;

	for (char letter = 'a'; letter <= 'z'; letter++) {
		char path[] = "/dev/vdX";
		struct stat st;

		path[sizeof(path) - 2] = letter;
		n += !stat(path, &st) && S_ISBLK(st.st_mode);
	}
	return n;
}

int disks_sync(unsigned n, unsigned *disk)
{
	char path[] = "/dev/vdX";
	int ret = 0;

	for (*disk = 0; *disk < n && !ret; ++*disk) {
		int fd;

		path[sizeof(path) - 2] = (char)('a' + *disk);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fsync(fd))
			ret = -errno;
		if (fd >= 0)
			close(fd);
	}
	return ret;
}

int disks_wait(unsigned n)
{
	int64_t deadline_ms = now_ms() + WAIT_MS;

	while (disks_count() < n) {
		if (now_ms() >= deadline_ms)
			return -ETIMEDOUT;
		usleep(STEP_US);
	}
	return 0;
}
