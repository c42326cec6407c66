/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A command in one text, as a shell would split it: words are separated by
 * blanks; '...' takes all as it is, "..." all but \" \\ \$ and \`, and outside
 * of quotes \ takes the next character as it is. Nothing is expanded.
 */
#ifndef KTSTR_BPF_WORDS_H
#define KTSTR_BPF_WORDS_H

#include <stddef.h>

/*
 * The words of @text, NULL-terminated, in one block to free(). NULL with errno
 * EINVAL: a quote is not closed, or \ stands at the end; ENOMEM.
 */
char **words_split(const char *text);
/* The length of the first word of @text as it is written there, quotes and leading blanks with it. */
size_t words_first(const char *text);
/* @word quoted so that words_split() returns it as one word. To free(); NULL: out of memory. */
char *words_quote(const char *word);

#endif
