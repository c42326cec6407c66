/* SPDX-License-Identifier: GPL-2.0-only */
/* Shapes as users write them, and what is no shape. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/spec/topology.h"

static struct topology t;
static char why[TOPOLOGY_WHY];

static void shapes(void **state)
{
	static const struct {
		const char *text;
		unsigned nodes, llcs, cpus;
	} good[] = {
		{ "1n2l4c2t", 1, 2, 16 },
		{ "1,2,4,2", 1, 2, 16 },
		{ "2n4l8c1t", 2, 4, 32 },
		{ "max-cpu", 1, 14, 252 },
		{ "numa4-12llc", 4, 12, 192 },
		{ "64n64l1c1t", 64, 64, 64 },
		{ "1n256l1c1t", 1, 256, 256 },
		{ "1n1l512c8t", 1, 1, 4096 },
		{ "2n3l4c2t:llcs=2,1", 2, 3, 24 },
		{ "2n3l4c2t:llcs=2,1:cores=4,2,1", 2, 3, 14 },
		{ "2n3l4c2t:cores=4,2,1:llcs=2,1", 2, 3, 14 },
		{ "3n1l1c1t:llcs=1,0,0", 3, 1, 1 },
		{ "numa2-4llc:dist=40:mem=1G,-", 2, 4, 16 },
		{ "2n2l1c1t:latency=80,90:bandwidth=1000:cache=1M,0", 2, 2, 2 },
	};

	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++) {
		if (topology_parse(good[i].text, &t, why))
			fail_msg("%s: %s", good[i].text, why);
		assert_int_equal(t.n_nodes, good[i].nodes);
		assert_int_equal(t.n_llcs, good[i].llcs);
		assert_int_equal(t.n_cpus, good[i].cpus);
	}
}

/* Each is refused in one line that says what, and after a semicolon the remedy. */
static void no_shapes(void **state)
{
	static const struct {
		const char *text, *names;
	} bad[] = {
		{ "", "neither a shape" },
		{ "tiny", "neither a shape" },
		{ "1n2l4c", "neither a shape" },
		{ "1n2l4c2t2", "neither a shape" },
		{ "1n2l4c2t ", "neither a shape" },
		{ " 1n2l4c2t", "neither a shape" },
		{ "-1n2l4c2t", "neither a shape" },
		{ "1,2,4", "neither a shape" },
		{ "1,2,4,2,1", "neither a shape" },
		{ "1,2,4,", "neither a shape" },
		{ "2l1n4c2t", "neither a shape" },
		{ "0n1l1c1t", "can be 0" },
		{ "1n0l1c1t", "can be 0" },
		{ "1n1l0c1t", "can be 0" },
		{ "1n1l1c0t", "can be 0" },
		{ "0,0,0,0", "can be 0" },
		{ "2n3l1c1t", "do not divide" },
		{ "4n1l1c1t", "do not divide" },
		{ "65n65l1c1t", "65 nodes" },
		{ "1n257l1c1t", "257 LLCs" },
		{ "1n1l4097c1t", "4097 cores" },
		{ "1n256l256c8t", "524288 CPUs" },
		{ "1n1l1c9t", "9 threads" },
		{ "99999999999999999999n1l1c1t", "100000 nodes" },
		{ "1n1l4294967297c1t", "cores" },
		{ "1n1l1c4294967297t", "threads" },
		{ "1n2l4c2t:", "''" },
		{ "1n2l4c2t:colour=red", "'colour=red'" },
		{ "1n2l4c2t:cores", "'cores'" },
		{ "1n2l4c2t:cores=", "cores=" },
		{ "1n2l4c2t:cores=4,2,1", "more than 2" },
		{ "1n3l4c2t:cores=4,2", "2 values for 3" },
		{ "1n2l4c2t:cores=4,0", "has no cores" },
		{ "1n2l4c2t:cores=4,-2", "cores=-2" },
		{ "2n2l1c1t:llcs=2,1", "3 LLCs together" },
		{ "2n2l1c1t:llcs=0,2", "memory-only nodes last" },
		{ "3n2l1c1t:llcs=1,0,1", "memory-only nodes last" },
		{ "2n2l1c1t:dist=9", "use 11 to 254" },
		{ "2n2l1c1t:dist=10", "use 11 to 254" },
		{ "2n2l1c1t:dist=255", "use 11 to 254" },
		{ "2n2l1c1t:dist=256", "dist=256" },
		{ "2n2l1c1t:dist=10,20,20", "3 values for 4" },
		{ "2n2l1c1t:dist=11,20/20,10", "to itself" },
		{ "2n2l1c1t:mem=lots", "mem=lots" },
		{ "2n2l1c1t:mem=0,1G", "mem=0" },
		{ "2n2l1c1t:mem=1G,1000001", "mem=1000001" },
		{ "2n2l1c1t:latency=65535", "latency" },
		{ "2n2l1c1t:bandwidth=655350", "bandwidth" },
		{ "2n2l1c1t:bandwidth=15", "multiple of 10" },
		{ "2n2l1c1t:cache=5T", "4 TiB" },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		why[0] = '\0';
		if (topology_parse(bad[i].text, &t, why) != -EINVAL)
			fail_msg("'%s' is taken", bad[i].text);
		if (!strstr(why, bad[i].names) || !strchr(why, ';') || strchr(why, '\n'))
			fail_msg("'%s': %s", bad[i].text, why);
	}
}

