/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rt-app's logs, one after the other: a line of names, then a line for each phase. A line is as the one of names before
 * it says. Times are in us.
 */
#include <string.h>

#include "bench/parsers/internal.h"

#define COLUMNS_MAX 24
#define METRIC "wake_latency"

enum { WU_LAT, SLACK, RUN, C_PERIOD, NAMES };
static const char *const names[NAMES] = { "wu_lat", "slack", "run", "c_period" };

struct sums {
	unsigned column[NAMES]; /* and one; 0: there is none */
	double n, slack, run, missed, periods;
};

static void take_names(struct sums *s, char *line)
{
	char *words[COLUMNS_MAX];
	unsigned n = line_words(line + 1, words, COLUMNS_MAX);

	memset(s->column, 0, sizeof(s->column));
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < NAMES; k++)
			if (!strcmp(words[i], names[k]))
				s->column[k] = i + 1;
}

static void take_values(struct parsed *out, struct sums *s, char *line)
{
	char *words[COLUMNS_MAX];
	unsigned n = line_words(line, words, COLUMNS_MAX);
	double value[NAMES] = { 0 };

	for (unsigned k = 0; k < NAMES; k++)
		if (s->column[k] && (s->column[k] > n || !word_number(words[s->column[k] - 1], &value[k])))
			return;
	s->n++;
	s->run += value[RUN];
	/* A phase that sleeps, and waits for no timer, has neither period nor slack nor wake-up. */
	if (!(value[C_PERIOD] > 0))
		return;
	s->periods++;
	s->slack += value[SLACK];
	s->missed += value[SLACK] < 0;
	parsed_sample(out, METRIC, value[WU_LAT] * 1000, 1);
}

void parse_rt_app(const struct parser_text *in, struct parsed *out)
{
	struct parser_lines l = lines_of(in);
	struct sums s = { 0 };

	while (lines_next(&l)) {
		if (*l.line == '#' && strstr(l.line, "idx"))
			take_names(&s, l.line);
		else if (*l.line != '#' && s.column[RUN])
			take_values(out, &s, l.line);
	}
	if (!(s.n > 0))
		return;
	parsed_add(out, "phases", "", MORE, s.n);
	parsed_add(out, "run_mean", "ns", LESS, s.run / s.n * 1000);
	if (!(s.periods > 0))
		return;
	parsed_add(out, "slack_mean", "ns", MORE | USUAL, s.slack / s.periods * 1000);
	parsed_add(out, "deadlines_missed", "", LESS | USUAL, s.missed);
}
