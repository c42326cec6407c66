/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * messaging: hackbench's model. In each group every sender writes a message to every receiver in turn, for as long as
 * the run lasts. A message carries the time before its write; its latency is from there to the receiver's next clock
 * read after it has all of it, so the time that it waits in a full pipe counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/workloads/crew.h"

enum { GROUPS, FDS, SIZE, PIPE };

struct channel {
	int in, out; /* the receiver's end, the senders' */
};

struct hall {
	unsigned fds;
	size_t size;
	struct channel *channels; /* one for each receiver of each group */
};

/* Hands of a group: receivers, then senders. */
static void send_messages(struct hand *h, const struct hall *hall, const struct channel *group)
{
	uint8_t *message = calloc(1, hall->size);

	while (message && !hand_stops(h))
		for (unsigned i = 0; i < hall->fds && !hand_stops(h); i++) {
			uint64_t now = now_ns();

			memcpy(message, &now, sizeof(now));
			/* At most PIPE_BUF bytes: what several senders write is never mixed. */
			if (write(group[i].out, message, hall->size) < 0 && errno != EAGAIN && errno != EPIPE)
				run_fail(h->run, errno);
			hand_turn(h);
		}
	free(message);
}

static void receive_messages(struct hand *h, const struct hall *hall, const struct channel *channel)
{
	uint8_t *message = calloc(1, hall->size);
	uint64_t sent;
	size_t have = 0;

	while (message && !hand_stops(h)) {
		ssize_t n = read(channel->in, message + have, hall->size - have);

		if (n < 0 && errno != EAGAIN)
			run_fail(h->run, errno);
		if (n <= 0)
			break;
		have += (size_t)n;
		if (have < hall->size)
			continue;
		memcpy(&sent, message, sizeof(sent));
		hand_sample(h, now_ns() - sent);
		hand_turn(h);
		have = 0;
	}
	free(message);
}

static void work(struct hand *h)
{
	const struct hall *hall = h->ctx;
	unsigned group = h->index / (2 * hall->fds), place = h->index % (2 * hall->fds);
	const struct channel *channels = hall->channels + group * hall->fds;

	if (place < hall->fds)
		receive_messages(h, hall, &channels[place]);
	else
		send_messages(h, hall, channels);
}

/*
 * Wakes receivers that wait for a message and senders that wait for room: a socket is shut down; of a pipe some bytes
 * are taken, or written where there is room.
 */
static void release(void *ctx)
{
	struct hall *hall = ctx;
	uint8_t drain[4096];

	for (struct channel *c = hall->channels; c->out > 0; c++) {
		struct pollfd in = { .fd = c->in, .events = POLLIN }, out = { .fd = c->out, .events = POLLOUT };

		if (!shutdown(c->in, SHUT_RDWR))
			continue;
		/* A thread may be quicker than we between poll() and the call; then nobody would wake us. */
		fcntl(c->in, F_SETFL, O_NONBLOCK);
		fcntl(c->out, F_SETFL, O_NONBLOCK);
		if (poll(&in, 1, 0) > 0 && read(c->in, drain, sizeof(drain)) < 0 && errno != EAGAIN)
			return;
		/* A receiver wakes by bytes, which it no longer counts. */
		memset(drain, 0, sizeof(drain));
		if (poll(&out, 1, 0) > 0 &&
		    write(c->out, drain, hall->size < sizeof(drain) ? hall->size : sizeof(drain)) < 0 &&
		    errno != EAGAIN)
			return;
	}
}

static int open_channel(struct channel *c, bool pipes)
{
	int ends[2];

	if (pipes ? pipe(ends) : socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return errno;
	*c = (struct channel){ ends[0], ends[1] };
	return 0;
}

static int messaging_run(struct run *run)
{
	const uint64_t *value = run->asked->value;
	struct hall hall = { .fds = (unsigned)value[FDS], .size = value[SIZE] };
	unsigned n = (unsigned)value[GROUPS] * hall.fds;
	struct crew crew = { .n = 2 * n, .work = work, .release = release, .ctx = &hall };
	int error = 0, code;

	hall.channels = calloc(n + 1, sizeof(*hall.channels));
	for (unsigned i = 0; hall.channels && i < n && !error; i++)
		error = open_channel(&hall.channels[i], value[PIPE]);
	if (!hall.channels || error) {
		fprintf(stderr, "ktstr-workload: messaging: %u channels: %s; ask for fewer groups or fds\n", n,
			strerror(hall.channels ? error : ENOMEM));
		code = 69;
	} else {
		code = crew_run(run, &crew);
	}
	for (struct channel *c = hall.channels; c && c->out > 0; c++) {
		close(c->in);
		close(c->out);
	}
	free(hall.channels);
	return code;
}

const struct workload messaging_workload = { "messaging", messaging_run };
