/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr bench list: the workloads, and what can be asked of each, out of the table that the guest's program reads too.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/cli/parse.h"
#include "bench/verb/bench_verbs.h"
#include "bench/workloads/catalog.h"

struct arguments {
	bool json;
	const char *only;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'j':
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->only)
			say_usage("bench list: %s: name one workload at most", arg);
		a->only = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ 0 },
};
const struct argp bench_list_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[WORKLOAD]",
	.doc = "List the workloads of ktstr bench: what each measures, its options and their defaults.\v"
	       "Latencies are in ns and less is better, rates count what is named and more is better. After a "
	       "workload's "
	       "options may follow what is around it:\n\n"
	       "  +bg=cpu:N,io:N,fork:N   processes beside it that spin, that read a disk at\n"
	       "                          random (file:PATH; /dev/vda), that fork\n"
	       "  +cgroup=cpuset:LIST,weight:N,max:N%\n"
	       "                          a cgroup that it runs in; max is of one CPU; levels\n"
	       "                          from the outermost, with / between them\n"
	       "  +bg-cgroup=...          the same for the processes of +bg\n\n"
	       "EXAMPLES\n"
	       "  ktstr bench list\n"
	       "  ktstr bench list wakeup\n"
	       "  ktstr bench list --json | jq -r '.workloads[].name'\n"
	       "  ktstr bench wakeup+bg=cpu:4+cgroup=weight:1000 --scheduler fifo",
};

static const char *const kind_names[] = {
	[VALUE_NUMBER] = "number", [VALUE_TIME] = "time", [VALUE_BYTES] = "bytes", [VALUE_LIST] = "list"
};

static const char *value_text(const struct workload_option *o, uint64_t value, char text[SIZE_TEXT])
{
	if (o->kind == VALUE_TIME)
		return duration_format(text, value);
	if (o->kind == VALUE_BYTES)
		return size_format(text, value);
	snprintf(text, SIZE_TEXT, "%" PRIu64, value);
	return text;
}

static void print_option(const struct workload_option *o)
{
	char preset[SIZE_TEXT], low[SIZE_TEXT], high[SIZE_TEXT];

	printf("  %-11s %s\n", o->name, o->what);
	if (o->kind == VALUE_LIST)
		printf("  %-11s list of numbers from %s to %s\n", "", value_text(o, o->min, low),
		       value_text(o, o->max, high));
	else
		printf("  %-11s %s from %s to %s [%s]\n", "", kind_names[o->kind], value_text(o, o->min, low),
		       value_text(o, o->max, high), value_text(o, o->preset, preset));
}

static void print_kind(const struct workload_kind *k)
{
	printf("%s: %s\n", k->name, k->what);
	printf("  measures    %s (ns, less is better); %s per second (more is better)\n", k->metric, k->rate);
	if (*k->aliases)
		printf("  also called %s\n", k->aliases);
	if (k->disk)
		printf("  %-11s file or block device of the guest [/dev/vda]\n", "file");
	for (unsigned i = 0; i < WORKLOAD_OPTIONS_MAX && k->option[i].name; i++)
		print_option(&k->option[i]);
}

static json_t *option_json(const struct workload_option *o)
{
	return json_pack("{ss ss ss sI sI sI}", "name", o->name, "kind", kind_names[o->kind], "what", o->what,
			 "default", (json_int_t)o->preset, "min", (json_int_t)o->min, "max", (json_int_t)o->max);
}

static json_t *aliases_json(const char *aliases)
{
	json_t *list = json_array();

	while (*aliases) {
		size_t n = strcspn(aliases, ",");

		json_array_append_new(list, json_stringn(aliases, n));
		aliases += n + (aliases[n] == ',');
	}
	return list;
}

static json_t *kind_json(const struct workload_kind *k)
{
	json_t *list = json_array();

	if (k->disk)
		json_array_append_new(list, json_pack("{ss ss ss ss}", "name", "file", "kind", "path", "what",
						      "file or block device of the guest", "default", "/dev/vda"));
	for (unsigned i = 0; i < WORKLOAD_OPTIONS_MAX && k->option[i].name; i++)
		json_array_append_new(list, option_json(&k->option[i]));
	return json_pack("{ss ss so s{ss ss sb} s{ss ss sb} so}", "name", k->name, "what", k->what, "aliases",
			 aliases_json(k->aliases), "latency", "name", k->metric, "unit", "ns", "more_is_better", 0,
			 "rate", "of", k->rate, "unit", "/s", "more_is_better", 1, "options", list);
}

int verb_bench_list(int argc, char **argv)
{
	static struct arguments a;
	json_t *all = json_array(), *json;
	struct workload_asked asked;
	char why[512];

	cli_parse(&bench_list_argp, "bench list", argc, argv, &a);
	if (a.only && !workload_parse(a.only, &asked, why, sizeof(why)))
		say_usage("bench list: %s", why);
	for (const struct workload_kind *k = workload_kinds; k->name; k++) {
		if (a.only && k != asked.kind)
			continue;
		if (a.json)
			json_array_append_new(all, kind_json(k));
		else
			print_kind(k);
	}
	json = json_pack("{ss so}", "schema", "ktstr-workloads/1", "workloads", all);
	if (a.json) {
		json_dumpf(json, stdout, JSON_INDENT(1));
		putchar('\n');
	}
	json_decref(json);
	return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
}
