/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/host/settings.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/base/file.h"

#define CPU "/sys/devices/system/cpu/"
#define PATH_SIZE 512

enum how {
	LINE,	  /* the first line as it is */
	BRACKETS, /* the word in brackets: "always [madvise] never" */
	ON,	  /* 1: on, 0: off */
	OFF,	  /* 1: off, 0: on */
	EACH,	  /* a file of each CPU: the line of all, or "mixed" */
	SWAP,	  /* a table below a heading: on, if it has a row */
	CPUINFO,  /* its line "microcode : 0x1" */
};

/* Of several rows with one name the first that this host has. */
static const struct {
	const char *name;
	enum how how;
	const char *path;
} rows[] = {
	{ "clocksource", LINE, "/sys/devices/system/clocksource/clocksource0/current_clocksource" },
	{ "frequency_driver", EACH, "scaling_driver" },
	{ "governor", EACH, "scaling_governor" },
	{ "energy_preference", EACH, "energy_performance_preference" },
	{ "turbo", OFF, CPU "intel_pstate/no_turbo" },
	{ "turbo", ON, CPU "cpufreq/boost" },
	{ "smt", ON, CPU "smt/active" },
	{ "isolated_cpus", LINE, CPU "isolated" },
	{ "idle_driver", LINE, CPU "cpuidle/current_driver" },
	{ "thp", BRACKETS, "/sys/kernel/mm/transparent_hugepage/enabled" },
	{ "thp_defrag", BRACKETS, "/sys/kernel/mm/transparent_hugepage/defrag" },
	{ "ksm", ON, "/sys/kernel/mm/ksm/run" },
	{ "swap", SWAP, "/proc/swaps" },
	{ "numa_balancing", ON, "/proc/sys/kernel/numa_balancing" },
	{ "nmi_watchdog", ON, "/proc/sys/kernel/nmi_watchdog" },
	{ "rt_runtime_us", LINE, "/proc/sys/kernel/sched_rt_runtime_us" },
	{ "host_sched_ext", LINE, "/sys/kernel/sched_ext/root/ops" },
	{ "kvm_halt_poll_ns", LINE, "/sys/module/kvm/parameters/halt_poll_ns" },
	{ "microcode", LINE, CPU "cpu0/microcode/version" },
	{ "microcode", CPUINFO, "/proc/cpuinfo" },
};

static void on_off(char *text, bool inverted)
{
	bool on = strcmp(text, "0") != 0;

	if (*text)
		strcpy(text, on != inverted ? "on" : "off");
}

static void in_brackets(char *text)
{
	char *from = strchr(text, '['), *to = from ? strchr(from, ']') : NULL;

	if (!to)
		return;
	*to = '\0';
	memmove(text, from + 1, strlen(from));
}

static void of_each_cpu(const char *root, const char *name, const struct bits *cpus, char *text)
{
	char path[PATH_SIZE], line[HOST_SETTING_TEXT];

	for (unsigned cpu = 0; cpu < BITS_MAX; cpu++) {
		if (!bits_has(cpus, cpu))
			continue;
		snprintf(path, sizeof(path), "%s" CPU "cpu%u/cpufreq/%s", root, cpu, name);
		if (file_read_line(path, line, sizeof(line)))
			continue;
		if (*text && strcmp(text, line) != 0) {
			strcpy(text, "mixed");
			return;
		}
		strcpy(text, line);
	}
}

static void of_swap(const char *path, char *text)
{
	FILE *f = fopen(path, "re");
	char line[256];
	unsigned lines = 0;

	while (f && fgets(line, sizeof(line), f))
		lines++;
	if (f)
		fclose(f);
	if (lines)
		strcpy(text, lines > 1 ? "on" : "off");
}

static void of_cpuinfo(const char *path, char *text)
{
	FILE *f = fopen(path, "re");
	char line[4096];

	while (f && !*text && fgets(line, sizeof(line), f))
		sscanf(line, "microcode : %63s", text);
	if (f)
		fclose(f);
}

static struct host_setting *add(struct host_settings *s, const char *name)
{
	struct host_setting *i = s->n && !strcmp(s->item[s->n - 1].name, name) ? &s->item[s->n - 1] : NULL;

	if (i)
		return *i->text ? NULL : i;
	if (s->n == HOST_SETTINGS_MAX)
		return NULL;
	i = &s->item[s->n++];
	snprintf(i->name, sizeof(i->name), "%.39s", name);
	return i;
}

static int by_name(const struct dirent *d)
{
	return *d->d_name != '.';
}

/* What the kernel does about the CPU's faults costs time, and each kernel and microcode does other things. */
static void read_mitigations(struct host_settings *s, const char *root)
{
	char dir[PATH_SIZE], path[PATH_SIZE + 258], name[64];
	struct dirent **list;
	struct host_setting *i;
	int n;

	snprintf(dir, sizeof(dir), "%s" CPU "vulnerabilities", root);
	n = scandir(dir, &list, by_name, alphasort);
	for (int k = 0; k < n; k++) {
		snprintf(name, sizeof(name), "mitigation_%.28s", list[k]->d_name);
		snprintf(path, sizeof(path), "%s/%s", dir, list[k]->d_name);
		i = add(s, name);
		if (i)
			file_read_line(path, i->text, sizeof(i->text));
		free(list[k]);
	}
	if (n >= 0)
		free(list);
}

static void read_row(unsigned r, const char *root, const struct bits *cpus, struct host_setting *i)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s%s", root, rows[r].path);
	switch (rows[r].how) {
	case EACH:
		of_each_cpu(root, rows[r].path, cpus, i->text);
		return;
	case SWAP:
		of_swap(path, i->text);
		return;
	case CPUINFO:
		of_cpuinfo(path, i->text);
		return;
	default:
		file_read_line(path, i->text, sizeof(i->text));
	}
	if (rows[r].how == BRACKETS)
		in_brackets(i->text);
	if (rows[r].how == ON || rows[r].how == OFF)
		on_off(i->text, rows[r].how == OFF);
}

void host_settings_read(struct host_settings *s, const char *root, const struct bits *cpus)
{
	memset(s, 0, sizeof(*s));
	for (unsigned r = 0; r < sizeof(rows) / sizeof(*rows); r++) {
		struct host_setting *i = add(s, rows[r].name);

		if (i)
			read_row(r, root, cpus, i);
	}
	read_mitigations(s, root);
}

const char *host_setting(const struct host_settings *s, const char *name)
{
	for (unsigned i = 0; i < s->n; i++)
		if (!strcmp(s->item[i].name, name))
			return s->item[i].text;
	return "";
}

json_t *host_settings_json(const struct host_settings *s)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < s->n; i++)
		json_object_set_new(object, s->item[i].name,
				    *s->item[i].text ? json_string(s->item[i].text) : json_null());
	return object;
}

unsigned host_settings_compare(const struct host_settings *a, const struct host_settings *b,
			       void (*fn)(void *ctx, const char *name, const char *before, const char *after),
			       void *ctx)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->n; i++) {
		const char *before = host_setting(a, b->item[i].name);

		if (!strcmp(before, b->item[i].text))
			continue;
		fn(ctx, b->item[i].name, before, b->item[i].text);
		n++;
	}
	return n;
}
