/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr bench: latencies of workloads in one guest, as a table. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/cli/parse.h"
#include "bench/cli/settings.h"
#include "bench/host/facts.h"
#include "bench/initramfs/command.h"
#include "bench/kernel/config.h"
#include "bench/machine/nested.h"
#include "bench/machine/options.h"
#include "bench/machine/plan.h"
#include "bench/machine/resolve.h"
#include "bench/spec/file.h"
#include "bench/verb/bench_result.h"
#include "bench/verb/drive.h"
#include "bench/verb/verbs.h"
#include "bench/workloads/catalog.h"
#include "bench/workloads/command.h"

#define WORKLOAD_IN_GUEST "/ktstr/ktstr-workload"
#define SECOND_NS 1000000000ull
/* A slow host's guest must boot, and a workload may take ten times its duration. */
#define BOOT_PATIENCE_NS (300 * SECOND_NS)
#define WORKLOAD_PATIENCE 12
#define COMMAND_PATIENCE_NS (3600 * SECOND_NS)

/* When none is named. */
static const char *const usual[] = { "wakeup", "io-randread" };
#define USUAL (sizeof(usual) / sizeof(*usual))

/* Options that the guest's program has too, by the same names. */
#define GUEST_OPTIONS 3
#define WORDS_MAX (GUEST_OPTIONS + WORKLOADS_MAX + 5)

enum { OPT_JSON = 0x100, OPT_PARSER, OPT_PARSE, OPT_JOB, OPT_DURATION, OPT_WARMUP, OPT_SEED, OPT_MAX_DILATION };

struct bench {
	struct machine_arguments machine;
	struct machine_resolved resolved;
	uint64_t duration_ns, warmup_ns; /* warmup_ns UINT64_MAX: a tenth of the duration */
	uint64_t seed;
	char guest_option[GUEST_OPTIONS][64];
	const char *workload[WORKLOADS_MAX];
	unsigned n_workloads;
	const char *parser, *parse[COMMAND_PARSE_MAX];
	unsigned n_parse;
	bool needs_net;	 /* a workload works on the card */
	bool needs_disk; /* a workload works on the first disk */
	struct dilation_limit limit;
	const char *max_dilation_word; /* as it was given, or NULL */
	struct bench_result result;
};

/* --- command line ------------------------------------------------------- */

static void add_workload(struct bench *b, const char *word)
{
	struct workload_asked asked;
	char why[512];

	if (!workload_parse(word, &asked, why, sizeof(why)))
		say_usage("%s", why);
	if (b->n_workloads == WORKLOADS_MAX)
		say_usage("%s: more workloads than fit; name at most %d", word, WORKLOADS_MAX);
	b->needs_disk |= (asked.kind->disk && !strcmp(asked.file, "/dev/vda")) ||
			 (asked.around.background[BACKGROUND_IO] && !*asked.around.file);
	b->needs_net |= !strcmp(asked.kind->name, "net");
	b->workload[b->n_workloads++] = word;
}

