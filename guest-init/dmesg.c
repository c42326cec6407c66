/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/dmesg.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/klog.h>

#define DMESG_MAX (256 << 10)
#define CHUNK (32768 - WIRE_HEADER_SIZE)
#define READ_ALL 3 /* syslog(2) */

int dmesg_send(struct bulk *bulk)
{
	char *text = malloc(DMESG_MAX);
	int n, ret = 0;

	if (!text)
		return -ENOMEM;
	/* The log's last bytes, when it is longer. */
	n = klogctl(READ_ALL, text, DMESG_MAX);
	if (n < 0)
		ret = -errno;
	for (int at = 0; at < n && !ret; at += (int)CHUNK)
		ret = bulk_send(bulk, WIRE_DMSG, text + at, (size_t)(n - at) < CHUNK ? (size_t)(n - at) : CHUNK);
	free(text);
	return ret;
}
