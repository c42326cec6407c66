/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/workloads/setting.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/workloads/workload.h"

#define BLOCK 4096u
#define PERIOD_US 100000u

static const char *const stat_names[CPU_STATS] = { "usage_usec", "user_usec", "system_usec", "nr_throttled",
						   "throttled_usec" };

/* --- cgroups ------------------------------------------------------------ */

static bool set_level(const struct cgroup *c, const struct level_asked *l, char *why, size_t size)
{
	char text[64];

	if (*l->cpuset && !cgroup_write(c, "cpuset.cpus", l->cpuset, why, size))
		return false;
	snprintf(text, sizeof(text), "%" PRIu64, l->weight);
	if (l->weight && !cgroup_write(c, "cpu.weight", text, why, size))
		return false;
	snprintf(text, sizeof(text), "%" PRIu64 " %u", l->max_percent * (PERIOD_US / 100), PERIOD_US);
	return !l->max_percent || cgroup_write(c, "cpu.max", text, why, size);
}

/* Controllers that a level or one below it needs are given to it by the level above. */
static bool enable_for(const struct cgroup *above, const struct group_asked *g, unsigned from, char *why, size_t size)
{
	bool cpu = false, cpuset = false;

	for (unsigned i = from; i < g->n; i++) {
		cpu |= g->level[i].weight || g->level[i].max_percent;
		cpuset |= *g->level[i].cpuset != '\0';
	}
	return (!cpu || cgroup_enable(above, "cpu", why, size)) &&
	       (!cpuset || cgroup_enable(above, "cpuset", why, size));
}

static bool make_group(struct setting *s, struct group *g, const struct group_asked *asked, const char *name, char *why,
		       size_t size)
{
	const struct cgroup *above = &s->own;

	for (; g->n < asked->n; above = &g->level[g->n++])
		if (!enable_for(above, asked, g->n, why, size) ||
		    !cgroup_make(&g->level[g->n], above, g->n ? "in" : name, false, why, size) ||
		    !set_level(&g->level[g->n], &asked->level[g->n], why, size))
			return false;
	return true;
}

static bool enter(const struct cgroup *c, pid_t pid, char *why, size_t size)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return cgroup_write(c, "cgroup.procs", text, why, size);
}

/* --- load --------------------------------------------------------------- */

static void spin(void)
{
	for (;;)
		__asm__ volatile("" : : : "memory");
}

static void fork_on(void)
{
	for (;;) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) < 0)
			return;
	}
}

static void read_on(const char *file, uint64_t random)
{
	int fd = open(file, O_RDONLY | O_DIRECT | O_CLOEXEC);
	uint8_t *buf = aligned_alloc(BLOCK, BLOCK);
	uint64_t bytes = 0;
	struct stat st;

	if (fd < 0 || !buf || fstat(fd, &st))
		return;
	if (!S_ISBLK(st.st_mode))
		bytes = (uint64_t)st.st_size;
	else if (ioctl(fd, BLKGETSIZE64, &bytes) < 0)
		return;
	while (bytes >= BLOCK &&
	       pread(fd, buf, BLOCK, (off_t)(random_next(&random) % (bytes / BLOCK) * BLOCK)) == (ssize_t)BLOCK)
		;
}

static const char *file_of(const struct around_asked *a)
{
	return *a->file ? a->file : "/dev/vda";
}

static void load(const struct around_asked *a, enum background kind, unsigned index)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (kind == BACKGROUND_CPU)
		spin();
	else if (kind == BACKGROUND_FORK)
		fork_on();
	else
		read_on(file_of(a), random_start(1, index));
	/* Only what went wrong comes here. */
	_exit(1);
}

static bool start_load(struct setting *s, char *why, size_t size)
{
	const struct around_asked *a = s->asked;
	unsigned n = 0;

	for (unsigned i = 0; i < BACKGROUNDS; i++)
		n += (unsigned)a->background[i];
	if (a->background[BACKGROUND_IO] && access(file_of(a), R_OK)) {
		snprintf(why, size, "+bg=io: %s: %s; give the guest a disk", file_of(a), strerror(errno));
		return false;
	}
	s->child = calloc(n ? n : 1, sizeof(*s->child));
	for (unsigned kind = 0; s->child && kind < BACKGROUNDS; kind++)
		for (unsigned i = 0; i < a->background[kind]; i++) {
			pid_t pid = fork();

			if (!pid)
				load(a, (enum background)kind, i);
			if (pid < 0) {
				snprintf(why, size, "+bg: %s; ask for fewer", strerror(errno));
				return false;
			}
			s->child[s->n_children++] = pid;
			if (s->load.n && !enter(&s->load.level[s->load.n - 1], pid, why, size))
				return false;
		}
	return s->child;
}

