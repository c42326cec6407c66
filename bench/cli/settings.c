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
#include "bench/cli/table.h"
#include "bench/cli/words.h"

#define SETTINGS_MAX 256
#define PREFIX "KTSTR_"
#define SPEC_OPTION "spec" /* of all options, which is no setting */

/* Who speaks last: a lower rank gives way to any higher one. */
enum rank { OF_FILE, OF_SECTION, OF_ENVIRONMENT };

struct setting {
	char *name, *value;
	char *origin; /* FILE:LINE, or the variable's name */
	unsigned rank;
};

static struct setting settings[SETTINGS_MAX];
static unsigned n_settings;
static const struct setting *used[SETTINGS_MAX];
static unsigned n_used;
const struct settings_variable settings_variables[] = {
	{ "KTSTR_CACHE_DIR", "where kernels and QEMU are kept, instead of ~/.cache/ktstr" },
	{ "KTSTR_CONFIG", "the config file, instead of ~/.config/ktstr/config" },
	{ "KTSTR_DATA_DIR", "where baselines of ktstr bench are kept, instead of ~/.local/share/ktstr" },
	{ "KTSTR_LIBEXEC", "where guest-init, ktstr-scx and ktstr-workload lie, if not beside ktstr" },
	{ "KTSTR_LOCK_DIR", "where the locks of host CPUs lie, instead of /tmp" },
	{ "KTSTR_LOG_LINES", "lines that bench/run and tests/run show of a step that failed" },
	{ "KTSTR_MIRROR", "the mirror of ktstr kernel fetch, instead of the one in apt's sources" },
	{ "KTSTR_NESTED_CPUS", "CPUs of the nested host" },
	{ "KTSTR_NESTED_CPU_MODEL", "the nested host's CPU, as QEMU's -cpu has it" },
	{ "KTSTR_NESTED_MEMORY", "memory of the nested host" },
	{ "KTSTR_NESTED_TIMEOUT", "seconds within which the nested host must report" },
	{ "KTSTR_QEMU", "the QEMU of the nested host" },
	{ "KTSTR_SUITES", "the suites of ktstr kernel fetch, instead of those of Debian's stable and oldstable" },
	{ "KTSTR_BUILD_DIR", "where bench/run and tests/run build" },
	{ 0 },
};

const char settings_manual[] =
	"Options need not be typed. They may stand in ~/.config/ktstr/config, or in the environment:\n\n"
	"  # a comment\n"
	"  cpus = 4          an option by its long name, for run, shell and bench where they have it\n"
	"  net = yes         one that needs no value: yes or no\n"
	"  [bench]           what follows is for this verb alone\n"
	"  duration = 10s\n\n"
	"A value is the rest of its line; nothing is quoted. In the environment the first of these is KTSTR_CPUS=4, "
	"for run, "
	"shell and bench. The command line goes before the environment, that before the file's section of the verb, "
	"that "
	"before the file's top: an option given at one of these replaces all that the later ones say of it, and of "
	"what "
	"it "
	"contradicts (--topology a number of --cpus, --mode a --cpu-cap). An unknown "
	"name "
	"is an error that names its file and line. ktstr run --dry-run shows what comes of it all.\n";

/*
 * The nested host, guests and tests have variables of their own: each a whole name, or the beginning of many when it
 * ends in '_'. No option may have such a name.
 */
static const char *const others[] = { "NESTED", "NESTED_", "FRESH_", "GUEST_", "METRIC_FD", "SOCKET", "SCX", "TEST_" };

/* --- one setting -------------------------------------------------------- */

struct search {
	const char *name;
	const struct argp_option *found;
};

static bool match(void *ctx, const struct argp_option *o)
{
	struct search *s = ctx;

	if (o->name && !(o->flags & OPTION_HIDDEN) && !strcmp(o->name, s->name) && strcmp(o->name, SPEC_OPTION))
		s->found = o;
	return !s->found;
}

static const struct argp_option *find(const struct verb *v, const char *name)
{
	struct search s = { .name = name };

	cli_options(v->argp, match, &s);
	return s.found;
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

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n && strchr(" \t\r\n", s[n - 1]))
		s[--n] = '\0';
	return s;
}

static const struct verb *section_of(char *line, const char *origin)
{
	size_t n = strlen(line);
	const struct verb *v;

	if (line[n - 1] != ']')
		say_usage("%s: %s: no ] at its end; write a section as [run]", origin, line);
	line[n - 1] = '\0';
	v = verb_find(verbs, trim(line + 1));
	if (!v)
		say_usage("%s: [%s]: no such section; use a verb's name, such as [run]", origin, trim(line + 1));
	return v;
}

/*
 * By hand, not by libinih: as Debian builds it, it cuts a line after 199 bytes without a word (the rest is taken for a
 * line of its own), and a value at " ;". Kernel command lines are longer, and may hold both.
 */
static void read_line(char *line, const char *origin, const struct verb *verb, const struct verb **section)
{
	char *equals, *name, *value;

	line = trim(line);
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
	name = trim(line);
	value = trim(equals + 1);
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
	const struct argp_option *o = find(verb, s->name);

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
	if (words_typed(verb, argc, argv, s->name))
		return true;
	for (unsigned i = 0; i < sizeof(rivals) / sizeof(*rivals); i++)
		if ((value = words_typed(verb, argc, argv, rivals[i])) && contradicts(rivals[i], value, s))
			return true;
	return false;
}

static char *word_of(const struct verb *verb, const struct setting *s)
{
	const struct argp_option *o = find(verb, s->name);
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

char **settings_words(const struct verb *verb, int *argc, char **argv)
{
	static char **words; /* static: reachable to the process's end */
	char **by_spec;
	int n = 2;

	if (words_ask_for_help(verb, *argc, argv))
		return argv;
	/* What the spec does not say has its default, and none of the settings. */
	by_spec = words_put_first(verb, *argc, argv, SPEC_OPTION);
	if (by_spec)
		return by_spec;
	read_files(verb);
	for (char **e = environ; *e; e++)
		if (!strncmp(*e, PREFIX, strlen(PREFIX)))
			read_variable(*e, verb);
	words = calloc((size_t)*argc + n_settings + 1, sizeof(*words));
	if (!words)
		say_usage("out of memory; free some");
	words[0] = argv[0];
	words[1] = argv[1];
	for (unsigned i = 0; i < n_settings; i++) {
		const struct setting *s = &settings[i];
		const struct argp_option *o;

		if (outranked(s, verb, *argc, argv))
			continue;
		o = find(verb, s->name);
		if ((!o->arg || o->flags & OPTION_ARG_OPTIONAL) && !given(o, s))
			continue;
		words[n++] = word_of(verb, s);
		used[n_used++] = s;
	}
	for (int i = 2; i < *argc; i++)
		words[n++] = argv[i];
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
