/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/cli/settings.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/say.h"
#include "bench/cli/job.h"
#include "bench/cli/line.h"
#include "bench/cli/table.h"
#include "bench/cli/words.h"

#define SETTINGS_MAX 256
#define PREFIX "KTSTR_"

/* Who speaks last: a lower rank gives way to any higher one. */
enum rank { OF_FILE, OF_SECTION, OF_JOB, OF_ENVIRONMENT };

struct setting {
	char *name, *value;
	char *origin; /* FILE:LINE, or the variable's name */
	unsigned rank;
};

static struct setting settings[SETTINGS_MAX];
static unsigned n_settings;
static const struct setting *used[SETTINGS_MAX];
static unsigned n_used;
/*
 * The nested host, guests and tests have variables of their own: each a whole name, or the beginning of many when it
 * ends in '_'. No option may have such a name.
 */
static const char *const others[] = { "NESTED", "NESTED_", "FRESH_", "GUEST_", "METRIC_FD", "SOCKET", "SCX", "TEST_" };

/* --- one setting -------------------------------------------------------- */

/* The sub-verb that was asked for: a job file may have its options too. NULL: none. */
static const struct verb *subverb;
/* Options that are none of the settings: they say where to read others. */
static const char *const typed_only[] = { "spec", "job" };

static bool is_typed_only(const char *name)
{
	for (size_t i = 0; i < sizeof(typed_only) / sizeof(*typed_only); i++)
		if (!strcmp(name, typed_only[i]))
			return true;
	return false;
}

struct search {
	const char *name;
	const struct argp_option *found;
};

static bool match(void *ctx, const struct argp_option *o)
{
	struct search *s = ctx;

	if (o->name && !(o->flags & OPTION_HIDDEN) && !strcmp(o->name, s->name) && !is_typed_only(o->name))
		s->found = o;
	return !s->found;
}

static const struct argp_option *find(const struct verb *v, const char *name)
{
	struct search s = { .name = name };

	cli_options(v->argp, match, &s);
	return s.found;
}

/* That of the sub-verb, or of @v. */
static const struct argp_option *find_own(const struct verb *v, const char *name)
{
	const struct argp_option *o = subverb ? find(subverb, name) : NULL;

	return o ? o : find(v, name);
}

static bool known(const char *name)
{
	for (const struct verb *v = verbs; v->name; v++)
		if (v->flags & VERB_MACHINE && find(v, name))
			return true;
	return false;
}

const struct verb *verb_find(const struct verb *list, const char *name)
{
	for (const struct verb *v = list; v->name; v++)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}

/* 1 or 0; -1: it says neither. */
static int truth(const struct setting *s)
{
	static const char *const yes[] = { "yes", "true", "on", "1" }, *const no[] = { "no", "false", "off", "0" };

	for (unsigned i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		if (!strcasecmp(s->value, yes[i]))
			return 1;
		if (!strcasecmp(s->value, no[i]))
			return 0;
	}
	return -1;
}

/* Of an option that takes no value, or need have none: whether it is given. */
static bool given(const struct argp_option *o, const struct setting *s)
{
	int is = truth(s);

	if (is < 0 && !o->arg)
		say_usage("%s: %s = %s: takes no value; use yes or no", s->origin, s->name, s->value);
	return is != 0;
}

static void add(const char *name, const char *value, enum rank rank, const char *origin)
{
	struct setting *s = &settings[n_settings];

	if (n_settings == SETTINGS_MAX)
		say_usage("%s: %s: more settings than fit; use at most %d", origin, name, SETTINGS_MAX);
	*s = (struct setting){ .name = strdup(name), .value = strdup(value), .origin = strdup(origin), .rank = rank };
	if (!s->name || !s->value || !s->origin)
		say_usage("%s: out of memory; free some", origin);
	n_settings++;
}

/* --- where they come from ----------------------------------------------- */

static const struct verb *section_of(char *line, const char *origin)
{
	size_t n = strlen(line);
	const struct verb *v;

	if (line[n - 1] != ']')
		say_usage("%s: %s: no ] at its end; write a section as [run]", origin, line);
	line[n - 1] = '\0';
	v = verb_find(verbs, line_trim(line + 1));
	if (!v)
		say_usage("%s: [%s]: no such section; use a verb's name, such as [run]", origin, line_trim(line + 1));
	return v;
}

/*
 * By hand, not by libinih: as Debian builds it, it cuts a line after 199 bytes without a word (the rest is taken for a
 * line of its own), and a value at " ;". Kernel command lines are longer, and may hold both.
 */
static void read_line(char *line, const char *origin, const struct verb *verb, const struct verb **section)
{
	char *equals, *name, *value;

	line = line_trim(line);
	if (!*line || *line == '#' || *line == ';')
		return;
	if (*line == '[') {
		*section = section_of(line, origin);
		return;
	}
	equals = strchr(line, '=');
	if (!equals)
		say_usage("%s: %.80s: neither NAME = VALUE nor [VERB]; see man ktstr", origin, line);
	*equals = '\0';
	name = line_trim(line);
	value = line_trim(equals + 1);
	if (*section ? !find(*section, name) : !known(name))
		say_usage("%s: %s: no such setting; use the name of an option, see ktstr %s --help", origin, name,
			  *section ? (*section)->name : "run");
	if (*section ? *section == verb : verb->flags & VERB_MACHINE && find(verb, name))
		add(name, value, *section ? OF_SECTION : OF_FILE, origin);
}

