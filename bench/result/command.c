/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/command.h"

#include <stdlib.h>
#include <string.h>

#include "bench/base/json.h"
#include "bench/base/size.h"

#define OUTPUT_MAX (8u << 20) /* of each; the guest's program keeps less */
#define FIGURES_MAX 128
#define WORDS_MAX 4096

static const char *const outputs[COMMAND_OUTPUTS] = { "stdout", "stderr", "file" };

/* --- lines of the guest ------------------------------------------------- */

static void keep_output(struct command_result *c, const char *from, const json_t *text)
{
	size_t len = json_string_length(text);

	for (unsigned i = 0; i < COMMAND_OUTPUTS; i++) {
		char *longer;

		if (strcmp(from, outputs[i]) != 0 || len > OUTPUT_MAX - c->output[i].len)
			continue;
		longer = realloc(c->output[i].text, c->output[i].len + len + 1);
		if (!longer)
			return;
		if (len)
			memcpy(longer + c->output[i].len, json_string_value(text), len);
		c->output[i].text = longer;
		c->output[i].len += len;
		longer[c->output[i].len] = '\0';
	}
}

static void add_figure(json_t *figures, const char *name, const char *unit, bool more, bool usual, double value)
{
	json_t *figure;

	if (json_array_size(figures) >= FIGURES_MAX)
		return;
	figure = json_pack("{ss ss sb sb sf}", "name", name, "unit", unit, "more_is_better", more, "usual", usual,
			   "value", value);
	if (figure)
		json_array_append_new(figures, figure);
}

/* Names go to terminals. */
static bool is_name(const char *name)
{
	size_t n = strlen(name);

	return n && n < PARSED_NAME_SIZE &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:/-#") == n;
}

/* What a program says by ktstr-guest metric: {"metric":, "value":, "unit":}. */
static bool keep_own_figure(struct command_result *c, const json_t *line)
{
	const char *name = json_string_value(json_object_get(line, "metric"));
	const char *unit = json_string_value(json_object_get(line, "unit"));
	const json_t *value = json_object_get(line, "value");
	size_t n = unit ? strlen(unit) : 0;

	if (!name || !json_is_number(value) || json_object_get(line, "histogram") || !is_name(name) ||
	    (n && !is_name(unit)))
		return false;
	if (!c->figures)
		c->figures = json_array();
	add_figure(c->figures, name, unit ? unit : "", n > 1 && !strcmp(unit + n - 2, "/s"), true,
		   json_number_value(value));
	return true;
}

/* --- the entry ---------------------------------------------------------- */

static const struct {
	const char *key, *name, *unit;
} used[] = {
	{ "wall_ns", "wall_time", "ns" },
	{ "user_ns", "user_time", "ns" },
	{ "system_ns", "system_time", "ns" },
	{ "max_rss_bytes", "max_rss", "bytes" },
	{ "voluntary_switches", "voluntary_switches", "" },
	{ "involuntary_switches", "involuntary_switches", "" },
};

static bool parse(const struct command_result *c, unsigned i, const char *const *argv, struct parsed *out)
{
	const struct parser_text in = { c->output[i].text, c->output[i].len, argv };

	return c->output[i].len && parser_run(c->parser, &in, out);
}

static json_t *histogram_json(const struct parsed *p)
{
	json_t *buckets = json_array();

	for (unsigned i = 0; p->metric && i < HIST_BUCKETS; i++)
		if (p->latency.bucket[i])
			json_array_append_new(buckets, json_pack("[I I]", (json_int_t)hist_lowest(i),
								 (json_int_t)p->latency.bucket[i]));
	return json_pack("{sI sI sI sf so}", "count", (json_int_t)p->latency.count, "min", (json_int_t)p->latency.min,
			 "max", (json_int_t)p->latency.max, "sum", p->latency.sum, "buckets", buckets);
}

static json_t *words_of(const json_t *line, const char **argv)
{
	const json_t *words = json_object_get(line, "ktstr_command"), *word;
	unsigned n = 0;
	size_t i;

	json_array_foreach((json_t *)words, i, word) if (n < WORDS_MAX - 1 && json_is_string(word))
		argv[n++] = json_string_value(word);
	argv[n] = NULL;
	return n ? json_incref((json_t *)words) : NULL;
}

/* What was run, how it ended, and what it printed. */
static json_t *about(const struct command_result *c, const json_t *line, json_t *words, const struct parsed *p,
		     bool found)
{
	static const char *const copied[] = { "exit_code", "signal", "stdout_bytes", "stderr_bytes", "truncated" };
	json_t *object = json_pack("{so}", "argv", words), *kept = json_object();

	for (unsigned i = 0; i < sizeof(copied) / sizeof(*copied); i++)
		json_object_set(object, copied[i], json_object_get(line, copied[i]));
	for (unsigned i = 0; i < COMMAND_OUTPUTS; i++)
		if (c->output[i].len)
			json_put_text(kept, outputs[i], c->output[i].text);
	json_object_set_new(object, "output", kept);
	json_put_text(object, "parser", c->parser ? c->parser->name : NULL);
	json_object_set_new(object, "parsed", json_boolean(found));
	if (*p->note)
		json_put_text(object, "note", p->note);
	if (p->left_out)
		json_put_count(object, "figures_left_out", p->left_out);
	return object;
}

