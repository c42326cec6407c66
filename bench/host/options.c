/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/host/options.h"

#include <string.h>

#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/host/placement.h"

enum { OPT_MODE = 0x400, OPT_CPU_CAP, OPT_NO_PERF_MODE, OPT_WAIT, OPT_BYPASS, OPT_HALT_POLL };

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "The host's CPUs:", 12 },
	{ "mode", OPT_MODE, "default|performance|shared", 0,
	  "default: a CPU for each vCPU if enough are free, else CPUs shared with other machines; performance: vCPUs "
	  "pinned with SCHED_FIFO, a CPU for the reactor, no other machine in their LLCs, no exits for PAUSE and HLT, "
	  "or exit code 77; shared: all threads on the CPUs of --cpu-cap (default)",
	  12 },
	{ "cpu-cap", OPT_CPU_CAP, "N", 0, "Use mode shared with N host CPUs (30 % of those allowed)", 12 },
	{ "no-perf-mode", OPT_NO_PERF_MODE, NULL, 0, "The same as --mode shared", 12 },
	{ "wait", OPT_WAIT, "TIME", 0, "Wait up to TIME for CPUs that other machines hold, before exit code 77 (0)",
	  12 },
	{ "bypass-llc-locks", OPT_BYPASS, NULL, 0, "Neither take nor honour locks", 12 },
	{ "halt-poll", OPT_HALT_POLL, "auto|off|TIME", 0,
	  "Let KVM poll for TIME before a halted vCPU's thread sleeps (auto: 200us with spare CPUs, off without, KVM's "
	  "default in mode performance)",
	  12 },
	{ 0 },
};

static void parse_mode(struct host_options *o, const char *arg)
{
	for (enum host_mode m = MODE_DEFAULT; m <= MODE_SHARED; m++)
		if (!strcmp(arg, host_mode_name(m))) {
			o->mode = m;
			o->mode_given = true;
			return;
		}
	say_usage("--mode %s: no such mode; use default, performance or shared", arg);
}

static void parse_halt_poll(struct host_options *o, const char *arg)
{
	uint64_t ns = 0;

	o->halt_poll_given = strcmp(arg, "auto");
	if (!o->halt_poll_given || !strcmp(arg, "off")) {
		o->halt_poll_ns = 0;
		return;
	}
	if (duration_parse(arg, &ns) || ns > HALT_POLL_MAX_NS)
		say_usage("--halt-poll %s: not auto, off or a time up to 1s; write it as 200us", arg);
	o->halt_poll_ns = (uint32_t)ns;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct host_options *o = state->input;
	uint64_t n;

	switch (key) {
	case OPT_MODE:
		parse_mode(o, arg);
		return 0;
	case OPT_NO_PERF_MODE:
		o->no_perf_mode = true;
		return 0;
	case OPT_CPU_CAP:
		if (number_parse(arg, 1, BITS_MAX, &n))
			say_usage("--cpu-cap %s: not a number of CPUs; use 1 or more", arg);
		o->cap = (unsigned)n;
		return 0;
	case OPT_WAIT:
		if (duration_parse(arg, &o->wait_ns))
			say_usage("--wait %s: not a time; write it as 30s or 10m", arg);
		return 0;
	case OPT_BYPASS:
		o->bypass_locks = true;
		return 0;
	case OPT_HALT_POLL:
		parse_halt_poll(o, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp host_options_argp = { .options = options, .parser = parse };

int host_options_resolve(const struct host_options *asked, struct host_options *o)
{
	*o = *asked;
	if (o->no_perf_mode && o->mode_given && o->mode != MODE_SHARED) {
		say_error("--no-perf-mode: --mode %s is given too; leave one of them out", host_mode_name(o->mode));
		return EXIT_USAGE;
	}
	if (o->no_perf_mode || (o->cap && !o->mode_given))
		o->mode = MODE_SHARED;
	if (o->cap && o->mode != MODE_SHARED) {
		say_error("--cpu-cap %u: mode %s has no cap; use --mode shared, or leave it out", o->cap,
			  host_mode_name(o->mode));
		return EXIT_USAGE;
	}
	return 0;
}
