/* SPDX-License-Identifier: GPL-2.0-only */
#include "bpf/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/named_lines.h"

void log_open(struct scheduler_log *l, const char *name, bool to_host)
{
	*l = (struct scheduler_log){ .name = name, .host.fd = -1 };
	l->to_host = to_host && !ktstr_guest_open(&l->host);
}

/* libbpf's words on a kfunc that the kernel's BTF lacks, or has with other arguments; or the verifier's, on a weak one.
 */
static void find_kfunc(struct scheduler_log *l)
{
	const char *name = strstr(l->line, "extern (func ksym) '");

	if (name && (strstr(name, "not found in") || strstr(name, "incompatible with")))
		name += strlen("extern (func ksym) '");
	else if (strstr(l->line, "is referenced but wasn't resolved") && (name = strstr(l->line, "kfunc '")))
		name += strlen("kfunc '");
	else
		return;
	if (!*l->kfunc)
		snprintf(l->kfunc, sizeof(l->kfunc), "%.*s", (int)strcspn(name, "'"), name);
}

/* Phrases of libbpf and of scx programs that the verdict of a run depends on. */
static void line_ended(struct scheduler_log *l)
{
	l->line[l->len] = '\0';
	l->refused |= strstr(l->line, "BEGIN PROG LOAD LOG") != NULL;
	l->failed |= strstr(l->line, "libbpf: failed to load") != NULL;
	find_kfunc(l);
	l->dumped |= strstr(l->line, "triggered exit kind") != NULL;
	l->len = 0;
}

static void search_phrases(struct scheduler_log *l, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n')
			line_ended(l);
		else if (l->len < sizeof(l->line) - 1)
			l->line[l->len++] = data[i];
	}
}

static void put_host_or_stderr(struct scheduler_log *l, const char *data, size_t len)
{
	search_phrases(l, data, len);
	if (l->to_host && ktstr_guest_scheduler_log(&l->host, data, len)) {
		/* Init is gone, and the guest will follow. */
		ktstr_guest_close(&l->host);
		l->to_host = false;
	} else if (l->to_host) {
		return;
	}
	named_lines_put(stderr, l->name, l->in_line, data, len);
}

void log_put(struct scheduler_log *l, const char *data, size_t len)
{
	if (!len)
		return;
	l->bytes += len;
	put_host_or_stderr(l, data, len);
	l->in_line = data[len - 1] != '\n';
}

void log_end_line(struct scheduler_log *l)
{
	if (l->in_line)
		log_put(l, "\n", 1);
}

void log_vprintf(struct scheduler_log *l, const char *fmt, va_list args)
{
	char *text = NULL;
	int n = vasprintf(&text, fmt, args);

	if (n > 0)
		log_put(l, text, (size_t)n);
	free(n < 0 ? NULL : text);
}

void log_close(struct scheduler_log *l)
{
	log_end_line(l);
	if (l->to_host)
		ktstr_guest_close(&l->host);
	l->to_host = false;
}
