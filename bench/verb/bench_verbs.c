/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/verb/bench_verbs.h"

const struct verb bench_verbs[] = {
	{ "run", verb_bench_run, "boot again and again under each scheduler, then compare them", &bench_run_argp,
	  VERB_MACHINE, NULL },
	{ "compare", verb_bench_compare, "say whether results are better or worse than others", &bench_compare_argp, 0,
	  NULL },
	{ "export", verb_bench_export, "print latencies as HdrHistogram's tools read them", &bench_export_argp, 0,
	  NULL },
	{ "show", verb_bench_show, "say what was run, on what, and how it ended", &bench_show_argp, 0, NULL },
	{ "baseline", verb_bench_baseline, "keep results under a name, and show their history", &bench_baseline_argp, 0,
	  NULL },
	{ "bisect-step", verb_bench_bisect, "a verdict as the exit code that git bisect run wants", &bench_bisect_argp,
	  0, NULL },
	{ "doctor", verb_bench_doctor, "list what disturbs measurements here, and what they can show",
	  &bench_doctor_argp, 0, NULL },
	{ "list", verb_bench_list, "list the workloads and their options", &bench_list_argp, 0, NULL },
	{ "report", verb_bench_report, "write results as one page of HTML", &bench_report_argp, 0, NULL },
	{ 0 },
};
