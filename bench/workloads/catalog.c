/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/workloads/catalog.h"

#include <stdio.h>
#include <string.h>

#include "bench/base/size.h"

#define SECOND 1000000000ull

#define DISK_OPTIONS                                                                                                   \
	{ "threads", "threads", VALUE_NUMBER, 1, 1, 256 },                                                             \
		{ "depth", "requests in flight of each thread", VALUE_NUMBER, 1, 1, 64 },                              \
	{                                                                                                              \
		"rate",                                                                                                \
			"requests per second of each thread, by a timetable from which their latency counts; 0: as "   \
			"fast as they come back",                                                                      \
			VALUE_NUMBER, 0, 0, 1000000                                                                    \
	}

const struct workload_kind workload_kinds[] = {
	{ "wakeup",
	  "wakeup_latency",
	  "wake-ups of a sleeping worker",
	  "threads that wake each other (schbench's model): from the wake-up call until the woken thread runs",
	  "Schbench",
	  false,
	  { { "messengers", "message threads; 0: one for 16 CPUs", VALUE_NUMBER, 0, 0, 256 },
	    { "workers", "workers of each message thread; 0: one for each CPU", VALUE_NUMBER, 0, 0, 4096 },
	    { "operations", "multiplications of small matrices between two waits", VALUE_NUMBER, 5, 0, 1000000 },
	    { "rate",
	      "wake-ups per second of each message thread, by a timetable from which their latency counts; 0: as "
	      "fast as workers come back",
	      VALUE_NUMBER, 0, 0, 10000000 },
	    { "sleep", "of a worker between its wake-up and its work, as for a network (schbench: 100us)", VALUE_TIME,
	      0, 0, 1 * SECOND },
	    { "footprint", "bytes of each worker's matrices (schbench: 256k)", VALUE_BYTES, 24 << 10, 192, 64 << 20 },
	    { "lock", "1: workers on a CPU work one at a time, as schbench's do", VALUE_NUMBER, 0, 0, 1 } } },
	{ "messaging",
	  "message_latency",
	  "messages",
	  "groups of senders and receivers (hackbench's model): from before the write of a message to its receipt",
	  "",
	  false,
	  { { "groups", "groups", VALUE_NUMBER, 1, 1, 256 },
	    { "fds", "senders of a group, and receivers", VALUE_NUMBER, 4, 1, 256 },
	    { "size", "bytes of a message", VALUE_BYTES, 100, 8, 4096 },
	    { "pipe", "1: pipes; 0: socket pairs", VALUE_NUMBER, 0, 0, 1 } } },
	{ "pipe",
	  "round_trip",
	  "round trips",
	  "pairs of threads that pass a byte to and fro by pipes: a round trip",
	  "",
	  false,
	  { { "pairs", "pairs", VALUE_NUMBER, 1, 1, 256 } } },
	{ "futex",
	  "round_trip",
	  "round trips",
	  "pairs of threads that wake each other by futexes: a round trip",
	  "FutexPingPong",
	  false,
	  { { "pairs", "pairs", VALUE_NUMBER, 1, 1, 256 } } },
	{ "fork",
	  "fork_latency",
	  "children",
	  "threads that fork a child, which ends at once: from before the fork until it is waited for",
	  "ForkExit",
	  false,
	  { { "threads", "threads", VALUE_NUMBER, 1, 1, 64 } } },
	{ "yield",
	  "yield_latency",
	  "yields",
	  "threads that call sched_yield() again and again: from the call to its return",
	  "YieldHeavy",
	  false,
	  { { "threads", "threads; 0: two for each CPU", VALUE_NUMBER, 0, 0, 1024 } } },
	{ "affinity-churn",
	  "move_latency",
	  "moves",
	  "threads that bind themselves to one CPU after another: from the call until they run there",
	  "AffinityChurn",
	  false,
	  { { "threads", "threads; 0: one for each CPU", VALUE_NUMBER, 0, 0, 1024 } } },
	{ "fair",
	  "off_cpu_gap",
	  "gaps",
	  "busy threads that want all CPU time they can get: how long each does not run, and how even their shares are",
	  "SpinWait",
	  false,
	  { { "threads", "threads; 0: two for each CPU", VALUE_NUMBER, 0, 0, 1024 },
	    { "nice", "nice value of every second thread", VALUE_NUMBER, 0, 0, 19 },
	    { "idle", "so many of the threads, the last ones, have the idle policy", VALUE_NUMBER, 0, 0, 1024 },
	    { "weights", "cpu.weight of a cgroup for each thread, in turn (100:300:100); without: no cgroups",
	      VALUE_LIST, 0, 1, 10000 } } },
	{ "compute",
	  "iteration",
	  "iterations",
	  "threads that walk through memory of their own: a pass over it",
	  "",
	  false,
	  { { "threads", "threads; 0: one for each CPU", VALUE_NUMBER, 0, 0, 1024 },
	    { "set", "bytes that each thread walks through", VALUE_BYTES, 256 << 10, 4096, 1 << 30 } } },
	{ "periodic",
	  "wake_latency",
	  "periods",
	  "threads with a period, a run time and a deadline (rt-app's model): from the intended start until they run",
	  "TimerLatency",
	  false,
	  { { "threads", "threads; 0: one for each CPU", VALUE_NUMBER, 0, 0, 1024 },
	    { "period", "from start to start", VALUE_TIME, 10000000, 100000, 10 * SECOND },
	    { "run", "CPU time of each period", VALUE_TIME, 1000000, 0, 10 * SECOND },
	    { "deadline", "after the start; 0: the period", VALUE_TIME, 0, 0, 10 * SECOND } } },
	{ "io-randread",
	  "completion_latency",
	  "reads",
	  "4 KiB direct reads at random offsets: from the call to its return",
	  "IoRandRead",
	  true,
	  { DISK_OPTIONS } },
	{ "io-randwrite",
	  "completion_latency",
	  "writes",
	  "4 KiB direct writes at random offsets: from the call to its return",
	  "",
	  true,
	  { DISK_OPTIONS } },
	{ "io-fsync",
	  "completion_latency",
	  "durable writes",
	  "4 KiB direct writes at random offsets, each followed by fdatasync(): both calls",
	  "IoSyncWrite",
	  true,
	  { DISK_OPTIONS } },
	{ "io-tmpfs",
	  "completion_latency",
	  "reads or writes",
	  "4 KiB reads or writes at random offsets of a file in memory: from the call to its return",
	  "",
	  false,
	  { { "threads", "threads", VALUE_NUMBER, 1, 1, 256 },
	    { "size", "bytes of the file", VALUE_BYTES, 16 << 20, 4096, 1ull << 40 },
	    { "write", "1: writes; 0: reads", VALUE_NUMBER, 0, 0, 1 } } },
	{ "net",
	  "round_trip",
	  "frames that came back",
	  "frames that threads send by the loopback card (--net) to themselves: from before the send until they have "
	  "it",
	  "NetTraffic",
	  false,
	  { { "threads", "threads with one frame in flight each", VALUE_NUMBER, 1, 1, 64 },
	    { "size", "bytes of a frame", VALUE_BYTES, 128, 64, 1514 } } },
	{ 0 },
};

