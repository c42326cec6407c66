/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/machine/programs.h"

#include <stdio.h>

#include "bench/base/path.h"
#include "bench/base/say.h"
#include "bench/host/facts.h"
#include "bench/initramfs/command.h"
#include "bench/machine/scheduler.h"

/* @guest NULL: the absolute form of @host. */
static int add(struct machine_programs *p, const char *host, const char *guest, bool as_is)
{
	struct machine_program *item = &p->item[p->n];
	int n;

	if (p->n == MACHINE_PROGRAMS_MAX) {
		say_error("%s: more than %u programs for one guest; report this as a fault", host, p->n);
		return EXIT_INTERNAL;
	}
	n = snprintf(item->host, sizeof(item->host), "%s", host);
	if (n >= PATH_MAX || path_absolute(guest ? guest : host, item->guest)) {
		say_error("%.40s...: the path is too long; shorten it", host);
		return EXIT_UNAVAILABLE;
	}
	item->as_is = as_is;
	p->n++;
	return 0;
}

static int add_scheduler(struct machine_programs *p, const struct machine_spec *o)
{
	char path[PATH_MAX];
	int rc;

	if (host_companion("ktstr-scx", "../bpf/ktstr-scx", path))
		return EXIT_UNAVAILABLE;
	rc = add(p, path, SCHEDULER_LOADER_IN_GUEST, false);
	if (!rc && machine_scheduler_program(o, path))
		rc = add(p, path, NULL, machine_scheduler_is_object(path));
	return rc;
}

int machine_programs_find(struct machine_programs *p, const struct machine_spec *o, const struct machine_job *job)
{
	char path[PATH_MAX];
	int rc = 0;

	p->n = 0;
	if (job->argv && command_find(job->argv[0], path) == COMMAND_HOST)
		rc = add(p, path, NULL, false);
	if (!rc && o->scheduler)
		rc = add_scheduler(p, o);
	for (unsigned i = 0; i < job->n_programs && !rc; i++)
		rc = add(p, job->programs[i].host, job->programs[i].guest, false);
	return rc;
}
