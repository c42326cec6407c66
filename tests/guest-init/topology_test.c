/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's look at its own topology, over a /sys and /proc made of files: each thing that differs is told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "guest-init/topology.h"

static char root[] = "/tmp/ktstr-topology-XXXXXX";
static char expected[256];
static struct topology_report r;

__attribute__((format(printf, 2, 3))) static void put(const char *path, const char *fmt, ...)
{
	char name[256];
	va_list ap;
	FILE *f;

	snprintf(name, sizeof(name), "%s/%s", root, path);
	for (char *p = name + strlen(root) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(name, 0755);
	}
	f = fopen(name, "w");
	assert_non_null(f);
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fclose(f);
}

#define CPU "sys/devices/system/cpu"
#define NODE "sys/devices/system/node"

/* Two nodes of one core with two threads, the second with memory beyond; what a kernel shows of them. */
static void make_system(void)
{
	char path[128];

	for (int i = 0; i < 4; i++) {
		const char *pair = i < 2 ? "0-1" : "2-3";
		static const char *const lists[] = { "thread_siblings_list", "core_siblings_list", "die_cpus_list" };

		for (int k = 0; k < 3; k++) {
			snprintf(path, sizeof(path), CPU "/cpu%d/topology/%s", i, lists[k]);
			put(path, "%s\n", pair);
		}
		snprintf(path, sizeof(path), CPU "/cpu%d/topology/physical_package_id", i);
		put(path, "%d\n", i / 2);
		for (int k = 0; k < 4; k++) {
			snprintf(path, sizeof(path), CPU "/cpu%d/cache/index%d/level", i, k);
			put(path, "%d\n", k ? k : 1);
			snprintf(path, sizeof(path), CPU "/cpu%d/cache/index%d/shared_cpu_list", i, k);
			put(path, "%s\n", pair);
		}
	}
	put(CPU "/online", "0-3\n");
	put(NODE "/online", "0-2\n");
	put(NODE "/node0/cpulist", "0-1\n");
	put(NODE "/node1/cpulist", "2-3\n");
	put(NODE "/node2/cpulist", "\n");
	put(NODE "/node0/distance", "10 20 30\n");
	put(NODE "/node1/distance", "20 10 30\n");
	put(NODE "/node2/distance", "30 30 10\n");
	put(NODE "/node2/access0/initiators/read_latency", "300\n");
	put(NODE "/node2/access0/initiators/write_latency", "300\n");
	put(NODE "/node2/access0/initiators/read_bandwidth", "20480\n");
	put(NODE "/node2/access0/initiators/write_bandwidth", "20480\n");
	put(NODE "/node2/memory_side_cache/index1/size", "1048576\n");
	put(NODE "/node2/memory_side_cache/index1/line_size", "64\n");
	put("proc/zoneinfo", "Node 0, zone      DMA\n        spanned  4095\n        present  3998\n"
			     "Node 0, zone    DMA32\n        present  28672\n"
			     "Node 1, zone    DMA32\n        present  16384\n"
			     "Node 2, zone    DMA32\n        present  16384\n");
	put("expected", "cpu 0 package 0 threads 0-1 llc 0-1 packages 0-1\n"
			"cpu 1 package 0 threads 0-1 llc 0-1 packages 0-1\n"
			"cpu 2 package 1 threads 2-3 llc 2-3 packages 2-3\n"
			"cpu 3 package 1 threads 2-3 llc 2-3 packages 2-3\n"
			"node 0 memory 134217728 cpus 0-1 distances 10 20 30\n"
			"node 1 memory 67108864 cpus 2-3 distances 20 10 30\n"
			"node 2 memory 67108864 cpus - distances 30 30 10\n"
			"hmat 1 latency 100 bandwidth 51200 cache 0\n"
			"hmat 2 latency 300 bandwidth 20480 cache 1048576\n");
}

static int set_up(void **state)
{
	if (!mkdtemp(root))
		return -1;
	snprintf(expected, sizeof(expected), "%s/expected", root);
	return 0;
}

static int tear_down(void **state)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "rm -r %s", root);
	return system(cmd);
}

static void what_is_as_asked_passes(void **state)
{
	char json[4096];
	json_t *o;

	make_system();
	assert_int_equal(topology_compare(expected, root, &r), 0);
	assert_int_equal(r.mismatches, 0);
	assert_int_equal(r.cpus, 4);
	assert_int_equal(r.nodes, 3);
	assert_int_equal(r.hmat, 5);
	topology_json(&r, json, sizeof(json));
	o = json_loads(json, 0, NULL);
	assert_true(json_is_true(json_object_get(o, "ok")));
	json_decref(o);
}

