/* SPDX-License-Identifier: GPL-2.0-only */
/* From trees like /sys to the host's CPUs, and from these and a request to who runs where. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/host/placement.h"
#include "tests/bench/host/planted.h"

/* --- trees -------------------------------------------------------------- */

static char root[64];

#define put(text, ...) planted_put(root, text, "devices/system/" __VA_ARGS__)

static int tree_make(void **state)
{
	snprintf(root, sizeof(root), "/tmp/ktstr-sys-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int tree_remove(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

struct shape {
	unsigned nodes, llcs, cores, threads; /* LLCs a node, cores an LLC, threads a core */
};

static unsigned cpus_of(const struct shape *s)
{
	return s->nodes * s->llcs * s->cores * s->threads;
}

/* As most machines count: the second threads of all cores after the first ones. */
static void tree(const struct shape *s)
{
	unsigned cores = s->nodes * s->llcs * s->cores, n = cpus_of(s);
	char text[128], online[32];

	snprintf(online, sizeof(online), "0-%u", n - 1);
	put(online, "cpu/online");
	for (unsigned cpu = 0; cpu < n; cpu++) {
		unsigned core = cpu % cores, llc = core / s->cores, len = 0;

		for (unsigned t = 0; t < s->threads; t++)
			len += (unsigned)snprintf(text + len, sizeof(text) - len, "%s%u", t ? "," : "",
						  core + t * cores);
		put(text, "cpu/cpu%u/topology/core_cpus_list", cpu);
		put("1", "cpu/cpu%u/cache/index0/level", cpu);
		put(text, "cpu/cpu%u/cache/index0/shared_cpu_list", cpu);
		len = 0;
		for (unsigned t = 0; t < s->threads; t++)
			len += (unsigned)snprintf(text + len, sizeof(text) - len, "%s%u-%u", t ? "," : "",
						  llc * s->cores + t * cores,
						  llc * s->cores + s->cores - 1 + t * cores);
		put("3", "cpu/cpu%u/cache/index1/level", cpu);
		put(text, "cpu/cpu%u/cache/index1/shared_cpu_list", cpu);
	}
	snprintf(online, sizeof(online), "0-%u", s->nodes - 1);
	put(online, "node/online");
	for (unsigned node = 0; node < s->nodes; node++) {
		unsigned a_node = s->llcs * s->cores, len = 0;

		for (unsigned t = 0; t < s->threads; t++)
			len += (unsigned)snprintf(text + len, sizeof(text) - len, "%s%u-%u", t ? "," : "",
						  node * a_node + t * cores, (node + 1) * a_node - 1 + t * cores);
		put(text, "node/node%u/cpulist", node);
	}
}

static void read_host(struct host_cpus *h, const char *allowed)
{
	struct bits b;

	assert_int_equal(bits_parse(&b, allowed), 0);
	assert_int_equal(host_cpus_read(h, root, &b), 0);
}

static const struct shape big = { .nodes = 2, .llcs = 2, .cores = 4, .threads = 2 }; /* LLC 0: 0-3,16-19 */

/* --- the host ----------------------------------------------------------- */

static void lists_are_read_and_written(void **state)
{
	static const char *const good[] = { "", "0", "0-3", "0-3,8", "1,3,5-7", "4095" };
	static const char *const bad[] = { "x", "3-1", "-1", "1,", "1-", "4096", "0 1", "1;2" };
	char text[64];
	struct bits b;

	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(bits_parse(&b, good[i]), 0);
		assert_string_equal(bits_format(&b, text, sizeof(text)), good[i]);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(bits_parse(&b, bad[i]), -EINVAL);
	assert_int_equal(bits_parse(&b, " 0-1,3\n"), 0);
	assert_int_equal(bits_count(&b), 3);
}

static void cores_caches_and_nodes_are_read(void **state)
{
	struct host_cpus h;

	tree(&big);
	read_host(&h, "0-31");
	assert_int_equal(h.n, 32);
	assert_int_equal(h.n_llcs, 4);
	assert_int_equal(h.n_allowed, 32);
	for (unsigned i = 0; i < 32; i++) {
		const struct host_cpu *c = &h.cpu[i];

		assert_int_equal(c->cpu, i);
		assert_int_equal(c->core, i % 16);
		assert_int_equal(c->thread, i / 16);
		assert_int_equal(c->llc, i % 16 / 4);
		assert_int_equal(c->node, i % 16 / 8);
	}
	host_cpus_free(&h);
}

/* Without caches a package is an LLC; without packages the machine; without cores a CPU; without nodes node 0. */
static void what_a_kernel_does_not_tell_has_a_stand_in(void **state)
{
	struct host_cpus h;
	struct bits all;

	bits_parse(&all, "0-7");
	assert_int_equal(host_cpus_read(&h, root, &all), -ENOENT);
	put("0-1,3", "cpu/online");
	read_host(&h, "0-7");
	assert_int_equal(h.n, 3);
	assert_int_equal(h.n_llcs, 1);
	assert_int_equal(h.n_allowed, 3);
	assert_int_equal(h.cpu[2].cpu, 3);
	assert_int_equal(h.cpu[2].core, 3);
	assert_int_equal(h.cpu[2].node, 0);
	host_cpus_free(&h);
	for (unsigned cpu = 0; cpu < 4; cpu++) {
		put(cpu < 2 ? "0-1" : "2-3", "cpu/cpu%u/topology/core_siblings_list", cpu);
		/* The first level alone says nothing of what CPUs share. */
		put("1", "cpu/cpu%u/cache/index0/level", cpu);
		put("0", "cpu/cpu%u/cache/index0/shared_cpu_list", cpu);
	}
	read_host(&h, "1-3");
	assert_int_equal(h.n_llcs, 2);
	assert_int_equal(h.n_allowed, 2);
	assert_int_equal(h.cpu[1].llc, 0);
	assert_int_equal(h.cpu[2].llc, 1);
	host_cpus_free(&h);
	put("0-x", "cpu/online");
	assert_int_equal(host_cpus_read(&h, root, &all), -EINVAL);
}

/* --- who runs where ----------------------------------------------------- */

static struct placement p;
static char why[512];

static int plan(const struct host_cpus *h, struct placement_request q, const char *busy_llcs, const char *exclusive,
		const char *busy_cpus)
{
	struct placement_busy busy;

	bits_parse(&busy.llc, busy_llcs);
	bits_parse(&busy.llc_exclusive, exclusive);
	bits_parse(&busy.cpu, busy_cpus);
	return placement_plan(h, &q, &busy, &p, why, sizeof(why));
}

static void expect(const char *vcpus, int service, const char *llcs, const char *cpus)
{
	char text[256];
	size_t len = 0;

	for (unsigned i = 0; i < p.n_vcpus; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u", i ? " " : "", p.vcpu[i]);
	assert_string_equal(text, vcpus);
	assert_int_equal(p.service, service);
	assert_string_equal(bits_format(&p.llcs, text, sizeof(text)), llcs);
	assert_string_equal(bits_format(&p.cpus, text, sizeof(text)), cpus);
}

static void performance_takes_cores_and_a_cpu_for_the_reactor(void **state)
{
	struct placement_request q = { .mode = MODE_PERFORMANCE, .vcpus = 3 };
	struct host_cpus h;

	tree(&big);
	read_host(&h, "0-31");
	/* A core each, in one LLC, the reactor on the fourth. */
	assert_int_equal(plan(&h, q, "", "", ""), 0);
	expect("0 1 2", 3, "0", "0-3");
	assert_true(p.own_cpus && p.spare && p.confined);
	/* Where somebody is, nobody else is. */
	assert_int_equal(plan(&h, q, "0", "", ""), 0);
	expect("4 5 6", 7, "1", "4-7");
	/* A guest with two threads a core gets them on two of a core. */
	q.threads = 2;
	q.vcpus = 4;
	assert_int_equal(plan(&h, q, "0-1", "0", ""), 0);
	expect("8 24 9 25", 10, "2", "8-10,24-25");
	/* More than an LLC: the rest of the node. */
	q = (struct placement_request){ .mode = MODE_PERFORMANCE, .vcpus = 10 };
	assert_int_equal(plan(&h, q, "0", "", ""), 0);
	expect("8 9 10 11 24 25 26 27 12 13", 14, "2-3", "8-14,24-27");
	/* All but one. */
	q.vcpus = 31;
	assert_int_equal(plan(&h, q, "", "", ""), 0);
	assert_int_equal(bits_count(&p.cpus), 32);
	assert_false(p.confined);
	host_cpus_free(&h);
}

static void a_guest_llc_is_a_host_llc_where_there_are_enough(void **state)
{
	static const unsigned two[] = { 0, 0, 0, 1, 1, 1 };
	struct placement_request q = { .mode = MODE_PERFORMANCE, .vcpus = 6, .guest_llc = two };
	struct host_cpus h;

	tree(&big);
	read_host(&h, "0-31");
	assert_int_equal(plan(&h, q, "", "", ""), 0);
	expect("0 1 2 4 5 6", 3, "0-1", "0-6");
	assert_int_equal(plan(&h, q, "1-2", "", ""), 0);
	expect("0 1 2 12 13 14", 3, "0,3", "0-3,12-14");
	/* Only one LLC is left: as near as can be. */
	assert_int_equal(plan(&h, q, "0-2", "", ""), 0);
	expect("12 13 14 15 28 29", 30, "3", "12-15,28-30");
	host_cpus_free(&h);
}

static void performance_that_cannot_be_had_says_why(void **state)
{
	struct placement_request q = { .mode = MODE_PERFORMANCE, .vcpus = 2 };
	struct host_cpus h;

	tree(&(struct shape){ 1, 1, 2, 1 });
	read_host(&h, "0-1");
	assert_int_equal(plan(&h, q, "", "", ""), -ENODEV);
	assert_string_equal(why, "performance mode: 2 vCPUs and the reactor need 3 CPUs, and this process may use 2; "
				 "lower --cpus, or use --mode default");
	q.vcpus = 1;
	assert_int_equal(plan(&h, q, "0", "", ""), -EBUSY);
	assert_string_equal(why, "performance mode: fewer than 2 CPUs are in LLCs that no other machine uses");
	assert_int_equal(plan(&h, q, "", "", ""), 0);
	expect("0", 1, "0", "0-1");
	host_cpus_free(&h);
	read_host(&h, "1");
	assert_int_equal(plan(&h, q, "", "", ""), -ENODEV);
	host_cpus_free(&h);
}

static void default_shares_what_nobody_has_for_himself(void **state)
{
	struct placement_request q = { .mode = MODE_DEFAULT, .vcpus = 2 };
	struct host_cpus h;

	tree(&big);
	read_host(&h, "0-31");
	/* The threads may move in the LLC. */
	assert_int_equal(plan(&h, q, "", "", ""), 0);
	expect("0 1", -1, "0", "0-3,16-19");
	assert_true(p.own_cpus && p.spare && p.confined);
	/* Beside others, on other CPUs; and where there is less, so that what is whole stays whole. */
	assert_int_equal(plan(&h, q, "1", "", "4-6"), 0);
	expect("7 20", -1, "1", "4-7,20-23");
	/* Not where somebody is alone. */
	assert_int_equal(plan(&h, q, "0-1", "0-1", ""), 0);
	expect("8 9", -1, "2", "8-11,24-27");
	/* No CPU is left beside the vCPUs'. */
	assert_int_equal(plan(&h, q, "", "0-2", "12-15,28-29"), 0);
	expect("30 31", -1, "3", "12-15,28-31");
	assert_true(p.own_cpus && !p.spare);
	host_cpus_free(&h);
}

/* BLK-64: beside the vCPUs, as long as there is room. */
static void workers_keep_off_the_vcpus(void **state)
{
	struct placement_request q = { .mode = MODE_PERFORMANCE, .vcpus = 3 };
	struct host_cpus h;
	struct bits want, got;

	tree(&big);
	read_host(&h, "0-31");
	assert_int_equal(plan(&h, q, "", "", ""), 0);
	got = placement_worker_cpus(&p);
	bits_parse(&want, "3");
	assert_true(bits_equal(&want, &got));
	q = (struct placement_request){ .mode = MODE_DEFAULT, .vcpus = 2 };
	assert_int_equal(plan(&h, q, "", "", ""), 0);
	got = placement_worker_cpus(&p);
	bits_parse(&want, "2-3,16-19");
	assert_true(bits_equal(&want, &got));
	q = (struct placement_request){ .mode = MODE_SHARED, .vcpus = 3, .cap = 4 };
	assert_int_equal(plan(&h, q, "", "", ""), 0);
	got = placement_worker_cpus(&p);
	assert_int_equal(bits_count(&got), 1);
	/* None is left: where the vCPUs are. */
	q.vcpus = 5;
	assert_int_equal(plan(&h, q, "", "", ""), 0);
	got = placement_worker_cpus(&p);
	assert_true(bits_equal(&p.cpus, &got));
	host_cpus_free(&h);
}

static void default_overcommits_when_cpus_are_short(void **state)
{
	struct placement_request q = { .mode = MODE_DEFAULT, .vcpus = 3 };
	struct host_cpus h;

	tree(&(struct shape){ 1, 1, 2, 1 });
	read_host(&h, "0-1");
	assert_int_equal(plan(&h, q, "", "", ""), 0);
	expect("0 1 0", -1, "0", "0-1");
	assert_true(!p.own_cpus && !p.spare && !p.confined);
	/* Many equal ones don't all count on the first CPU. */
	q.vcpus = 1;
	for (q.turn = 0; q.turn < 4; q.turn++) {
		assert_int_equal(plan(&h, q, "0", "", "0-1"), 0);
		expect(q.turn % 2 ? "1" : "0", -1, "0", "0-1");
		assert_false(p.own_cpus);
	}
	assert_int_equal(plan(&h, q, "0", "0", ""), -EBUSY);
	assert_non_null(strstr(why, "held by a machine in performance mode"));
	host_cpus_free(&h);
}

static void shared_stays_below_its_cap(void **state)
{
	struct placement_request q = { .mode = MODE_SHARED, .vcpus = 4, .cap = 10 };
	struct host_cpus h;
	char text[64];

	tree(&big);
	read_host(&h, "0-31");
	/* A whole LLC, the rest of its neighbour core by core. */
	assert_int_equal(plan(&h, q, "0", "", "0-3"), 0);
	assert_string_equal(bits_format(&p.cpus, text, sizeof(text)), "0-4,16-20");
	assert_true(p.confined && !p.own_cpus && !p.spare);
	/* 30 % of what is allowed, at least one. */
	q.cap = 0;
	assert_int_equal(plan(&h, q, "", "", ""), 0);
	assert_int_equal(bits_count(&p.cpus), 9);
	host_cpus_free(&h);
	read_host(&h, "5,6");
	assert_int_equal(plan(&h, q, "", "", ""), 0);
	expect("5 5 5 5", -1, "1", "5");
	q.cap = 3;
	assert_int_equal(plan(&h, q, "", "", ""), -ENODEV);
	assert_string_equal(why, "--cpu-cap 3: this process may use 2 CPUs; use at most as many");
	q.cap = 2;
	assert_int_equal(plan(&h, q, "1", "1", ""), -EBUSY);
	host_cpus_free(&h);
}

/* --- any host, any request ---------------------------------------------- */

static unsigned below(unsigned n)
{
	return (unsigned)rand() % n;
}

static struct bits some_of(unsigned n, unsigned percent)
{
	struct bits b = { { 0 } };

	for (unsigned i = 0; i < n; i++)
		if (below(100) < percent)
			bits_add(&b, i);
	return b;
}

static void check_plan(const struct host_cpus *h, const struct placement_request *q, const struct placement_busy *busy)
{
	struct bits seen = { { 0 } };

	for (unsigned at = 0; at < h->n; at++) {
		const struct host_cpu *c = &h->cpu[at];

		if (!bits_has(&p.cpus, c->cpu))
			continue;
		assert_true(c->allowed);
		assert_true(bits_has(&p.llcs, c->llc));
		assert_false(bits_has(q->mode == MODE_PERFORMANCE ? &busy->llc : &busy->llc_exclusive, c->llc));
	}
	for (unsigned i = 0; i < q->vcpus; i++) {
		assert_true(bits_has(&p.cpus, p.vcpu[i]));
		if (p.own_cpus) {
			assert_false(bits_has(&seen, p.vcpu[i]));
			assert_false(bits_has(&busy->cpu, p.vcpu[i]));
		}
		bits_add(&seen, p.vcpu[i]);
	}
	if (q->mode == MODE_SHARED)
		assert_int_equal(bits_count(&p.cpus), q->cap);
	if (q->mode != MODE_PERFORMANCE)
		return;
	assert_true(p.own_cpus && p.service >= 0 && !bits_has(&seen, (unsigned)p.service));
	assert_true(bits_has(&p.cpus, (unsigned)p.service));
	assert_int_equal(bits_count(&p.cpus), q->vcpus + 1);
}

/* What is planned keeps every promise; what is refused could not be had by anybody. */
static void every_plan_keeps_its_promises(void **state)
{
	unsigned planned = 0, refused = 0;

	srand(5);
	for (unsigned round = 0; round < 12; round++) {
		struct shape s = { 1 + below(2), 1 + below(3), 1 + below(4), 1 + below(2) };
		struct bits allowed = some_of(cpus_of(&s), 80);
		struct host_cpus h;

		tree_remove(NULL);
		tree_make(NULL);
		tree(&s);
		bits_add(&allowed, 0);
		assert_int_equal(host_cpus_read(&h, root, &allowed), 0);
		for (unsigned i = 0; i < 250; i++) {
			struct placement_busy busy = { .llc = some_of(h.n_llcs, 30), .cpu = some_of(h.n, 20) };
			struct placement_request q = { .mode = (enum host_mode)below(3),
						       .vcpus = 1 + below(12),
						       .threads = 1 + below(2),
						       .cap = 1 + below(6),
						       .turn = below(9) };
			unsigned free_cpus = 0, need = q.mode == MODE_PERFORMANCE ? q.vcpus + 1 : q.cap;
			int rc;

			for (unsigned llc = 0; llc < h.n_llcs; llc++)
				if (bits_has(&busy.llc, llc) && below(2))
					bits_add(&busy.llc_exclusive, llc);
			rc = placement_plan(&h, &q, &busy, &p, why, sizeof(why));
			for (unsigned at = 0; at < h.n; at++) {
				const struct host_cpu *c = &h.cpu[at];

				if (q.mode == MODE_PERFORMANCE)
					free_cpus += c->allowed && !bits_has(&busy.llc, c->llc) &&
						     !bits_has(&busy.cpu, c->cpu);
				else
					free_cpus += c->allowed && !bits_has(&busy.llc_exclusive, c->llc);
			}
			if (q.mode == MODE_DEFAULT)
				need = 1;
			assert_int_equal(!rc, free_cpus >= need);
			assert_int_equal(!rc, !*why);
			if (!rc)
				check_plan(&h, &q, &busy);
			planned += !rc;
			refused += !!rc;
		}
		host_cpus_free(&h);
	}
	assert_true(planned > 300 && refused > 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read_and_written),
		cmocka_unit_test_setup_teardown(cores_caches_and_nodes_are_read, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(what_a_kernel_does_not_tell_has_a_stand_in, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(performance_takes_cores_and_a_cpu_for_the_reactor, tree_make,
						tree_remove),
		cmocka_unit_test_setup_teardown(a_guest_llc_is_a_host_llc_where_there_are_enough, tree_make,
						tree_remove),
		cmocka_unit_test_setup_teardown(performance_that_cannot_be_had_says_why, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(default_shares_what_nobody_has_for_himself, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(workers_keep_off_the_vcpus, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(default_overcommits_when_cpus_are_short, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(shared_stays_below_its_cap, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(every_plan_keeps_its_promises, tree_make, tree_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
