/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/spec/topology.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/size.h"
#include "bench/base/why.h"

/* --- shapes -------------------------------------------------------------- */

/* "2n4l8c2t" or "2,4,8,2": false when it is neither. */
static bool parse_shape(const char *text, size_t len, unsigned long out[4])
{
	static const char letters[] = "nlct";
	const char *p = text, *end = text + len;
	bool commas = memchr(text, ',', len);

	for (unsigned i = 0; i < 4; i++) {
		char *stop;

		if (p >= end || !isdigit((unsigned char)*p))
			return false;
		errno = 0;
		out[i] = strtoul(p, &stop, 10);
		if (errno || out[i] > 100000)
			out[i] = 100000; /* too many of anything: the limits say it better */
		p = stop;
		if (commas && i == 3)
			break;
		if (p >= end || *p++ != (commas ? ',' : letters[i]))
			return false;
	}
	return p == end;
}

static const struct topology_preset *find_preset(const char *text, size_t len)
{
	for (const struct topology_preset *p = topology_presets; p->name; p++)
		if (strlen(p->name) == len && !strncmp(p->name, text, len))
			return p;
	return NULL;
}

/* --- keys ---------------------------------------------------------------- */

enum key { KEY_LLCS, KEY_CORES, KEY_MEM, KEY_DIST, KEY_LATENCY, KEY_BANDWIDTH, KEY_CACHE, KEYS };
static const char *const key_name[KEYS] = { "llcs", "cores", "mem", "dist", "latency", "bandwidth", "cache" };

static int parse_value(enum key key, const char *word, uint64_t *value)
{
	switch (key) {
	case KEY_MEM:
		if (!strcmp(word, "-")) {
			*value = 0;
			return 0;
		}
		return size_parse(word, value) || !*value || *value % TOPOLOGY_MEMORY_UNIT ? -EINVAL : 0;
	case KEY_CACHE:
		return size_parse(word, value) || *value % 1024 ? -EINVAL : 0;
	default:
		return number_parse(word, 0, key == KEY_DIST ? 255 : 65535 * 10, value);
	}
}

static int bad_value(enum key key, const char *word, char why[TOPOLOGY_WHY])
{
	if (key == KEY_MEM)
		return why_fail(why, TOPOLOGY_WHY, -EINVAL,
				"mem=%.40s: not a size in whole 2 MiB; write it as 512M or 1G, or - for a share", word);
	if (key == KEY_CACHE)
		return why_fail(why, TOPOLOGY_WHY, -EINVAL,
				"cache=%.40s: not a size; write it as 64M or 1G, or 0 for none", word);
	return why_fail(why, TOPOLOGY_WHY, -EINVAL, "%s=%.40s: not a number that fits; see ktstr topo --help",
			key_name[key], word);
}

static void set_value(struct topology *t, enum key key, unsigned i, uint64_t v)
{
	switch (key) {
	case KEY_LLCS:
		t->llcs[i] = (uint16_t)(v > UINT16_MAX ? UINT16_MAX : v);
		return;
	case KEY_CORES:
		t->cores[i] = (uint16_t)(v > UINT16_MAX ? UINT16_MAX : v);
		return;
	case KEY_MEM:
		t->node[i].memory = v;
		return;
	case KEY_LATENCY:
		t->node[i].latency_ns = (uint32_t)v;
		return;
	case KEY_BANDWIDTH:
		t->node[i].bandwidth_mbs = (uint32_t)v;
		return;
	case KEY_CACHE:
		t->node[i].side_cache = v;
		return;
	case KEY_DIST:
		t->distance[i / t->n_nodes][i % t->n_nodes] = (uint8_t)v;
		return;
	case KEYS:
		return;
	}
}

/* One for each, or one for all. */
static int parse_list(struct topology *t, enum key key, char *list, char why[TOPOLOGY_WHY])
{
	unsigned wanted = key == KEY_CORES ? t->n_llcs : key == KEY_DIST ? t->n_nodes * t->n_nodes : t->n_nodes, n = 0;
	uint64_t value = 0;
	char *next = list, *word;

	while ((word = strsep(&next, key == KEY_DIST ? ",/" : ","))) {
		if (parse_value(key, word, &value))
			return bad_value(key, word, why);
		if (n == wanted)
			return why_fail(why, TOPOLOGY_WHY, -EINVAL,
					"%s: more than %u values; give one for each %s, or one for all", key_name[key],
					wanted,
					key == KEY_CORES  ? "LLC"
					: key == KEY_DIST ? "pair of nodes"
							  : "node");
		set_value(t, key, n++, value);
	}
	if (n != wanted && n != 1)
		return why_fail(why, TOPOLOGY_WHY, -EINVAL,
				"%s: %u values for %u; give one for each %s, or one for all", key_name[key], n, wanted,
				key == KEY_CORES  ? "LLC"
				: key == KEY_DIST ? "pair of nodes"
						  : "node");
	for (; n < wanted; n++)
		set_value(t, key, n, value);
	return 0;
}