static void memory_is_shared_or_refused(void **state)
{
	assert_int_equal(topology_parse("4n4l1c1t", &t, why), 0);
	assert_int_equal(topology_share_memory(&t, 1026ull << 20, why), 0);
	assert_int_equal(t.node[0].memory, 258ull << 20);
	assert_int_equal(t.node[3].memory, 256ull << 20);

	assert_int_equal(topology_parse("3n3l1c1t:mem=64M,-,1G", &t, why), 0);
	assert_int_equal(topology_own_memory(&t), 0);
	assert_int_equal(topology_share_memory(&t, 2ull << 30, why), 0);
	assert_int_equal(t.node[1].memory, (2048ull - 1024 - 64) << 20);

	assert_int_equal(topology_parse("2n2l1c1t:mem=256M,768M", &t, why), 0);
	assert_int_equal(topology_own_memory(&t), 1ull << 30);
	assert_int_equal(topology_set_memory(&t, 2ull << 30, why), -EINVAL);
	assert_non_null(strstr(why, "make them agree"));
	assert_int_equal(topology_set_memory(&t, 512ull << 20, why), -ENOSPC);
	assert_non_null(strstr(why, "raise --memory"));

	/* More nodes than memory. */
	assert_int_equal(topology_parse("numa8", &t, why), 0);
	assert_int_equal(topology_set_memory(&t, 64ull << 20, why), -ERANGE);
	assert_non_null(strstr(why, "fewer nodes"));
}

static bool same(const struct topology *a, const struct topology *b)
{
	struct topology x = *a, y = *b;

	for (unsigned n = 0; n < TOPOLOGY_NODES_MAX; n++)
		x.node[n].memory = y.node[n].memory = 0;
	return !memcmp(&x, &y, sizeof(x));
}

static void what_is_written_parses_to_the_same(void **state)
{
	static const char *const more[] = { "1,2,3,4", "2n3l4c2t:cores=4,2,1:llcs=2,1:dist=10,33/44,10",
					    "3n2l1c1t:llcs=1,1,0:latency=1,2,3:bandwidth=10,20,0:cache=0,1M,4G",
					    "64n64l1c1t:dist=77" };
	static char text[TOPOLOGY_TEXT];
	static struct topology again;
	unsigned n = 0;

	for (const struct topology_preset *p = topology_presets; p->name; p++, n++) {
		assert_int_equal(topology_parse(p->name, &t, why), 0);
		assert_int_equal(topology_parse(topology_format(&t, text), &again, why), 0);
		assert_true(same(&t, &again));
		for (const struct topology_preset *q = topology_presets; q < p; q++)
			assert_string_not_equal(p->name, q->name);
	}
	assert_true(n >= 24);
	for (unsigned i = 0; i < sizeof(more) / sizeof(*more); i++) {
		assert_int_equal(topology_parse(more[i], &t, why), 0);
		assert_int_equal(topology_parse(topology_format(&t, text), &again, why), 0);
		assert_true(same(&t, &again));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes),
		cmocka_unit_test(no_shapes),
		cmocka_unit_test(memory_is_shared_or_refused),
		cmocka_unit_test(what_is_written_parses_to_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
