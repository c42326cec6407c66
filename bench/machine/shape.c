/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/machine/shape.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/initramfs/archive.h"
#include "bench/machine/arguments.h"
#include "bench/machine/guest_options.h"
#include "bench/spec/topology.h"
#include "guest-init/config.h"

#define MIB (UINT64_C(1) << 20)

enum {
	OPT_TOPOLOGY = 0x400,
	OPT_TOPOLOGY_CHECK,
	OPT_HUGEPAGES,
	OPT_PREFAULT,
	OPT_MLOCK,
	OPT_MADVISE,
	OPT_HOST_NODES,
};

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "Its shape and memory:", 10 },
	{ "topology", OPT_TOPOLOGY, "SHAPE", 0,
	  "Nodes, LLCs, cores an LLC and threads a core, as 1n2l4c2t or 1,2,4,2, or a preset's name; more by "
	  ":KEY=LIST (see ktstr topo)",
	  10 },
	{ "topology-check", OPT_TOPOLOGY_CHECK, "on|off", 0,
	  "Let the guest compare its CPUs, caches and nodes with what was asked, and fail if they differ (on)", 10 },
	{ "hugepages", OPT_HUGEPAGES, "auto|thp|2M|1G|off", 0,
	  "Back the guest's memory by huge pages: transparent ones, or the host's reserved (auto: transparent where "
	  "there are any)",
	  10 },
	{ "prefault", OPT_PREFAULT, NULL, 0, "Populate guest memory before boot", 10 },
	{ "mlock", OPT_MLOCK, NULL, 0, "Lock the memory", 10 },
	{ "madvise", OPT_MADVISE, "WORD,...", 0,
	  "mergeable (KSM), dontdump (not in a core dump of ktstr), collapse (huge pages at once; with --prefault)",
	  10 },
	{ "host-nodes", OPT_HOST_NODES, "MODE:LIST", 0,
	  "Put guest node i on the i-th host node of LIST: bind:0,1 or preferred:0,1; or spread all: interleave:0,1",
	  10 },
	{ 0 },
};

static enum vm_pages parse_hugepages(const char *arg)
{
	for (enum vm_pages p = VM_PAGES_AUTO; p <= VM_PAGES_1G; p++)
		if (!strcmp(arg, vm_pages_names[p]))
			return p;
	say_usage("--hugepages %s: use auto, thp, 2M, 1G or off", arg);
}

static void parse_madvise(struct vm_backing *b, const char *arg)
{
	for (const char *word = arg;; word++) {
		size_t len = strcspn(word, ",");

		if (len == 9 && !strncmp(word, "mergeable", len))
			b->mergeable = true;
		else if (len == 8 && !strncmp(word, "dontdump", len))
			b->dontdump = true;
		else if (len == 8 && !strncmp(word, "collapse", len))
			b->collapse = true;
		else
			say_usage("--madvise %s: use mergeable, dontdump or collapse, with commas between", arg);
		word += len;
		if (!*word)
			return;
	}
}

static void parse_host_nodes(struct vm_backing *b, const char *arg)
{
	size_t len = strcspn(arg, ":");
	char *list, *next, *word;
	uint64_t node;

	b->bind = VM_BIND_NONE;
	for (enum vm_bind m = VM_BIND_STRICT; m <= VM_BIND_INTERLEAVE && arg[len]; m++)
		if (strlen(vm_bind_names[m]) == len && !memcmp(arg, vm_bind_names[m], len))
			b->bind = m;
	if (b->bind == VM_BIND_NONE)
		say_usage("--host-nodes %s: name the mode; use bind:LIST, preferred:LIST or interleave:LIST", arg);
	b->n_host_nodes = 0;
	list = next = strdup(arg + len + 1);
	while ((word = strsep(&next, ","))) {
		if (number_parse(word, 0, VM_HOST_NODES_MAX - 1, &node))
			say_usage("--host-nodes %s: not a list of node numbers; write it as bind:0,1", arg);
		if (b->n_host_nodes == TOPOLOGY_NODES_MAX)
			say_usage("--host-nodes %s: too many; use at most %d", arg, TOPOLOGY_NODES_MAX);
		b->host_node[b->n_host_nodes++] = (uint16_t)node;
	}
	free(list);
}