__attribute__((noreturn)) static void refuse_parser(const char *name)
{
	char names[256] = "";
	size_t n = 0;

	for (const struct parser *p = parsers; p->name && n < sizeof(names); p++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s, ", p->name);
	say_usage("--parser %s: no such parser; use one of %snone", name, names);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct bench *b = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &b->machine;
		return 0;
	case OPT_JSON:
		if (!*arg)
			say_usage("--json: is empty; name a file, or - for stdout");
		b->result.json = arg;
		return 0;
	case OPT_DURATION:
		if (duration_parse(arg, &b->duration_ns) || b->duration_ns < SECOND_NS / 10 ||
		    b->duration_ns > 3600 * SECOND_NS)
			say_usage("--duration %s: not a time from 100ms to 1h; write it as 10s", arg);
		return 0;
	case OPT_WARMUP:
		if (duration_parse(arg, &b->warmup_ns) || b->warmup_ns > 3600 * SECOND_NS)
			say_usage("--warmup %s: not a time up to 1h; write it as 500ms", arg);
		return 0;
	case OPT_MAX_DILATION:
		if (!dilation_limit_parse(&b->limit, arg))
			say_usage("--max-dilation %s: neither off nor a number above 1; use 1.25", arg);
		b->max_dilation_word = arg;
		return 0;
	case OPT_SEED:
		if (number_parse(arg, 1, INT64_MAX, &b->seed))
			say_usage("--seed %s: not a number from 1 up; use 1", arg);
		return 0;
	case OPT_JOB: /* its words are here instead, by cli/settings.c */
		return 0;
	case OPT_PARSER:
		if (strcmp(arg, "none") && !parser_named(arg))
			refuse_parser(arg);
		b->parser = arg;
		return 0;
	case OPT_PARSE:
		if (b->n_parse == COMMAND_PARSE_MAX)
			say_usage("--parse %s: more than %d patterns; use one that matches all", arg,
				  COMMAND_PARSE_MAX);
		b->parse[b->n_parse++] = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (state->quoted && state->next > state->quoted)
			machine_command_take(&b->machine, state);
		else
			add_workload(b, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "json", OPT_JSON, "FILE", 0, "Write all there is to FILE as JSON; -: to stdout, instead of the table", 0 },
	{ "duration", OPT_DURATION, "TIME", 0, "Measure each workload that long (5s)", 0 },
	{ "warmup", OPT_WARMUP, "TIME", 0, "Run each workload that long before it is measured (a tenth of --duration)",
	  0 },
	{ "max-dilation", OPT_MAX_DILATION, "D|off", 0,
	  "Do not count a run in which a vCPU took D times as long as it ran, for it waited for a host CPU "
	  "(1.05 in mode performance, else 1.25; off in the nested host)",
	  0 },
	{ "seed", OPT_SEED, "N", 0, "Of what is random in the workloads (1)", 0 },
	{ "job", OPT_JOB, "FILE", 0,
	  "Take options, workloads or a command from FILE; what is typed or in the environment goes before it", 0 },
	{ "parser", OPT_PARSER, "NAME", 0,
	  "What CMD prints: fio, schbench, hackbench, perf, rt-app, cyclictest, stress-ng, sysbench, lines or none (by "
	  "CMD's name, else lines)",
	  0 },
	{ "parse", OPT_PARSE, "FILES", 0,
	  "Read these files of the guest, a pattern, instead of what CMD prints; may be repeated", 0 },
	{ 0 },
};
static const struct argp_child children[] = { { &machine_options_argp, 0, NULL, 0 }, { 0 } };
const struct argp bench_argp = {
	.options = options,
	.parser = parse,
	.children = children,
	.args_doc = "[WORKLOAD[:OPTION=VALUE,...]]...\n-- CMD [ARG...]",
	.doc = "Boot a guest, run workloads in it one after the other, print their latencies.\v"
	       "Without a WORKLOAD: wakeup and io-randread. Each has options of its own (messaging:groups=2,pipe=1); "
	       "one that "
	       "works on a disk gets a 256M disk in memory unless --disk names another. The exit code is 1 if a "
	       "workload gave fewer than 1000 samples or the run failed, 2 if its figures do not count (the scheduler "
	       "was bypassed, or restarted itself), 77 if the kernel can't have the scheduler; --json says why under "
	       "validity.\n\n"
	       "WORKLOADS (ktstr bench list says what each measures, and all options)\n"
	       "  wakeup          threads that wake each other, by futexes (schbench's model)\n"
	       "  messaging       groups of senders and receivers (hackbench's model)\n"
	       "  pipe, futex     pairs of threads that take turns\n"
	       "  fork, yield, affinity-churn\n"
	       "                  calls that the scheduler serves\n"
	       "  fair            busy threads with weights: shares, gaps off the CPU\n"
	       "  compute         walks through memory: passes, migrations by distance\n"
	       "  periodic        threads with period, run time, deadline (rt-app's model)\n"
	       "  io-randread, io-randwrite, io-fsync, io-tmpfs\n"
	       "                  4 KiB requests at random offsets; depth=, rate=\n"
	       "  net             frames to itself by the loopback card\n"
	       "  WORKLOAD+bg=cpu:4+cgroup=weight:50\n"
	       "                  with load beside it, in a cgroup\n\n"
	       "COMMANDS\n"
	       "  CMD is any program, copied into the guest as ktstr run does it. Its wall,\n"
	       "  user and system time, greatest resident size and context switches are\n"
	       "  measured, and its output gives more figures (--parser): lines of NAME VALUE\n"
	       "  [UNIT [more|less]] from any program, also by ktstr-guest metric. An exit\n"
	       "  code other than 0 is ktstr's too. Without --timeout it may take an hour.\n\n"
	       "JOB FILES\n"
	       "  A line is NAME = VALUE, an option by its long name (also one of ktstr bench\n"
	       "  run, for that verb). [WORKLOAD] begins a workload, and NAME = VALUE then is\n"
	       "  an option of it; a [SECTION] of another name says workload = WORKLOAD first.\n"
	       "  command = CMD ARG... instead measures CMD. Lines that begin with # are\n"
	       "  comments. An option that is typed replaces all that the environment, the job\n"
	       "  and the config file say of it, and so on in this order; a typed workload or\n"
	       "  command those of the job.\n\n"
	       "    cpus = 4\n"
	       "    duration = 10s\n"
	       "    [wakeup]\n"
	       "    workers = 8\n"
	       "    [load]\n"
	       "    workload = messaging\n"
	       "    groups = 2\n\n"
	       "EXAMPLES\n"
	       "  ktstr bench\n"
	       "  ktstr bench --disk size=64M -- fio --name=r --filename=/dev/vda --rw=randread --output-format=json+\n"
	       "  ktstr bench --cpus 4 -- hackbench -l 100\n"
	       "  ktstr bench --parse '/tmp/*.log' -- rt-app taskset.json\n"
	       "  ktstr bench wakeup --cpus 4 --duration 30s\n"
	       "  ktstr bench io-randread --disk /dev/nvme0n1,ro,direct=on --json result.json\n"
	       "  ktstr bench wakeup --scheduler fifo\n"
	       "  ktstr bench run --out r --sched eevdf --sched fifo    boot by boot; a verdict\n"
	       "  ktstr bench compare r/cells/eevdf r/cells/fifo        the same again\n"
	       "  ktstr bench messaging:groups=2 periodic:period=4ms,run=1ms\n"
	       "  ktstr bench --kernel 6.12 --json - | jq '.results[].percentiles'",
};

static void set_defaults(struct bench *b)
{
	struct machine_spec *o = &b->machine.spec;
	char why[64];

	if (b->warmup_ns == UINT64_MAX)
		b->warmup_ns = b->duration_ns / 10;
	if (o->command.n && b->n_workloads)
		say_usage("%s: a workload and a command; ask for one of them", b->workload[0]);
	if (!o->command.n && (b->parser || b->n_parse))
		say_usage("%s: requires a command; pass it after --", b->parser ? "--parser" : "--parse");
	for (unsigned i = 0, none = !b->n_workloads && !o->command.n; none && i < USUAL; i++)
		add_workload(b, usual[i]);
	if (b->needs_disk && !o->n_disks)
		disk_parse("size=256M", &o->disk[o->n_disks++], why, sizeof(why));
	if (!o->timeout_ns && o->command.n)
		o->timeout_ns = BOOT_PATIENCE_NS + COMMAND_PATIENCE_NS;
	if (b->needs_net && !o->nic.wanted)
		nic_parse(NULL, &o->nic, why, sizeof(why));
	if (!o->timeout_ns)
		o->timeout_ns = BOOT_PATIENCE_NS + b->n_workloads * (b->warmup_ns + WORKLOAD_PATIENCE * b->duration_ns);
}

/* --- run ---------------------------------------------------------------- */

/* It checks itself while it is measured. */
static void warn_of_debug(const char *image)
{
	json_t *debug = kernel_config_debug(image);
	char text[512];

	kernel_config_text(debug, text, sizeof(text));
	if (*text)
		say_error("%s: a debug kernel (%s): its latencies are not those of the same kernel without; use "
			  "another for "
			  "figures",
			  image, text);
	json_decref(debug);
}

static int measure(struct bench *b, struct machine_job *job)
{
	struct machine_result result;
	char memory[SIZE_TEXT];

	int code = bench_result_attach(&b->result, job);

	if (code)
		return code;
	b->result.n_workloads = b->result.is_command ? 1 : b->n_workloads;
	b->result.max_dilation = dilation_limit_value(&b->limit, b->resolved.host_cpus.mode, host_is_nested());
	fprintf(stderr, "ktstr: bench: %s; %u CPUs, %s\n", b->resolved.image, b->resolved.cpus,
		size_format(memory, b->resolved.memory));
	warn_of_debug(b->resolved.image);
	drive_machine(&b->resolved, job, &result);
	return bench_result_finish(&b->result, &result);
}

/* The words that the guest's program and bench in the nested host have in common. Their number. */
static unsigned common_words(struct bench *b, const char *words[GUEST_OPTIONS + WORKLOADS_MAX])
{
	unsigned n = 0;

	snprintf(b->guest_option[0], sizeof(*b->guest_option), "--duration=%" PRIu64 "ns", b->duration_ns);
	snprintf(b->guest_option[1], sizeof(*b->guest_option), "--warmup=%" PRIu64 "ns", b->warmup_ns);
	snprintf(b->guest_option[2], sizeof(*b->guest_option), "--seed=%" PRIu64, b->seed);
	for (; n < GUEST_OPTIONS; n++)
		words[n] = b->guest_option[n];
	for (unsigned i = 0; i < b->n_workloads; i++)
		words[n++] = b->workload[i];
	return n;
}

/* The program that is measured comes along too. 0, or an exit code after a line on stderr. */
static int take_command(struct bench *b, struct nested_file *programs, unsigned *n)
{
	static char path[PATH_MAX];
	const struct word_list *command = &b->machine.spec.command;
	int rc = machine_command_check(&b->machine.spec);

	if (rc)
		return rc;
	b->result.is_command = true;
	b->result.parser_asked = b->parser;
	if (!b->parser)
		b->result.command.parser = parser_of(command->word);
	else if (strcmp(b->parser, "none") != 0)
		b->result.command.parser = parser_named(b->parser);
	if (command_find(command->word[0], path) == COMMAND_HOST)
		programs[(*n)++].host = path;
	return 0;
}

/* The words of the guest's command; they live as long as the process. */
static const char *const *guest_command(struct bench *b)
{
	const struct word_list *command = &b->machine.spec.command;
	static const char **words; /* static: reachable to the process's end */
	unsigned n = 0;

	words = calloc(WORDS_MAX + 2 * COMMAND_PARSE_MAX + command->n, sizeof(*words));
	if (!words)
		say_usage("out of memory; free some");
	words[n++] = WORKLOAD_IN_GUEST;
	words[n++] = "--marks";
	if (!command->n) {
		common_words(b, words + n);
		return words;
	}
	for (unsigned i = 0; i < b->n_parse; i++) {
		words[n++] = "--parse";
		words[n++] = b->parse[i];
	}
	words[n++] = "--command";
	words[n++] = "--";
	memcpy(words + n, command->word, command->n * sizeof(*words));
	return words;
}

static int run_nested(struct bench *b, const struct machine_job *job)
{
	const char *words[WORDS_MAX + 2 * COMMAND_PARSE_MAX + 2], *outputs[2] = { NULL }, *json = b->result.json;
	unsigned n = common_words(b, words);

	if (b->max_dilation_word) {
		words[n++] = "--max-dilation";
		words[n++] = b->max_dilation_word;
	}
	if (json) {
		words[n++] = "--json";
		words[n++] = json;
	}
	if (b->parser) {
		words[n++] = "--parser";
		words[n++] = b->parser;
	}
	for (unsigned i = 0; i < b->n_parse; i++) {
		words[n++] = "--parse";
		words[n++] = b->parse[i];
	}
	words[n] = NULL;
	if (json && strcmp(json, "-"))
		outputs[0] = json;
	return machine_run_nested(&b->resolved, job, "bench", words, outputs);
}

int verb_bench(int argc, char **argv)
{
	static struct bench b = { .duration_ns = 5 * SECOND_NS, .warmup_ns = UINT64_MAX, .seed = 1 };
	char program[PATH_MAX];
	struct nested_file programs[2] = { { .host = program, .guest = WORKLOAD_IN_GUEST } };
	struct machine_job job = { .start_ns = process_start_ns,
				   /* Our stdout is for the report. */
				   .stdio = { -1, STDERR_FILENO, STDERR_FILENO },
				   .watch_disks = true,
				   .fingerprint = true,
				   .programs = programs,
				   .n_programs = 1 };
	int rc;

	cli_parse(&bench_argp, "bench", argc, argv, &b);
	if (b.machine.spec.shell)
		say_usage("--spec %s: is of ktstr shell, and bench has no terminal; leave shell out of it",
			  b.machine.spec_file);
	set_defaults(&b);
	if (host_companion("ktstr-workload", "workloads/ktstr-workload", program))
		return EXIT_UNAVAILABLE;
	rc = b.machine.spec.command.n ? take_command(&b, programs, &job.n_programs) : 0;
	if (rc)
		return rc;
	rc = machine_resolve(&b.machine.spec, &b.resolved);
	if (b.resolved.lacks_sched_ext)
		return bench_result_skip(&b.result, "the kernel has no sched_ext");
	if (!rc && b.result.json && strcmp(b.result.json, "-"))
		rc = file_result_check("--json", b.result.json);
	if (rc)
		return rc;
	rc = host_choose(b.machine.spec.host, &job.probe);
	if (rc < 0)
		return -rc;
	job.argv = guest_command(&b);
	if (b.machine.dry_run)
		return machine_dry_run(&b.resolved, &job, (enum host_choice)rc, b.machine.dry_run, settings_json());
	if (rc == HOST_DIRECT)
		return measure(&b, &job);
	return run_nested(&b, &job);
}