static json_t *figures_of(const struct command_result *c, const json_t *line, const struct parsed *p)
{
	bool judged = p->metric || p->n || json_array_size(c->figures);
	json_t *figures = json_array();

	for (unsigned i = 0; i < p->n; i++)
		add_figure(figures, p->figure[i].name, p->figure[i].unit, p->figure[i].more_is_better,
			   p->figure[i].usual, p->figure[i].value);
	json_array_extend(figures, c->figures);
	for (unsigned i = 0; i < sizeof(used) / sizeof(*used); i++)
		add_figure(figures, used[i].name, used[i].unit, false, !judged && i == 0,
			   json_number_value(json_object_get(line, used[i].key)));
	return figures;
}

static json_t *entry_of(struct command_result *c, const json_t *line)
{
	const char **argv = calloc(WORDS_MAX, sizeof(*argv)), *name;
	char workload[64];
	struct parsed *p = calloc(1, sizeof(*p));
	json_t *words = argv && p ? words_of(line, argv) : NULL, *entry = NULL;
	bool found = false;

	if (words) {
		const unsigned order[] = { COMMAND_FILE, COMMAND_STDOUT, COMMAND_STDERR };

		for (unsigned i = 0; i < COMMAND_OUTPUTS && c->parser && !found; i++)
			found = parse(c, order[i], argv, p);
		name = strrchr(argv[0], '/');
		snprintf(workload, sizeof(workload), "%s", name && name[1] ? name + 1 : argv[0]);
		for (char *at = workload; *at; at++)
			*at = *at < ' ' || *at > '~' ? '?' : *at;
		entry = json_pack("{ss ss ss so so so sO*}", "workload", workload, "metric",
				  p->metric ? p->metric : "latency", "unit", "ns", "command",
				  about(c, line, words, p, found), "figures", figures_of(c, line, p), "histogram",
				  histogram_json(p), "window", json_object_get(line, "window"));
	}
	free(p);
	free(argv);
	return entry;
}

bool command_result_line(struct command_result *c, const json_t *line, json_t **entry)
{
	const char *from = json_string_value(json_object_get(line, "ktstr_output"));

	*entry = NULL;
	if (from) {
		keep_output(c, from, json_object_get(line, "text"));
		return true;
	}
	if (keep_own_figure(c, line))
		return true;
	if (!json_object_get(line, "ktstr_command"))
		return false;
	*entry = entry_of(c, line);
	return true;
}

void command_result_free(struct command_result *c)
{
	for (unsigned i = 0; i < COMMAND_OUTPUTS; i++)
		free(c->output[i].text);
	json_decref(c->figures);
	memset(c, 0, sizeof(*c));
}

/* --- for people --------------------------------------------------------- */

static const char *value_text(char text[64], const char *unit, double value)
{
	char number[SIZE_TEXT];

	if ((!strcmp(unit, "ns") || !strcmp(unit, "s")) && value >= 0 && value < 9e9)
		snprintf(text, 64, "%s", duration_format(number, (uint64_t)(!strcmp(unit, "s") ? value * 1e9 : value)));
	else if (!strcmp(unit, "ns") && value >= 0 && value < 9e18)
		snprintf(text, 64, "%s", duration_format(number, (uint64_t)value));
	else if (!strcmp(unit, "bytes") && value >= 0 && value < 9e18)
		snprintf(text, 64, "%s", size_format(number, (uint64_t)value));
	else
		snprintf(text, 64, "%s%s%s", number_format(number, value), *unit && *unit != '/' ? " " : "", unit);
	return text;
}

void command_result_print(FILE *f, const json_t *entry)
{
	const json_t *figures = json_object_get(entry, "figures"), *figure;
	const char *name = json_string_value(json_object_get(entry, "workload"));
	char text[64];
	size_t i;

	fprintf(f, "%-12s %-31s %18s  %s\n", "command", "figure", "value", "better");
	json_array_foreach((json_t *)figures, i, figure)
	{
		fprintf(f, "%-12.12s %-31s %18s  %s\n", i ? "" : name,
			json_string_value(json_object_get(figure, "name")),
			value_text(text, json_string_value(json_object_get(figure, "unit")),
				   json_number_value(json_object_get(figure, "value"))),
			json_is_true(json_object_get(figure, "more_is_better")) ? "more" : "less");
	}
}
