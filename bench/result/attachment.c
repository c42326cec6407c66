/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/attachment.h"

#include <inttypes.h>
#include <string.h>

#include "bench/base/size.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* --- the scheduler's life ----------------------------------------------- */

static void check_failed(struct validity *v, const json_t *scheduler)
{
	const char *cannot = text_of(scheduler, "cannot"), *error = text_of(scheduler, "error");

	if (*cannot)
		validity_add(v, VALIDITY_SKIPPED, "%s: %s", cannot, error);
	else
		validity_add(v, VALIDITY_FAILED, "the scheduler was not attached: %s", error);
}

static void check_end(struct validity *v, const json_t *scheduler)
{
	const json_t *end = json_object_get(scheduler, "exit");
	const char *reason = text_of(end, "reason"), *message = text_of(end, "msg");

	if (*reason)
		validity_add(v, VALIDITY_FAILED, "the scheduler ended before the workload: %s%s%s", reason,
			     *message ? ": " : "", message);
	else
		validity_add(v, VALIDITY_FAILED, "the scheduler ended before the workload, and gave no reason");
}

void attachment_check_life(struct validity *v, const json_t *scheduler)
{
	const char *phase = text_of(scheduler, "phase"), *stop = text_of(scheduler, "stop");
	json_int_t restarts = number_of(scheduler, "restarts");

	if (!json_is_object(scheduler))
		return;
	if (!strcmp(phase, "failed")) {
		check_failed(v, scheduler);
		return;
	}
	/* A guest that was ended from outside reports no more. */
	if (strcmp(phase, "end") != 0 && !v->status)
		validity_add(v, VALIDITY_FAILED, "the guest did not report the scheduler's end");
	if (strcmp(phase, "end") != 0)
		return;
	if (!json_is_true(json_object_get(scheduler, "held")))
		check_end(v, scheduler);
	else if (!strcmp(stop, "killed") || !strcmp(stop, "left"))
		validity_add(v, VALIDITY_FAILED, "the scheduler could not be detached in order: %s", stop);
	if (restarts > 0)
		validity_add(v, VALIDITY_INVALID, "the scheduler restarted itself %" JSON_INTEGER_FORMAT " time%s",
			     restarts, restarts == 1 ? "" : "s");
}

/* --- a window ----------------------------------------------------------- */

struct edges {
	const char *workload;
	const json_t *begin, *end;
};

static void check_own(struct validity *v, const struct edges *e)
{
	/* A kernel without sched_ext shows nothing. */
	const json_t *at[] = { e->begin, e->end };

	for (unsigned i = 0; i < 2; i++)
		if (json_is_object(at[i]) && strcmp(text_of(at[i], "state"), "disabled") != 0) {
			validity_add(v, VALIDITY_FAILED,
				     "%s: sched_ext was %s (%s) in the window, not the kernel's own", e->workload,
				     text_of(at[i], "state"), text_of(at[i], "ops"));
			return;
		}
	if (number_of(e->begin, "enable_seq") != number_of(e->end, "enable_seq"))
		validity_add(v, VALIDITY_FAILED, "%s: a sched_ext scheduler came and went in the window", e->workload);
}

static bool is_attached(const json_t *edge, const char *ops)
{
	return !strcmp(text_of(edge, "state"), "enabled") && !strcmp(text_of(edge, "ops"), ops);
}

/* How much an event's counter moved; kernels before 6.14 have none, and 0 stands for them. */
static json_int_t moved(const struct edges *e, const char *event)
{
	return number_of(json_object_get(e->end, "events"), event) -
	       number_of(json_object_get(e->begin, "events"), event);
}

static void check_bypass(struct validity *v, const struct edges *e)
{
	json_int_t times = moved(e, "SCX_EV_BYPASS_ACTIVATE"), ns = moved(e, "SCX_EV_BYPASS_DURATION");
	json_int_t tasks = moved(e, "SCX_EV_BYPASS_DISPATCH");
	char text[SIZE_TEXT];

	/* The duration is added when a bypass ends; one that lasts is seen by its dispatches alone. */
	if (times || ns || tasks)
		validity_add(v, VALIDITY_INVALID,
			     "bypass: %s: the kernel ran tasks without the scheduler: %" JSON_INTEGER_FORMAT
			     " bypasses, %s, %" JSON_INTEGER_FORMAT " dispatches",
			     e->workload, times, duration_format(text, ns > 0 ? (uint64_t)ns : 0), tasks);
}

static void check_attached(struct validity *v, const struct edges *e, const char *ops)
{
	json_int_t again = number_of(e->end, "enable_seq") - number_of(e->begin, "enable_seq");
	json_int_t rejected = number_of(e->end, "nr_rejected") - number_of(e->begin, "nr_rejected");
	bool at_begin = is_attached(e->begin, ops);
	const json_t *lost = at_begin ? e->end : e->begin;

	if (!at_begin || !is_attached(e->end, ops)) {
		validity_add(v, VALIDITY_FAILED, "%s: %s was not attached at the %s of the window: %s %s", e->workload,
			     ops, at_begin ? "end" : "begin",
			     json_is_object(lost) ? text_of(lost, "state") : "no sched_ext", text_of(lost, "ops"));
		return;
	}
	if (again)
		validity_add(v, VALIDITY_INVALID,
			     "%s: the scheduler was attached anew %" JSON_INTEGER_FORMAT " times in the window",
			     e->workload, again);
	if (rejected)
		validity_add(v, VALIDITY_INVALID,
			     "%s: the scheduler rejected %" JSON_INTEGER_FORMAT
			     " tasks in the window, which the kernel's own ran",
			     e->workload, rejected);
	check_bypass(v, e);
}

void attachment_check_window(struct validity *v, const json_t *result, const char *ops)
{
	const json_t *shown = json_object_get(json_object_get(result, "window"), "sched_ext");
	struct edges e = { .workload = text_of(result, "workload"),
			   .begin = json_object_get(shown, "begin"),
			   .end = json_object_get(shown, "end") };

	if (ops)
		check_attached(v, &e, ops);
	else
		check_own(v, &e);
}
