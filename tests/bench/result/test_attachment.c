/* SPDX-License-Identifier: GPL-2.0-only */
/* BEN-09, BEN-10, BEN-11: what the guest reports of its scheduler decides whether a run counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "bench/result/attachment.h"

struct expected {
	const char *text; /* JSON */
	enum validity_status status;
	const char *reason; /* in the first one */
};

static void expect(const struct validity *v, const struct expected *e)
{
	if (v->status != e->status || (e->reason && (!v->n || !strstr(v->reason[0], e->reason))))
		fail_msg("%s: %s: %s", e->text, validity_name(v->status), v->n ? v->reason[0] : "");
	if (!e->reason)
		assert_int_equal(v->n, 0);
}

static void the_schedulers_life(void **state)
{
	static const struct expected cases[] = {
		{ "{\"phase\":\"end\",\"held\":true,\"stop\":\"in order\",\"restarts\":0}", VALIDITY_VALID, NULL },
		{ "{\"phase\":\"end\",\"held\":true,\"stop\":\"in order\",\"restarts\":2}", VALIDITY_INVALID,
		  "restarted itself 2 times" },
		{ "{\"phase\":\"end\",\"held\":true,\"stop\":\"left\",\"restarts\":0}", VALIDITY_FAILED,
		  "could not be detached" },
		{ "{\"phase\":\"end\",\"held\":false,\"restarts\":0,\"exit\":{\"kind\":1026,\"reason\":\"runnable task "
		  "stall\",\"msg\":\"sh[1] failed to run for 5.1s\"}}",
		  VALIDITY_FAILED, "runnable task stall: sh[1] failed to run" },
		{ "{\"phase\":\"end\",\"held\":false,\"exit\":{\"kind\":null,\"reason\":\"\"}}", VALIDITY_FAILED,
		  "gave no reason" },
		{ "{\"phase\":\"start\"}", VALIDITY_FAILED, "did not report" },
		{ "{\"phase\":\"failed\",\"error\":\"the kernel refused to load it\"}", VALIDITY_FAILED,
		  "not attached: the kernel refused" },
		{ "{\"phase\":\"failed\",\"error\":\"boot another\",\"cannot\":\"the kernel has no sched_ext\"}",
		  VALIDITY_SKIPPED, "the kernel has no sched_ext: boot another" },
		{ "{\"phase\":\"failed\",\"error\":\"refused\",\"cannot\":\"the kernel's BTF lacks kfunc scx_bpf_x\"}",
		  VALIDITY_SKIPPED, "kfunc scx_bpf_x" },
		{ "{\"phase\":\"failed\",\"error\":\"refused\",\"cannot\":\"a PREEMPT_RT kernel\"}", VALIDITY_SKIPPED,
		  "PREEMPT_RT" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *json = json_loads(cases[i].text, 0, NULL);
		struct validity v = { 0 };

		assert_non_null(json);
		attachment_check_life(&v, json);
		expect(&v, &cases[i]);
		json_decref(json);
	}
}

/* A guest that ran out of time reports no end of its scheduler: one reason is enough. */
static void a_time_out_is_the_reason(void **state)
{
	json_t *json = json_loads("{\"phase\":\"start\"}", 0, NULL);
	struct validity v = { 0 };

	(void)state;
	validity_add(&v, VALIDITY_FAILED, "time-out");
	attachment_check_life(&v, json);
	assert_int_equal(v.n, 1);
	attachment_check_life(&v, NULL);
	assert_int_equal(v.n, 1);
	json_decref(json);
}

#define EDGE(state, ops, seq, rejected, events)                                                                        \
	"{\"state\":\"" state "\",\"ops\":" ops ",\"enable_seq\":" #seq ",\"nr_rejected\":" #rejected                  \
	",\"events\":{" events "}}"
#define BYPASS(activate, duration, dispatch)                                                                           \
	"\"SCX_EV_BYPASS_ACTIVATE\":" #activate ",\"SCX_EV_BYPASS_DURATION\":" #duration                               \
	",\"SCX_EV_BYPASS_DISPATCH\":" #dispatch
#define RESULT(begin, end) "{\"workload\":\"wakeup\",\"window\":{\"sched_ext\":{\"begin\":" begin ",\"end\":" end "}}}"
#define ON(seq, rejected, events) EDGE("enabled", "\"mine\"", seq, rejected, events)

static void check_windows(const struct expected *cases, unsigned n, const char *ops)
{
	for (unsigned i = 0; i < n; i++) {
		json_t *json = json_loads(cases[i].text, 0, NULL);
		struct validity v = { 0 };

		assert_non_null(json);
		attachment_check_window(&v, json, ops);
		expect(&v, &cases[i]);
		json_decref(json);
	}
}

static void a_window_under_a_scheduler(void **state)
{
	static const struct expected cases[] = {
		{ RESULT(ON(1, 0, BYPASS(1, 500, 3)), ON(1, 0, BYPASS(1, 500, 3))), VALIDITY_VALID, NULL },
		/* A kernel without counters of events. */
		{ RESULT(ON(4, 7, ""), ON(4, 7, "")), VALIDITY_VALID, NULL },
		{ RESULT(ON(1, 0, ""), EDGE("disabled", "null", 1, 0, "")), VALIDITY_FAILED,
		  "wakeup: mine was not attached at the end of the window: disabled" },
		{ RESULT(EDGE("enabling", "\"mine\"", 0, 0, ""), ON(1, 0, "")), VALIDITY_FAILED,
		  "at the begin of the window: enabling" },
		{ RESULT(ON(1, 0, ""), EDGE("enabled", "\"other\"", 1, 0, "")), VALIDITY_FAILED, "enabled other" },
		{ RESULT("null", "null"), VALIDITY_FAILED, "no sched_ext" },
		{ "{\"workload\":\"wakeup\"}", VALIDITY_FAILED, "not attached" },
		{ RESULT(ON(1, 0, ""), ON(3, 0, "")), VALIDITY_INVALID, "attached anew 2 times" },
		{ RESULT(ON(1, 2, ""), ON(1, 5, "")), VALIDITY_INVALID, "rejected 3 tasks" },
		{ RESULT(ON(1, 0, BYPASS(1, 500, 3)), ON(1, 0, BYPASS(2, 1500, 3))), VALIDITY_INVALID,
		  "bypass: wakeup: the kernel ran tasks without the scheduler: 1 bypasses, 1 us" },
		{ RESULT(ON(1, 0, BYPASS(1, 500, 3)), ON(1, 0, BYPASS(1, 900, 3))), VALIDITY_INVALID, "bypass" },
		/* One that lasts all through the window. */
		{ RESULT(ON(1, 0, BYPASS(1, 500, 3)), ON(1, 0, BYPASS(1, 500, 9))), VALIDITY_INVALID, "6 dispatches" },
	};

	(void)state;
	check_windows(cases, sizeof(cases) / sizeof(*cases), "mine");
}

static void a_window_under_the_kernels_own(void **state)
{
	static const struct expected cases[] = {
		{ RESULT("null", "null"), VALIDITY_VALID, NULL },
		{ RESULT(EDGE("disabled", "null", 0, 0, ""), EDGE("disabled", "null", 0, 0, "")), VALIDITY_VALID,
		  NULL },
		{ RESULT(EDGE("disabled", "null", 0, 0, ""), EDGE("disabled", "null", 1, 0, "")), VALIDITY_FAILED,
		  "came and went" },
		{ RESULT(EDGE("disabled", "null", 0, 0, ""), ON(1, 0, "")), VALIDITY_FAILED,
		  "sched_ext was enabled (mine)" },
	};

	(void)state;
	check_windows(cases, sizeof(cases) / sizeof(*cases), NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_schedulers_life),
		cmocka_unit_test(a_time_out_is_the_reason),
		cmocka_unit_test(a_window_under_a_scheduler),
		cmocka_unit_test(a_window_under_the_kernels_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
