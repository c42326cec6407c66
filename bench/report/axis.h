/* SPDX-License-Identifier: GPL-2.0-only */
/* Scales of a chart, their ticks, and what all charts have in common: colours and marks of the sides. */
#ifndef KTSTR_BENCH_REPORT_AXIS_H
#define KTSTR_BENCH_REPORT_AXIS_H

#include <stdbool.h>
#include <stdio.h>

#define TICKS_MAX 40
/* Sides with a colour and a mark of their own; further ones begin again. */
#define SIDES_STYLED 6

struct axis {
	bool log;
	double low, high; /* values at the two ends */
	double from, to;  /* their coordinates */
};

/* From @low to @high with a margin; logarithmic if @log and all is above 0. Never empty. */
void axis_make(struct axis *a, double low, double high, bool log, double from, double to);
double axis_at(const struct axis *a, double value);
/* Round values within the axis, ascending, about @wanted of them. Returns how many. */
unsigned axis_ticks(const struct axis *a, unsigned wanted, double tick[TICKS_MAX]);

/* What a chart is drawn on: x to the right, y downwards, in user units of the SVG. */
struct plot {
	double width, height, left, right, top, bottom; /* the frame's four coordinates */
};

/* <svg>; @label names it for those who do not see it. */
void plot_begin(FILE *f, const struct plot *p, const char *label);
/* Horizontal lines and values of @unit, on the left. */
void plot_y(FILE *f, const struct plot *p, const struct axis *y, const char *unit);
void plot_end(FILE *f);

/* The mark of a side at a point: circle, triangle, square, ... */
void plot_mark(FILE *f, unsigned side, double x, double y);

/* "850 ns", "18.2 k/s", "0.93", by @unit. */
const char *value_text(char text[40], const char *unit, double value);

#endif
