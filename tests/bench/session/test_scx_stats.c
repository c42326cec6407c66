/* SPDX-License-Identifier: GPL-2.0-only */
/* The statistics client, over a transport that is memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/session/scx_stats.h"

#define SECOND_NS 1000000000ull

static struct {
	struct reactor *r;
	struct scx_stats s;
	char *sent;
	size_t n_sent;
	int fail;
	/* the results */
	unsigned n;
	enum scx_stats_error error;
	int scheduler_errno;
	char resp[256];
	bool again; /* ask anew from the callback */
} f;

static int fake_send(void *transport, const void *data, size_t len)
{
	if (f.fail)
		return f.fail;
	f.sent = realloc(f.sent, f.n_sent + len + 1);
	memcpy(f.sent + f.n_sent, data, len);
	f.n_sent += len;
	f.sent[f.n_sent] = '\0';
	return 0;
}

static void ask(uint64_t timeout_ns);

static void on_done(void *ctx, const struct scx_stats_result *result)
{
	char *text = result->resp ? json_dumps(result->resp, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	f.n++;
	f.error = result->error;
	f.scheduler_errno = result->scheduler_errno;
	snprintf(f.resp, sizeof(f.resp), "%s", text ? text : "");
	free(text);
	if (f.again) {
		f.again = false;
		ask(60 * SECOND_NS);
	}
}

static void ask(uint64_t timeout_ns)
{
	scx_stats_request(&f.s, "stats", NULL, timeout_ns, on_done, NULL);
}

static void feed(const char *text)
{
	scx_stats_feed(&f.s, text, strlen(text));
}

static void answers(const char *text, enum scx_stats_error error)
{
	unsigned n = f.n;

	ask(60 * SECOND_NS);
	assert_int_equal(f.n, n);
	feed(text);
	assert_int_equal(f.n, n + 1);
	assert_string_equal(scx_stats_error_name(f.error), scx_stats_error_name(error));
}

static int setup(void **state)
{
	memset(&f, 0, sizeof(f));
	return reactor_create(&f.r, 16, 16) || scx_stats_open(&f.s, f.r, fake_send, NULL);
}

static int teardown(void **state)
{
	scx_stats_close(&f.s);
	free(f.sent);
	return reactor_destroy(f.r, SECOND_NS);
}

static void a_request_and_its_response(void **state)
{
	json_t *args = json_pack("{ssss}", "a", "1", "b", "x\ny");

	scx_stats_request(&f.s, "stats", args, SECOND_NS, on_done, NULL);
	json_decref(args);
	assert_string_equal(f.sent, "{\"req\":\"stats\",\"args\":{\"a\":\"1\",\"b\":\"x\\ny\"}}\n");
	/* Byte by byte. */
	for (const char *p = "{\"errno\":0,\"args\":{\"resp\":{\"nr\":5}}}\n"; *p; p++) {
		assert_int_equal(f.n, 0);
		scx_stats_feed(&f.s, p, 1);
	}
	assert_int_equal(f.n, 1);
	assert_int_equal(f.error, SCX_STATS_OK);
	assert_string_equal(f.resp, "{\"nr\":5}");
	answers("{\"errno\":0,\"args\":{\"resp\":null}}\n", SCX_STATS_OK);
	assert_non_null(strstr(f.sent, "}\n{\"req\":\"stats\",\"args\":{}}\n"));
}

/* WIR-16 and the rest of the names */
static void each_failure_has_its_name(void **state)
{
	answers("{\"ktstr_relay_error\":\"no scheduler available\"}\n", SCX_STATS_NO_SCHEDULER);
	answers("{\"ktstr_relay_error\":\"response cap overflow\"}\n", SCX_STATS_RESPONSE_TOO_LARGE);
	answers("{\"errno\":22,\"args\":{\"resp\":\"bad\"}}\n", SCX_STATS_SCHEDULER_ERROR);
	assert_int_equal(f.scheduler_errno, 22);
	assert_string_equal(f.resp, "\"bad\"");
	answers("{\"errno\":0,\"args\":{}}\n", SCX_STATS_MISSING_RESP);
	answers("{\"errno\":0}\n", SCX_STATS_MISSING_RESP);
	answers("{\"errno\":0,\"args\":{\"resp\":\n", SCX_STATS_POISONED);
	answers("[]\n", SCX_STATS_POISONED);
	answers("\n", SCX_STATS_POISONED);
	/* And the next is as ever. */
	answers("{\"errno\":0,\"args\":{\"resp\":1}}\n", SCX_STATS_OK);
}

/* WIR-14: 256 KiB pass, one more does not; the rest of the line is nobody's. */
static void caps_are_256_kib(void **state)
{
	char *text = malloc(SCX_STATS_CAP + 64);
	json_t *args;

	assert_non_null(text);
	for (size_t over = 0; over < 2; over++) {
		size_t at = (size_t)snprintf(text, 64, "{\"errno\":0,\"args\":{\"resp\":\"");

		memset(text + at, 'x', SCX_STATS_CAP);
		strcpy(text + SCX_STATS_CAP + over - 3, "\"}}\n");
		assert_int_equal(strlen(text), SCX_STATS_CAP + over + 1);
		answers(text, over ? SCX_STATS_RESPONSE_TOO_LARGE : SCX_STATS_OK);
	}
	answers("{\"errno\":0,\"args\":{\"resp\":1}}\n", SCX_STATS_OK);

	/* {"req":"stats","args":{"a":"..."}} has 31 bytes beside the text. */
	for (size_t over = 0; over < 2; over++) {
		unsigned n = f.n;
		size_t before = f.n_sent;

		memset(text, 'y', SCX_STATS_CAP);
		text[SCX_STATS_CAP - 31 + over] = '\0';
		args = json_pack("{ss}", "a", text);
		scx_stats_request(&f.s, "stats", args, 60 * SECOND_NS, on_done, NULL);
		json_decref(args);
		assert_int_equal(f.n_sent - before, over ? 0 : SCX_STATS_CAP + 1);
		assert_int_equal(f.n, n + over);
		if (over)
			assert_int_equal(f.error, SCX_STATS_REQUEST_TOO_LARGE);
		else
			feed("{\"errno\":0,\"args\":{\"resp\":1}}\n"), n = f.n;
	}
	free(text);
}

/* WIR-15 */
static void one_request_is_out_at_a_time(void **state)
{
	ask(60 * SECOND_NS);
	ask(60 * SECOND_NS);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.error, SCX_STATS_BUSY);
	assert_int_equal(f.s.requests, 1);
	feed("{\"errno\":0,\"args\":{\"resp\":1}}\n");
	assert_int_equal(f.n, 2);
	assert_int_equal(f.error, SCX_STATS_OK);
}

