/* SPDX-License-Identifier: GPL-2.0-only */
/* The same machine, but in the nested host. */
#ifndef KTSTR_BENCH_MACHINE_NESTED_H
#define KTSTR_BENCH_MACHINE_NESTED_H

#include "bench/machine/job.h"
#include "bench/machine/resolved.h"

/*
 * `ktstr @verb --spec FILE @words` in the nested host, FILE being the spec of @r. @words are the verb's own, @outputs
 * more files that it writes; both NULL-terminated, or NULL. Returns the exit code.
 */
int machine_run_nested(const struct machine_resolved *r, const struct machine_job *job, const char *verb,
		       const char *const *words, const char *const *outputs);

/*
 * What the machine needs there, for who starts one nested host for several: {"binaries", "files", "trees": lists of
 * {"host", "guest" or null}, "disks": [{"path", "ro"}], "kernel": a name of the cache, or null and "image": a file,
 * "guest_init", "memory_mib", "cpus"}. NULL after a line on stderr.
 */
json_t *machine_nested_needs(const struct machine_resolved *r, const struct machine_job *job);

#endif