static void read_file(const char *path, bool must_exist, const struct verb *verb)
{
	char *line = NULL, origin[PATH_MAX + 24];
	const struct verb *section = NULL;
	FILE *f = fopen(path, "re");
	size_t size = 0;

	if (!f && errno == ENOENT && !must_exist)
		return;
	for (unsigned n = 1; f && getline(&line, &size, f) >= 0; n++) {
		snprintf(origin, sizeof(origin), "%s:%u", path, n);
		read_line(line, origin, verb, &section);
	}
	if (!f || ferror(f))
		say_usage("%s: can't be read: %s; name another by KTSTR_CONFIG", path, strerror(errno));
	free(line);
	fclose(f);
}

static void read_files(const struct verb *verb)
{
	const char *named = getenv("KTSTR_CONFIG"), *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char path[PATH_MAX];

	if (named && *named)
		read_file(named, true, verb);
	else if (xdg && *xdg && snprintf(path, sizeof(path), "%s/ktstr/config", xdg) < PATH_MAX)
		read_file(path, false, verb);
	else if (home && *home && snprintf(path, sizeof(path), "%s/.config/ktstr/config", home) < PATH_MAX)
		read_file(path, false, verb);
}

/* Of @n bytes without the value. */
static bool no_option(const char *variable, size_t n)
{
	const char *name = variable + strlen(PREFIX);
	size_t len = n - strlen(PREFIX);

	for (const struct settings_variable *v = settings_variables; v->name; v++)
		if (strlen(v->name) == n && !memcmp(v->name, variable, n))
			return true;
	for (unsigned i = 0; i < sizeof(others) / sizeof(*others); i++) {
		size_t part = strlen(others[i]);

		if (len >= part && !memcmp(name, others[i], part) && (len == part || others[i][part - 1] == '_'))
			return true;
	}
	return false;
}

static void read_variable(const char *text, const struct verb *verb)
{
	const char *value = strchr(text, '=');
	char variable[64], name[64];
	size_t n = value ? (size_t)(value - text) : 0;

	if (!n || !value[1] || no_option(text, n))
		return;
	if (n >= sizeof(variable))
		say_usage("%.*s: no such setting; use an option's name as in KTSTR_CPUS for --cpus", (int)n, text);
	memcpy(variable, text, n);
	variable[n] = '\0';
	for (size_t i = strlen(PREFIX); i <= n; i++)
		name[i - strlen(PREFIX)] = variable[i] == '_' ? '-' : (char)tolower(variable[i]);
	if (!known(name))
		say_usage("%s: no such setting; use an option's name as in KTSTR_CPUS for --cpus", variable);
	if (verb->flags & VERB_MACHINE && find(verb, name))
		add(name, value + 1, OF_ENVIRONMENT, variable);
}

/* Options of a job file: of the verb, of its sub-verb that was asked for, or of another one, for which it is left. */
static void read_job(const char *path, const struct verb *verb, struct job_file *job)
{
	job_read(path, job);
	for (unsigned i = 0; i < job->n_options; i++) {
		const struct job_option *o = &job->option[i];
		const struct verb *other = verb->verbs;

		if (find_own(verb, o->name)) {
			add(o->name, o->value, OF_JOB, o->origin);
			continue;
		}
		while (other && other->name && !find(other, o->name))
			other++;
		if (!other || !other->name)
			say_usage("%s: %s: no such option; see ktstr bench --help", o->origin, o->name);
	}
}

/* --- which of them count ------------------------------------------------ */

/* Whether the mem= of a shape leaves nothing to share: "-" is a node's share of the rest. */
static bool gives_all_memory(const char *shape)
{
	const char *mem = strstr(shape, ":mem=");

	return mem && !memchr(mem, '-', 1 + strcspn(mem + 1, ":"));
}

/* Options that speak of the same thing, by what they say of it. */
static const char *const rivals[] = { "topology", "cpus", "memory", "mode", "no-perf-mode", "cpu-cap" };

/* Whether @name with @value and @s can't both be: a user could not take back what he did not type. */
static bool contradicts(const char *name, const char *value, const struct setting *s)
{
	if (!strcmp(name, "topology"))
		return !strcmp(s->name, "cpus") || (!strcmp(s->name, "memory") && gives_all_memory(value));
	if (!strcmp(name, "cpus"))
		return !strcmp(s->name, "topology");
	if (!strcmp(name, "memory"))
		return !strcmp(s->name, "topology") && gives_all_memory(s->value);
	if (!strcmp(name, "mode"))
		return !strcmp(s->name, "no-perf-mode") || (!strcmp(s->name, "cpu-cap") && strcmp(value, "shared"));
	return (!strcmp(name, "no-perf-mode") || !strcmp(name, "cpu-cap")) && !strcmp(s->name, "mode");
}

