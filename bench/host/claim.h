/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a machine claims of the host's CPUs in its mode (bench/host/placement.h): locks, affinities and priorities. All
 * are released again, and reported as facts of the result.
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
 * Finds CPUs for the vCPUs of @t and locks them; waits as long as the options allow. 0, or an exit code after a
 * message: EXIT_SKIPPED if other machines hold the CPUs, or the mode is impossible on this host.
 */
int machine_host_take(struct machine_host **out, const struct host_options *o, const struct topology *t);
/* Applies the claim to the VM's settings. @out points into @h. */
void machine_host_vm(const struct machine_host *h, struct vm_host *out);
/*
 * Applies the claim to guest memory: mode performance populates all of it before the guest starts. On a host with
 * several nodes each guest node is bound to the host node of its vCPUs, unless the user asked for another binding.
 */
void machine_host_memory(const struct machine_host *h, const struct topology *t, struct vm_backing *b);
/* Sets affinity and priority of this thread, the reactor's, before the vCPUs start. 0, or an exit code after a message.
 */
int machine_host_apply(struct machine_host *h, struct reactor *r);
/* Whether the reactor has a CPU that no vCPU uses. */
bool machine_host_spare(const struct machine_host *h);
/* The CPUs of the vCPUs: those they are pinned to, or all that they may use. */
void machine_host_cpus(const struct machine_host *h, struct bits *cpus);
bool machine_host_pinned(const struct machine_host *h);
/* Whether another machine has one of these CPUs too, by now. */
bool machine_host_shared(struct machine_host *h);
/* The claim as facts of the result. */
json_t *machine_host_facts(struct machine_host *h, const struct vm *vm);
/* Releases the locks and restores this thread's affinity and policy. @h may be NULL. */
void machine_host_free(struct machine_host *h);

/*
 * The facts of what machine_host_take() would claim now, without claiming it. NULL, and the reason in @why: nothing.
 */
json_t *machine_host_preview(const struct host_options *o, const struct topology *t, char *why, size_t size);

#endif
