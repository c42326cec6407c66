/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/host/counters.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/file.h"
#include "bench/base/figures.h"
#include "reactor/reactor.h"

#define PATH_SIZE 512
#define CPU "/sys/devices/system/cpu/"

#define ROW(type, member, how)                                                                                         \
	{                                                                                                              \
#member, offsetof(struct type, member), how                                                            \
	}

static const struct figure_row counter_rows[] = {
	ROW(host_counters, wall_ns, FIGURE_COUNTS),
	ROW(host_counters, host_cpu_some_ns, FIGURE_COUNTS),
	ROW(host_counters, host_memory_some_ns, FIGURE_COUNTS),
	ROW(host_counters, host_io_some_ns, FIGURE_COUNTS),
	ROW(host_counters, cgroup_cpu_some_ns, FIGURE_COUNTS),
	ROW(host_counters, cgroup_cpu_full_ns, FIGURE_COUNTS),
	ROW(host_counters, cgroup_memory_some_ns, FIGURE_COUNTS),
	ROW(host_counters, cgroup_io_some_ns, FIGURE_COUNTS),
	ROW(host_counters, load_1min_milli, FIGURE_IS),
	ROW(host_counters, runnable_tasks, FIGURE_IS),
	ROW(host_counters, context_switches, FIGURE_COUNTS),
	ROW(host_counters, cpus_interrupts, FIGURE_COUNTS),
	ROW(host_counters, cpus_busy_ns, FIGURE_COUNTS),
	ROW(host_counters, cpus_irq_ns, FIGURE_COUNTS),
	ROW(host_counters, cpus_steal_ns, FIGURE_COUNTS),
	ROW(host_counters, siblings_busy_ns, FIGURE_COUNTS),
	ROW(host_counters, frequency_min_khz, FIGURE_IS),
	ROW(host_counters, frequency_max_khz, FIGURE_IS),
	ROW(host_counters, pages_swapped_in, FIGURE_COUNTS),
	ROW(host_counters, pages_swapped_out, FIGURE_COUNTS),
	{ 0 },
};

static const struct figure_row thread_rows[] = {
	ROW(host_thread, on_cpu_ns, FIGURE_COUNTS),
	ROW(host_thread, delay_ns, FIGURE_COUNTS),
	ROW(host_thread, slices, FIGURE_COUNTS),
	ROW(host_thread, migrations, FIGURE_COUNTS),
	ROW(host_thread, voluntary_switches, FIGURE_COUNTS),
	ROW(host_thread, involuntary_switches, FIGURE_COUNTS),
	ROW(host_thread, last_cpu, FIGURE_IS),
	{ 0 },
};

__attribute__((format(printf, 2, 3))) static FILE *open_at(const char *root, const char *fmt, ...)
{
	char path[PATH_SIZE], below[PATH_SIZE / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(below, sizeof(below), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s%s", root, below);
	return fopen(path, "re");
}

/* --- pressure ----------------------------------------------------------- */

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=MICROSECONDS", then a line "full". */
static void read_pressure(FILE *f, int64_t *some, int64_t *full)
{
	char line[256], *total;

	while (f && fgets(line, sizeof(line), f)) {
		int64_t *to = !strncmp(line, "some ", 5) ? some : !strncmp(line, "full ", 5) ? full : NULL;

		total = strstr(line, "total=");
		if (to && total)
			*to = strtoll(total + 6, NULL, 10) * 1000;
	}
	if (f)
		fclose(f);
}

/* The path of this process's cgroup: of line "0::PATH". False: there is no cgroup v2. */
static bool own_cgroup(const char *root, char path[PATH_SIZE])
{
	FILE *f = open_at(root, "/proc/self/cgroup");
	char line[PATH_SIZE];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		found = !strncmp(line, "0::", 3);
		line[strcspn(line, "\n")] = '\0';
		if (found)
			snprintf(path, PATH_SIZE, "%.200s", line + 3);
	}
	if (f)
		fclose(f);
	return found;
}

static void read_pressures(struct host_counters *c, const char *root)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	char cgroup[PATH_SIZE];

	read_pressure(open_at(root, "/proc/pressure/cpu"), &c->host_cpu_some_ns, NULL);
	read_pressure(open_at(root, "/proc/pressure/memory"), &c->host_memory_some_ns, NULL);
	read_pressure(open_at(root, "/proc/pressure/io"), &c->host_io_some_ns, NULL);
	if (!own_cgroup(root, cgroup))
		return;
	for (unsigned i = 0; i < 2 && c->cgroup_cpu_some_ns == HOST_UNKNOWN; i++) {
		read_pressure(open_at(root, "%s%s/cpu.pressure", mounts[i], cgroup), &c->cgroup_cpu_some_ns,
			      &c->cgroup_cpu_full_ns);
		read_pressure(open_at(root, "%s%s/memory.pressure", mounts[i], cgroup), &c->cgroup_memory_some_ns,
			      NULL);
		read_pressure(open_at(root, "%s%s/io.pressure", mounts[i], cgroup), &c->cgroup_io_some_ns, NULL);
	}
}