static void parse_topology(struct machine_shape *s, const char *arg)
{
	char why[TOPOLOGY_WHY];
	struct topology t;

	if (topology_parse(arg, &t, why))
		say_usage("--topology %.80s: %s", arg, why);
	machine_text_set(&s->text, arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct machine_arguments *a = state->input;
	struct machine_shape *s = &a->spec.shape;

	switch (key) {
	case OPT_TOPOLOGY:
		parse_topology(s, arg);
		return 0;
	case OPT_TOPOLOGY_CHECK:
		if (strcmp(arg, "on") != 0 && strcmp(arg, "off") != 0)
			say_usage("--topology-check %s: use on or off", arg);
		s->unchecked = !strcmp(arg, "off");
		return 0;
	case OPT_HUGEPAGES:
		s->backing.pages = parse_hugepages(arg);
		return 0;
	case OPT_PREFAULT:
		s->backing.prefault = true;
		return 0;
	case OPT_MLOCK:
		s->backing.lock = true;
		return 0;
	case OPT_MADVISE:
		if (machine_list_replaces(a, LIST_MADVISE))
			s->backing.mergeable = s->backing.dontdump = s->backing.collapse = false;
		parse_madvise(&s->backing, arg);
		return 0;
	case OPT_HOST_NODES:
		parse_host_nodes(&s->backing, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp machine_shape_argp = { .options = options, .parser = parse };

/* --- checks ------------------------------------------------------------- */

/* All modules of a distribution's kernel, packed, as long as it is not known which kernel it is. */
#define MODULES_BYTES (128 * MIB)

/* Of what is copied; a file that isn't there is reported later. */
uint64_t machine_copied_bytes(const struct machine_resolved *r)
{
	const struct machine_spec *o = r->spec;
	uint64_t bytes = 0;
	struct stat st;

	for (unsigned i = 0; i < o->n_files; i++)
		bytes += guest_tree_bytes(o->file[i].host, UINT64_MAX);
	if (*r->cwd)
		bytes += guest_tree_bytes(r->cwd, GUEST_CWD_MAX);
	if (o->guest.all_modules)
		bytes += *r->module_dir ? guest_tree_bytes(r->module_dir, MODULES_BYTES) : MODULES_BYTES;
	if (o->initrd && !stat(o->initrd, &st))
		bytes += (uint64_t)st.st_size;
	return bytes;
}

/*
 * A guest needs some for each CPU and each node, whatever it does. What is
 * copied is there twice while it is unpacked, into a file system that takes
 * half of the memory at most.
 */
static uint64_t default_memory(const struct machine_resolved *r)
{
	const struct topology *t = &r->topology;
	uint64_t mib = 512 + 4 * (uint64_t)t->n_cpus + 3 * (machine_copied_bytes(r) / MIB),
		 nodes = 128 * (uint64_t)t->n_nodes;

	mib = mib < 1024 ? 1024 : mib;
	return (mib < nodes ? nodes : mib) * MIB;
}

static int check_backing(const struct vm_backing *b, const struct topology *t)
{
	if (b->collapse && !b->prefault) {
		say_error("--madvise collapse: needs memory that is there; add --prefault");
		return EXIT_USAGE;
	}
	if (b->collapse && b->pages != VM_PAGES_AUTO && b->pages != VM_PAGES_THP) {
		say_error("--madvise collapse: is for transparent huge pages; use --hugepages thp");
		return EXIT_USAGE;
	}
	if (b->mergeable && (b->pages == VM_PAGES_2M || b->pages == VM_PAGES_1G)) {
		say_error("--madvise mergeable: huge pages are not merged; use --hugepages off");
		return EXIT_USAGE;
	}
	if ((b->bind == VM_BIND_STRICT || b->bind == VM_BIND_PREFERRED) && b->n_host_nodes != t->n_nodes) {
		say_error("--host-nodes: %u host nodes for %u guest nodes; name one for each", b->n_host_nodes,
			  t->n_nodes);
		return EXIT_USAGE;
	}
	return 0;
}

static int find_topology(struct machine_resolved *r)
{
	const struct machine_spec *o = r->spec;
	unsigned cpus = o->cpus ? o->cpus : MACHINE_CPUS_DEFAULT;
	struct topology *t = &r->topology;
	const char *text = o->shape.text;
	char why[TOPOLOGY_WHY];

	if (!text && (topology_init(t, 1, 1, cpus, 1, why) || topology_finish(t, why))) {
		say_error("--cpus %u: %s", cpus, why);
		return EXIT_USAGE;
	}
	if (text && topology_parse(text, t, why)) {
		say_error("--topology %.80s: %s", text, why);
		return EXIT_USAGE;
	}
	if (text && o->cpus && o->cpus != t->n_cpus) {
		say_error("--cpus %u: --topology %.80s has %u; leave --cpus out", o->cpus, text, t->n_cpus);
		return EXIT_USAGE;
	}
	if (t->n_cpus > VM_CPUS_MAX) {
		say_error("--topology %.80s: has %u CPUs; a machine has %d at most", text, t->n_cpus, VM_CPUS_MAX);
		return EXIT_USAGE;
	}
	r->cpus = t->n_cpus;
	return 0;
}

int machine_shape_check(struct machine_resolved *r)
{
	const struct machine_spec *o = r->spec;
	struct topology *t = &r->topology;
	int rc = find_topology(r);
	char why[TOPOLOGY_WHY];
	uint64_t own;

	if (rc)
		return rc;
	own = topology_own_memory(t);
	r->memory = o->memory ? o->memory : own ? own : default_memory(r);
	/* Nodes meet where huge pages do. */
	if (t->n_nodes > 1)
		r->memory -= r->memory % TOPOLOGY_MEMORY_UNIT;
	if (topology_set_memory(t, r->memory, why)) {
		say_error("--topology %.80s: %s", o->shape.text, why);
		return EXIT_USAGE;
	}
	if (r->memory < VM_MEMORY_MIN) {
		say_error("--topology %.80s: %llu MiB is too little to boot a kernel; use 64M or more", o->shape.text,
			  (unsigned long long)(r->memory / MIB));
		return EXIT_USAGE;
	}
	return check_backing(&o->shape.backing, t);
}

/* --- the guest's part ----------------------------------------------------- */

/* As the kernel writes a list of CPUs that follow each other. */
static void put_range(FILE *f, const char *key, unsigned first, unsigned n)
{
	if (!n)
		fprintf(f, " %s -", key);
	else if (n == 1)
		fprintf(f, " %s %u", key, first);
	else
		fprintf(f, " %s %u-%u", key, first, first + n - 1);
}

void machine_shape_expect(struct initramfs *in, const struct machine_resolved *r)
{
	const struct topology *t = &r->topology;
	struct topology_cpu cpu = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	if (r->spec->shape.unchecked)
		return;
	f = open_memstream(&text, &len);
	for (unsigned i = 0; f && i < t->n_cpus; i++) {
		topology_cpu(t, i, &cpu);
		fprintf(f, "cpu %u package %u", i, cpu.package);
		put_range(f, "threads", cpu.core_first, cpu.core_n);
		put_range(f, "llc", cpu.llc_first, cpu.llc_n);
		put_range(f, "packages", cpu.package_first, cpu.package_n);
		fputc('\n', f);
	}
	for (unsigned n = 0, first = 0; f && n < t->n_nodes; n++) {
		if (t->llcs[n])
			topology_cpu(t, first, &cpu);
		fprintf(f, "node %u memory %llu", n, (unsigned long long)t->node[n].memory);
		put_range(f, "cpus", first, t->llcs[n] ? cpu.package_n : 0);
		fputs(" distances", f);
		for (unsigned to = 0; to < t->n_nodes; to++)
			fprintf(f, " %u", t->distance[n][to]);
		fputc('\n', f);
		first += t->llcs[n] ? cpu.package_n : 0;
	}
	for (unsigned n = 0; f && n < t->n_nodes && t->n_nodes > 1; n++)
		fprintf(f, "hmat %u latency %u bandwidth %u cache %llu\n", n,
			topology_latency_ns(t, topology_nearest(t, n), n),
			topology_bandwidth_mbs(t, topology_nearest(t, n), n),
			(unsigned long long)t->node[n].side_cache);
	if (f && !fclose(f))
		initramfs_add_data(in, CONFIG_DIR "/" CONFIG_TOPOLOGY, 0644, text, len);
	free(text);
}

/* --- facts ---------------------------------------------------------------- */

json_t *machine_topology_json(const struct topology *t)
{
	char text[TOPOLOGY_TEXT];
	json_t *o = json_pack("{ss si si si si}", "shape", topology_format(t, text), "cpus", (int)t->n_cpus, "nodes",
			      (int)t->n_nodes, "llcs", (int)t->n_llcs, "threads_per_core", (int)t->threads);
	json_t *cores = json_array(), *nodes = json_array();

	for (unsigned l = 0; l < t->n_llcs; l++)
		json_array_append_new(cores, json_integer(t->cores[l]));
	for (unsigned n = 0; n < t->n_nodes; n++) {
		json_t *distances = json_array();

		for (unsigned to = 0; to < t->n_nodes; to++)
			json_array_append_new(distances, json_integer(t->distance[n][to]));
		json_array_append_new(nodes, json_pack("{si sI sI so}", "llcs", (int)t->llcs[n], "memory_bytes",
						       (json_int_t)t->node[n].memory, "memory_side_cache_bytes",
						       (json_int_t)t->node[n].side_cache, "distances", distances));
	}
	json_object_set_new(o, "cores_of_llc", cores);
	json_object_set_new(o, "node", nodes);
	return o;
}

json_t *machine_shape_facts(const struct machine_resolved *r, const json_t *check)
{
	const struct vm_backing *b = &r->spec->shape.backing;
	json_t *facts = machine_topology_json(&r->topology), *host_nodes = json_array();

	for (unsigned i = 0; i < b->n_host_nodes; i++)
		json_array_append_new(host_nodes, json_integer(b->host_node[i]));
	json_object_set_new(facts, "backing",
			    json_pack("{ss sb sb sb sb sb ss so}", "hugepages", vm_pages_names[b->pages], "prefault",
				      b->prefault, "mlock", b->lock, "mergeable", b->mergeable, "dontdump", b->dontdump,
				      "collapse", b->collapse, "host_nodes_mode", vm_bind_names[b->bind], "host_nodes",
				      host_nodes));
	json_object_set_new(facts, "check", check ? json_deep_copy(check) : json_null());
	return facts;
}