static bool is_alias(const char *aliases, const char *name, size_t n)
{
	while (*aliases) {
		size_t len = strcspn(aliases, ",");

		if (len == n && !memcmp(aliases, name, n))
			return true;
		aliases += len + (aliases[len] == ',');
	}
	return false;
}

static const struct workload_kind *find_kind(const char *name, size_t n)
{
	for (const struct workload_kind *k = workload_kinds; k->name; k++)
		if ((strlen(k->name) == n && !memcmp(k->name, name, n)) || is_alias(k->aliases, name, n))
			return k;
	return NULL;
}

/* "100:300:100" */
static bool parse_list(const struct workload_option *o, const char *text, struct workload_asked *a, uint64_t *n)
{
	char copy[256], *rest = copy;
	const char *item;

	*n = 0;
	if (strlen(text) >= sizeof(copy))
		return false;
	strcpy(copy, text);
	while ((item = strsep(&rest, ":")))
		if (*n == WORKLOAD_LIST_MAX || number_parse(item, o->min, o->max, &a->list[(*n)++]))
			return false;
	return true;
}

static bool parse_value(const struct workload_option *o, const char *text, uint64_t *out)
{
	int rc;

	switch (o->kind) {
	case VALUE_TIME:
		rc = duration_parse(text, out);
		break;
	case VALUE_BYTES:
		rc = size_parse(text, out);
		break;
	default:
		rc = number_parse(text, 0, INT64_MAX, out);
	}
	return !rc && *out >= o->min && *out <= o->max;
}