/* --- CPUs --------------------------------------------------------------- */

static void add_to(int64_t *sum, int64_t value)
{
	*sum = (*sum == HOST_UNKNOWN ? 0 : *sum) + value;
}

/* "cpuN user nice system idle iowait irq softirq steal guest guest_nice": guest is a part of user. */
static void read_cpu_line(struct host_counters *c, const char *line, const struct bits *cpus,
			  const struct bits *siblings)
{
	const int64_t tick_ns = 1000000000 / sysconf(_SC_CLK_TCK);
	int64_t v[8];
	unsigned cpu;

	if (sscanf(line,
		   "cpu%u %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64,
		   &cpu, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) != 9)
		return;
	if (bits_has(siblings, cpu))
		add_to(&c->siblings_busy_ns, (v[0] + v[1] + v[2] + v[5] + v[6]) * tick_ns);
	if (!bits_has(cpus, cpu))
		return;
	add_to(&c->cpus_busy_ns, (v[0] + v[1] + v[2] + v[5] + v[6]) * tick_ns);
	add_to(&c->cpus_irq_ns, (v[5] + v[6]) * tick_ns);
	add_to(&c->cpus_steal_ns, v[7] * tick_ns);
}

/* Its line "intr" may have thousands of figures. */
static void read_stat(struct host_counters *c, const char *root, const struct bits *cpus, const struct bits *siblings)
{
	FILE *f = open_at(root, "/proc/stat");
	char *line = NULL;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0) {
		if (!strncmp(line, "cpu", 3) && isdigit((unsigned char)line[3]))
			read_cpu_line(c, line, cpus, siblings);
		else
			sscanf(line, "ctxt %" SCNd64, &c->context_switches);
	}
	free(line);
	if (f)
		fclose(f);
}

/* Which CPU each column is of, from the heading "CPU0 CPU1 ...": offline ones have none. Their number. */
static unsigned read_columns(char *heading, unsigned *column, unsigned max)
{
	unsigned n = 0;
	char *save, *word;

	for (word = strtok_r(heading, " \n", &save); word && n < max; word = strtok_r(NULL, " \n", &save))
		if (sscanf(word, "CPU%u", &column[n]) == 1)
			n++;
	return n;
}

/* Rows "NAME: count of each CPU what it is". */
static void read_interrupts(struct host_counters *c, const char *root, const struct bits *cpus)
{
	FILE *f = open_at(root, "/proc/interrupts");
	unsigned *column = calloc(BITS_MAX, sizeof(*column)), columns = 0;
	char *line = NULL, *at, *end;
	size_t size = 0;

	if (f && column && getline(&line, &size, f) > 0)
		columns = read_columns(line, column, BITS_MAX);
	while (columns && getline(&line, &size, f) > 0) {
		at = strchr(line, ':');
		for (unsigned i = 0; at && i < columns; i++) {
			int64_t value = strtoll(at + (i == 0), &end, 10);

			if (end == at + (i == 0))
				break;
			if (bits_has(cpus, column[i]))
				add_to(&c->cpus_interrupts, value);
			at = end;
		}
	}
	free(line);
	free(column);
	if (f)
		fclose(f);
}

static void read_frequencies(struct host_counters *c, const char *root, const struct bits *cpus)
{
	char path[PATH_SIZE], line[32];

	for (unsigned cpu = 0; cpu < BITS_MAX; cpu++) {
		int64_t khz;

		if (!bits_has(cpus, cpu))
			continue;
		/* The kernel takes it from APERF and MPERF where the CPU has them. */
		snprintf(path, sizeof(path), "%s" CPU "cpu%u/cpufreq/scaling_cur_freq", root, cpu);
		if (file_read_line(path, line, sizeof(line)))
			continue;
		khz = strtoll(line, NULL, 10);
		if (c->frequency_min_khz == HOST_UNKNOWN || khz < c->frequency_min_khz)
			c->frequency_min_khz = khz;
		if (khz > c->frequency_max_khz)
			c->frequency_max_khz = khz;
	}
}

static void read_load(struct host_counters *c, const char *root)
{
	FILE *f = open_at(root, "/proc/loadavg");
	long long runnable;
	double load;

	if (f && fscanf(f, "%lf %*f %*f %lld/", &load, &runnable) == 2) {
		c->load_1min_milli = (int64_t)(load * 1000);
		c->runnable_tasks = runnable;
	}
	if (f)
		fclose(f);
}

