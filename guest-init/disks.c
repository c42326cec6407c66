/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/setup.h"

#include <errno.h>
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