static void each_difference_is_told(void **state)
{
	static const struct {
		const char *path, *text, *told;
	} cases[] = {
		{ CPU "/cpu1/topology/thread_siblings_list", "1", "cpu 1: thread_siblings_list is \"1\"" },
		{ CPU "/cpu2/topology/core_siblings_list", "0-3", "cpu 2: core_siblings_list is \"0-3\"" },
		{ CPU "/cpu2/topology/die_cpus_list", "2", "cpu 2: die_cpus_list" },
		{ CPU "/cpu3/topology/physical_package_id", "0", "cpu 3: physical_package_id is \"0\"" },
		{ CPU "/cpu0/cache/index1/shared_cpu_list", "0", "cpu 0: L1's shared_cpu_list" },
		{ CPU "/cpu0/cache/index2/shared_cpu_list", "0", "cpu 0: L2's shared_cpu_list" },
		{ CPU "/cpu0/cache/index3/shared_cpu_list", "0-3", "cpu 0: L3's shared_cpu_list is \"0-3\"" },
		{ CPU "/cpu0/cache/index3/level", "2", "cpu 0: the kernel sees no L3" },
		{ CPU "/online", "0-2", "CPUs online are \"0-2\"" },
		{ CPU "/online", "0-4", "CPUs online are \"0-4\"" },
		{ NODE "/online", "0-1", "nodes online are \"0-1\"" },
		{ NODE "/node1/cpulist", "0-3", "node 1: cpulist is \"0-3\"" },
		{ NODE "/node2/cpulist", "3", "node 2: cpulist is \"3\"" },
		{ NODE "/node0/distance", "10 20 20", "node 0: distance is \"10 20 20\"" },
		{ NODE "/node2/access0/initiators/read_latency", "100", "node 2: read_latency is \"100\"" },
		{ NODE "/node2/access0/initiators/read_bandwidth", "1", "node 2: read_bandwidth is \"1\"" },
		{ NODE "/node2/access0/initiators/write_latency", "100", "node 2: write_latency is \"100\"" },
		{ NODE "/node2/access0/initiators/write_bandwidth", "1", "node 2: write_bandwidth is \"1\"" },
		{ NODE "/node2/memory_side_cache/index1/size", "4096", "node 2: memory_side_cache is \"4096\"" },
		{ NODE "/node2/memory_side_cache/index1/line_size", "32", "node 2: line_size is \"32\"" },
		{ "expected", "hmat 2 latency 300 bandwidth 20480 cache 0",
		  "node 2: memory_side_cache is \"1048576\"" },
		{ "proc/zoneinfo", "Node 0, zone DMA\n present 32670\nNode 1, zone Normal\n present 16384\n",
		  "node 2: has 0 KiB" },
		{ "proc/zoneinfo",
		  "Node 0, zone DMA\n present 32670\nNode 1, zone Normal\n present 16385\nNode 2, zone Normal\n "
		  "present "
		  "16384\n",
		  "node 1: has 65540 KiB" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool told = false;

		make_system();
		put(cases[i].path, "%s\n", cases[i].text);
		assert_int_equal(topology_compare(expected, root, &r), 0);
		assert_true(r.mismatches > 0);
		for (unsigned k = 0; k < r.mismatches && k < TOPOLOGY_MISMATCHES_MAX; k++)
			told |= strstr(r.text[k], cases[i].told) != NULL;
		if (!told)
			fail_msg("%s: not told, but %s", cases[i].told, r.text[0]);
	}
}

static void many_differences_are_counted(void **state)
{
	static char json[32 << 10];
	json_t *o;

	make_system();
	put(CPU "/online", "\"\n");
	for (int i = 0; i < 4; i++) {
		char path[128];

		for (int k = 0; k < 4; k++) {
			snprintf(path, sizeof(path), CPU "/cpu%d/cache/index%d/shared_cpu_list", i, k);
			put(path, "9\n");
		}
		snprintf(path, sizeof(path), CPU "/cpu%d/topology/physical_package_id", i);
		put(path, "9\n");
	}
	assert_int_equal(topology_compare(expected, root, &r), 0);
	assert_int_equal(r.mismatches, 21);
	topology_json(&r, json, sizeof(json));
	o = json_loads(json, 0, NULL);
	assert_true(json_is_false(json_object_get(o, "ok")));
	assert_int_equal(json_integer_value(json_object_get(o, "mismatches")), 21);
	assert_int_equal(json_array_size(json_object_get(o, "told")), TOPOLOGY_MISMATCHES_MAX);
	json_decref(o);
}

static void no_word_is_no_check_and_nonsense_an_error(void **state)
{
	make_system();
	assert_int_equal(topology_compare("/nowhere/at/all", root, &r), -ENOENT);
	put("expected", "cpu 0 has a colour\n");
	assert_int_equal(topology_compare(expected, root, &r), -EINVAL);
}

/* CONFIG_NUMA=n: right about one node, wrong about two. */
static void a_kernel_without_numa(void **state)
{
	char cmd[128];

	make_system();
	snprintf(cmd, sizeof(cmd), "rm -r %s/" NODE, root);
	assert_int_equal(system(cmd), 0);
	put("expected", "cpu 0 package 0 threads 0-1 llc 0-1 packages 0-1\n"
			"node 0 memory 134217728 cpus 0-1 distances 10\n");
	put(CPU "/online", "0\n");
	assert_int_equal(topology_compare(expected, root, &r), 0);
	assert_int_equal(r.mismatches, 0);
	make_system();
	assert_int_equal(system(cmd), 0);
	assert_int_equal(topology_compare(expected, root, &r), 0);
	assert_int_equal(r.mismatches, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_as_asked_passes),
		cmocka_unit_test(each_difference_is_told),
		cmocka_unit_test(many_differences_are_counted),
		cmocka_unit_test(no_word_is_no_check_and_nonsense_an_error),
		cmocka_unit_test(a_kernel_without_numa),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