static void read_swapped(struct host_counters *c, const char *root)
{
	FILE *f = open_at(root, "/proc/vmstat");
	char line[128];

	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "pswpin %" SCNd64, &c->pages_swapped_in);
		sscanf(line, "pswpout %" SCNd64, &c->pages_swapped_out);
	}
	if (f)
		fclose(f);
}

void host_counters_read(struct host_counters *c, const char *root, const struct bits *cpus, const struct bits *siblings)
{
	figures_unknown(c, counter_rows);
	c->wall_ns = (int64_t)monotonic_ns();
	read_stat(c, root, cpus, siblings);
	read_interrupts(c, root, cpus);
	read_frequencies(c, root, cpus);
	read_load(c, root);
	read_swapped(c, root);
	read_pressures(c, root);
}

void host_counters_between(const struct host_counters *begin, const struct host_counters *end,
			   struct host_counters *delta)
{
	figures_between(begin, end, delta, counter_rows);
}

json_t *host_counters_json(const struct host_counters *c)
{
	return figures_json(c, counter_rows);
}

void host_siblings(const char *root, const struct bits *cpus, struct bits *siblings)
{
	char path[PATH_SIZE], line[1024];
	struct bits core;

	memset(siblings, 0, sizeof(*siblings));
	for (unsigned cpu = 0; cpu < BITS_MAX; cpu++) {
		if (!bits_has(cpus, cpu))
			continue;
		snprintf(path, sizeof(path), "%s" CPU "cpu%u/topology/core_cpus_list", root, cpu);
		if (file_read_line(path, line, sizeof(line)) || bits_parse(&core, line))
			continue;
		for (unsigned i = 0; i < BITS_MAX; i++)
			if (bits_has(&core, i) && !bits_has(cpus, i))
				bits_add(siblings, i);
	}
}

/* --- threads ------------------------------------------------------------ */

/* "se.nr_migrations   :   12" and the like; kernels without CONFIG_SCHED_DEBUG have no such file. */
static void read_sched(struct host_thread *t, const char *root, int tid)
{
	FILE *f = open_at(root, "/proc/self/task/%d/sched", tid);
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "se.nr_migrations : %" SCNd64, &t->migrations);
		sscanf(line, "nr_voluntary_switches : %" SCNd64, &t->voluntary_switches);
		if (sscanf(line, "nr_involuntary_switches : %" SCNd64, &t->involuntary_switches) == 1)
			break;
	}
	if (f)
		fclose(f);
}

/* The 39th field; the name in field 2 may hold anything, and ends with the last bracket. */
static void read_last_cpu(struct host_thread *t, const char *root, int tid)
{
	FILE *f = open_at(root, "/proc/self/task/%d/stat", tid);
	char line[1024], *at;

	at = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	for (unsigned field = 2; at && field < 39; field++)
		at = strchr(at + 1, ' ');
	if (at)
		t->last_cpu = strtoll(at, NULL, 10);
	if (f)
		fclose(f);
}

bool host_thread_read(struct host_thread *t, const char *root, int tid)
{
	FILE *f = open_at(root, "/proc/self/task/%d/schedstat", tid);
	bool ok = false;

	figures_unknown(t, thread_rows);
	t->tid = tid;
	if (f) {
		ok = fscanf(f, "%" SCNd64 " %" SCNd64 " %" SCNd64, &t->on_cpu_ns, &t->delay_ns, &t->slices) == 3;
		fclose(f);
	}
	read_sched(t, root, tid);
	read_last_cpu(t, root, tid);
	return ok;
}

void host_thread_between(const struct host_thread *begin, const struct host_thread *end, struct host_thread *delta)
{
	figures_between(begin, end, delta, thread_rows);
	delta->tid = end->tid;
}

json_t *host_thread_json(const struct host_thread *t)
{
	return figures_json(t, thread_rows);
}

unsigned host_workers_read(const char *root, struct host_thread *worker, unsigned max)
{
	char path[PATH_SIZE], name[32];
	const struct dirent *e;
	unsigned n = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "%s/proc/self/task", root);
	tasks = opendir(path);
	while (tasks && n < max && (e = readdir(tasks))) {
		snprintf(path, sizeof(path), "%s/proc/self/task/%.16s/comm", root, e->d_name);
		if (file_read_line(path, name, sizeof(name)) || strncmp(name, "iou-wrk", 7))
			continue;
		if (host_thread_read(&worker[n], root, atoi(e->d_name)))
			n++;
	}
	if (tasks)
		closedir(tasks);
	return n;
}
