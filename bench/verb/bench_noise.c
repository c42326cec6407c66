/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/verb/bench_noise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_PERFORMANCE 1.05
#define LIMIT_OTHER 1.25
#define LIMIT_MAX 1000

bool dilation_limit_parse(struct dilation_limit *l, const char *text)
{
	char *end;

	if (!strcmp(text, "off")) {
		l->how = DILATION_OFF;
		return true;
	}
	l->value = strtod(text, &end);
	l->how = DILATION_GIVEN;
	return end != text && !*end && l->value > 1 && l->value <= LIMIT_MAX;
}

double dilation_limit_value(const struct dilation_limit *l, enum host_mode mode, bool nested)
{
	if (l->how == DILATION_GIVEN)
		return l->value;
	if (l->how == DILATION_OFF || nested)
		return 0;
	return mode == MODE_PERFORMANCE ? LIMIT_PERFORMANCE : LIMIT_OTHER;
}

void bench_noise_check(struct validity *v, const struct noise *n, double limit)
{
	for (unsigned i = 0; limit > 0 && i < n->n_windows; i++) {
		const struct noise_window *w = &n->window[i];
		int worst = noise_above(w, limit);

		if (worst >= 0)
			validity_add(v, VALIDITY_INVALID, "vCPU %d waited %.0f %% for the host in %s", worst,
				     100 * noise_waited(&w->vcpu[worst]), w->workload);
	}
}

void bench_noise_print(FILE *f, const struct noise *n)
{
	for (unsigned i = 0; i < n->n_notes; i++)
		fprintf(f, "%s%s%s", i ? "; " : "host noise: ", n->note[i], i + 1 == n->n_notes ? "\n" : "");
}

static json_t *corrected(const struct noise_window *w, const json_t *results)
{
	const json_t *result = json_array_get(results, w->index), *rate = json_object_get(result, "rate_per_s");
	const char *workload = json_string_value(json_object_get(result, "workload"));
	double d = noise_mean_dilation(w);
	json_t *list = json_array();

	if (!json_is_number(rate) || !workload || strcmp(workload, w->workload) || !isfinite(d) || d <= 1)
		return list;
	json_array_append_new(list, json_pack("{ss sf ss sf ss}", "raw_name", "rate_per_s", "raw",
					      json_number_value(rate), "name", "rate_per_s_undilated", "value",
					      json_number_value(rate) * d, "by", "dilation_mean"));
	return list;
}

json_t *bench_noise_json(const struct noise *n, double limit, const json_t *results)
{
	json_t *noise = noise_json(n), *windows = json_object_get(noise, "windows");

	json_object_set_new(noise, "max_dilation", limit > 0 ? json_real(limit) : json_null());
	for (unsigned i = 0; i < n->n_windows; i++)
		json_object_set_new(json_array_get(windows, i), "corrected", corrected(&n->window[i], results));
	return noise;
}
