/* SPDX-License-Identifier: GPL-2.0-only */
/* What of the host's noise a reader of the figures should know, in words. */
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench/base/json.h"
#include "bench/host/noise.h"

#define FAULTS_PER_S 1000 /* and so many in all: more is no guest that has its memory */
#define SIBLINGS_PART 20  /* a twentieth of the window */

static const char *const wishes[NOISE_WISHES] = {
	[WISH_FIFO] = "SCHED_FIFO for vCPUs",
	[WISH_PINNED] = "vCPUs pinned to CPUs",
	[WISH_NO_PAUSE_EXITS] = "no exits for PAUSE",
	[WISH_NO_HLT_EXITS] = "no exits for HLT",
	[WISH_HALT_POLL] = "the time of --halt-poll",
	[WISH_REALTIME] = "the hint that vCPUs are never preempted",
	[WISH_HUGE_PAGES] = "huge pages",
	[WISH_REACTOR_APART] = "reactor and workers off the CPUs of vCPUs",
};

/* Keys of "asked". */
static const char *const wish_keys[NOISE_WISHES] = {
	[WISH_FIFO] = "fifo",
	[WISH_PINNED] = "pinned",
	[WISH_NO_PAUSE_EXITS] = "no_pause_exits",
	[WISH_NO_HLT_EXITS] = "no_hlt_exits",
	[WISH_HALT_POLL] = "halt_poll",
	[WISH_REALTIME] = "realtime_hint",
	[WISH_HUGE_PAGES] = "huge_pages",
	[WISH_REACTOR_APART] = "reactor_apart",
};

