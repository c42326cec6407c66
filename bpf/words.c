/* SPDX-License-Identifier: GPL-2.0-only */
#include "bpf/words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\n"

/*
 * Copy the word at *@text, which is no blank, to @to with a NUL (@to NULL: skip it), and advance *@text past it.
 * Returns NULL if the word does not end.
 */
static char *take_word(const char **text, char *to)
{
	const char *p = *text;
	char quote = '\0';

	for (; *p && (quote || !strchr(BLANKS, *p)); p++) {
		if (quote ? *p == quote : *p == '\'' || *p == '"') {
			quote = quote ? '\0' : *p;
			continue;
		}
		if (*p == '\\' && (!quote || (quote == '"' && p[1] && strchr("\"\\$`", p[1])))) {
			if (!*++p)
				return NULL;
		}
		if (to)
			*to++ = *p;
	}
	*text = p;
	if (quote)
		return NULL;
	if (to)
		*to++ = '\0';
	return to;
}

char **words_split(const char *text)
{
	size_t size = strlen(text), n = 0;
	/* Each word takes at least two characters of the text, the last at least one. */
	char **words = malloc((size / 2 + 2) * sizeof(*words) + size + 1), *to;

	if (!words)
		return NULL;
	to = (char *)(words + size / 2 + 2);
	for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
		words[n++] = to;
		to = take_word(&text, to);
		if (!to) {
			free(words);
			errno = EINVAL;
			return NULL;
		}
	}
	words[n] = NULL;
	return words;
}

size_t words_first(const char *text)
{
	const char *end = text + strspn(text, BLANKS);

	take_word(&end, NULL);
	return (size_t)(end - text);
}

char *words_quote(const char *word)
{
	char *quoted = malloc(4 * strlen(word) + 3), *to = quoted;

	if (!quoted)
		return NULL;
	*to++ = '\'';
	for (; *word; word++) {
		if (*word == '\'') {
			memcpy(to, "'\\''", 4);
			to += 4;
		} else {
			*to++ = *word;
		}
	}
	strcpy(to, "'");
	return quoted;
}
