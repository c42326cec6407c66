/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/setup.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest-init/report.h"

void network_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING };
	int fd;

	if (sethostname("ktstr", 5))
		report_warn("hostname: %s", strerror(errno));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return; /* a kernel without a network has no loopback to bring up */
	/* The kernel gives it 127.0.0.1 by itself. */
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		report_warn("lo: %s", strerror(errno));
	close(fd);
}
