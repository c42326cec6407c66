/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In the guest: frames of every STEPth size from FIRST to LAST bytes out of eth0
 * by AF_PACKET; each must come back from the loopback device byte for byte
 * (NET-17, NET-45), as far as the driver's buffers are long: the first 1518
 * bytes of it (NET-21), or all of it where the device has said its MTU. usage:
 * echo-frames [FIRST LAST STEP]
 */
#include <arpa/inet.h>
#include <errno.h>
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
#define MTU_MAX 65535
#define FRAME_MAX (ETH_HLEN + MTU_MAX)
/* What virtio_net offers for a frame: neither mergeable buffers nor big packets were negotiated. */
#define RX_MAX (ETH_HLEN + 4 + ETH_DATA_LEN)

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int index_of_eth0;
static size_t mtu = MTU_MAX, rx_max = RX_MAX;

static int open_socket(void)
{
	struct ifreq ifr = { .ifr_name = "eth0" };
	struct sockaddr_ll addr = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_EXPERIMENT) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETHERTYPE_EXPERIMENT)), size = 8 << 20;

	if (fd < 0)
		die("AF_PACKET socket");
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	if (ioctl(fd, SIOCGIFFLAGS, &ifr))
		die("eth0");
	ifr.ifr_flags |= IFF_UP | IFF_PROMISC;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) || ioctl(fd, SIOCGIFINDEX, &ifr))
		die("eth0 up");
	addr.sll_ifindex = index_of_eth0 = ifr.ifr_ifindex;
	ifr.ifr_mtu = MTU_MAX;
	if (ioctl(fd, SIOCSIFMTU, &ifr)) {
		/* Not above what the device offers, and for that its driver has made buffers. */
		if (errno != EINVAL || ioctl(fd, SIOCGIFMTU, &ifr))
			die("mtu");
		mtu = (size_t)ifr.ifr_mtu;
		rx_max = ETH_HLEN + mtu;
	}
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

static ssize_t transmit(int fd, const uint8_t *frame, size_t size)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = index_of_eth0, .sll_halen = ETH_ALEN };

	return sendto(fd, frame, size, 0, (struct sockaddr *)&to, sizeof to);
}

int main(int argc, char **argv)
{
	static uint8_t out[FRAME_MAX + 1], in[FRAME_MAX + 100];
	const uint8_t header[ETH_HLEN] = { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };
	size_t first = argc == 4 ? strtoul(argv[1], NULL, 10) : ETH_HLEN;
	size_t last = argc == 4 ? strtoul(argv[2], NULL, 10) : ETH_FRAME_LEN;
	size_t step = argc == 4 ? strtoul(argv[3], NULL, 10) : 1;
	int fd = open_socket(), frames = 0;

	for (size_t i = 0; i < sizeof out; i++)
		out[i] = (uint8_t)(i * 31 + i / 256);
	memcpy(out, header, sizeof header);
	for (size_t size = first; size <= last; size += step) {
		ssize_t n, want = (ssize_t)(size < rx_max ? size : rx_max);

		out[size - 1] ^= size > ETH_HLEN ? 0x55 : 0;
		if (transmit(fd, out, size) != (ssize_t)size)
			die("send");
		n = receive(fd, in, sizeof in);
		if (n != want || memcmp(in, out, (size_t)want)) {
			fprintf(stderr, "a frame of %zu bytes came back as %zd\n", size, n);
			return 1;
		}
		frames++;
	}
	if (transmit(fd, out, ETH_HLEN + mtu + 1) >= 0 || errno != EMSGSIZE) {
		fprintf(stderr, "a frame above the MTU was sent\n");
		return 1;
	}
	printf("%d frames\n", frames);
	return 0;
}
