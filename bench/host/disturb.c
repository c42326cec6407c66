/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/host/disturb.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench/host/cpus.h"
#include "bench/host/noise.h"

#define CPU "/sys/devices/system/cpu/"
#define WATCH_NS 1000000000
#define BUSY_PERCENT 5 /* of all CPUs */
#define REACTOR_PRIORITY 2

/* --- facts -------------------------------------------------------------- */

static bool is_virtual(const char *root)
{
	char path[256], line[8192];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/cpuinfo", root);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "flags", 5) && strstr(line, " hypervisor");
	if (f)
		fclose(f);
	return found;
}

static int try_fifo(void)
{
	struct sched_param fifo = { .sched_priority = REACTOR_PRIORITY }, old = { 0 };
	int policy = sched_getscheduler(0);

	sched_getparam(0, &old);
	if (sched_setscheduler(0, SCHED_FIFO, &fifo))
		return errno;
	sched_setscheduler(0, policy, &old);
	return 0;
}

void disturb_read(struct disturb_facts *f, const char *root)
{
	const struct timespec pause = { .tv_sec = WATCH_NS / 1000000000 };
	const struct bits none = { 0 };
	struct host_counters begin, end;
	struct bits allowed;

	memset(f, 0, sizeof(*f));
	if (affinity_get(&allowed))
		memset(&allowed, 0, sizeof(allowed));
	f->cpus = bits_count(&allowed);
	host_settings_read(&f->settings, root, &allowed);
	host_counters_read(&begin, root, &allowed, &none);
	nanosleep(&pause, NULL);
	host_counters_read(&end, root, &allowed, &none);
	host_counters_between(&begin, &end, &f->busy);
	f->virtual_machine = is_virtual(root);
	f->other_machines = noise_other_machines();
	f->fifo_error = try_fifo();
}

/* --- the list ----------------------------------------------------------- */

struct list {
	struct disturbance *at;
	unsigned n, max;
};

__attribute__((format(printf, 4, 5))) static void add(struct list *l, const char *name, const char *remedy,
						      const char *fmt, ...)
{
	struct disturbance *d = &l->at[l->n];
	va_list ap;

	if (l->n == l->max)
		return;
	d->name = name;
	va_start(ap, fmt);
	vsnprintf(d->what, sizeof(d->what), fmt, ap);
	va_end(ap);
	snprintf(d->remedy, sizeof(d->remedy), "%s", remedy);
	l->n++;
}

static void list_machine(const struct disturb_facts *f, struct list *l)
{
	if (f->kvm == KVM_SOFTWARE && !f->nested)
		add(l, "emulated KVM", "measure on a machine whose CPU has VT-x or AMD-V",
		    "this KVM emulates guest instructions and boots no stock kernel");
	if (f->nested || f->kvm != KVM_HARDWARE)
		add(l, "nested host",
		    "use hardware KVM for figures; here only differences of one guest to another mean something",
		    "guests run in the nested host (QEMU, TCG), where time is not that of hardware");
	if (f->virtual_machine)
		add(l, "virtual machine", "measure on a machine of its own, or when its host is quiet",
		    "this machine is a guest: what its own host does is not seen from here");
	if (f->other_machines > 0)
		add(l, "other machines", "see ktstr locks; wait for them, or use --mode performance --wait 10m",
		    "%d other ktstr machine%s hold CPUs of this host", f->other_machines,
		    f->other_machines == 1 ? "" : "s");
}

static void list_load(const struct disturb_facts *f, struct list *l)
{
	const struct host_counters *b = &f->busy;
	int64_t all = b->wall_ns * (int64_t)f->cpus;

	if (all > 0 && b->cpus_busy_ns * 100 / all >= BUSY_PERCENT)
		add(l, "load", "stop what else runs here (see top), or measure later",
		    "other processes used %lld %% of the CPUs in the last second, load average %.2f",
		    (long long)(b->cpus_busy_ns * 100 / all), (double)b->load_1min_milli / 1000);
	if (all > 0 && b->cpus_steal_ns * 100 / all >= 1)
		add(l, "steal", "move this machine to a host with free CPUs",
		    "the host of this machine took %lld %% of its CPUs' time",
		    (long long)(b->cpus_steal_ns * 100 / all));
}

