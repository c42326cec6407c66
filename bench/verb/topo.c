/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr topo: lists the presets, or shows one topology in full. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/cli/parse.h"
#include "bench/machine/shape.h"
#include "bench/spec/topology.h"
#include "bench/verb/verbs.h"

struct args {
	const char *shape, *memory;
	bool json;
};

enum { OPT_JSON = 0x300, OPT_MEMORY };

static const struct argp_option options[] = {
	{ "json", OPT_JSON, NULL, 0, "Print JSON", 0 },
	{ "memory", OPT_MEMORY, "SIZE", 0, "Show a machine with SIZE of memory (1G)", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *a = state->input;

	switch (key) {
	case OPT_JSON:
		a->json = true;
		return 0;
	case OPT_MEMORY:
		a->memory = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->shape)
			say_usage("topo: %s: too many words; use ktstr topo [SHAPE]", arg);
		a->shape = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp topo_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[SHAPE]",
	.doc = "List the presets of --topology, or show SHAPE in full: the node, LLC, core, thread and APIC id of each "
	       "CPU, and the memory and distances of each node.\v"
	       "SHAPE is a preset's name, 2n4l8c2t or 2,4,8,2 (nodes, LLCs in total, cores per LLC, threads per core), "
	       "followed by any number of :KEY=LIST. Lists are separated by commas; a single value applies to all:\n\n"
	       "  llcs=2,1,0             LLCs of each node; 0: memory only (such nodes come last)\n"
	       "  cores=8,4              cores of each LLC\n"
	       "  mem=1G,512M,-          memory of each node; -: a share of the remaining memory\n"
	       "  dist=10,20/20,10       distances (SLIT), one row per node; a single number: between any two nodes\n"
	       "  latency=100,300        ns to each node's memory (HMAT)\n"
	       "  bandwidth=51200,20480  MB/s to each node's memory (HMAT)\n"
	       "  cache=0,1G             memory-side cache of each node (HMAT)\n\n"
	       "EXAMPLES\n"
	       "  ktstr topo\n"
	       "  ktstr topo numa2-4llc\n"
	       "  ktstr topo 2n3l4c2t:llcs=2,1:cores=4,4,2:dist=32 --json\n"
	       "  ktstr run --topology 2n2l2c1t:mem=256M,768M -- cat /sys/devices/system/node/node1/meminfo",
};

/* --- the presets ---------------------------------------------------------------- */

static int list_presets(bool as_json)
{
	static struct topology t;
	json_t *all = json_array();
	char why[TOPOLOGY_WHY];

	if (!as_json)
		printf("name                CPUs  LLCs  nodes  shape       what\n");
	for (const struct topology_preset *p = topology_presets; p->name; p++) {
		if (topology_parse(p->shape, &t, why)) {
			say_error("topo: %s: %s; report this as a fault", p->name, why);
			json_decref(all);
			return EXIT_INTERNAL;
		}
		if (as_json)
			json_array_append_new(all, json_pack("{ss ss ss si si si}", "name", p->name, "shape", p->shape,
							     "what", p->what, "cpus", (int)t.n_cpus, "nodes",
							     (int)t.n_nodes, "llcs", (int)t.n_llcs));
		else
			printf("%-18s  %4u  %4u  %5u  %-10.*s  %s\n", p->name, t.n_cpus, t.n_llcs, t.n_nodes,
			       (int)strcspn(p->shape, ":"), p->shape, p->what);
	}
	if (as_json) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(all);
	return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
}

/* --- one topology ---------------------------------------------------------------- */

static json_t *cpus_json(const struct topology *t)
{
	json_t *cpus = json_array();
	struct topology_cpu c;

	for (unsigned i = 0; i < t->n_cpus; i++) {
		topology_cpu(t, i, &c);
		json_array_append_new(cpus, json_pack("{si si si si si sI}", "cpu", (int)i, "node", (int)c.package,
						      "llc", (int)c.llc, "core", (int)c.core, "thread", (int)c.thread,
						      "apic_id", (json_int_t)c.apic_id));
	}
	return cpus;
}

static void print_cpus(const struct topology *t)
{
	struct topology_cpu c;

	printf("\n CPU  node   LLC  core  thread  APIC id\n");
	for (unsigned i = 0; i < t->n_cpus; i++) {
		topology_cpu(t, i, &c);
		printf("%4u  %4u  %4u  %4u  %6u  %7u\n", i, c.package, c.llc, c.core, c.thread, c.apic_id);
	}
}

static void print_nodes(const struct topology *t)
{
	char text[SIZE_TEXT];

	printf("\nnode  LLCs      memory  distances\n");
	for (unsigned n = 0; n < t->n_nodes; n++) {
		printf("%4u  %4u  %10s ", n, t->llcs[n], size_format(text, t->node[n].memory));
		for (unsigned to = 0; to < t->n_nodes; to++)
			printf(" %3u", t->distance[n][to]);
		putchar('\n');
	}
	if (t->n_nodes == 1)
		return;
	printf("\nfrom    to  latency  bandwidth  (HMAT)\n");
	for (unsigned from = 0; from < t->n_packages; from++)
		for (unsigned to = 0; to < t->n_nodes; to++)
			printf("%4u  %4u  %4u ns  %6u MB/s\n", from, to, topology_latency_ns(t, from, to),
			       topology_bandwidth_mbs(t, from, to));
}

static void print_one(const struct topology *t)
{
	char text[TOPOLOGY_TEXT];

	printf("%s: %u CPUs, %u LLCs, %u node%s\n", topology_format(t, text), t->n_cpus, t->n_llcs, t->n_nodes,
	       t->n_nodes > 1 ? "s" : "");
	printf("APIC id: %u bits package, %u LLC, %u core, %u thread; the last is %u\n", t->package_bits, t->llc_bits,
	       t->core_bits, t->thread_bits, topology_apic_id_max(t));
	print_nodes(t);
	print_cpus(t);
}

static int show_shape(const struct args *a)
{
	static struct topology t;
	char why[TOPOLOGY_WHY];
	uint64_t memory = UINT64_C(1) << 30, own;
	json_t *o;

	if (topology_parse(a->shape, &t, why))
		say_usage("topo %.80s: %s", a->shape, why);
	own = topology_own_memory(&t);
	if (a->memory ? size_parse(a->memory, &memory) : 0)
		say_usage("--memory %s: not a size; write it as 512M or 2G", a->memory);
	if (topology_set_memory(&t, a->memory || !own ? memory : own, why))
		say_usage("topo %.80s: %s", a->shape, why);
	if (!a->json) {
		print_one(&t);
		return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
	}
	o = machine_topology_json(&t);
	json_object_set_new(o, "apic_id_max", json_integer((json_int_t)topology_apic_id_max(&t)));
	json_object_set_new(o, "cpu", cpus_json(&t));
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
	return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
}

int verb_topo(int argc, char **argv)
{
	struct args a = { 0 };

	cli_parse(&topo_argp, "topo", argc, argv, &a);
	return a.shape ? show_shape(&a) : list_presets(a.json);
}