void noise_note(struct noise *n, const char *fmt, ...)
{
	va_list ap;

	if (n->n_notes == NOISE_NOTES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(n->note[n->n_notes], NOISE_NOTE_SIZE, fmt, ap);
	va_end(ap);
	for (char *c = n->note[n->n_notes]; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	n->n_notes++;
}

/* --- what was asked for ------------------------------------------------- */

void noise_wish(struct noise *n, enum noise_wish wish, bool got)
{
	n->wish[wish].asked = true;
	n->wish[wish].refused |= !got;
}

void noise_check_thread(struct noise *n, unsigned i, const struct vm_host *asked, const struct noise_thread_got *got)
{
	struct bits own = { 0 };

	if (asked->fifo_priority)
		noise_wish(n, WISH_FIFO, got->policy == SCHED_FIFO);
	if (!asked->vcpu_cpu)
		return;
	bits_add(&own, (unsigned)asked->vcpu_cpu[i]);
	noise_wish(n, WISH_PINNED, bits_equal(&own, &got->cpus));
}

void noise_check_vm(struct noise *n, const struct vm_host *asked, const struct vm_host_facts *got)
{
	if (asked->keep_exits) {
		noise_wish(n, WISH_NO_PAUSE_EXITS, got->pause_kept);
		noise_wish(n, WISH_NO_HLT_EXITS, got->hlt_kept);
	}
	if (asked->set_halt_poll)
		noise_wish(n, WISH_HALT_POLL, got->halt_poll_set);
	if (asked->realtime)
		noise_wish(n, WISH_REALTIME, got->realtime);
}

static void note_wishes(struct noise *n)
{
	char text[NOISE_NOTE_SIZE] = "";
	size_t len = 0;

	for (unsigned i = 0; i < NOISE_WISHES; i++)
		if (n->wish[i].asked && n->wish[i].refused && len < sizeof(text))
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? ", " : "", wishes[i]);
	if (len)
		noise_note(n, "asked of the host and not got: %.120s", text);
}

/* --- a window ----------------------------------------------------------- */

static void note_migrations(struct noise *n, const struct noise_window *w, const char *prefix)
{
	int64_t all = 0, most = 0;
	unsigned who = 0;

	for (unsigned i = 0; i < w->n_vcpus; i++) {
		if (w->vcpu[i].migrations > most) {
			most = w->vcpu[i].migrations;
			who = i;
		}
		all += w->vcpu[i].migrations > 0 ? w->vcpu[i].migrations : 0;
	}
	if (all)
		noise_note(n, "%svCPU threads moved between host CPUs %lld time%s, vCPU %u most often", prefix,
			   (long long)all, all == 1 ? "" : "s", who);
}

static void note_window(struct noise *n, const struct noise_window *w, const char *prefix)
{
	int64_t faults = noise_kvm(w, "pf_fixed"), ms = w->host.wall_ns / 1000000;

	note_migrations(n, w, prefix);
	if (faults >= FAULTS_PER_S && ms > 0 && faults * 1000 / ms >= FAULTS_PER_S)
		noise_note(n, "%sKVM mapped guest memory while it was measured: %lld page faults", prefix,
			   (long long)faults);
	if (w->host.siblings_busy_ns > w->host.wall_ns / SIBLINGS_PART)
		noise_note(n, "%sthe other threads of the vCPUs' cores were busy for %lld ms of %lld ms", prefix,
			   (long long)w->host.siblings_busy_ns / 1000000, (long long)ms);
	if (w->host.pages_swapped_in > 0 || w->host.pages_swapped_out > 0)
		noise_note(n, "%sthe host swapped", prefix);
	if (w->host.cpus_steal_ns > w->host.wall_ns / SIBLINGS_PART)
		noise_note(n, "%sthis host is a guest itself, and its own CPUs waited for %lld ms", prefix,
			   (long long)w->host.cpus_steal_ns / 1000000);
}

/* --- the run ------------------------------------------------------------ */

static void note_change(void *ctx, const char *name, const char *before, const char *after)
{
	noise_note(ctx, "the host's %s changed from %.40s to %.40s", name, *before ? before : "nothing",
		   *after ? after : "nothing");
}

static void note_settings(struct noise *n)
{
	const char *clock = host_setting(&n->settings_begin, "clocksource");

	if (*clock && strcmp(clock, "tsc") != 0)
		noise_note(n, "the host's clocksource is %.40s, not tsc: each clock read costs more", clock);
	host_settings_compare(&n->settings_begin, &n->settings_end, note_change, n);
}

void noise_finish(struct noise *n)
{
	char prefix[64] = "";

	note_wishes(n);
	for (unsigned i = 0; i < n->n_windows; i++) {
		if (n->n_windows > 1)
			snprintf(prefix, sizeof(prefix), "%s: ", n->window[i].workload);
		note_window(n, &n->window[i], prefix);
	}
	if (n->n_windows)
		note_settings(n);
	if (n->others_begin > 0 || n->others_end > 0)
		noise_note(n, "contention: %d other machines at the begin, %d at the end", n->others_begin,
			   n->others_end);
	if (n->shared_cpus)
		noise_note(n, "another machine used the same CPUs");
}

/* --- JSON --------------------------------------------------------------- */

static json_t *kvm_json(const struct noise_window *w)
{
	json_t *object = json_object();

	if (w->kvm_error) {
		json_decref(object);
		return json_null();
	}
	for (unsigned i = 0; i < w->kvm.n; i++) {
		const struct vm_statistic *t = &w->kvm.statistic[i];
		const uint64_t *value = &w->kvm.value[t->at];
		bool histogram = t->type == VM_STATISTIC_LINEAR || t->type == VM_STATISTIC_LOG;
		json_t *buckets = histogram ? json_array() : NULL;
		unsigned used = t->size;

		while (histogram && used && !value[used - 1])
			used--;
		for (unsigned k = 0; k < used && histogram; k++)
			json_array_append_new(buckets, json_integer((json_int_t)value[k]));
		json_object_set_new(object, t->name, histogram ? buckets : json_integer((json_int_t)*value));
	}
	return object;
}

static json_t *window_json(const struct noise_window *w)
{
	json_t *vcpus = json_array();
	double worst = 1;

	for (unsigned i = 0; i < w->n_vcpus; i++) {
		json_t *vcpu = host_thread_json(&w->vcpu[i]);
		double d = noise_dilation(&w->vcpu[i]);

		json_object_set_new(vcpu, "dilation", json_real_or_null(d));
		json_array_append_new(vcpus, vcpu);
		worst = isnan(d) || d > worst ? d : worst;
	}
	return json_pack("{ss si so so so so so s{so so so} so sI}", "workload", w->workload, "index", (int)w->index,
			 "dilation_max", json_real_or_null(worst), "dilation_mean",
			 json_real_or_null(noise_mean_dilation(w)), "host", host_counters_json(&w->host), "vcpus",
			 vcpus, "reactor", host_thread_json(&w->reactor), "workers", "begin",
			 json_integer(w->workers_begin), "end", json_integer(w->workers_end), "on_cpu_ns",
			 json_integer(w->workers_on_cpu_ns), "kvm", kvm_json(w), "sampling_ns", (json_int_t)w->cost_ns);
}

static json_t *count_or_null(int count)
{
	return count < 0 ? json_null() : json_integer(count);
}

json_t *noise_json(const struct noise *n)
{
	json_t *windows = json_array(), *notes = json_array(), *asked = json_object();

	for (unsigned i = 0; i < n->n_windows; i++)
		json_array_append_new(windows, window_json(&n->window[i]));
	for (unsigned i = 0; i < n->n_notes; i++)
		json_array_append_new(notes, json_string(n->note[i]));
	for (unsigned i = 0; i < NOISE_WISHES; i++)
		if (n->wish[i].asked)
			json_object_set_new(asked, wish_keys[i],
					    json_string(n->wish[i].refused ? "refused" : "granted"));
	return json_pack("{ss so so s{so so so} s{so so} so}", "of",
			 n->nested ? "the nested host: how its own threads waited for this machine's CPUs is not in it"
				   : "this machine",
			 "notes", notes, "asked", asked, "contention", "other_machines_begin",
			 count_or_null(n->others_begin), "other_machines_end", count_or_null(n->others_end),
			 "shared_cpus", json_boolean(n->shared_cpus), "settings", "begin",
			 host_settings_json(&n->settings_begin), "end", host_settings_json(&n->settings_end), "windows",
			 windows);
}