/* WIR-15 */
static void stale_bytes_go_first_and_are_counted(void **state)
{
	feed("nobody asked\n");
	assert_int_equal(f.s.discarded_bytes, 13);
	feed("nor here");
	assert_int_equal(f.s.discarded_bytes, 21);
	answers("{\"errno\":0,\"args\":{\"resp\":1}}\n", SCX_STATS_OK);
	assert_int_equal(f.s.discarded_bytes, 21);
	assert_int_equal(f.n, 1);
}

static void step_until(unsigned n)
{
	uint64_t deadline = monotonic_ns() + 20 * SECOND_NS;

	while (f.n < n) {
		assert_true(monotonic_ns() < deadline);
		assert_true(reactor_step_until(f.r, deadline) >= 0);
	}
}

static void a_late_answer_is_not_the_next_ones(void **state)
{
	ask(1000000);
	feed("{\"errno\":0,\"args\":");
	step_until(1);
	assert_int_equal(f.error, SCX_STATS_TIMEOUT);
	/* Which of two answers would be whose? */
	ask(60 * SECOND_NS);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.error, SCX_STATS_POISONED);
	feed("{\"resp\":\"late\"}}\n");
	assert_int_equal(f.n, 2);
	assert_int_equal(f.s.discarded_bytes, strlen("{\"errno\":0,\"args\":{\"resp\":\"late\"}}\n"));
	answers("{\"errno\":0,\"args\":{\"resp\":\"mine\"}}\n", SCX_STATS_OK);
	assert_string_equal(f.resp, "\"mine\"");
}

static void no_request_during_a_freeze_and_no_deadline(void **state)
{
	scx_stats_freeze(&f.s, true);
	ask(SECOND_NS);
	assert_int_equal(f.error, SCX_STATS_DURING_FREEZE);
	assert_int_equal(f.n_sent, 0);
	scx_stats_freeze(&f.s, false);
	/* One that is out outlasts the freeze, whatever its deadline was. */
	ask(20000000);
	scx_stats_freeze(&f.s, true);
	for (uint64_t end = monotonic_ns() + 60000000; monotonic_ns() < end;)
		assert_true(reactor_step_until(f.r, end) >= 0);
	assert_int_equal(f.n, 1);
	scx_stats_freeze(&f.s, false);
	step_until(2);
	assert_int_equal(f.error, SCX_STATS_TIMEOUT);
}

static void cancelled_ones_say_so(void **state)
{
	ask(60 * SECOND_NS);
	scx_stats_cancel(&f.s);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.error, SCX_STATS_CANCELLED);
	scx_stats_cancel(&f.s);
	assert_int_equal(f.n, 1);
	feed("{\"errno\":0,\"args\":{\"resp\":1}}\n");
	f.fail = -5;
	ask(60 * SECOND_NS);
	assert_int_equal(f.error, SCX_STATS_CANCELLED);
	f.fail = 0;
	ask(60 * SECOND_NS);
	scx_stats_close(&f.s);
	assert_int_equal(f.n, 3);
	assert_int_equal(f.error, SCX_STATS_CANCELLED);
	assert_int_equal(scx_stats_open(&f.s, f.r, fake_send, NULL), 0);
}

static void the_next_may_begin_in_the_callback(void **state)
{
	f.again = true;
	ask(60 * SECOND_NS);
	/* Two lines in one piece: the second answers the second. */
	feed("{\"errno\":0,\"args\":{\"resp\":1}}\n{\"errno\":0,\"args\":{\"resp\":2}}\n");
	assert_int_equal(f.n, 2);
	assert_string_equal(f.resp, "2");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_request_and_its_response),
		T(each_failure_has_its_name),
		T(caps_are_256_kib),
		T(one_request_is_out_at_a_time),
		T(stale_bytes_go_first_and_are_counted),
		T(a_late_answer_is_not_the_next_ones),
		T(no_request_during_a_freeze_and_no_deadline),
		T(cancelled_ones_say_so),
		T(the_next_may_begin_in_the_callback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
