/* SPDX-License-Identifier: GPL-2.0-only */
/* --dry-run: the machine that would be, with nothing made, taken or started. JSON schema "ktstr-plan/1". */

#include "bench/machine/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/host/claim.h"
#include "bench/host/facts.h"
#include "bench/machine/archive.h"
#include "bench/machine/nested.h"
#include "bench/machine/shape.h"
#include "bench/spec/document.h"

static json_t *words_of(const char *const *word, unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n && word[i]; i++)
		json_array_append_new(list, json_string(word[i]));
	return list;
}

static json_t *text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

static json_t *disks_of(const struct machine_spec *o)
{
	json_t *list = json_array();
	char text[PATH_MAX + 512];

	for (unsigned i = 0; i < o->n_disks; i++)
		if (!disk_unparse(&o->disk[i], text, sizeof(text)))
			json_array_append_new(list, json_string(text));
	return list;
}

static json_t *net_of(const struct nic *n)
{
	char text[NIC_TEXT];

	return n->wanted ? json_string(nic_unparse(n, text)) : json_null();
}

static json_t *files_of(const struct machine_spec *o)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < o->n_files; i++) {
		char *text = file_pair_unparse(&o->file[i]);

		if (text)
			json_array_append_new(list, json_string(text));
		free(text);
	}
	return list;
}

/* --- what has no key of its own ------------------------------------------ */

/* Of an option that may be repeated: one more value. */
static void option(json_t *options, const char *name, const char *value)
{
	json_t *values = json_object_get(options, name);

	if (!values) {
		values = json_array();
		json_object_set_new(options, name, values);
	}
	json_array_append_new(values, json_string(value));
}

static void flag(json_t *options, const char *name, bool is)
{
	if (is)
		option(options, name, "yes");
}

