/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a VM runs on this host or in the nested one, and facts about the host for results. */
#ifndef KTSTR_BENCH_HOST_FACTS_H
#define KTSTR_BENCH_HOST_FACTS_H

#include <limits.h>
#include <stdbool.h>

#include "bench/spec/host.h"
#include "kvm/probe.h"
#include "kvm/probe_page.h"
#include "reactor/reactor.h"

struct host_io_uring {
	int error; /* 0, or -errno of creating a ring */
	struct reactor_features features;
	int disabled; /* sysctl kernel.io_uring_disabled; -1: unknown */
};

/* Whether this process runs in the nested host. */
bool host_is_nested(void);
/* kvm_probe(), cached until the next boot or the next load of KVM's modules. */
void host_probe(struct kvm_probe *probe);
/* kvm_probe_page(), cached in the same way. */
int host_probe_page(struct kvm_page_probe *probe);
/*
 * Probes KVM and decides. Returns HOST_DIRECT or HOST_NESTED, or a negative exit
 * code after a message. In the nested host it never returns HOST_NESTED.
 */
int host_choose(enum host_choice choice, struct kvm_probe *probe);
/* "hardware KVM", "nested: timings are not those of hardware", ... */
const char *host_kind_text(const struct kvm_probe *probe);

/*
 * reactor_create(), or with a warning reactor_create_epoll() if io_uring is disabled
 * or missing. 0, or an exit code after a message.
 */
int host_reactor(struct reactor **out, unsigned sq_entries, unsigned in_flight_max);
void host_io_uring(struct host_io_uring *out);
/* "model name" of /proc/cpuinfo, or "unknown". */
void host_cpu_model(char *text, size_t size);

/*
 * Finds a program or file of this build: $KTSTR_LIBEXEC/NAME; else @relative
 * to this program, in the build tree; else NAME in the libexec directory that
 * the build was configured with. 0, or -ENOENT after a message.
 */
int host_companion(const char *name, const char *relative, char path[PATH_MAX]);

#endif
