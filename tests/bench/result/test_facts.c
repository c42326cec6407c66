/* SPDX-License-Identifier: GPL-2.0-only */
/* The facts of a machine, read with their types: each key that is missing or wrong is named. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "bench/result/facts.h"
#include "bench/result/report.h"

static json_t *machine(void)
{
	static const char text[] =
		"{'ktstr':'1','host':{'kind':'hardware','kernel':'6.12.0','cpu':'A "
		"CPU','cpus':8,'resources':{'mode':'default',"
		"'cpus':'0-3','overcommitted':true,'pause_exits':true,'hlt_exits':false,'reactor_cpu':null,'halt_poll_"
		"ns':0}},"
		"'guest':{'kernel_debug_options':['KASAN'],'cpus':2,'memory_bytes':1048576,'cmpxchg16b':false,"
		"'topology':{'shape':'1n1l2c1t'},'environment':{'kernel':'6.12.1','sched_ext':null},"
		"'scheduler':{'asked':'./scx_a','attach_ms':1.5}},"
		"'timings_ns':{'start_to_first_run':1000,'start_to_guest_init':2000,'start_to_command':null},"
		"'vmm':{'guest_images':'mapped','register_page':{'used':true,'why':'it is "
		"faster'},'exits':{'mmio':3,'hlt':4},"
		"'kvm_statistics':{'exits':77},'own_resident_bytes':4096,'guest_resident_bytes':8192,'net':{'rx_"
		"truncated':5},"
		"'reactor':{'features':{'defer_taskrun':true,'epoll':false,'sq_entries':64,'cq_entries':128},'wakes':"
		"10,"
		"'cqes':20,'cqes_max':6,'cqes_per_wake':2.0,'cpu_ns':5000,'held_ns':{'max':7000,'over_10ms':0},"
		"'poll':{'max_ns':0,'reason':'no CPU to spare','hits':1,'misses':2,'ns':3}},"
		"'disks':[{'path':null,'engine':'ring','engine_reason':'it can','sync_error':null,'capacity_bytes':512,"
		"'reads_completed':1,'writes_completed':2,'flushes_completed':3,'interrupts':4,'in_flight_max':5,"
		"'latency_ns':{'read':{'count':1,'p50':2,'p99':3,'max':4},'write':{'count':1,'p50':2,'p99':3,'max':4},"
		"'flush':{'count':1,'p50':2,'p99':3,'max':4}}}]}}";
	char quoted[sizeof(text)];
	json_t *json;

	for (size_t i = 0; i < sizeof(text); i++)
		quoted[i] = text[i] == '\'' ? '"' : text[i];
	json = json_loads(quoted, 0, NULL);
	assert_non_null(json);
	return json;
}

static void values_have_their_types(void **state)
{
	json_t *json = machine();
	struct facts f;
	char why[256];

	assert_int_equal(facts_read(&f, json, why, sizeof(why)), 0);
	assert_string_equal(f.host.cpu, "A CPU");
	assert_int_equal(f.guest.memory, 1048576);
	assert_true(f.resources.overcommitted);
	assert_false(f.guest.cmpxchg16b);
	assert_true(f.resources.reactor_cpu == FACT_UNKNOWN && f.resources.halt_poll_ns == 0);
	assert_true(f.start_to.command == FACT_UNKNOWN);
	assert_true(f.guest.attach_ms == 1.5);
	assert_null(f.guest.sched_ext);
	assert_int_equal(f.n_disks, 1);
	assert_null(f.disk[0].path);
	assert_int_equal(f.disk[0].flush.p99, 3);
	assert_int_equal(f.vmm.all_exits, 77);
	json_decref(json);
}

/* The object that has the last part of the path, and that part. */
static json_t *holder(json_t *json, const char *path, const char **last)
{
	char part[64];

	for (const char *dot; (dot = strchr(path, '.')); path = dot + 1) {
		snprintf(part, sizeof(part), "%.*s", (int)(dot - path), path);
		json = strcmp(part, "disks[0]") ? json_object_get(json, part)
						: json_array_get(json_object_get(json, "disks"), 0);
		assert_non_null(json);
	}
	*last = path;
	return json;
}

static void each_key_that_is_wrong_is_named(void **state)
{
	const char *key, *last;
	unsigned n = 0;
	bool required;

	for (; (key = facts_key(n, &required)); n++) {
		/* Misspelt, as a writer of facts might; and of another type. */
		for (int misspelt = 0; misspelt < 2; misspelt++) {
			json_t *json = machine(), *at = holder(json, key, &last), *value;
			char why[256] = "", expected[160];
			struct facts f;
			int rc;

			value = json_incref(json_object_get(at, last));
			assert_non_null(value);
			if (misspelt) {
				json_object_del(at, last);
				json_object_set(at, "Xtypo", value);
			} else {
				json_object_set_new(at, last, json_is_array(value) ? json_object() : json_array());
			}
			json_decref(value);
			rc = facts_read(&f, json, why, sizeof(why));
			snprintf(expected, sizeof(expected), "%s: is %s", key, misspelt ? "missing" : "not ");
			if (misspelt && !required)
				assert_int_equal(rc, 0);
			else if (rc != -EINVAL || strncmp(why, expected, strlen(expected)))
				fail_msg("%s: %d: %s", key, rc, why);
			json_decref(json);
		}
	}
	assert_true(n > 60);
}

/* What is printed are the values, and never "unknown" in their place. */
static void the_report_has_them_all(void **state)
{
	static const char *const parts[] = {
		"ktstr 1\n",
		"6.12.1; a debug kernel: KASAN\n",
		"EEVDF\n",
		"./scx_a: enabled 1.50 ms",
		"2 CPUs (1n1l2c1t)",
		"no cmpxchg16b",
		"Linux 6.12.0, 8 CPUs, A CPU\n",
		"on CPUs 0-3 with others; exits: PAUSE yes, HLT no; halt polling off\n",
		"engine ring: it can\n",
		"1 reads, 2 writes, 3 flushes, 4 interrupts, at most 5 in flight\n",
		"5 frames were longer",
		"defer_taskrun (64 + 128 entries)\n",
		"3 mmio, 4 hlt; in all: 77\n",
		"from memory, without an exit: it is faster\n",
		"10 wakes, 20 completions (2.00 per wake, at most 6)",
		"no busy-wait: no CPU to spare\n",
		"command after an unknown time\n",
		"were mapped\n",
	};
	json_t *json = machine();
	char *text = NULL, why[256];
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(report_provenance(f, json, why, sizeof(why)), 0);
	fclose(f);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (!strstr(text, parts[i]))
			fail_msg("no \"%s\" in: %s", parts[i], text);
	free(text);
	json_object_del(json_object_get(json, "vmm"), "reactor");
	f = open_memstream(&text, &len);
	assert_int_equal(report_provenance(f, json, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "vmm.reactor.features: is missing");
	fclose(f);
	assert_int_equal(len, 0);
	free(text);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_have_their_types),
		cmocka_unit_test(each_key_that_is_wrong_is_named),
		cmocka_unit_test(the_report_has_them_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
