/* SPDX-License-Identifier: GPL-2.0-only */
/* Values of the dimensions, as users spell them, and their labels. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "bench/base/file.h"
#include "bench/matrix/matrix.h"
#include "bpf/words.h"

/* --- labels ------------------------------------------------------------- */

static bool has_label(const struct matrix_list *list, const char *label)
{
	for (unsigned i = 0; i < list->n; i++)
		if (!strcmp(list->value[i].label, label))
			return true;
	return false;
}

/* Labels become names of files, and keys are made of them with '+' between. */
static void set_label(const struct matrix_list *list, const char *name, char label[MATRIX_LABEL_MAX])
{
	char plain[MATRIX_LABEL_MAX - 8];
	unsigned n = 0;

	for (; *name && n + 1 < sizeof(plain); name++, n++) {
		bool is_plain = isalnum((unsigned char)*name) || *name == '_' || (n && strchr("._=,", *name));

		plain[n] = is_plain ? *name : '-';
	}
	plain[n] = '\0';
	snprintf(label, MATRIX_LABEL_MAX, "%s", n ? plain : "none");
	for (unsigned i = 2; has_label(list, label); i++)
		snprintf(label, MATRIX_LABEL_MAX, "%s-%u", n ? plain : "none", i);
}

int matrix_add(struct matrix *m, enum matrix_dimension d, const char *text, const char *name)
{
	struct matrix_list *list = &m->list[d];
	struct matrix_value *v = &list->value[list->n];

	if (list->n == MATRIX_VALUES_MAX)
		return -E2BIG;
	v->text = strdup(text);
	if (!v->text)
		return -ENOMEM;
	set_label(list, name, v->label);
	list->n++;
	return 0;
}

/* --- schedulers --------------------------------------------------------- */

static bool is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* The file's name in the first word of @text, without what says that it is a BPF object. */
static void scheduler_name(const char *text, char *name, size_t size)
{
	char **words = is_file(text) ? NULL : words_split(text);
	const char *first = words && words[0] ? words[0] : text, *slash = strrchr(first, '/');
	char *end;

	snprintf(name, size, "%s", slash ? slash + 1 : first);
	end = strstr(name, ".bpf.o");
	if (end && end != name && !end[strlen(".bpf.o")])
		*end = '\0';
	free(words);
}

/* "PATH:ARGUMENTS" becomes "'PATH' ARGUMENTS", to free(); NULL: it is none. */
static char *split_arguments(const char *text)
{
	const char *colon = is_file(text) ? NULL : strchr(text, ':');
	char *path = colon ? strndup(text, (size_t)(colon - text)) : NULL, *quoted = NULL, *whole = NULL;

	if (path && is_file(path))
		quoted = words_quote(path);
	if (quoted && asprintf(&whole, "%s %s", quoted, colon + 1) < 0)
		whole = NULL;
	free(quoted);
	free(path);
	return whole;
}

/* @name: of a profile, or NULL. */
static int add_one(struct matrix *m, const char *text, const char *name, char *why, unsigned size)
{
	char *split = split_arguments(text), own[256];
	int rc;

	if (!strcasecmp(text, MATRIX_EEVDF)) {
		text = MATRIX_EEVDF;
		snprintf(own, sizeof(own), MATRIX_EEVDF);
	} else {
		if (split)
			text = split;
		scheduler_name(text, own, sizeof(own));
	}
	rc = matrix_add(m, MATRIX_SCHEDULERS, text, name ? name : own);
	free(split);
	if (rc == -E2BIG)
		snprintf(why, size, "more than %d schedulers", MATRIX_VALUES_MAX);
	else if (rc)
		snprintf(why, size, "out of memory");
	return rc;
}

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n && strchr(" \t\r", s[n - 1]))
		s[--n] = '\0';
	return s;
}

/* A line of a profile file. 1: a scheduler was added; 0: none; or -errno. */
static int take_profile(struct matrix *m, char *line, const char *wanted, char *why, unsigned size)
{
	char *equals, *name, *value;
	int rc;

	line = trim(line);
	if (!*line || *line == '#')
		return 0;
	equals = strchr(line, '=');
	if (!equals) {
		snprintf(why, size, "not NAME = WORDS: %.60s", line);
		return -EINVAL;
	}
	*equals = '\0';
	name = trim(line);
	value = trim(equals + 1);
	if (!*name || !*value) {
		snprintf(why, size, "a profile without a %s", *name ? "value" : "name");
		return -EINVAL;
	}
	if (wanted && strcmp(wanted, name) != 0)
		return 0;
	rc = add_one(m, value, name, why, size);
	return rc ? rc : 1;
}

static int add_profiles(struct matrix *m, const char *path, const char *wanted, char *why, unsigned size)
{
	char *text = file_read_text(path, NULL), *next = text, *line, reason[256] = "";
	unsigned number = 0, found = 0;
	int rc = 0;

	if (!text) {
		snprintf(why, size, "%s: %s; name a file of profiles, lines NAME = WORDS", path, strerror(errno));
		return -EINVAL;
	}
	while (rc >= 0 && (line = strsep(&next, "\n"))) {
		number++;
		rc = take_profile(m, line, wanted, reason, sizeof(reason));
		found += rc > 0;
	}
	free(text);
	if (rc < 0)
		snprintf(why, size, "%s:%u: %s", path, number, reason);
	else if (!found)
		snprintf(why, size, "%s: has no profile%s%s; write it as NAME = WORDS", path, wanted ? " " : "",
			 wanted ? wanted : "");
	return rc < 0 ? rc : found ? 0 : -EINVAL;
}

int matrix_add_scheduler(struct matrix *m, const char *text, char *why, unsigned size)
{
	const char *colon;
	char *path;
	int rc;

	if (!*text) {
		snprintf(why, size, "is empty; use eevdf, a program, or what --scheduler takes");
		return -EINVAL;
	}
	if (*text != '@')
		return add_one(m, text, NULL, why, size);
	colon = is_file(text + 1) ? NULL : strrchr(text, ':');
	path = strndup(text + 1, colon ? (size_t)(colon - text) - 1 : strlen(text));
	if (!path) {
		snprintf(why, size, "out of memory");
		return -ENOMEM;
	}
	rc = add_profiles(m, path, colon ? colon + 1 : NULL, why, size);
	free(path);
	return rc;
}
