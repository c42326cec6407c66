/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest-init/environment.h"
#include "guest-init/ktstr-guest.h"

#define SNAPSHOT_MS 30000
#define INPUT_SIZE (64u << 10)

enum { DONE = 0, REFUSED = 1, USAGE = 64, UNAVAILABLE = 69, TIMED_OUT = 124 };

static const char usage_text[] =
	"usage: ktstr-guest WHAT...    tells the host, in order with what is printed\n\n"
	"  scenario start|end|pause|resume\n"
	"  stimulus [step=N] [ops=N] [kinds=MASK] [cgroups=N] [workers=N] [iterations=N] [elapsed_ms=N]\n"
	"  metric NAME VALUE [UNIT]    or: metric JSON\n"
	"  raw                         stdin is a payload's raw output\n"
	"  scheduler-log               stdin is the scheduler's log\n"
	"  scheduler-exit CODE         the scheduler ended: so does the run\n"
	"  wait accessor|bpf-write [SECONDS]\n"
	"  capture TAG                 freeze the machine and store its state\n"
	"  watch SYMBOL                the same when the kernel's symbol is written\n";

static int usage(const char *what)
{
	fprintf(stderr, "ktstr-guest: %s; see ktstr-guest --help\n", what);
	return USAGE;
}

static int outcome(int error, const char *reason)
{
	if (!error)
		return DONE;
	fprintf(stderr, "ktstr-guest: %s\n", reason && *reason ? reason : strerror(-error));
	return error == -ETIMEDOUT ? TIMED_OUT : REFUSED;
}

static int number(const char *text, unsigned long long max, unsigned long long *n)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 0);
	return errno || end == text || *end || *text == '-' || *n > max ? -EINVAL : 0;
}

static int scenario(struct ktstr_guest *g, int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*say)(struct ktstr_guest *g);
	} marks[] = { { "start", ktstr_guest_scenario_start },
		      { "end", ktstr_guest_scenario_end },
		      { "pause", ktstr_guest_scenario_pause },
		      { "resume", ktstr_guest_scenario_resume } };

	for (size_t i = 0; argc == 1 && i < sizeof(marks) / sizeof(*marks); i++)
		if (!strcmp(argv[0], marks[i].name))
			return outcome(marks[i].say(g), NULL);
	return usage("scenario: start, end, pause or resume");
}

static int stimulus(struct ktstr_guest *g, int argc, char **argv)
{
	static const struct {
		const char *name;
		unsigned long long max;
	} fields[] = { { "step=", UINT16_MAX },		 { "ops=", UINT16_MAX },     { "kinds=", UINT32_MAX },
		       { "cgroups=", UINT16_MAX },	 { "workers=", UINT16_MAX }, { "iterations=", UINT64_MAX },
		       { "elapsed_ms=", UINT32_MAX - 1 } };
	unsigned long long v[] = { 0, 0, 0, 0, 0, 0, KTSTR_GUEST_NOW };
	struct ktstr_guest_stimulus s;

	for (int a = 0; a < argc; a++) {
		size_t i = 0, n = sizeof(fields) / sizeof(*fields);

		while (i < n && strncmp(argv[a], fields[i].name, strlen(fields[i].name)))
			i++;
		if (i == n || number(argv[a] + strlen(fields[i].name), fields[i].max, &v[i]))
			return usage("stimulus: not a field and its number");
	}
	s = (struct ktstr_guest_stimulus){ .step_index = (uint16_t)v[0],
					   .op_count = (uint16_t)v[1],
					   .op_kinds = (uint32_t)v[2],
					   .cgroup_count = (uint16_t)v[3],
					   .worker_count = (uint16_t)v[4],
					   .total_iterations = v[5],
					   .elapsed_ms = (uint32_t)v[6] };
	return outcome(ktstr_guest_stimulus(g, &s), NULL);
}

/* RFC 8259, 6: no sign but -, no leading zeroes. */
static bool is_json_integer(const char *text)
{
	text += *text == '-';
	if (*text == '0')
		return !text[1];
	return *text && !text[strspn(text, "0123456789")];
}

