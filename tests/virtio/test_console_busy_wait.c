/* SPDX-License-Identifier: GPL-2.0-only */
/* The console's control queues while the reactor busy-waits, with a driver that kicks only where it is asked to. */
#include "tests/virtio/console_fixture.h"
#include "virtio/wire.h"

#define SECOND_NS 1000000000ull
#define ROUNDS_MAX 50

static struct {
	struct fixture *f;
	struct poller p;
	unsigned step, rounds, answers;
} talk;

static void kick_if_wanted(unsigned q)
{
	if (driver_kick_wanted(&talk.f->d, q))
		driver_kick(&talk.f->d, q);
}

static void say_if_wanted(uint32_t id, uint16_t event)
{
	post_control(talk.f, id, event, 1);
	kick_if_wanted(OVQ);
}

static void count_answers(unsigned q)
{
	uint16_t head;
	uint32_t len;

	while (driver_used(&talk.f->d, q, &head, &len))
		talk.answers++;
}

/* Each step waits for the answers to the one before it: the messages that were taken, and those that came. */
static bool go_through_handshake(struct poller *p)
{
	static const unsigned answers_before[] = { 0, 1, 1 + 3, 1 + 3 + 1 + 2 };

	count_answers(OVQ);
	count_answers(IVQ);
	if (++talk.rounds == ROUNDS_MAX || (talk.step == 3 && talk.answers == answers_before[3])) {
		reactor_stop(talk.f->r);
		return true;
	}
	if (talk.step == 3 || talk.answers < answers_before[talk.step])
		return true;
	switch (talk.step++) {
	case 0:
		say_if_wanted(VIRTIO_CONSOLE_BAD_ID, VIRTIO_CONSOLE_DEVICE_READY);
		break;
	case 1: /* PORT_ADD of each port waits for buffers */
		for (unsigned i = 0; i < 8; i++)
			post_rx(talk.f, IVQ, 64);
		kick_if_wanted(IVQ);
		break;
	case 2: /* answered by PORT_NAME and PORT_OPEN */
		say_if_wanted(1, VIRTIO_CONSOLE_PORT_READY);
		break;
	}
	return true;
}

/* A driver that spins until its message is taken waits for ever if the queue is neither kicked nor polled. */
static void control_messages_are_found_while_the_reactor_busy_waits(void **state)
{
	struct fixture *f = *state;

	talk.f = f;
	talk.p = (struct poller){ .look = go_through_handshake, .rest = go_through_handshake };
	settle(f);
	reactor_busy_wait(f->r, SECOND_NS);
	poller_add(f->r, &talk.p);
	assert_int_equal(reactor_run(f->r), 0);
	poller_remove(f->r, &talk.p);
	assert_int_equal(talk.answers, 1 + 3 + 1 + 2);
	assert_int_equal(f->c->counters.control_out, 2);
	assert_int_equal(f->c->counters.control_in, 3 + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(control_messages_are_found_while_the_reactor_busy_waits, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
