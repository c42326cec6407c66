/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/report/html.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* The length of the character at @s; 0: it is not one of UTF-8, or none that XML may have. */
static unsigned character(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned n = *s < 0x80 ? 1 : *s >> 5 == 6 ? 2 : *s >> 4 == 14 ? 3 : *s >> 3 == 30 ? 4 : 0;
	uint32_t c = n > 1 ? *s & (0x7f >> n) : *s;

	for (unsigned i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (!n || c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || (c & 0xfffe) == 0xfffe)
		return 0;
	/* Those that turn the direction of text could make a name look like another one. */
	if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
		return 0;
	return (c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7f && c < 0xa0) ? 0 : n;
}

void html_text(FILE *f, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned n;

	for (; *s; s += n ? n : 1) {
		n = character(s);
		if (!n)
			fputs(REPLACEMENT, f);
		else if (*s == '<')
			fputs("&lt;", f);
		else if (*s == '>')
			fputs("&gt;", f);
		else if (*s == '&')
			fputs("&amp;", f);
		else if (*s == '"')
			fputs("&quot;", f);
		else if (*s == '\'')
			fputs("&#39;", f);
		else
			fwrite(s, 1, n, f);
	}
}

void html_name(FILE *f, const char *name)
{
	char part[128];

	while (*name) {
		size_t n = strcspn(name, "._");

		n += name[n] != '\0';
		n = n < sizeof(part) ? n : sizeof(part) - 1;
		snprintf(part, sizeof(part), "%.*s", (int)n, name);
		html_text(f, part);
		name += n;
		if (*name)
			fputs("<wbr/>", f);
	}
}

void html_print(FILE *f, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	html_text(f, text);
}

void html_attr(FILE *f, const char *name, const char *text)
{
	fprintf(f, " %s=\"", name);
	html_text(f, text);
	fputc('"', f);
}

void html_element(FILE *f, const char *tag, const char *text)
{
	fprintf(f, "<%s>", tag);
	html_text(f, text);
	fprintf(f, "</%s>", tag);
}

void html_value(FILE *f, double value)
{
	if (isfinite(value))
		fprintf(f, " data-value=\"%.12g\"", value);
	else
		fputs(" data-value=\"null\"", f);
}
