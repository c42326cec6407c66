/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/spec/list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int word_list_add(struct word_list *list, const char *word)
{
	const char **grown = realloc(list->word, (list->n + 2) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	list->word = grown;
	grown[list->n] = strdup(word);
	if (!grown[list->n])
		return -ENOMEM;
	grown[++list->n] = NULL;
	return 0;
}

int word_list_copy(struct word_list *list, const struct word_list *from)
{
	*list = (struct word_list){ 0 };
	for (unsigned i = 0; i < from->n; i++)
		if (word_list_add(list, from->word[i])) {
			word_list_free(list);
			return -ENOMEM;
		}
	return 0;
}

void word_list_free(struct word_list *list)
{
	for (unsigned i = 0; i < list->n; i++)
		free((char *)list->word[i]);
	free(list->word);
	*list = (struct word_list){ 0 };
}