static void range_text(const struct workload_option *o, char *text, size_t size)
{
	char low[SIZE_TEXT], high[SIZE_TEXT];

	if (o->kind == VALUE_TIME)
		snprintf(text, size, "a time from %s to %s", duration_format(low, o->min),
			 duration_format(high, o->max));
	else if (o->kind == VALUE_BYTES)
		snprintf(text, size, "a size from %s to %s", size_format(low, o->min), size_format(high, o->max));
	else
		snprintf(text, size, "%s from %llu to %llu",
			 o->kind == VALUE_LIST ? "numbers with : between them, each" : "a number",
			 (unsigned long long)o->min, (unsigned long long)o->max);
}

static bool take_option(struct workload_asked *a, const char *text, char *why, size_t size)
{
	size_t n = strcspn(text, "=");
	char range[96];

	if (a->kind->disk && n == 4 && !memcmp(text, "file", 4) && text[n] == '=') {
		if (!text[n + 1] || strlen(text + n + 1) >= sizeof(a->file)) {
			snprintf(why, size, "file: name a file or block device of the guest");
			return false;
		}
		strcpy(a->file, text + n + 1);
		return true;
	}
	for (unsigned i = 0; i < WORKLOAD_OPTIONS_MAX && a->kind->option[i].name; i++) {
		const struct workload_option *o = &a->kind->option[i];

		if (strlen(o->name) != n || memcmp(o->name, text, n))
			continue;
		if (text[n] && (o->kind == VALUE_LIST ? parse_list(o, text + n + 1, a, &a->value[i])
						      : parse_value(o, text + n + 1, &a->value[i])))
			return true;
		range_text(o, range, sizeof(range));
		snprintf(why, size, "%s: write %s=N, %s", text, o->name, range);
		return false;
	}
	snprintf(why, size, "%s: %s has no such option; see ktstr bench --help", text, a->kind->name);
	return false;
}

bool workload_parse(const char *word, struct workload_asked *out, char *why, size_t size)
{
	size_t len = (size_t)(around_find(word) - word), n = strcspn(word, ":");
	char text[512], *rest = text;

	n = n < len ? n : len;
	*out = (struct workload_asked){ .kind = find_kind(word, n), .file = "/dev/vda" };
	if (!out->kind) {
		int at = snprintf(why, size, "%.*s: no such workload; use one of", (int)n, word);

		for (const struct workload_kind *k = workload_kinds; k->name && at > 0 && (size_t)at < size; k++)
			at += snprintf(why + at, size - (size_t)at, "%s %s", k == workload_kinds ? "" : ",", k->name);
		return false;
	}
	for (unsigned i = 0; i < WORKLOAD_OPTIONS_MAX && out->kind->option[i].name; i++)
		out->value[i] = out->kind->option[i].preset;
	if (!around_parse(word + len, &out->around, why, size))
		return false;
	if (n == len)
		return true;
	if (len - n - 1 >= sizeof(text)) {
		snprintf(why, size, "%.40s...: is too long", word);
		return false;
	}
	memcpy(text, word + n + 1, len - n - 1);
	text[len - n - 1] = '\0';
	for (const char *item; (item = strsep(&rest, ","));)
		if (!take_option(out, item, why, size))
			return false;
	return true;
}
