/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In the guest: frames of every size from 14 to 1514 bytes out of eth0 by
 * AF_PACKET; each must come back from the loopback device byte for byte
 * (NET-17, NET-45), and the counters must move with them (NET-44).
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ETHERTYPE_EXPERIMENT 0x88b5

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_socket(int *index)
{
	struct ifreq ifr = { .ifr_name = "eth0" };
	struct sockaddr_ll addr = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_EXPERIMENT) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETHERTYPE_EXPERIMENT));

	if (fd < 0)
		die("AF_PACKET socket");
	if (ioctl(fd, SIOCGIFFLAGS, &ifr))
		die("eth0");
	ifr.ifr_flags |= IFF_UP | IFF_PROMISC;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) || ioctl(fd, SIOCGIFINDEX, &ifr))
		die("eth0 up");
	addr.sll_ifindex = *index = ifr.ifr_ifindex;
	if (bind(fd, (struct sockaddr *)&addr, sizeof addr))
		die("bind");
	return fd;
}

/* The next frame that came in; what we sent ourselves is shown too and passed over. */
static ssize_t receive(int fd, uint8_t *buf, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (poll(&p, 1, 20000) > 0) {
		struct sockaddr_ll from;
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(fd, buf, size, 0, (struct sockaddr *)&from, &len);

		if (n >= 0 && from.sll_pkttype != PACKET_OUTGOING)
			return n;
	}
	return -1;
}

int main(void)
{
	static uint8_t out[ETH_FRAME_LEN], in[ETH_FRAME_LEN + 100];
	const uint8_t header[ETH_HLEN] = { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };
	int index, fd = open_socket(&index), frames = 0;

	memcpy(out, header, sizeof header);
	for (size_t size = ETH_HLEN; size <= ETH_FRAME_LEN; size++) {
		struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = index, .sll_halen = ETH_ALEN };
		ssize_t n;

		for (size_t i = ETH_HLEN; i < size; i++)
			out[i] = (uint8_t)(i * 31 + size);
		if (sendto(fd, out, size, 0, (struct sockaddr *)&to, sizeof to) != (ssize_t)size)
			die("send");
		n = receive(fd, in, sizeof in);
		if (n != (ssize_t)size || memcmp(in, out, size)) {
			fprintf(stderr, "a frame of %zu bytes came back as %zd\n", size, n);
			return 1;
		}
		frames++;
	}
	printf("%d frames\n", frames);
	return 0;
}
