/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr locks: which machines hold which CPUs of this host. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/cli/parse.h"
#include "bench/host/locks.h"
#include "bench/verb/verbs.h"

enum { OPT_JSON = 0x100, OPT_WATCH };
#define SECOND_NS 1000000000ull

struct arguments {
	bool json, watch;
	uint64_t interval_ns;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPT_JSON:
		a->json = true;
		return 0;
	case OPT_WATCH:
		a->watch = true;
		if (arg && (duration_parse(arg, &a->interval_ns) || a->interval_ns < SECOND_NS / 100))
			say_usage("--watch %s: not a time of at least 10ms; write it as --watch=2s", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "json", OPT_JSON, NULL, 0, "Print JSON, one line per refresh", 0 },
	{ "watch", OPT_WATCH, "TIME", OPTION_ARG_OPTIONAL, "Refresh every TIME (1s) until interrupted", 0 },
	{ 0 },
};
const struct argp locks_argp = {
	.options = options,
	.parser = parse,
	.doc = "List the holders of the locks on this host's last-level caches and CPUs.\v"
	       "A machine in mode performance holds its LLCs exclusively; machines in other modes share theirs. The "
	       "kernel releases a lock when its holder ends. The files are ktstr-llc-N.lock and ktstr-cpu-N.lock in "
	       "/tmp ($KTSTR_LOCK_DIR). Holders in other containers are not visible.\n\n"
	       "EXAMPLES\n"
	       "  ktstr locks\n"
	       "  ktstr locks --watch=200ms\n"
	       "  ktstr locks --json | jq '.locks[] | select(.exclusive)'",
};

static void print_table(const struct lock_holder *list, int n)
{
	char age[SIZE_TEXT];

	if (!n) {
		printf("no locks are held in %s\n", locks_dir());
		return;
	}
	printf("%-8s %-9s %8s  %-11s %5s %8s  %s\n", "lock", "how", "pid", "mode", "vcpus", "for", "command");
	for (int i = 0; i < n; i++) {
		const struct lock_holder *h = &list[i];
		int64_t seconds = (int64_t)time(NULL) - h->since;

		printf("%s-%-4u %-9s %8d  %-11s %5u %8s  %s\n", lock_kind_name(h->kind), h->number,
		       h->exclusive ? "exclusive" : "shared", (int)h->pid, h->mode, h->vcpus,
		       h->since && seconds >= 0 ? duration_format(age, (uint64_t)seconds * SECOND_NS) : "?",
		       h->command);
	}
}

static void print_json(const struct lock_holder *list, int n)
{
	json_t *locks = json_array(), *whole;

	for (int i = 0; i < n; i++) {
		const struct lock_holder *h = &list[i];
		json_t *command = json_string(h->command);

		json_array_append_new(locks,
				      json_pack("{ss si sb si ss si sI so}", "kind", lock_kind_name(h->kind), "number",
						(int)h->number, "exclusive", h->exclusive, "pid", (int)h->pid, "mode",
						h->mode, "vcpus", (int)h->vcpus, "since", (json_int_t)h->since,
						"command", command ? command : json_null()));
	}
	whole = json_pack("{ss ss so}", "schema", "ktstr-locks/1", "directory", locks_dir(), "locks", locks);
	json_dumpf(whole, stdout, 0);
	putchar('\n');
	json_decref(whole);
}

static int print_locks(const struct arguments *a)
{
	struct lock_holder *list = NULL;
	int n = locks_read(&list);

	if (n < 0) {
		if (access("/proc/locks", R_OK))
			say_error("/proc/locks: %s; mount /proc", strerror(-n));
		else
			say_error("%s: cannot read the locks: %s; set KTSTR_LOCK_DIR as for ktstr run", locks_dir(),
				  strerror(-n));
		return EXIT_UNAVAILABLE;
	}
	if (a->watch && !a->json && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	if (a->json)
		print_json(list, n);
	else
		print_table(list, n);
	free(list);
	return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
}

int verb_locks(int argc, char **argv)
{
	struct arguments a = { .interval_ns = SECOND_NS };
	struct timespec pause;
	int rc;

	cli_parse(&locks_argp, "locks", argc, argv, &a);
	pause = (struct timespec){ .tv_sec = (time_t)(a.interval_ns / SECOND_NS),
				   .tv_nsec = (long)(a.interval_ns % SECOND_NS) };
	while (!(rc = print_locks(&a)) && a.watch)
		nanosleep(&pause, NULL);
	return rc;
}
