/* SPDX-License-Identifier: GPL-2.0-only */
/* What sched_ext shows at the edges of a window, from a /sys of our own (BEN-09, BEN-10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/workloads/window.h"

static char root[] = "/tmp/ktstr-window-XXXXXX";

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/sys/kernel/sched_ext/%s", root, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int make_root(void **state)
{
	static const char *const dirs[] = { "/sys", "/sys/kernel", "/sys/kernel/sched_ext",
					    "/sys/kernel/sched_ext/root" };
	char path[256];

	(void)state;
	assert_non_null(mkdtemp(root));
	for (unsigned i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		snprintf(path, sizeof(path), "%s%s", root, dirs[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	return 0;
}

static int remove_root(void **state)
{
	char command[256];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static json_t *as_json(const struct window *w)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	json_t *json;

	window_print(w, f);
	fclose(f);
	json = json_loads(text, 0, NULL);
	if (!json)
		fail_msg("not JSON: %s", text);
	free(text);
	return json;
}

static void no_sched_ext(void **state)
{
	struct window w = { .begin_ns = 5, .end_ns = 7 };
	json_t *json;

	(void)state;
	scx_snapshot_read(&w.at_begin, "/nowhere");
	assert_false(w.at_begin.present);
	json = as_json(&w);
	assert_int_equal(json_integer_value(json_object_get(json, "end_ns")), 7);
	assert_true(json_is_null(json_object_get(json_object_get(json, "sched_ext"), "begin")));
	json_decref(json);
}

static void an_attached_scheduler(void **state)
{
	struct window w = { 0 };
	json_t *json, *end;

	(void)state;
	put("state", "enabled\n");
	put("enable_seq", "3\n");
	put("nr_rejected", "2\n");
	put("root/ops", "a\"b\xff\n");
	put("root/events", "SCX_EV_BYPASS_ACTIVATE 1\nSCX_EV_BYPASS_DURATION 1234567890123\nbroken\n");
	scx_snapshot_read(&w.at_end, root);
	assert_true(w.at_end.present);
	json = as_json(&w);
	end = json_object_get(json_object_get(json, "sched_ext"), "end");
	assert_string_equal(json_string_value(json_object_get(end, "state")), "enabled");
	/* A name that is no UTF-8 does not spoil the line. */
	assert_string_equal(json_string_value(json_object_get(end, "ops")), "a\"b\xc3\xbf");
	assert_int_equal(json_integer_value(json_object_get(end, "enable_seq")), 3);
	assert_int_equal(json_integer_value(json_object_get(end, "nr_rejected")), 2);
	end = json_object_get(end, "events");
	assert_int_equal(json_object_size(end), 2);
	assert_int_equal(json_integer_value(json_object_get(end, "SCX_EV_BYPASS_DURATION")), 1234567890123);
	json_decref(json);
}

/* The kernel's own scheduler, on a kernel that has sched_ext: there is no root. */
static void a_disabled_one(void **state)
{
	struct scx_snapshot s;
	char path[256];

	(void)state;
	put("state", "disabled\n");
	snprintf(path, sizeof(path), "%s/sys/kernel/sched_ext/root/ops", root);
	unlink(path);
	scx_snapshot_read(&s, root);
	assert_true(s.present);
	assert_string_equal(s.state, "disabled");
	assert_string_equal(s.ops, "");
}

/* More events than there is room for. */
static void many_events(void **state)
{
	struct scx_snapshot s;
	char text[4000] = "";

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "EVENT_%u %u\n", i, i);
	put("root/events", text);
	scx_snapshot_read(&s, root);
	assert_int_equal(s.n_events, SCX_EVENTS_MAX);
	assert_int_equal(s.event[SCX_EVENTS_MAX - 1].value, SCX_EVENTS_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_sched_ext),
		cmocka_unit_test(an_attached_scheduler),
		cmocka_unit_test(a_disabled_one),
		cmocka_unit_test(many_events),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