static int parse_keys(struct topology *t, char *text, char why[TOPOLOGY_WHY])
{
	bool seen[KEYS] = { false };
	char *word;

	while ((word = strsep(&text, ":"))) {
		char *value = strchr(word, '=');
		enum key key = KEYS;
		bool single;
		int rc;

		for (unsigned k = 0; value && k < KEYS; k++)
			if ((size_t)(value - word) == strlen(key_name[k]) &&
			    !strncmp(word, key_name[k], strlen(key_name[k])))
				key = (enum key)k;
		if (key == KEYS)
			return why_fail(
				why, TOPOLOGY_WHY, -EINVAL,
				"'%.40s' is not KEY=LIST; keys are llcs, cores, mem, dist, latency, bandwidth, cache",
				word);
		if (seen[key])
			return why_fail(why, TOPOLOGY_WHY, -EINVAL, "%s= is given twice; keep one", key_name[key]);
		seen[key] = true;
		single = !strpbrk(value + 1, ",/");
		rc = parse_list(t, key, value + 1, why);
		if (rc)
			return rc;
		/* One distance is that to the others. */
		for (unsigned n = 0; key == KEY_DIST && single && n < t->n_nodes; n++)
			t->distance[n][n] = TOPOLOGY_DISTANCE_LOCAL;
	}
	return 0;
}

static int parse_words(const char *text, struct topology *t, char why[TOPOLOGY_WHY])
{
	size_t len = strcspn(text, ":");
	const struct topology_preset *preset = find_preset(text, len);
	unsigned long n[4];
	char *keys;
	int rc;

	if (preset)
		rc = parse_words(preset->shape, t, why);
	else if (parse_shape(text, len, n))
		rc = topology_init(t, (unsigned)n[0], (unsigned)n[1], (unsigned)n[2], (unsigned)n[3], why);
	else
		rc = why_fail(why, TOPOLOGY_WHY, -EINVAL,
			      "'%.*s' is neither a shape nor a preset; write it as 1n2l4c2t, or see ktstr topo",
			      (int)(len < 60 ? len : 60), text);
	if (rc || !text[len])
		return rc;
	keys = strdup(text + len + 1);
	if (!keys)
		return why_fail(why, TOPOLOGY_WHY, -EINVAL, "out of memory");
	rc = parse_keys(t, keys, why);
	free(keys);
	return rc;
}

int topology_parse(const char *text, struct topology *t, char why[TOPOLOGY_WHY])
{
	int rc = parse_words(text, t, why);

	return rc ? rc : topology_finish(t, why);
}

uint64_t topology_own_memory(const struct topology *t)
{
	uint64_t sum = 0;

	for (unsigned n = 0; n < t->n_nodes; n++) {
		if (!t->node[n].memory)
			return 0;
		sum += t->node[n].memory;
	}
	return sum;
}

int topology_set_memory(struct topology *t, uint64_t total, char why[TOPOLOGY_WHY])
{
	int rc = topology_share_memory(t, total, why);
	size_t len = rc ? strlen(why) : 0;

	if (rc)
		snprintf(why + len, TOPOLOGY_WHY - len, "; %s",
			 rc == -ENOSPC	 ? "raise --memory"
			 : rc == -ERANGE ? "raise --memory or use fewer nodes"
					 : "make them agree, or leave --memory out");
	return rc;
}

/* --- back to text --------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void put(char text[TOPOLOGY_TEXT], const char *fmt, ...)
{
	size_t at = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + at, TOPOLOGY_TEXT - at, fmt, ap);
	va_end(ap);
}

static void put_distances(char text[TOPOLOGY_TEXT], const struct topology *t)
{
	unsigned far = t->n_nodes > 1 ? t->distance[0][1] : TOPOLOGY_DISTANCE_REMOTE;
	bool alike = true;

	for (unsigned from = 0; from < t->n_nodes; from++)
		for (unsigned to = 0; to < t->n_nodes; to++)
			alike = alike && (from == to || t->distance[from][to] == far);
	if (alike && far == TOPOLOGY_DISTANCE_REMOTE)
		return;
	if (alike) {
		put(text, ":dist=%u", far);
		return;
	}
	for (unsigned from = 0; from < t->n_nodes; from++)
		for (unsigned to = 0; to < t->n_nodes; to++)
			put(text, "%s%u", to ? "," : from ? "/" : ":dist=", t->distance[from][to]);
}

const char *topology_format(const struct topology *t, char text[TOPOLOGY_TEXT])
{
	bool llcs = false, cores = false, latency = false, bandwidth = false, cache = false;

	text[0] = '\0';
	put(text, "%un%ul%uc%ut", t->n_nodes, t->n_llcs, t->cores[0], t->threads);
	for (unsigned l = 0; l < t->n_llcs; l++)
		cores |= t->cores[l] != t->cores[0];
	for (unsigned n = 0; n < t->n_nodes; n++) {
		llcs |= t->llcs[n] != t->llcs[0];
		latency |= t->node[n].latency_ns;
		bandwidth |= t->node[n].bandwidth_mbs;
		cache |= t->node[n].side_cache;
	}
	for (unsigned n = 0; llcs && n < t->n_nodes; n++)
		put(text, "%s%u", n ? "," : ":llcs=", t->llcs[n]);
	for (unsigned l = 0; cores && l < t->n_llcs; l++)
		put(text, "%s%u", l ? "," : ":cores=", t->cores[l]);
	put_distances(text, t);
	for (unsigned n = 0; latency && n < t->n_nodes; n++)
		put(text, "%s%u", n ? "," : ":latency=", t->node[n].latency_ns);
	for (unsigned n = 0; bandwidth && n < t->n_nodes; n++)
		put(text, "%s%u", n ? "," : ":bandwidth=", t->node[n].bandwidth_mbs);
	for (unsigned n = 0; cache && n < t->n_nodes; n++)
		put(text, "%s%lluk", n ? "," : ":cache=", (unsigned long long)(t->node[n].side_cache >> 10));
	return text;
}