/* "no" to an option without a value says only that it is not given. */
static bool says_no(const struct verb *verb, const struct setting *s)
{
	const struct argp_option *o = find_own(verb, s->name);

	return (!o->arg || o->flags & OPTION_ARG_OPTIONAL) && !truth(s);
}

/* Whether what somebody of a higher rank says, and counts itself, leaves no room for @s. */
static bool outranked(const struct setting *s, const struct verb *verb, int argc, char **argv)
{
	const char *value;

	for (unsigned i = 0; i < n_settings; i++) {
		const struct setting *other = &settings[i];

		if (other->rank <= s->rank)
			continue;
		/* Replaced, whatever becomes of what replaced it. */
		if (!strcmp(other->name, s->name))
			return true;
		if (!says_no(verb, other) && contradicts(other->name, other->value, s) &&
		    !outranked(other, verb, argc, argv))
			return true;
	}
	if (words_typed(verb, argc, argv, s->name) || (subverb && words_typed(subverb, argc, argv, s->name)))
		return true;
	for (unsigned i = 0; i < sizeof(rivals) / sizeof(*rivals); i++)
		if ((value = words_typed(verb, argc, argv, rivals[i])) && contradicts(rivals[i], value, s))
			return true;
	return false;
}

static char *word_of(const struct verb *verb, const struct setting *s)
{
	const struct argp_option *o = find_own(verb, s->name);
	char *word;
	int n;

	if (!o->arg || (o->flags & OPTION_ARG_OPTIONAL && truth(s) == 1))
		n = asprintf(&word, "--%s", s->name);
	else
		n = asprintf(&word, "--%s=%s", s->name, s->value);
	if (n < 0)
		say_usage("%s: out of memory; free some", s->origin);
	return word;
}

/* An error that begins with "--NAME VALUE" or "NAME VALUE" is about a setting: what the user typed has none. */
static const char *origin(const char *message)
{
	const char *best = NULL;

	message += strncmp(message, "--", 2) ? 0 : 2;
	for (unsigned i = 0; i < n_used; i++) {
		const struct setting *s = used[i];
		size_t n = strlen(s->name);

		if (strncmp(message, s->name, n) || !message[n] || !strchr(" :=", message[n]))
			continue;
		if (!best || strstr(message + n, s->value))
			best = s->origin;
	}
	return best;
}

/* What counts of the settings, as options in @words. How many there are. */
static int take_settings(const struct verb *verb, int argc, char **argv, char **words)
{
	int n = 0;

	for (unsigned i = 0; i < n_settings; i++) {
		const struct setting *s = &settings[i];
		const struct argp_option *o;

		if (outranked(s, verb, argc, argv))
			continue;
		o = find_own(verb, s->name);
		if ((!o->arg || o->flags & OPTION_ARG_OPTIONAL) && !given(o, s))
			continue;
		words[n++] = word_of(verb, s);
		used[n_used++] = s;
	}
	return n;
}

char **settings_words(const struct verb *verb, const struct verb *sub, int *argc, char **argv)
{
	static char **words; /* static: reachable to the process's end */
	static struct job_file job;
	const char *job_path = words_typed(verb, *argc, argv, "job");
	char **by_spec;
	int n = 2;

	subverb = sub;
	if (words_ask_for_help(verb, *argc, argv))
		return argv;
	/* What the spec does not say has its default, and none of the settings. */
	by_spec = words_put_first(verb, *argc, argv, "spec");
	if (by_spec && job_path)
		say_usage("--job %s: a spec says all that a job could; leave out one of them", job_path);
	if (by_spec)
		return by_spec;
	read_files(verb);
	for (char **e = environ; *e; e++)
		if (!strncmp(*e, PREFIX, strlen(PREFIX)))
			read_variable(*e, verb);
	if (job_path)
		read_job(job_path, verb, &job);
	words = calloc((size_t)*argc + n_settings + JOB_WORKLOADS_MAX + JOB_COMMAND_MAX + 2, sizeof(*words));
	if (!words)
		say_usage("out of memory; free some");
	words[0] = argv[0];
	words[1] = argv[1];
	n += take_settings(verb, *argc, argv, words + n);
	if (words_name_work(verb, sub, *argc, argv))
		job.n_workloads = 0, job.command = NULL;
	for (unsigned i = 0; i < job.n_workloads; i++)
		words[n++] = job.workload[i];
	/* All is here that the job says: whoever is handed these words need not have the file. */
	n += words_without(verb, *argc, argv, "job", words + n);
	if (job.command)
		words[n++] = (char *)"--";
	for (char **w = job.command; w && *w; w++)
		words[n++] = *w;
	*argc = n;
	say_origin = origin;
	return words;
}

json_t *settings_json(void)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n_used; i++)
		json_array_append_new(list, json_pack("{ss ss ss}", "name", used[i]->name, "value", used[i]->value,
						      "origin", used[i]->origin));
	return list;
}