static int metric(struct ktstr_guest *g, int argc, char **argv)
{
	char name[1024], unit[1024], json[4096], number_text[64], *end;
	double value;

	if (argc == 1)
		return outcome(ktstr_guest_metric(g, argv[0]), NULL);
	if (argc < 2 || argc > 3)
		return usage("metric: NAME VALUE [UNIT], or JSON");
	value = strtod(argv[1], &end);
	/* What strtod() takes and JSON does not: infinities, hexadecimals, blanks; ".5" and "007" become numbers of
	 * JSON. */
	if (end == argv[1] || *end || strspn(argv[1], "0123456789+-.eE") != strlen(argv[1]) || value - value != 0)
		return usage("metric: the value is not a number");
	environment_quote(name, sizeof(name), argv[0]);
	if (argc == 3)
		environment_quote(unit, sizeof(unit), argv[2]);
	/* A whole number keeps all of its digits. */
	if (strlen(argv[1]) < sizeof(number_text) && is_json_integer(argv[1]))
		strcpy(number_text, argv[1]);
	else
		snprintf(number_text, sizeof(number_text), "%.17g", value);
	snprintf(json, sizeof(json), "{\"metric\":%s,\"value\":%s%s%s}", name, number_text,
		 argc == 3 ? ",\"unit\":" : "", argc == 3 ? unit : "");
	return outcome(ktstr_guest_metric(g, json), NULL);
}

static int from_stdin(struct ktstr_guest *g, int (*say)(struct ktstr_guest *g, const void *data, size_t len))
{
	static uint8_t data[INPUT_SIZE];
	ssize_t n;
	int ret = 0;

	while (!ret && (n = read(STDIN_FILENO, data, sizeof(data))) != 0) {
		if (n > 0)
			ret = say(g, data, (size_t)n);
		else if (errno != EINTR)
			ret = -errno;
	}
	return outcome(ret, NULL);
}

static int scheduler_exit(struct ktstr_guest *g, const char *text)
{
	char *end;
	long code = strtol(text, &end, 0);

	if (end == text || *end || code < INT32_MIN || code > INT32_MAX)
		return usage("scheduler-exit: not a number");
	return outcome(ktstr_guest_scheduler_exit(g, (int32_t)code), NULL);
}

static int wait_for(struct ktstr_guest *g, int argc, char **argv)
{
	unsigned long long seconds = 0;
	enum ktstr_guest_latch latch;

	if (argc >= 1 && !strcmp(argv[0], "accessor"))
		latch = KTSTR_GUEST_ACCESSOR_READY;
	else if (argc >= 1 && !strcmp(argv[0], "bpf-write"))
		latch = KTSTR_GUEST_BPF_WRITE_DONE;
	else
		return usage("wait: accessor or bpf-write");
	if (argc > 2 || (argc == 2 && number(argv[1], INT32_MAX / 1000, &seconds)))
		return usage("wait: the time is not in seconds");
	return outcome(ktstr_guest_wait(g, latch, argc == 2 ? (int)seconds * 1000 : -1), NULL);
}

static int dispatch(struct ktstr_guest *g, const char *what, int argc, char **argv)
{
	char reason[64] = "";

	if (!strcmp(what, "scenario"))
		return scenario(g, argc, argv);
	if (!strcmp(what, "stimulus"))
		return stimulus(g, argc, argv);
	if (!strcmp(what, "metric"))
		return metric(g, argc, argv);
	if (!strcmp(what, "raw") && !argc)
		return from_stdin(g, ktstr_guest_raw);
	if (!strcmp(what, "scheduler-log") && !argc)
		return from_stdin(g, ktstr_guest_scheduler_log);
	if (!strcmp(what, "scheduler-exit") && argc == 1)
		return scheduler_exit(g, argv[0]);
	if (!strcmp(what, "wait"))
		return wait_for(g, argc, argv);
	if (!strcmp(what, "capture") && argc == 1)
		return outcome(ktstr_guest_capture(g, argv[0], SNAPSHOT_MS, reason), reason);
	if (!strcmp(what, "watch") && argc == 1)
		return outcome(ktstr_guest_watch(g, argv[0], SNAPSHOT_MS, reason), reason);
	return usage("not what it can tell");
}

int guest_command(int argc, char **argv)
{
	struct ktstr_guest g;
	int ret;

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage_text, stdout);
		return fflush(stdout) ? REFUSED : DONE;
	}
	if (argc < 2)
		return usage("nothing to tell");
	ret = ktstr_guest_open(&g);
	if (ret) {
		fprintf(stderr, "ktstr-guest: the guest's init can't be reached: %s; is this a guest of ktstr run?\n",
			strerror(-ret));
		return UNAVAILABLE;
	}
	ret = dispatch(&g, argv[1], argc - 2, argv + 2);
	ktstr_guest_close(&g);
	return ret;
}
