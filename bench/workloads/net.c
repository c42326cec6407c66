/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net: request and answer over the guest's loopback card. A frame that is sent comes back by the card: by way of the
 * device, its backend and an interrupt. Requests are raw Ethernet frames of a type of our own, addressed to the card
 * itself; a thread has one in flight. A sample is from before the send to when the thread has the frame back.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "bench/workloads/crew.h"

enum { THREADS, SIZE };

#define ETHERTYPE 0x88b5u /* for local experiments */
#define CARD "eth0"
#define LOST_US 200000 /* a frame that does not come back until then is lost */
#define EXIT_UNAVAILABLE 69

struct request {
	struct ethhdr header;
	uint32_t thread;
	uint64_t number;
} __attribute__((packed));

struct wire {
	int index; /* of the card */
	uint8_t address[ETH_ALEN];
	_Atomic uint64_t sent, received, lost; /* in the window */
};

static int open_socket(const struct wire *w)
{
	const struct sockaddr_ll at = { .sll_family = AF_PACKET,
					.sll_protocol = htons(ETHERTYPE),
					.sll_ifindex = w->index };
	const struct timeval patience = { .tv_usec = LOST_US };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Until the frame @number of this thread comes back: 1; 0: it is lost; -1: errno. */
static int receive(int fd, uint32_t thread, uint64_t number, uint8_t *buf, size_t size)
{
	for (;;) {
		struct sockaddr_ll from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, buf, size, 0, (struct sockaddr *)&from, &len);
		const struct request *r = (const struct request *)buf;

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		/* What is going out is seen, too. */
		if (n >= (ssize_t)sizeof(*r) && from.sll_pkttype != PACKET_OUTGOING && r->thread == thread &&
		    r->number == number)
			return 1;
	}
}

static void exchange(struct hand *h, struct wire *w, int fd, uint8_t *buf, size_t size)
{
	struct request request = { .header.h_proto = htons(ETHERTYPE), .thread = h->index };

	memcpy(request.header.h_dest, w->address, ETH_ALEN);
	memcpy(request.header.h_source, w->address, ETH_ALEN);
	while (!hand_stops(h)) {
		uint64_t start = now_ns();
		bool counts = hand_counts(h);
		int got;

		request.number++;
		memset(buf, 0, size);
		memcpy(buf, &request, sizeof(request));
		if (send(fd, buf, size, 0) != (ssize_t)size) {
			run_fail(h->run, errno);
			return;
		}
		got = receive(fd, h->index, request.number, buf, size);
		if (got < 0) {
			run_fail(h->run, errno);
			return;
		}
		if (got)
			hand_sample(h, now_ns() - start);
		hand_turn(h);
		w->sent += counts;
		w->received += counts && got;
		w->lost += counts && !got;
	}
}

static void work(struct hand *h)
{
	struct wire *w = h->ctx;
	size_t size = (size_t)h->run->asked->value[SIZE];
	uint8_t *buf = malloc(size);
	int fd = buf ? open_socket(w) : -1;

	if (fd < 0)
		run_fail(h->run, buf ? errno : ENOMEM);
	else
		exchange(h, w, fd, buf, size);
	if (fd >= 0)
		close(fd);
	free(buf);
}

/* The card, up. False: errno. */
static bool find_card(struct wire *w)
{
	struct ifreq r = { .ifr_name = CARD };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && !ioctl(fd, SIOCGIFHWADDR, &r);

	if (ok) {
		memcpy(w->address, r.ifr_hwaddr.sa_data, ETH_ALEN);
		ok = !ioctl(fd, SIOCGIFINDEX, &r);
		w->index = r.ifr_ifindex;
	}
	if (ok && !ioctl(fd, SIOCGIFFLAGS, &r)) {
		r.ifr_flags |= IFF_UP;
		ok = !ioctl(fd, SIOCSIFFLAGS, &r);
	}
	if (fd >= 0)
		close(fd);
	return ok;
}

static int net_run(struct run *run)
{
	struct wire w = { 0 };
	struct crew crew = { .n = (unsigned)run->asked->value[THREADS], .work = work, .ctx = &w };
	int code;

	if (!find_card(&w)) {
		fprintf(stderr, "ktstr-workload: net: " CARD ": %s; give the guest a card with --net\n",
			strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	code = crew_run(run, &crew);
	run_figure(run, "frames_sent", "", true, (double)w.sent);
	run_figure(run, "frames_received", "", true, (double)w.received);
	run_figure(run, "frames_lost", "", false, (double)w.lost);
	return code;
}

const struct workload net_workload = { "net", net_run };
