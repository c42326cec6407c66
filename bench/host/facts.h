/* SPDX-License-Identifier: GPL-2.0-only */
/* What this machine is: where a VM is to run, and the facts that results carry. */
#ifndef KTSTR_BENCH_HOST_FACTS_H
#define KTSTR_BENCH_HOST_FACTS_H

#include <limits.h>
#include <stdbool.h>

#include "bench/spec/host.h"
#include "kvm/probe.h"
#include "kvm/probe_page.h"
#include "reactor/reactor.h"

struct host_io_uring {
	int error; /* negative errno of making a ring, or 0 */
	struct reactor_features features;
	int disabled; /* sysctl kernel.io_uring_disabled, -1: there is none */
};

/* Whether this process runs in the nested host. */
bool host_is_nested(void);
/* kvm_probe(), whose answer is remembered until the next boot, or until KVM's modules are loaded anew. */
void host_probe(struct kvm_probe *probe);
/* The same with kvm_probe_page(). */
int host_probe_page(struct kvm_page_probe *probe);
/*
 * Probe KVM and decide. Returns HOST_DIRECT or HOST_NESTED; or a negative exit
 * code after it said why on stderr. Never asks the nested host for another one.
 */
int host_choose(enum host_choice choice, struct kvm_probe *probe);
/* "hardware KVM", "nested: timings are not those of hardware", ... */
const char *host_kind_text(const struct kvm_probe *probe);

/*
 * reactor_create(); without a ring where io_uring is forbidden or missing, and
 * then stderr says so. 0, or an exit code after a word.
 */
int host_reactor(struct reactor **out, unsigned sq_entries, unsigned in_flight_max);
void host_io_uring(struct host_io_uring *out);
/* "model name" of /proc/cpuinfo, or "unknown". */
void host_cpu_model(char *text, size_t size);

/*
 * Find a program or file of this build: $KTSTR_LIBEXEC/NAME, else @relative
 * to this program in the build tree, else NAME in the libexec directory that
 * the build was configured with. 0, or -ENOENT after a message.
 */
int host_companion(const char *name, const char *relative, char path[PATH_MAX]);

#endif
