/* SPDX-License-Identifier: GPL-2.0-only */
/* Control groups (version 2) below the one that this process is in. */
#ifndef KTSTR_WORKLOADS_CGROUP_H
#define KTSTR_WORKLOADS_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

#define CGROUP_PATH 512

struct cgroup {
	char path[CGROUP_PATH]; /* "": none */
};

/* The process's own. False: there is no cgroup2, and @why says so. */
bool cgroup_own(struct cgroup *c, char *why, size_t size);
/* A new one below @parent; @threaded: for single threads of this process. False with @why. */
bool cgroup_make(struct cgroup *c, const struct cgroup *parent, const char *name, bool threaded, char *why,
		 size_t size);
/* Let children of @c have the controller. False, with @why, if the kernel or those above do not give it. */
bool cgroup_enable(const struct cgroup *c, const char *controller, char *why, size_t size);
bool cgroup_write(const struct cgroup *c, const char *file, const char *text, char *why, size_t size);
/* Nothing may be in it any more; what fails is left to the guest's end. */
void cgroup_remove(struct cgroup *c);

#endif
