/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/parsers/internal.h"

#define NS_MAX 9e18
#define SAMPLES_MAX 9e15 /* whole numbers of a double */

/* --- figures ------------------------------------------------------------ */

static bool is_taken(const struct parsed *out, const char *name)
{
	for (unsigned i = 0; i < out->n; i++)
		if (!strcmp(out->figure[i].name, name))
			return true;
	return false;
}

static void keep_name(char *name)
{
	for (; *name; name++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:/-#", *name))
			*name = '_';
}

void parsed_add(struct parsed *out, const char *name, const char *unit, int flags, double value)
{
	struct parsed_figure *f = &out->figure[out->n];
	char base[PARSED_NAME_SIZE - 4];

	if (!isfinite(value))
		return;
	if (out->n == PARSED_FIGURES_MAX) {
		out->left_out++;
		return;
	}
	snprintf(base, sizeof(base), "%s", name);
	keep_name(base);
	snprintf(f->name, sizeof(f->name), "%s", base);
	for (unsigned n = 2; is_taken(out, f->name); n++)
		snprintf(f->name, sizeof(f->name), "%s#%u", base, n);
	snprintf(f->unit, sizeof(f->unit), "%s", unit);
	f->more_is_better = flags & MORE;
	f->usual = flags & USUAL;
	f->value = value;
	out->n++;
}

void parsed_sample(struct parsed *out, const char *metric, double ns, double n)
{
	if (!(ns >= 0 && ns < NS_MAX && n >= 1 && n < SAMPLES_MAX) || out->latency.count > (uint64_t)SAMPLES_MAX)
		return;
	out->metric = metric;
	hist_record_n(&out->latency, (uint64_t)ns, (uint64_t)n);
}

void parsed_note(struct parsed *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out->note, sizeof(out->note), fmt, ap);
	va_end(ap);
}

/* --- lines -------------------------------------------------------------- */

struct parser_lines lines_of(const struct parser_text *in)
{
	return (struct parser_lines){ .at = in->text, .end = in->text + in->len };
}

bool lines_next(struct parser_lines *l)
{
	const char *end;
	size_t n = 0;

	if (l->at == l->end)
		return false;
	end = memchr(l->at, '\n', (size_t)(l->end - l->at));
	for (const char *p = l->at; p < (end ? end : l->end) && n + 1 < sizeof(l->line); p++) {
		char c = *p == '\t' || *p == '\r' ? ' ' : *p;

		if (c == ' ' && !n)
			continue;
		l->line[n++] = c < ' ' || c > '~' ? '?' : c;
	}
	while (n && l->line[n - 1] == ' ')
		n--;
	l->line[n] = '\0';
	l->at = end ? end + 1 : l->end;
	return true;
}

unsigned line_words(char *line, char **words, unsigned max)
{
	unsigned n = 0;
	char *save = NULL;

	for (char *w = strtok_r(line, " ", &save); w && n < max; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	return n;
}

bool word_number(const char *word, double *value)
{
	char *end;

	/* Not "nan", "inf" and hexadecimal. */
	if (!*word || strspn(word, "0123456789+-.eE") != strlen(word))
		return false;
	*value = strtod(word, &end);
	return !*end && isfinite(*value);
}

const char *line_after(const char *line, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(line, prefix, n) ? NULL : line + n + strspn(line + n, " ");
}

bool text_number(const char *text, double *value)
{
	size_t n = strcspn(text, "0123456789");
	char word[64];

	if (!text[n])
		return false;
	n -= n && (text[n - 1] == '-' || text[n - 1] == '.');
	snprintf(word, sizeof(word), "%.*s", (int)strspn(text + n, "0123456789-.eE+"), text + n);
	return word_number(word, value);
}

/* --- JSON --------------------------------------------------------------- */

/* Programs print warnings before it, and after it. */
json_t *text_json(const struct parser_text *in)
{
	const char *at = in->text, *end = in->text + in->len;

	for (unsigned tries = 0; at < end && tries < 16;) {
		json_t *json;

		if (*at == '{') {
			json = json_loadb(at, (size_t)(end - at), JSON_DISABLE_EOF_CHECK, NULL);
			if (json_is_object(json))
				return json;
			json_decref(json);
			tries++;
		}
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at)
			return NULL;
		at++;
	}
	return NULL;
}

double json_number_of(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

bool argv_has(const struct parser_text *in, char letter, const char *name)
{
	for (const char *const *a = in->argv; a && *a; a++) {
		if (!strcmp(*a, name))
			return true;
		if ((*a)[0] == '-' && (*a)[1] != '-' &&
		    strspn(*a + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(*a + 1) &&
		    strchr(*a + 1, letter))
			return true;
	}
	return false;
}
