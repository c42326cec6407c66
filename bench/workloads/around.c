/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/workloads/around.h"

#include <stdio.h>
#include <string.h>

#include "bench/base/size.h"

const char *const background_names[BACKGROUNDS] = { "cpu", "io", "fork" };

static const char *const parts[] = { "+bg=", "+cgroup=", "+bg-cgroup=" };
#define PARTS (sizeof(parts) / sizeof(*parts))

static const char *part_at(const char *text)
{
	for (unsigned i = 0; i < PARTS; i++)
		if (!strncmp(text, parts[i], strlen(parts[i])))
			return parts[i];
	return NULL;
}

const char *around_find(const char *word)
{
	while (*word && !part_at(word))
		word++;
	return word;
}

/* "cpu:4" */
static bool take_background(struct around_asked *a, const char *item, char *why, size_t size)
{
	size_t n = strcspn(item, ":");

	if (n == 4 && !strncmp(item, "file:", 5) && item[5] && strlen(item + 5) < sizeof(a->file)) {
		strcpy(a->file, item + 5);
		return true;
	}
	for (unsigned i = 0; item[n] && i < BACKGROUNDS; i++)
		if (strlen(background_names[i]) == n && !strncmp(item, background_names[i], n) &&
		    !number_parse(item + n + 1, 1, AROUND_BACKGROUND_MAX, &a->background[i]))
			return true;
	snprintf(why, size, "+bg: %s: write cpu:N, io:N or fork:N, with N from 1 to %d, or file:PATH", item,
		 AROUND_BACKGROUND_MAX);
	return false;
}

static bool is_cpu_list(const char *text)
{
	return *text && text[strspn(text, "0123456789-")] == '\0';
}

/* "weight:50"; of a cpuset also what follows a comma: "cpuset:0", "2-3" */
static bool take_level(struct level_asked *l, const char *item, char *why, size_t size)
{
	size_t len = strlen(l->cpuset), n = strlen(item);
	uint64_t percent;

	if (!strncmp(item, "cpuset:", 7) && is_cpu_list(item + 7) && n - 7 < sizeof(l->cpuset)) {
		strcpy(l->cpuset, item + 7);
		return true;
	}
	if (len && is_cpu_list(item) && len + n + 1 < sizeof(l->cpuset)) {
		l->cpuset[len] = ',';
		memcpy(l->cpuset + len + 1, item, n + 1);
		return true;
	}
	if (!strncmp(item, "weight:", 7) && !number_parse(item + 7, 1, 10000, &l->weight))
		return true;
	if (!strncmp(item, "max:", 4) && n < 16 && item[n - 1] == '%') {
		char text[16];

		snprintf(text, sizeof(text), "%.*s", (int)(n - 5), item + 4);
		if (!number_parse(text, 1, 100000, &percent)) {
			l->max_percent = percent;
			return true;
		}
	}
	snprintf(why, size,
		 "+cgroup: %s: write cpuset:LIST, weight:N with N from 1 to 10000, or max:N%% of a CPU, with commas "
		 "between them and / between levels",
		 item);
	return false;
}

static bool take_group(struct group_asked *g, char *text, char *why, size_t size)
{
	char *level, *levels = text, *item;

	g->n = 0;
	while ((level = strsep(&levels, "/"))) {
		if (g->n == AROUND_LEVELS_MAX) {
			snprintf(why, size, "+cgroup: more than %d levels", AROUND_LEVELS_MAX);
			return false;
		}
		memset(&g->level[g->n], 0, sizeof(*g->level));
		while ((item = strsep(&level, ",")))
			if (!take_level(&g->level[g->n], item, why, size))
				return false;
		g->n++;
	}
	return true;
}

static bool take_part(struct around_asked *a, const char *part, char *text, char *why, size_t size)
{
	char *item;

	if (part == parts[1])
		return take_group(&a->work, text, why, size);
	if (part == parts[2])
		return take_group(&a->load, text, why, size);
	while ((item = strsep(&text, ",")))
		if (!take_background(a, item, why, size))
			return false;
	return true;
}

bool around_parse(const char *text, struct around_asked *out, char *why, size_t size)
{
	char copy[512];

	memset(out, 0, sizeof(*out));
	while (*text) {
		const char *part = part_at(text), *next = around_find(text + 1);
		size_t skip = strlen(part), n = (size_t)(next - text) - skip;

		if (n >= sizeof(copy)) {
			snprintf(why, size, "%.40s...: is too long", text);
			return false;
		}
		memcpy(copy, text + skip, n);
		copy[n] = '\0';
		if (!take_part(out, part, copy, why, size))
			return false;
		text = next;
	}
	if (out->load.n && !out->background[BACKGROUND_CPU] && !out->background[BACKGROUND_IO] &&
	    !out->background[BACKGROUND_FORK]) {
		snprintf(why, size, "+bg-cgroup: needs a load to be in it; add +bg=cpu:1");
		return false;
	}
	return true;
}