/* As a user would write it: "50us". */
static const char *time_text(char text[SIZE_TEXT], uint64_t ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = { { "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 }, { "ns", 1 } };
	unsigned i = 0;

	while (ns % units[i].ns)
		i++;
	snprintf(text, SIZE_TEXT, "%" PRIu64 "%s", ns / units[i].ns, units[i].name);
	return text;
}

static void backing_options(json_t *options, const struct vm_backing *b)
{
	char list[TOPOLOGY_NODES_MAX * 6 + 16];
	int len;

	if (b->pages != VM_PAGES_AUTO)
		option(options, "hugepages", vm_pages_names[b->pages]);
	flag(options, "prefault", b->prefault);
	flag(options, "mlock", b->lock);
	if (b->mergeable)
		option(options, "madvise", "mergeable");
	if (b->dontdump)
		option(options, "madvise", "dontdump");
	if (b->collapse)
		option(options, "madvise", "collapse");
	if (b->bind == VM_BIND_NONE)
		return;
	len = snprintf(list, sizeof(list), "%s:", vm_bind_names[b->bind]);
	for (unsigned i = 0; i < b->n_host_nodes; i++)
		len += snprintf(list + len, sizeof(list) - (size_t)len, "%s%u", i ? "," : "", b->host_node[i]);
	option(options, "host-nodes", list);
}

static void conversation_options(json_t *options, const struct conversation_options *o)
{
	char text[SIZE_TEXT], wake[64];

	if (o->scx_stats_ns)
		option(options, "scx-stats", time_text(text, o->scx_stats_ns));
	for (unsigned i = 0; i < o->n_wakes; i++) {
		const struct wake_request *w = &o->wakes[i];

		snprintf(wake, sizeof(wake), "%s%s%s", wake_names[w->kind], w->at_ns ? "@" : "",
			 w->at_ns ? time_text(text, w->at_ns) : "");
		option(options, "wake", wake);
	}
}

/* Options that change the machine and are in nothing else of the plan: name to a list of values. */
static json_t *options_of(const struct machine_spec *o)
{
	json_t *options = json_object();
	char text[SIZE_TEXT];

	backing_options(options, &o->shape.backing);
	if (o->shape.unchecked)
		option(options, "topology-check", "off");
	if (o->host_cpus.halt_poll_given)
		option(options, "halt-poll",
		       o->host_cpus.halt_poll_ns ? time_text(text, o->host_cpus.halt_poll_ns) : "off");
	if (o->host_cpus.wait_ns)
		option(options, "wait", time_text(text, o->host_cpus.wait_ns));
	flag(options, "bypass-llc-locks", o->host_cpus.bypass_locks);
	flag(options, "console", o->console);
	for (unsigned i = 0; i < o->guest.env.n; i++)
		option(options, "env", o->guest.env.word[i]);
	if (o->guest.cwd)
		option(options, "cwd", o->guest.cwd);
	if (o->guest.all_modules)
		option(options, "modules", "all");
	conversation_options(options, &o->conversation);
	return options;
}

/* --- all of it --------------------------------------------------------------- */

/* In the nested host only its own ktstr knows what CPUs there are. */
static json_t *resources_of(const struct machine_resolved *r, enum host_choice host)
{
	char why[512];
	json_t *facts;

	if (host == HOST_NESTED)
		return json_pack("{ss ss}", "mode", host_mode_name(r->host_cpus.mode), "where", "the nested host");
	facts = machine_host_preview(&r->host_cpus, &r->topology, why, sizeof(why));
	return facts ? facts : json_pack("{ss ss}", "mode", host_mode_name(r->host_cpus.mode), "not_to_be_had", why);
}

static json_t *plan_of(const struct machine_resolved *r, const struct machine_job *job, enum host_choice host,
		       json_t *settings)
{
	const struct machine_spec *o = r->spec;
	unsigned n_words = 0;
	char *cmdline = machine_guest_cmdline(r, job);
	json_t *plan;

	while (job->argv && job->argv[n_words])
		n_words++;
	plan = json_pack("{ss ss ss ss}", "schema", "ktstr-plan/1", "ktstr", KTSTR_VERSION, "host",
			 host == HOST_NESTED ? "nested" : "direct", "host_kind",
			 o->host == HOST_NESTED ? "as --host says" : host_kind_text(&job->probe));
	json_object_set_new(plan, "resources", resources_of(r, host));
	json_object_set_new(plan, "kernel", json_string(r->image));
	json_object_set_new(plan, "modules_directory", text_or_null(r->module_dir));
	json_object_set_new(plan, "initrd", text_or_null(o->initrd));
	json_object_set_new(plan, "cmdline", text_or_null(cmdline));
	json_object_set_new(plan, "cpus", json_integer(r->cpus));
	json_object_set_new(plan, "memory_bytes", json_integer((json_int_t)r->memory));
	json_object_set_new(plan, "topology", machine_shape_facts(r, NULL));
	json_object_set_new(plan, "disks", disks_of(o));
	json_object_set_new(plan, "net", net_of(&o->nic));
	json_object_set_new(plan, "register_page", json_string(register_choice_names[o->register_page]));
	json_object_set_new(plan, "poll",
			    o->poll.fixed ? json_sprintf("%" PRIu64 " us", o->poll.max_ns / 1000)
					  : json_string("auto"));
	json_object_set_new(plan, "scheduler", text_or_null(o->scheduler));
	json_object_set_new(plan, "scheduler_log", text_or_null(o->scheduler_log));
	json_object_set_new(plan, "files", files_of(o));
	json_object_set_new(plan, "modules", words_of(o->modules.word, o->modules.n));
	json_object_set_new(plan, "outputs", words_of(o->outputs.word, o->outputs.n));
	json_object_set_new(plan, "stats", text_or_null(o->stats));
	json_object_set_new(plan, "events", text_or_null(o->conversation.events));
	json_object_set_new(plan, "timeout_ns", o->timeout_ns ? json_integer((json_int_t)o->timeout_ns) : json_null());
	json_object_set_new(plan, "command", job->argv ? words_of(job->argv, n_words) : json_null());
	json_object_set_new(plan, "options", options_of(o));
	json_object_set(plan, "settings", settings);
	json_object_set_new(plan, "spec", spec_json(o));
	free(cmdline);
	return plan;
}

/* --- as text ------------------------------------------------------------ */

static void line(const char *name, const char *text)
{
	if (text && *text)
		printf("%-12s %s\n", name, text);
}

static const char *text_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void lines(const char *name, const json_t *list)
{
	const json_t *value;
	size_t i;

	json_array_foreach((json_t *)list, i, value) line(name, json_string_value(value));
}

static void print_resources(const json_t *resources)
{
	const json_t *vcpus = json_object_get(resources, "vcpu_cpus"), *reactor, *cpu;
	size_t i;

	printf("%-12s %s", "mode", text_at(resources, "mode"));
	if (text_at(resources, "not_to_be_had"))
		printf("; not to be had now: %s\n", text_at(resources, "not_to_be_had"));
	else if (!text_at(resources, "llcs"))
		printf("; its CPUs are chosen in the nested host\n");
	else
		printf(" on CPUs %s of LLCs %s, locks %s%s\n", text_at(resources, "cpus"), text_at(resources, "llcs"),
		       text_at(resources, "locks"),
		       json_is_true(json_object_get(resources, "overcommitted")) ? "; CPUs are shared with others"
										 : "");
	json_array_foreach((json_t *)vcpus, i, cpu)
		printf("%-12s vCPU %zu on CPU %" JSON_INTEGER_FORMAT "\n", "pin", i, json_integer_value(cpu));
	reactor = json_object_get(resources, "reactor_cpu");
	if (json_is_integer(reactor))
		printf("%-12s reactor on CPU %" JSON_INTEGER_FORMAT "\n", "pin", json_integer_value(reactor));
}

static void print_command(const json_t *command)
{
	const json_t *word;
	size_t i;

	if (!json_is_array(command))
		return;
	printf("%-12s", "command");
	json_array_foreach((json_t *)command, i, word) printf(" %s", json_string_value(word));
	putchar('\n');
}

static void print_options(const json_t *options)
{
	const char *name;
	json_t *values;

	json_object_foreach((json_t *)options, name, values) lines(name, values);
}

static void print_settings(const json_t *settings)
{
	const json_t *s;
	size_t i;

	json_array_foreach((json_t *)settings, i, s) printf("%-12s %s = %s (%s)\n", "setting", text_at(s, "name"),
							    text_at(s, "value"), text_at(s, "origin"));
}

static void print_nodes(const struct topology *t)
{
	char text[SIZE_TEXT];

	if (t->n_nodes < 2)
		return;
	printf("%-12s", "of nodes");
	for (unsigned n = 0; n < t->n_nodes; n++)
		printf("%s %s", n ? "," : "", size_format(text, t->node[n].memory));
	putchar('\n');
}

static void print_plan(const struct machine_resolved *r, const json_t *plan)
{
	char memory[SIZE_TEXT], time[SIZE_TEXT];

	printf("%-12s %s: %s\n", "host", text_at(plan, "host"), text_at(plan, "host_kind"));
	print_resources(json_object_get(plan, "resources"));
	line("kernel", text_at(plan, "kernel"));
	line("modules in", text_at(plan, "modules_directory"));
	line("initrd", text_at(plan, "initrd"));
	line("cmdline", text_at(plan, "cmdline"));
	printf("%-12s %u, %s\n", "cpus", r->cpus, text_at(json_object_get(plan, "topology"), "shape"));
	line("memory", size_format(memory, r->memory));
	print_nodes(&r->topology);
	lines("disk", json_object_get(plan, "disks"));
	line("net", text_at(plan, "net"));
	printf("%-12s %s\n", "registers",
	       r->spec->register_page == REGISTERS_AUTO ? "auto"
	       : r->spec->register_page == REGISTERS_ON ? "in memory"
							: "by exits");
	line("poll", text_at(plan, "poll"));
	line("scheduler", text_at(plan, "scheduler"));
	line("scheduler-log", text_at(plan, "scheduler_log"));
	lines("file", json_object_get(plan, "files"));
	lines("module", json_object_get(plan, "modules"));
	lines("output", json_object_get(plan, "outputs"));
	line("stats", text_at(plan, "stats"));
	line("events", text_at(plan, "events"));
	if (r->spec->timeout_ns)
		line("timeout", duration_format(time, r->spec->timeout_ns));
	print_options(json_object_get(plan, "options"));
	print_command(json_object_get(plan, "command"));
	print_settings(json_object_get(plan, "settings"));
}

int machine_dry_run(const struct machine_resolved *r, const struct machine_job *job, enum host_choice host,
		    enum dry_run form, json_t *settings)
{
	json_t *plan = plan_of(r, job, host, settings);
	int rc = EXIT_OK;

	if (form == DRY_RUN_NEEDS && host == HOST_NESTED) {
		json_t *needs = machine_nested_needs(r, job);

		rc = needs ? EXIT_OK : EXIT_UNAVAILABLE;
		json_object_set_new(plan, "needs", needs);
	}
	if (form == DRY_RUN_TEXT) {
		print_plan(r, plan);
	} else {
		json_dumpf(plan, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(plan);
	json_decref(settings);
	return fflush(stdout) ? EXIT_FAILED : rc;
}
