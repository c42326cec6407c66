/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/verb/bench_result.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/json.h"
#include "bench/base/say.h"
#include "bench/result/attachment.h"
#include "bench/result/schbench.h"

/* A result of the guest's, borrowed; NULL: it is none. */
static void keep(struct bench_result *b, json_t *line)
{
	struct report_result *r;

	if (b->n == WORKLOADS_MAX)
		return;
	r = calloc(1, sizeof(*r));
	if (!line || !r || !report_result_read(r, line)) {
		b->bad_line = true;
		free(r);
		return;
	}
	b->line[b->n] = json_incref(line);
	b->result[b->n++] = r;
}

static void on_line(void *ctx, json_t *line)
{
	struct bench_result *b = ctx;
	json_t *entry = NULL;

	if (!b->is_command || !line) {
		keep(b, line);
	} else if (command_result_line(&b->command, line, &entry)) {
		if (entry)
			keep(b, entry);
		json_decref(entry);
	} else {
		b->bad_line = true;
	}
}

/* All that reads the host's counters has done so: the guest goes on. */
static void on_window(void *ctx, const struct machine_window *w)
{
	struct bench_result *b = ctx;

	if (w->index < WORKLOADS_MAX)
		(w->end ? b->end_ns : b->begin_ns)[w->index] = w->host_ns;
	/* The pipe has room for all marks; a guest without an answer goes on after some time, and says so. */
	if (write(b->answers, "\n", 1) != 1)
		say_error("bench: the guest's stdin: %s", strerror(errno));
}

int bench_result_attach(struct bench_result *b, struct machine_job *job)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC)) {
		say_error("pipe: %s; %s", strerror(errno), say_limit(errno));
		return EXIT_INTERNAL;
	}
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	b->answers = ends[1];
	job->stdio.in = ends[0];
	job->watch_host = true;
	job->metric = on_line;
	job->metric_ctx = b;
	job->window = on_window;
	job->window_ctx = b;
	return 0;
}

/* --- whether it counts -------------------------------------------------- */

/* The machine's end, whose reason was said in full on stderr */
static void check_end(struct bench_result *b, const struct machine_result *machine)
{
	struct validity *v = &b->validity;
	int code = machine->code;

	if (code == EXIT_TIMEOUT)
		validity_add(v, VALIDITY_FAILED, "time-out: the guest did not end in time");
	else if (code == EXIT_PANIC)
		validity_add(v, VALIDITY_FAILED, "guest panic");
	else if (code > 128 && code <= 128 + SIGRTMAX)
		validity_add(v, VALIDITY_FAILED, "interrupted: signal %d", code - 128);
}

/* What has no other reason. */
static void check_rest(struct bench_result *b, const struct machine_result *machine)
{
	struct validity *v = &b->validity;

	if (v->n)
		return;
	if (machine->code)
		validity_add(v, VALIDITY_FAILED, "%s ended with exit code %d",
			     machine->completed ? "the workload" : "the machine", machine->code);
	else if (b->bad_line || b->n != b->n_workloads)
		validity_add(v, VALIDITY_FAILED,
			     "%u of %u workloads gave a result that can be read; report this as a fault", b->n,
			     b->n_workloads);
}

/* Figures of a window in which another scheduler ran too are of neither. */
static void check_scheduler(struct bench_result *b, const json_t *facts)
{
	const json_t *scheduler = json_object_get(json_object_get(facts, "guest"), "scheduler");
	const char *ops = json_string_value(json_object_get(scheduler, "ops"));

	attachment_check_life(&b->validity, scheduler);
	for (unsigned i = 0; i < b->n; i++)
		attachment_check_window(&b->validity, b->line[i], json_is_object(scheduler) ? ops ? ops : "" : NULL);
}

/* Without both marks nobody can say what the host did meanwhile. */
static void check_marks(struct bench_result *b)
{
	for (unsigned i = 0; i < b->n; i++)
		if (!b->begin_ns[i] || !b->end_ns[i] ||
		    !json_is_true(json_object_get(json_object_get(b->line[i], "window"), "marked")))
			validity_add(&b->validity, VALIDITY_INVALID, "%s: the marks of the window were not answered",
				     b->result[i]->workload);
}

static void say_validity(const struct bench_result *b)
{
	for (unsigned i = 0; i < b->validity.n; i++)
		say_error("bench: %s: %s", validity_name(b->validity.status), b->validity.reason[i]);
}

/* --- where it goes ------------------------------------------------------ */

static json_t *whole(const struct bench_result *b, json_t *facts)
{
	json_t *results = json_array(), *all, *fingerprint = json_object_get(facts, "fingerprint");

	for (unsigned i = 0; i < b->n; i++) {
		json_t *result = report_result_json(b->result[i]), *window = json_object_get(result, "window");

		json_object_set_new(window, "host_begin_ns", json_integer((json_int_t)b->begin_ns[i]));
		json_object_set_new(window, "host_end_ns", json_integer((json_int_t)b->end_ns[i]));
		if (!strcmp(b->result[i]->workload, "wakeup"))
			json_object_set_new(
				result, "schbench",
				schbench_json(
					&b->result[i]->latency, b->result[i]->has_second ? &b->result[i]->second : NULL,
					(uint64_t)json_integer_value(json_object_get(result, "measured_ns")), facts));
		json_array_append_new(results, result);
	}
	all = json_pack("{ss ss so so so so}", "schema", "ktstr-bench/1", "ktstr", KTSTR_VERSION, "validity",
			validity_json(&b->validity), "results", results, "noise",
			b->noise ? bench_noise_json(b->noise, b->max_dilation, results) : json_null(), "machine",
			facts ? json_incref(facts) : json_null());
	/* One place for those who compare: it is of the run, not of the machine alone. */
	if (fingerprint) {
		json_object_set(all, "fingerprint", fingerprint);
		json_object_del(facts, "fingerprint");
	}
	return all;
}