static void list_performance(const struct disturb_facts *f, struct list *l)
{
	if (f->fifo_error)
		add(l, "no performance mode", "raise the limit (ulimit -r 2), then use --mode performance",
		    "SCHED_FIFO is refused (%s): vCPUs can't be kept from waiting for other threads",
		    strerror(f->fifo_error));
	else if (f->cpus < 2)
		add(l, "no performance mode", "allow this process more CPUs (taskset, the cgroup's cpuset)",
		    "there is 1 CPU for this process: vCPUs and reactor share it");
	else if (strcmp(host_setting(&f->settings, "rt_runtime_us"), "-1"))
		add(l, "RT throttling", "sysctl kernel.sched_rt_runtime_us=-1, with --mode performance",
		    "SCHED_FIFO threads may run only %s us of each second",
		    host_setting(&f->settings, "rt_runtime_us"));
	if (f->cpus >= 2 && f->cpus < 4)
		add(l, "few CPUs", "measure guests with fewer CPUs than this host has, or use a larger host",
		    "%u CPUs: with as many vCPUs as that the reactor takes time from the guest", f->cpus);
	if (!*host_setting(&f->settings, "isolated_cpus") && f->kvm == KVM_HARDWARE && f->cpus >= 4)
		add(l, "no isolated CPUs", "boot with isolcpus=managed_irq,domain,LIST nohz_full=LIST",
		    "the kernel may run any task, tick and interrupt on the vCPUs' CPUs");
}

/* Settings with a value that disturbs. */
static const struct {
	const char *setting, *value; /* NULL: any */
	bool otherwise;		     /* disturbs unless it is @value */
	const char *name, *what, *remedy;
} rows[] = {
	{ "governor", "performance", true, "governor",
	  "the CPUs' frequency follows the load: it is another one at each begin",
	  "cpupower frequency-set -g performance" },
	{ "turbo", "on", false, "turbo", "the CPUs' frequency depends on heat and on other cores",
	  "echo 1 >" CPU "intel_pstate/no_turbo, or echo 0 >" CPU "cpufreq/boost" },
	{ "smt", "on", false, "SMT", "threads of a core share it: a vCPU is slower when its sibling is busy",
	  "echo off >" CPU "smt/control, or give guests whole cores (threads in --topology)" },
	{ "thp", "always", false, "THP", "khugepaged works on any process's memory, and which pages are huge is chance",
	  "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled" },
	{ "thp", "never", false, "THP", "guest memory gets small pages: more page faults and TLB misses",
	  "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled, or reserve huge pages" },
	{ "ksm", "on", false, "KSM", "ksmd scans memory, and merged pages fault when they are written",
	  "echo 0 >/sys/kernel/mm/ksm/run" },
	{ "swap", "on", false, "swap", "guest memory may be swapped out", "swapoff -a, or --mlock" },
	{ "numa_balancing", "on", false, "NUMA balancing", "the kernel unmaps pages to see who uses them",
	  "sysctl kernel.numa_balancing=0" },
	{ "nmi_watchdog", "on", false, "NMI watchdog", "it interrupts each CPU, and holds a counter of perf",
	  "sysctl kernel.nmi_watchdog=0" },
	{ "clocksource", "tsc", true, "clocksource", "this host does not use the TSC: each clock read is slow",
	  "see dmesg for why the TSC was given up; boot with tsc=reliable if that was wrong" },
	{ "host_sched_ext", NULL, false, "sched_ext", "a sched_ext scheduler runs on this host itself",
	  "stop it: vCPU threads are its tasks" },
};

unsigned disturb_list(const struct disturb_facts *f, struct disturbance *list, unsigned max)
{
	struct list l = { list, 0, max };

	list_machine(f, &l);
	list_load(f, &l);
	list_performance(f, &l);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *text = host_setting(&f->settings, rows[i].setting);

		/* What this host does not have, or show, does not disturb. */
		if (*text && (!rows[i].value || !strcmp(text, rows[i].value) != rows[i].otherwise))
			add(&l, rows[i].name, rows[i].remedy, "%s (%s)", rows[i].what, text);
	}
	return l.n;
}
