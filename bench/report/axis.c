/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/report/axis.h"

#include <math.h>
#include <string.h>

#include "bench/base/size.h"
#include "bench/report/html.h"

/* --- scales ------------------------------------------------------------- */

void axis_make(struct axis *a, double low, double high, bool log, double from, double to)
{
	double margin;

	*a = (struct axis){ .log = log && low > 0, .low = low, .high = high, .from = from, .to = to };
	if (a->log) {
		/* Not less than a tenth around one value: noise of a thousandth is not to fill the chart. */
		margin = fmax(pow(high / low, 0.06), high / low < 1.05 ? 1.05 : 1);
		a->low /= margin;
		a->high *= margin;
		return;
	}
	margin = fmax((high - low) * 0.08, fmax(fabs(high), fabs(low)) * 0.02);
	margin = margin > 0 ? margin : 1;
	a->low -= margin;
	a->high += margin;
	if (low >= 0 && a->low < 0)
		a->low = 0;
}

double axis_at(const struct axis *a, double value)
{
	double part;

	if (a->log)
		part = log(fmax(value, a->low / 10) / a->low) / log(a->high / a->low);
	else
		part = (value - a->low) / (a->high - a->low);
	return a->from + fmin(fmax(part, -0.1), 1.1) * (a->to - a->from);
}

static unsigned linear_ticks(const struct axis *a, unsigned wanted, double *tick)
{
	double rough = (a->high - a->low) / wanted, power = pow(10, floor(log10(rough))), part = rough / power;
	double step = power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
	unsigned n = 0;

	for (double k = ceil(a->low / step); k * step <= a->high && n < TICKS_MAX; k++)
		tick[n++] = k * step;
	return n;
}

unsigned axis_ticks(const struct axis *a, unsigned wanted, double tick[TICKS_MAX])
{
	static const double one[] = { 1 }, three[] = { 1, 3 }, few[] = { 1, 2, 5 };
	double decades = a->log ? log10(a->high / a->low) : 0;
	const double *of = decades * 3 < wanted ? few : decades * 2 < wanted ? three : one;
	unsigned per = of == few ? 3 : of == three ? 2 : 1, n = 0, skip = 1;

	/* Less than a decade has too few of these. */
	if (!a->log || decades < 0.9)
		return linear_ticks(a, wanted, tick);
	if (decades > wanted)
		skip = (unsigned)ceil(decades / wanted);
	for (double power = floor(log10(a->low)); power <= log10(a->high); power += skip)
		for (unsigned i = 0; i < per; i++) {
			double value = of[i] * pow(10, power);

			if (value >= a->low && value <= a->high && n < TICKS_MAX)
				tick[n++] = value;
		}
	return n;
}

const char *value_text(char text[40], const char *unit, double value)
{
	char number[SIZE_TEXT];

	if (!isfinite(value))
		snprintf(text, 40, "n/a");
	else if (!strcmp(unit, "ns") && value >= 0 && value < 9e18)
		snprintf(text, 40, "%s", duration_format(number, (uint64_t)value));
	else
		snprintf(text, 40, "%s%s%s", number_format(number, value), *unit && *unit != '/' ? " " : "", unit);
	return text;
}

/* --- drawing ------------------------------------------------------------ */

void plot_begin(FILE *f, const struct plot *p, const char *label)
{
	html_markup(f, "<svg class=\"chart\" viewBox=\"0 0 %.0f %.0f\" role=\"img\"", p->width, p->height);
	html_attr(f, "aria-label", label);
	html_raw(f, ">\n");
}

void plot_y(FILE *f, const struct plot *p, const struct axis *y, const char *unit)
{
	double tick[TICKS_MAX];
	unsigned n = axis_ticks(y, 5, tick);
	char text[40];

	for (unsigned i = 0; i < n; i++) {
		double at = axis_at(y, tick[i]);

		html_markup(f, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", p->left, at, p->right);
		html_markup(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", p->left - 7, at + 4);
		html_text(f, value_text(text, unit, tick[i]));
		html_raw(f, "</text>\n");
	}
}

void plot_end(FILE *f)
{
	html_raw(f, "</svg>\n");
}

void plot_mark(FILE *f, unsigned side, double x, double y)
{
	static const char *const shapes[SIDES_STYLED] = {
		"m-3.8 0a3.8 3.8 0 1 0 7.6 0a3.8 3.8 0 1 0 -7.6 0z",	  /* circle */
		"m0 -4.6l4.4 7.8h-8.8z",				  /* triangle */
		"m-3.4 -3.4h6.8v6.8h-6.8z",				  /* square */
		"m0 -4.8l4.4 4.8l-4.4 4.8l-4.4 -4.8z",			  /* diamond */
		"m0 4.6l4.4 -7.8h-8.8z",				  /* triangle, point down */
		"m-4.6 -1.5h3.1v-3.1h3v3.1h3.1v3h-3.1v3.1h-3v-3.1h-3.1z", /* cross */
	};

	side %= SIDES_STYLED;
	html_markup(f, "<path class=\"m s%u\" d=\"M%.1f %.1f%s\"", side, x, y, shapes[side]);
}