static int write_json(const struct bench_result *b, json_t *facts)
{
	json_t *json = whole(b, facts);
	int rc;

	if (strcmp(b->json, "-") != 0)
		rc = json_put_file(b->json, json, JSON_RESULT_FLAGS);
	else if (!json)
		rc = -ENOMEM;
	else
		rc = json_dumpf(json, stdout, JSON_RESULT_FLAGS) || putchar('\n') == EOF || fflush(stdout) ? -errno : 0;
	json_decref(json);
	if (rc)
		say_error("--json %s: can't be written: %s", b->json, strerror(-rc));
	return rc ? EXIT_FAILED : EXIT_OK;
}

/* What each sample cost the guest beside the work itself. */
static void print_cost(const struct bench_result *b)
{
	const json_t *cost = b->n ? json_object_get(b->line[b->n - 1], "measuring_cost") : NULL;

	if (cost)
		printf("  measuring  reading the clock takes the guest %.0f ns, counting a sample %.0f ns\n",
		       json_number_value(json_object_get(cost, "clock_ns")),
		       json_number_value(json_object_get(cost, "histogram_ns")));
}

/* A parser that finds nothing: it may be the program's form of output, or the wrong parser. */
static void check_parser(struct bench_result *b)
{
	const json_t *about = b->n ? json_object_get(b->line[0], "command") : NULL;
	const char *note = json_string_value(json_object_get(about, "note"));
	const struct parser *p = b->command.parser;

	if (note)
		say_error("%s: %s", b->result[0]->workload, note);
	if (json_is_true(json_object_get(about, "truncated")))
		say_error("%s: printed more than is kept, and only the beginning was parsed; have it print less",
			  b->result[0]->workload);
	if (!about || !p || json_is_true(json_object_get(about, "parsed")) || (!b->parser_asked && !p->is_of_program))
		return;
	say_error("%s: its output has nothing that parser %s knows (%s)", b->result[0]->workload, p->name, p->what);
	if (b->parser_asked)
		validity_add(&b->validity, VALIDITY_FAILED, "parser %s found nothing in the output", p->name);
}

static int print(const struct bench_result *b, const json_t *facts)
{
	int code = EXIT_OK;
	char why[256];

	if (!b->json || strcmp(b->json, "-")) {
		if (b->is_command)
			command_result_print(stdout, b->line[0]);
		else
			report_table(stdout, (const struct report_result *const *)b->result, b->n);
		for (unsigned i = 0; i < b->n; i++)
			report_histogram(stdout, b->result[i]);
		if (report_provenance(stdout, facts, why, sizeof(why))) {
			say_error("bench: the machine's facts: %s", why);
			code = EXIT_INTERNAL;
		}
		print_cost(b);
		if (b->noise)
			bench_noise_print(stdout, b->noise);
		if (fflush(stdout))
			code = EXIT_FAILED;
	}
	for (unsigned i = 0; i < b->n && !b->is_command; i++) {
		if (b->result[i]->latency.count >= REPORT_SAMPLES_MIN)
			continue;
		say_error("%s: %" PRIu64 " samples are fewer than %d; raise --duration", b->result[i]->workload,
			  b->result[i]->latency.count, REPORT_SAMPLES_MIN);
		code = EXIT_FAILED;
	}
	return code;
}

int bench_result_finish(struct bench_result *b, struct machine_result *machine)
{
	json_t *facts = machine->facts;
	int code = machine->code;

	check_end(b, machine);
	check_scheduler(b, facts);
	check_rest(b, machine);
	check_marks(b);
	if (b->is_command && !code)
		check_parser(b);
	b->noise = machine->noise;
	if (b->noise)
		bench_noise_check(&b->validity, b->noise, b->max_dilation);
	say_validity(b);
	/* A failure's own exit code says more. */
	if (!code || b->validity.status == VALIDITY_SKIPPED)
		code = validity_exit_code(&b->validity);
	if (!code)
		code = print(b, facts);
	/* Without a machine there was no run. */
	if (facts && b->json && write_json(b, facts) && !code)
		code = EXIT_FAILED;
	json_decref(facts);
	if (b->noise)
		noise_free(b->noise);
	free(b->noise);
	for (unsigned i = 0; i < b->n; i++) {
		json_decref(b->line[i]);
		free(b->result[i]);
	}
	command_result_free(&b->command);
	return code;
}

int bench_result_skip(struct bench_result *b, const char *reason)
{
	validity_add(&b->validity, VALIDITY_SKIPPED, "%s", reason);
	if (b->json)
		write_json(b, NULL);
	return validity_exit_code(&b->validity);
}