/* --- its life ----------------------------------------------------------- */

bool setting_open(struct setting *s, const struct around_asked *asked, char *why, size_t size)
{
	memset(s, 0, sizeof(*s));
	s->asked = asked;
	if ((asked->work.n || asked->load.n) && !cgroup_own(&s->own, why, size))
		return false;
	return make_group(s, &s->work, &asked->work, "ktstr-work", why, size) &&
	       make_group(s, &s->load, &asked->load, "ktstr-load", why, size) && start_load(s, why, size) &&
	       (!s->work.n || enter(&s->work.level[s->work.n - 1], getpid(), why, size));
}

void setting_edge(struct setting *s, bool end)
{
	char path[CGROUP_PATH + 16], name[64];
	unsigned long long value;
	FILE *f;

	if (!s->work.n)
		return;
	snprintf(path, sizeof(path), "%s/cpu.stat", s->work.level[s->work.n - 1].path);
	f = fopen(path, "re");
	while (f && fscanf(f, "%63s %llu", name, &value) == 2)
		for (unsigned i = 0; i < CPU_STATS; i++)
			if (!strcmp(name, stat_names[i]))
				s->stat[end][i] = value;
	if (f)
		fclose(f);
}

bool setting_holds(struct setting *s)
{
	siginfo_t info = { 0 };

	/* Left to be waited for by setting_close(). */
	return !s->n_children || waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid;
}

static void remove_group(struct group *g)
{
	while (g->n)
		cgroup_remove(&g->level[--g->n]);
	/* Of one that was not made whole. */
	for (unsigned i = 0; i < AROUND_LEVELS_MAX; i++)
		cgroup_remove(&g->level[i]);
}

void setting_close(struct setting *s)
{
	char why[256];

	for (unsigned i = 0; i < s->n_children; i++)
		kill(s->child[i], SIGKILL);
	for (unsigned i = 0; i < s->n_children; i++)
		waitpid(s->child[i], NULL, 0);
	free(s->child);
	s->child = NULL;
	s->n_children = 0;
	if (s->work.n && !enter(&s->own, getpid(), why, sizeof(why)))
		fprintf(stderr, "ktstr-workload: %s\n", why);
	remove_group(&s->work);
	remove_group(&s->load);
}

/* --- as JSON ------------------------------------------------------------ */

static void print_group(const char *name, const struct group_asked *g, FILE *f)
{
	fprintf(f, ",\"%s\":[", name);
	for (unsigned i = 0; i < g->n; i++) {
		const struct level_asked *l = &g->level[i];

		fprintf(f, "%s{\"cpuset\":", i ? "," : "");
		if (*l->cpuset)
			fprintf(f, "\"%s\"", l->cpuset);
		else
			fputs("null", f);
		fprintf(f, ",\"weight\":%" PRIu64 ",\"max_percent\":%" PRIu64 "}", l->weight, l->max_percent);
	}
	fputc(']', f);
}

void setting_print(const struct setting *s, FILE *f)
{
	fputs("{\"background\":{", f);
	for (unsigned i = 0; i < BACKGROUNDS; i++)
		fprintf(f, "%s\"%s\":%" PRIu64, i ? "," : "", background_names[i], s->asked->background[i]);
	fputc('}', f);
	print_group("cgroup", &s->asked->work, f);
	print_group("background_cgroup", &s->asked->load, f);
	if (s->asked->work.n) {
		fputs(",\"cpu_stat\":{", f);
		for (unsigned i = 0; i < CPU_STATS; i++)
			fprintf(f, "%s\"%s\":%" PRIu64, i ? "," : "", stat_names[i], s->stat[1][i] - s->stat[0][i]);
		fputc('}', f);
	}
	fputc('}', f);
}
