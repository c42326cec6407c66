/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a machine takes of its host's CPUs, by mode (bench/host/placement.h): locks, pins, priorities; and that it is
 * all given back, and told in the result.
 */
#ifndef KTSTR_BENCH_HOST_CLAIM_H
#define KTSTR_BENCH_HOST_CLAIM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/host/options.h"
#include "bench/host/placement.h"
#include "kvm/vm.h"
#include "reactor/reactor.h"

struct machine_host;
/*
 * Find CPUs for the vCPUs of @t and lock them; waits as long as the options allow. 0; or an exit code after it said why
 * on stderr: EXIT_SKIPPED when it is others who hold them, or when the mode can't be had here.
 */
int machine_host_take(struct machine_host **out, const struct host_options *o, const struct topology *t);
/* The VM's part. Points into @h. */
void machine_host_vm(const struct machine_host *h, struct vm_host *out);
/*
 * The memory's part: in mode performance all of it is there before the guest starts, and on a host of several nodes
 * each guest node's lies in that of its vCPUs, unless it was asked for otherwise.
 */
void machine_host_memory(const struct machine_host *h, const struct topology *t, struct vm_backing *b);
/* This thread's part, the reactor's, before the vCPUs start. 0 or an exit code after a word. */
int machine_host_apply(struct machine_host *h, struct reactor *r);
/* Whether the reactor has a CPU that no vCPU needs. */
bool machine_host_spare(const struct machine_host *h);
/* What was had. Before machine_host_free(). */
json_t *machine_host_facts(struct machine_host *h, const struct vm *vm);
/* Gives all back: locks, this thread's affinity and policy. NULL is fine. */
void machine_host_free(struct machine_host *h);

/*
 * What machine_host_take() would do now, without doing it: the facts of it; or NULL, and @why says it.
 */
json_t *machine_host_preview(const struct host_options *o, const struct topology *t, char *why, size_t size);

#endif
