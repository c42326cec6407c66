/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

/* Bytes of the UTF-8 character at @s, 0 if there is none. */
static unsigned character(const unsigned char *s)
{
	unsigned n = *s < 0x80		       ? 1
		     : *s >= 0xc2 && *s < 0xe0 ? 2
		     : *s >= 0xe0 && *s < 0xf0 ? 3
		     : *s >= 0xf0 && *s < 0xf5 ? 4
					       : 0;

	for (unsigned i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be, surrogates, beyond the last. */
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] >= 0xa0) || (*s == 0xf0 && s[1] < 0x90) ||
	    (*s == 0xf4 && s[1] >= 0x90))
		return 0;
	return n;
}

void text_clean(char *out, size_t size, const char *in)
{
	const unsigned char *s = (const unsigned char *)in;
	size_t at = 0;

	while (*s) {
		unsigned n = character(s);
		bool bad = !n || *s < 0x20 || *s == 0x7f || (*s == 0xc2 && s[1] < 0xa0);

		n = n ? n : 1;
		if (at + (bad ? 1 : n) >= size)
			break;
		if (bad)
			out[at++] = '?';
		for (unsigned i = 0; i < n && !bad; i++)
			out[at++] = (char)s[i];
		s += n;
	}
	out[at] = '\0';
}

void text_words(struct text_lines *l, const char *fmt, ...)
{
	char text[4096], *s = text;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	while (*(s += strspn(s, " "))) {
		unsigned n = (unsigned)strcspn(s, " ");

		if (l->at > l->indent && l->at + 1 + n > l->width) {
			fprintf(l->f, "\n%*s", (int)l->indent, "");
			l->at = l->indent;
		} else if (l->at && *s != ',') {
			fputc(' ', l->f);
			l->at++;
		}
		fprintf(l->f, "%.*s", (int)n, s);
		l->at += n;
		s += n;
	}
}

void text_end(struct text_lines *l)
{
	if (l->at)
		fputc('\n', l->f);
	l->at = 0;
}

const char *text_value(char text[SIZE_TEXT + 8], const char *unit, double value)
{
	char number[SIZE_TEXT];

	if (!strcmp(unit, "ns") && value >= 0 && value < 9e18)
		snprintf(text, SIZE_TEXT + 8, "%s", duration_format(number, (uint64_t)value));
	else if (!isfinite(value))
		snprintf(text, SIZE_TEXT + 8, "n/a");
	else if (fabs(value) < 100 && value != floor(value))
		snprintf(text, SIZE_TEXT + 8, "%.3g%s%.7s", value, *unit && *unit != '/' ? " " : "", unit);
	else
		snprintf(text, SIZE_TEXT + 8, "%s%s%.7s", number_format(number, value),
			 *unit && *unit != '/' ? " " : "", unit);
	return text;
}

const char *text_percent(char text[16], double part)
{
	double percent = 100 * part;

	if (!isfinite(percent))
		snprintf(text, 16, "n/a");
	else
		snprintf(text, 16,
			 fabs(percent) < 99.95	   ? "%+.1f"
			 : fabs(percent) < 99999.5 ? "%+.0f"
						   : "%+.0e",
			 percent);
	return text;
}

const char *text_bound(char text[16], double part)
{
	if (fabs(part) < 0.0995)
		return text_percent(text, part);
	snprintf(text, 16, fabs(part) < 1000 ? "%+.0f" : "%+.0e", 100 * part);
	return text;
}

void text_xml(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '&')
			fputs("&amp;", f);
		else if (*s == '<')
			fputs("&lt;", f);
		else if (*s == '>')
			fputs("&gt;", f);
		else if (*s == '"')
			fputs("&quot;", f);
		else
			fputc(*s, f);
	}
}

void text_csv(FILE *f, const char *s)
{
	bool plain = !strpbrk(s, ",\"\r\n");

	if (!plain)
		fputc('"', f);
	for (; *s; s++) {
		if (*s == '"')
			fputc('"', f);
		fputc(*s, f);
	}
	if (!plain)
		fputc('"', f);
}

void text_shell_word(char *out, size_t size, const char *word)
{
	size_t at = 0;
	bool plain = *word &&
		     !word[strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789%+,-./:=@_")];

	if (plain) {
		snprintf(out, size, "%s", word);
		return;
	}
	for (out[at++] = '\''; *word && at + 6 < size; word++) {
		if (*word == '\'') {
			memcpy(out + at, "'\\''", 4);
			at += 4;
		} else {
			out[at++] = *word;
		}
	}
	out[at++] = '\'';
	out[at] = '\0';
}
