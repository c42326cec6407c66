/* SPDX-License-Identifier: GPL-2.0-only */
/* What a frame says, and the file that holds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/session/dispatch.h"
#include "bench/session/events.h"
#include "virtio/wire.h"

#define SECOND_NS 1000000000ull

/* The event of a frame is this JSON. */
static void says(uint32_t type, const void *payload, size_t len, bool crc_ok, const char *json)
{
	struct frame f = {
		.kind = frame_type_of(type), .type = type, .payload = payload, .len = len, .crc_ok = crc_ok
	};
	json_t *e = frame_event(&f);
	char *text = e ? json_dumps(e, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	assert_string_equal(text ? text : "nothing", json);
	free(text);
	json_decref(e);
	frame_drop(&f);
}

static void frames_by_their_layouts(void **state)
{
	const struct wire_stimulus stimulus = { 100, 2, 3, 0x81, 4, 5, UINT64_C(1) << 40 };
	const struct wire_snapshot snapshot = { 7, WIRE_SNAPSHOT_WATCH, "jiffies" };
	const uint64_t elapsed = 12345;
	const int32_t code = -1;

	says(WIRE_STIM, &stimulus, sizeof(stimulus), true,
	     "{\"cgroup_count\":4,\"elapsed_ms\":100,\"event\":\"stimulus\",\"op_count\":3,\"op_kinds\":129,"
	     "\"step_index\":2,\"total_iterations\":1099511627776,\"worker_count\":5}");
	says(WIRE_SCST, NULL, 0, true, "{\"event\":\"scenario_start\"}");
	says(WIRE_SCEN, &elapsed, 8, true, "{\"elapsed_ms\":12345,\"event\":\"scenario_end\"}");
	says(WIRE_SCPP, NULL, 0, true, "{\"event\":\"scenario_pause\"}");
	says(WIRE_SCRR, NULL, 0, true, "{\"event\":\"scenario_resume\"}");
	says(WIRE_EXIT, &code, 4, true, "{\"code\":-1,\"event\":\"exit\"}");
	says(WIRE_JMET, "{\"x\":1}", 7, true, "{\"event\":\"metric\",\"metric\":{\"x\":1}}");
	says(WIRE_JMET, "no json", 7, true, "{\"event\":\"metric\",\"text\":\"no json\"}");
	says(WIRE_RAWO, "a\0b\xff", 4, true, "{\"event\":\"raw_output\",\"text\":\"a\\u0000b?\"}");
	says(WIRE_LIFE, "\3gone", 5, true, "{\"event\":\"life\",\"phase\":\"scheduler_died\",\"reason\":\"gone\"}");
	says(WIRE_LIFE, "\x63", 1, true, "{\"event\":\"life\",\"phase\":99}");
	says(WIRE_WAKE, "\xd1gut", 4, true, "{\"byte\":209,\"effect\":\"gut\",\"event\":\"wake_effect\"}");
	says(WIRE_TEST, "postcard", 8, true, "{\"bytes\":8,\"event\":\"test_result\"}");
	/* WIR-13: told, but marked as no part of a verdict. */
	says(WIRE_SNRQ, &snapshot, sizeof(snapshot), true,
	     "{\"event\":\"snapshot_request\",\"internal\":true,\"kind\":\"watch\",\"request_id\":7,\"tag\":"
	     "\"jiffies\"}");
	says(WIRE_SRDY, NULL, 0, true, "{\"event\":\"system_ready\",\"internal\":true}");
}

/* The event and whoever takes the frame have the same object. */
static void a_line_of_json_is_parsed_once(void **state)
{
	struct frame f = { .kind = frame_type_of(WIRE_JMET),
			   .type = WIRE_JMET,
			   .payload = (const uint8_t *)"{\"x\":1}",
			   .len = 7,
			   .crc_ok = true };
	json_t *e = frame_event(&f), *line = frame_json(&f);

	assert_non_null(line);
	assert_ptr_equal(json_object_get(e, "metric"), line);
	json_decref(e);
	assert_ptr_equal(frame_json(&f), line);
	frame_drop(&f);
	assert_null(f.json);
}

static void stdio_and_files_are_no_events(void **state)
{
	static const uint32_t types[] = { WIRE_SOUT, WIRE_SERR, WIRE_FOUT, WIRE_FEND, WIRE_FDEL };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		says(types[i], "x", 1, true, "nothing");
}

/* WIR-03: told of, but nothing of it is believed. */
static void a_wrong_crc_is_told_without_its_contents(void **state)
{
	const int32_t code = 3;

	says(WIRE_SCDX, &code, 4, false,
	     "{\"bytes\":4,\"crc_ok\":false,\"event\":\"scheduler_exit\",\"type\":1396917336}");
	says(WIRE_SOUT, "x", 1, false, "{\"bytes\":1,\"crc_ok\":false,\"event\":\"frame\",\"type\":1397708116}");
}

static void a_wrong_size_is_no_layout(void **state)
{
	uint8_t payload[80] = { 0 };

	says(WIRE_STIM, payload, 23, true, "{\"event\":\"stimulus\",\"malformed_bytes\":23}");
	says(WIRE_EXIT, payload, 5, true, "{\"event\":\"exit\",\"malformed_bytes\":5}");
	says(WIRE_LIFE, payload, 0, true, "{\"event\":\"life\",\"malformed_bytes\":0}");
	says(WIRE_WAKE, payload, 0, true, "{\"event\":\"wake_effect\",\"malformed_bytes\":0}");
	says(WIRE_SNRQ, payload, 71, true, "{\"event\":\"snapshot_request\",\"internal\":true,\"malformed_bytes\":71}");
	says(WIRE_SCEN, payload, 4, true, "{\"event\":\"scenario_end\",\"malformed_bytes\":4}");
}

static void lines_are_whole_and_in_order(void **state)
{
	char path[] = "/tmp/ktstr-test-XXXXXX", line[256];
	struct reactor *r;
	struct events e;
	unsigned n = 0;
	FILE *f;

	close(mkstemp(path));
	assert_int_equal(reactor_create(&r, 16, 16), 0);
	/* Not open: dropped. */
	events_init(&e);
	events_put(&e, event_new("nobody"));
	assert_int_equal(events_open(&e, r, "/no/such/dir/x"), -ENOENT);
	assert_int_equal(events_open(&e, r, path), 0);
	for (int i = 0; i < 1000; i++) {
		json_t *o = event_new("line");

		json_object_set_new(o, "n", json_integer(i));
		events_put(&e, o);
		if (i % 7 == 0)
			assert_true(reactor_step(r, false) >= 0);
	}
	assert_int_equal(events_flush(&e, monotonic_ns() + 20 * SECOND_NS), 0);
	assert_true(events_idle(&e));
	events_close(&e);
	assert_int_equal(reactor_destroy(r, SECOND_NS), 0);
	f = fopen(path, "r");
	for (json_int_t last_ns = 0; fgets(line, sizeof(line), f); n++) {
		json_t *o = json_loads(line, 0, NULL);
		json_int_t t_ns = json_integer_value(json_object_get(o, "t_ns"));

		assert_int_equal(json_integer_value(json_object_get(o, "n")), n);
		assert_true(t_ns >= last_ns);
		last_ns = t_ns;
		json_decref(o);
	}
	assert_int_equal(n, 1000);
	fclose(f);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_by_their_layouts),
		cmocka_unit_test(a_line_of_json_is_parsed_once),
		cmocka_unit_test(stdio_and_files_are_no_events),
		cmocka_unit_test(a_wrong_crc_is_told_without_its_contents),
		cmocka_unit_test(a_wrong_size_is_no_layout),
		cmocka_unit_test(lines_are_whole_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
