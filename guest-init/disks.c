/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/setup.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_US (30 * 1000 * 1000)
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
	for (int waited = 0; disks_count() < n; waited += STEP_US) {
		if (waited >= WAIT_US)
			return -ETIMEDOUT;
		usleep(STEP_US);
	}
	return 0;
}
