/* SPDX-License-Identifier: GPL-2.0-only */
/* A list of words that owns them. All zero is the empty one. */
#ifndef KTSTR_BENCH_SPEC_LIST_H
#define KTSTR_BENCH_SPEC_LIST_H

struct word_list {
	const char **word; /* NULL-terminated; NULL while there are none */
	unsigned n;
};

/* A copy of @word at the end. 0 or -ENOMEM, and then the list is as it was. */
int word_list_add(struct word_list *list, const char *word);
/* Replace @list, whatever is in it, by copies of @from's words. 0 or -ENOMEM, and then it is empty. */
int word_list_copy(struct word_list *list, const struct word_list *from);
void word_list_free(struct word_list *list);

#endif
