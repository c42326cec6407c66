/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/spec/poll.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "bench/base/size.h"

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

unsigned poll_quota(const char *proc_cgroup, const char *root)
{
	char line[PATH_MAX], dir[2 * PATH_MAX] = "";
	unsigned least = UINT_MAX;
	FILE *f = fopen(proc_cgroup, "re");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "0::/", 4))
			snprintf(dir, sizeof(dir), "%s%.*s", root, (int)strcspn(line + 3, "\n"), line + 3);
	if (f)
		fclose(f);
	for (char *end = dir + strlen(dir); end && end >= dir + strlen(root); end = strrchr(dir, '/')) {
		unsigned here;

		*end = '\0';
		here = quota_of(dir);
		least = here < least ? here : least;
	}
	return least;
}

uint64_t poll_choose(const struct poll_choice *choice, unsigned vcpus, bool spare, const char **reason)
{
	if (choice->fixed) {
		*reason = "asked for";
		return choice->max_ns;
	}
	*reason = "auto: the guest needs all CPUs there are";
	if (!spare)
		return 0;
	*reason = "auto: the control group has no CPU time beyond the guest's";
	if (poll_quota("/proc/self/cgroup", "/sys/fs/cgroup") <= vcpus)
		return 0;
	*reason = "auto: there is a CPU that the guest does not need";
	return POLL_AUTO_NS;
}
