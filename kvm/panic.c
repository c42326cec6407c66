/* SPDX-License-Identifier: GPL-2.0-only */
#include "kvm/panic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kvm/trouble.h"

#define PANIC_TEXT_MAX 65536u

int panic_watch_init(struct panic_watch *p)
{
	p->text = calloc(1, PANIC_TEXT_MAX);
	return p->text ? 0 : -ENOMEM;
}

void panic_watch_free(struct panic_watch *p)
{
	free(p->text);
	p->text = NULL;
}

static void keep_text(struct panic_watch *p, const char *data, size_t len)
{
	if (len > PANIC_TEXT_MAX - 1 - p->len)
		len = PANIC_TEXT_MAX - 1 - p->len;
	memcpy(p->text + p->len, data, len);
	p->len += len;
	p->text[p->len] = '\0';
}

static bool is_trouble(const char *line)
{
	static const char *const marks[] = { TROUBLE_MARKS };

	for (unsigned i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (strstr(line, marks[i]))
			return true;
	return false;
}

bool panic_watch_feed(struct panic_watch *p, const uint8_t *data, size_t len)
{
	size_t from = p->len ? 0 : len; /* the first byte of @data to keep */
	bool found = false;

	for (size_t i = 0; i < len; i++) {
		bool panics;

		if (data[i] != '\n' && p->line_len < sizeof(p->line) - 1) {
			p->line[p->line_len++] = (char)data[i];
			continue;
		}
		p->line[p->line_len] = '\0';
		panics = !p->panicked && (strstr(p->line, PANIC_MARK) || strstr(p->line, EARLY_MARK));
		/* Older trouble has left too little room for the panic. */
		if (panics && p->len > PANIC_TEXT_MAX / 2) {
			p->len = 0;
			from = len;
		}
		if (!p->len && from == len && is_trouble(p->line)) {
			keep_text(p, p->line, p->line_len);
			from = i;
		}
		p->panicked |= panics;
		found |= panics;
		p->line_len = 0;
	}
	keep_text(p, (const char *)data + from, len - from);
	return found;
}

const char *panic_watch_text(const struct panic_watch *p)
{
	return p->panicked ? p->text : "";
}
