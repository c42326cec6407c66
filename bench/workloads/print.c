/* SPDX-License-Identifier: GPL-2.0-only */
/* A workload's result as a line of JSON. */
#include <inttypes.h>

#include "bench/workloads/workload.h"

/* A line must stay below what the guest's init takes (1 MiB). */
#define WORKERS_PRINTED 2048

static void print_list(const uint64_t *list, uint64_t n, FILE *f)
{
	fputc('[', f);
	for (uint64_t i = 0; i < n; i++)
		fprintf(f, "%s%" PRIu64, i ? "," : "", list[i]);
	fputc(']', f);
}

static void print_config(const struct workload_asked *asked, FILE *f)
{
	const char *comma = "";

	if (asked->kind->disk) {
		fputs("\"file\":", f);
		print_quoted(asked->file, f);
		comma = ",";
	}
	for (unsigned i = 0; i < WORKLOAD_OPTIONS_MAX && asked->kind->option[i].name; i++, comma = ",") {
		fprintf(f, "%s\"%s\":", comma, asked->kind->option[i].name);
		if (asked->kind->option[i].kind == VALUE_LIST)
			print_list(asked->list, asked->value[i], f);
		else
			fprintf(f, "%" PRIu64, asked->value[i]);
	}
}

static void print_cost(FILE *f)
{
	const struct cost cost = measure_cost();

	fprintf(f, ",\"measuring_cost\":{\"clock_ns\":%.1f,\"histogram_ns\":%.1f}", cost.clock_ns, cost.record_ns);
}

static void print_operations(const struct run *run, FILE *f)
{
	fprintf(f, ",\"operations\":{\"seed\":%" PRIu64 ",\"hash\":\"%016" PRIx64 "\"}", run->options->seed,
		run->operations_hash);
}

static void print_account(const struct account *a, FILE *f)
{
	fprintf(f,
		"\"run_ns\":%" PRIu64 ",\"wait_ns\":%" PRIu64 ",\"slices\":%" PRIu64 ",\"voluntary\":%" PRIu64
		",\"involuntary\":%" PRIu64 ",\"migrations\":",
		a->run_ns, a->wait_ns, a->slices, a->voluntary, a->involuntary);
	if (a->has_migrations)
		fprintf(f, "%" PRIu64, a->migrations);
	else
		fputs("null", f);
}

/* Each thread in the window, and all of them together. */
static void print_workers(const struct run *run, FILE *f)
{
	struct account sum = { 0 };

	fputs(",\"workers\":[", f);
	for (unsigned i = 0; i < run->n_workers; i++) {
		const struct worker_result *w = &run->worker[i];

		account_add(&sum, &w->account);
		if (i >= WORKERS_PRINTED)
			continue;
		fprintf(f, "%s{\"iterations\":%" PRIu64 ",", i ? "," : "", w->turns);
		if (w->longest_gap_ns)
			fprintf(f, "\"max_gap_ns\":%" PRIu64 ",", w->longest_gap_ns);
		print_account(&w->account, f);
		fputs("}", f);
	}
	fputs("],\"workers_sum\":{", f);
	print_account(&sum, f);
	fputs("},\"main_thread\":{", f);
	print_account(&run->main, f);
	fputs("}", f);
}

void print_result(const struct run *run, FILE *f)
{
	const struct workload_kind *kind = run->asked->kind;
	double seconds = (double)run->measured_ns / 1e9;

	fprintf(f, "{\"workload\":\"%s\",\"metric\":\"%s\",\"unit\":\"ns\",\"seed\":%" PRIu64 ",\"config\":{",
		kind->name, kind->metric, run->options->seed);
	print_config(run->asked, f);
	fprintf(f, "},\"warmup_ns\":%" PRIu64 ",\"duration_ns\":%" PRIu64 ",\"measured_ns\":%" PRIu64,
		run->options->warmup_ns, run->options->duration_ns, run->measured_ns);
	fputs(",\"window\":", f);
	window_print(&run->window, f);
	fprintf(f, ",\"rate_per_s\":%.3f,\"rate_of\":\"%s\",\"figures\":[",
		seconds > 0 ? (double)run->latency.count / seconds : 0, kind->rate);
	for (unsigned i = 0; i < run->n_figures; i++)
		fprintf(f, "%s{\"name\":\"%s\",\"unit\":\"%s\",\"more_is_better\":%s,\"value\":%.17g}", i ? "," : "",
			run->figure[i].name, run->figure[i].unit, run->figure[i].more_is_better ? "true" : "false",
			run->figure[i].value);
	fputs("]", f);
	print_cost(f);
	fputs(",\"around\":", f);
	setting_print(&run->setting, f);
	print_operations(run, f);
	print_workers(run, f);
	if (run->second_name) {
		fprintf(f, ",\"second\":{\"metric\":\"%s\",\"histogram\":", run->second_name);
		hist_write_json(&run->second, f);
		fputc('}', f);
	}
	fputs(",\"histogram\":", f);
	hist_write_json(&run->latency, f);
	fputs("}\n", f);
	fflush(f);
}
