/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/workloads/window.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/workloads/clock.h"
#include "bench/workloads/kernel_file.h"

#define SCX "/sys/kernel/sched_ext/"
#define ANSWER_MS 20000 /* for a host that is busy; what waits is the warm-up */
#define READS_MAX 16	/* while the scheduler changes under them */

/* The first bytes of @name in sched_ext's directory; "" if there are none. */
static bool read_text(const char *root, const char *name, char *text, size_t size)
{
	char path[512];

	snprintf(path, sizeof(path), "%s" SCX "%s", root, name);
	return kernel_file_read(path, text, size);
}

static bool read_line(const char *root, const char *name, char *line, size_t size)
{
	char path[512];

	snprintf(path, sizeof(path), "%s" SCX "%s", root, name);
	return kernel_file_line(path, line, size);
}

static uint64_t read_number(const char *root, const char *name)
{
	char line[32];

	return read_line(root, name, line, sizeof(line)) ? strtoull(line, NULL, 10) : 0;
}

/* "NAME VALUE" lines. */
static void read_events(struct scx_snapshot *s, const char *root)
{
	char text[4096], *line, *rest = text;

	read_text(root, "root/events", text, sizeof(text));
	while ((line = strsep(&rest, "\n")) && s->n_events < SCX_EVENTS_MAX)
		if (sscanf(line, "%63[A-Za-z0-9_] %" SCNu64, s->event[s->n_events].name,
			   &s->event[s->n_events].value) == 2)
			s->n_events++;
}

/* State and name belong to one attachment if enable_seq is the same before and after. */
void scx_snapshot_read(struct scx_snapshot *s, const char *root)
{
	for (unsigned reads = 0; reads < READS_MAX; reads++) {
		memset(s, 0, sizeof(*s));
		s->present = read_line(root, "state", s->state, sizeof(s->state));
		if (!s->present)
			return;
		s->enable_seq = read_number(root, "enable_seq");
		read_line(root, "root/ops", s->ops, sizeof(s->ops));
		read_events(s, root);
		s->nr_rejected = read_number(root, "nr_rejected");
		if (s->enable_seq == read_number(root, "enable_seq"))
			return;
	}
}

void window_mark(struct window *w, const char *edge)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char byte;

	if (!w->marks)
		return;
	fprintf(w->marks, "{\"ktstr_window\":\"%s\",\"workload\":\"%s\",\"index\":%u,\"ns\":%" PRIu64 "}\n", edge,
		w->workload, w->index, now_ns());
	fflush(w->marks);
	do {
		if (poll(&in, 1, ANSWER_MS) <= 0 || read(STDIN_FILENO, &byte, 1) != 1) {
			w->unanswered = true;
			return;
		}
	} while (byte != '\n');
}

/* --- as JSON ------------------------------------------------------------ */

void print_quoted(const char *text, FILE *f)
{
	fputc('"', f);
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;

		/* Bytes that are not ASCII need not be UTF-8. */
		fprintf(f, c < 0x20 || c >= 0x7f || c == '"' || c == '\\' ? "\\u%04x" : "%c", c);
	}
	fputc('"', f);
}

static void print_snapshot(const struct scx_snapshot *s, FILE *f)
{
	if (!s->present) {
		fputs("null", f);
		return;
	}
	fputs("{\"state\":", f);
	print_quoted(s->state, f);
	fputs(",\"ops\":", f);
	if (*s->ops)
		print_quoted(s->ops, f);
	else
		fputs("null", f);
	fprintf(f, ",\"enable_seq\":%" PRIu64 ",\"nr_rejected\":%" PRIu64 ",\"events\":{", s->enable_seq,
		s->nr_rejected);
	for (unsigned i = 0; i < s->n_events; i++)
		fprintf(f, "%s\"%s\":%" PRIu64, i ? "," : "", s->event[i].name, s->event[i].value);
	fputs("}}", f);
}

void window_print(const struct window *w, FILE *f)
{
	fprintf(f,
		"{\"begin_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64 ",\"marked\":%s,\"sched_ext\":{\"begin\":", w->begin_ns,
		w->end_ns, w->marks && !w->unanswered ? "true" : "false");
	print_snapshot(&w->at_begin, f);
	fputs(",\"end\":", f);
	print_snapshot(&w->at_end, f);
	fputs("}}", f);
}
