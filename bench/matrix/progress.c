/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/matrix/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reactor/reactor.h"

#define SECOND_NS 1000000000ull
#define LINE_MAX_CHARS 200
#define COLUMNS 80

const char *const progress_kinds[] = { "auto", "line", "plain", "none", NULL };

void progress_init(struct progress *p, enum progress_kind kind, unsigned before, unsigned all)
{
	if (kind == PROGRESS_AUTO)
		kind = isatty(STDERR_FILENO) ? PROGRESS_LINE : PROGRESS_PLAIN;
	*p = (struct progress){ .kind = kind, .before = before, .all = all, .start_ns = monotonic_ns() };
}

void progress_clear(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}

void progress_say(struct progress *p, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (p->kind == PROGRESS_NONE)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	progress_clear(p);
	fprintf(stderr, "ktstr: bench run: %s\n", text);
}

/* "3m 20s", "45s" */
static const char *time_text(char text[32], uint64_t ns)
{
	uint64_t s = (ns + SECOND_NS / 2) / SECOND_NS;

	if (s >= 3600)
		snprintf(text, 32, "%" PRIu64 "h %" PRIu64 "m", s / 3600, s / 60 % 60);
	else if (s >= 60)
		snprintf(text, 32, "%" PRIu64 "m %" PRIu64 "s", s / 60, s % 60);
	else
		snprintf(text, 32, "%" PRIu64 "s", s);
	return text;
}

/* What comes after the boot's name. */
static void rest(const struct progress *p, char *text, size_t size)
{
	uint64_t each = p->done ? (monotonic_ns() - p->start_ns) / p->done : 0;
	size_t n = 0;
	char eta[32];

	*text = '\0';
	if (each)
		n += (size_t)snprintf(text + n, size - n, "; %s to go", time_text(eta, each * (p->all - p->done)));
	if (p->invalid)
		n += (size_t)snprintf(text + n, size - n, "; %u invalid so far", p->invalid);
	if (p->failed)
		snprintf(text + n, size - n, "; %u failed so far", p->failed);
}

static void boot_text(const struct progress *p, const char *cell, unsigned run, unsigned attempt, char *text,
		      size_t size)
{
	int n = snprintf(text, size, "boot %u of %u: %s, run %u", p->before + p->done + 1, p->before + p->all, cell,
			 run);

	if (attempt > 1 && n > 0 && (size_t)n < size)
		snprintf(text + n, size - (size_t)n, ", try %u", attempt);
}

/* A line that were longer than the terminal's could not be rewritten. */
static void show_line(struct progress *p, const char *text, const char *more)
{
	int room = COLUMNS - 1 - (int)strlen(more);

	progress_clear(p);
	fprintf(stderr, "%.*s%s", room > 0 ? room : 0, text, more);
	p->shown = true;
	fflush(stderr);
}

void progress_boot(struct progress *p, const char *cell, unsigned run, unsigned attempt)
{
	char text[LINE_MAX_CHARS], more[96];

	boot_text(p, cell, run, attempt, text, sizeof(text));
	rest(p, more, sizeof(more));
	if (p->kind == PROGRESS_PLAIN)
		fprintf(stderr, "ktstr: bench run: %s%s\n", text, more);
	if (p->kind != PROGRESS_LINE)
		return;
	show_line(p, text, more);
}

void progress_tick(struct progress *p, const char *cell, unsigned run, uint64_t since_ns)
{
	char text[LINE_MAX_CHARS], more[128], time[32];

	size_t n;

	if (p->kind != PROGRESS_LINE)
		return;
	boot_text(p, cell, run, 1, text, sizeof(text));
	n = (size_t)snprintf(more, sizeof(more), ", %s", time_text(time, monotonic_ns() - since_ns));
	rest(p, more + n, sizeof(more) - n);
	show_line(p, text, more);
}
