/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/poll.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "bench/size.h"

int poll_parse(const char *text, struct poll_choice *out)
{
	uint64_t us;

	*out = (struct poll_choice){ 0 };
	if (!strcmp(text, "auto"))
		return 0;
	out->fixed = true;
	if (!strcmp(text, "off"))
		return 0;
	if (number_parse(text, 0, POLL_NS_MAX / 1000, &us))
		return -EINVAL;
	out->max_ns = us * 1000;
	return 0;
}

static unsigned affine_cpus(void)
{
	cpu_set_t set;

	/* Fails where there are more than 1024 CPUs: enough of them, then. */
	return sched_getaffinity(0, sizeof(set), &set) ? CPU_SETSIZE : (unsigned)CPU_COUNT(&set);
}

/* Whole CPUs that @dir/cpu.max grants; UINT_MAX without a limit. */
static unsigned quota_of(const char *dir)
{
	char name[PATH_MAX];
	unsigned long long quota, period;
	unsigned cpus = UINT_MAX;
	FILE *f;

	if (snprintf(name, sizeof(name), "%s/cpu.max", dir) >= (int)sizeof(name))
		return cpus;
	f = fopen(name, "re");
	if (!f)
		return cpus;
	if (fscanf(f, "%llu %llu", &quota, &period) == 2 && period)
		cpus = (unsigned)(quota / period);
	fclose(f);
	return cpus;
}

/* The least quota from our control group (version 2) to the root. */
static unsigned quota_cpus(void)
{
	char line[PATH_MAX], dir[PATH_MAX + 16] = "";
	unsigned least = UINT_MAX;
	FILE *f = fopen("/proc/self/cgroup", "re");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "0::/", 4))
			snprintf(dir, sizeof(dir), "/sys/fs/cgroup%.*s", (int)strcspn(line + 3, "\n"), line + 3);
	if (f)
		fclose(f);
	while (strlen(dir) >= strlen("/sys/fs/cgroup")) {
		unsigned here = quota_of(dir);

		least = here < least ? here : least;
		*strrchr(dir, '/') = '\0';
	}
	return least;
}

unsigned poll_cpus(void)
{
	unsigned affine = affine_cpus(), quota = quota_cpus();

	return quota < affine ? quota : affine;
}

uint64_t poll_choose(const struct poll_choice *choice, unsigned vcpus, const char **reason)
{
	if (choice->fixed) {
		*reason = "asked for";
		return choice->max_ns;
	}
	if (poll_cpus() > vcpus) {
		*reason = "auto: the host has a CPU more than the guest";
		return POLL_AUTO_NS;
	}
	*reason = "auto: the guest's CPUs need all of the host's";
	return 0;
}
