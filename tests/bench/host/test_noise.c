/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's noise: from counters of planted trees, and of real threads, to figures and notes. HST-01 to -09. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/kvm.h>

#include "bench/host/cpus.h"
#include "bench/host/disturb.h"
#include "bench/host/locks.h"
#include "bench/host/noise.h"
#include "tests/bench/host/planted.h"

#define CPU "sys/devices/system/cpu/"
#define SECOND_NS 1000000000ll

/* --- planted trees ------------------------------------------------------ */

static char root[64];

#define put(text, ...) planted_put(root, text, __VA_ARGS__)

static int tree_make(void **state)
{
	snprintf(root, sizeof(root), "/tmp/ktstr-noise-XXXXXX");
	return mkdtemp(root) && !setenv("KTSTR_LOCK_DIR", root, 1) ? 0 : -1;
}

static int tree_remove(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

static void put_thread(int tid, const char *schedstat, const char *migrations, const char *cpu)
{
	char sched[256], stat[512] = "7 (a ) b) S";

	snprintf(sched, sizeof(sched),
		 "vcpu0 (7, #threads: 3)\nse.nr_migrations : %s\nnr_switches : 9\n"
		 "nr_voluntary_switches : 6\nnr_involuntary_switches : 3",
		 migrations);
	for (unsigned field = 4; field < 39; field++)
		strcat(stat, " 0");
	snprintf(stat + strlen(stat), sizeof(stat) - strlen(stat), " %s 0 0", cpu);
	put(schedstat, "proc/self/task/%d/schedstat", tid);
	if (*migrations)
		put(sched, "proc/self/task/%d/sched", tid);
	put(stat, "proc/self/task/%d/stat", tid);
}

static const int tids[] = { 11, 12 };
/* vCPUs on CPUs 0 and 1, whose cores have CPUs 2 and 3 too. */
static struct noise_subject subject(void)
{
	struct noise_subject s = { .root = root, .vcpu_tid = tids, .n_vcpus = 2, .reactor_tid = 10 };

	bits_add(&s.cpus, 0);
	bits_add(&s.cpus, 1);
	host_siblings(root, &s.cpus, &s.siblings);
	return s;
}

/* A quiet host. */
static void put_begin(void)
{
	put("0,2", CPU "cpu0/topology/core_cpus_list");
	put("1,3", CPU "cpu1/topology/core_cpus_list");
	put("tsc", "sys/devices/system/clocksource/clocksource0/current_clocksource");
	put("performance", CPU "cpu0/cpufreq/scaling_governor");
	put("performance", CPU "cpu1/cpufreq/scaling_governor");
	put("3000000", CPU "cpu0/cpufreq/scaling_cur_freq");
	put("2900000", CPU "cpu1/cpufreq/scaling_cur_freq");
	put("1", CPU "intel_pstate/no_turbo");
	put("1", CPU "smt/active");
	put("always [madvise] never", "sys/kernel/mm/transparent_hugepage/enabled");
	put("0", "sys/kernel/mm/ksm/run");
	put("Filename Type Size Used Priority", "proc/swaps");
	put("processor : 0\nmicrocode\t: 0xf4", "proc/cpuinfo");
	put("Mitigation: PTI", CPU "vulnerabilities/meltdown");
	put("0.50 0.40 0.30 2/345 6789", "proc/loadavg");
	put("pswpin 5\npswpout 7", "proc/vmstat");
	put("cpu 0 0 0 0\ncpu0 100 0 50 0 0 1 2 0 90 0\ncpu1 10 0 5 0 0 0 0 0 0 0\ncpu2 1 0 0 0 0 0 0 0 0 0\n"
	    "cpu3 1 0 0 0 0 0 0 0 0 0\nintr 1 2 3\nctxt 1000",
	    "proc/stat");
	put("           CPU0       CPU1       CPU2\n 24:  10  20  30  IO-APIC 5-edge x\nLOC:  1 2 3 Local timer\nERR:  "
	    "9",
	    "proc/interrupts");
	put("some avg10=0 avg60=0 avg300=0 total=1000\nfull avg10=0 avg60=0 avg300=0 total=10", "proc/pressure/cpu");
	put("12:cpu:/\n0::/a/b", "proc/self/cgroup");
	put("some avg10=0 avg60=0 avg300=0 total=100\nfull avg10=0 avg60=0 avg300=0 total=50",
	    "sys/fs/cgroup/a/b/cpu.pressure");
	put_thread(10, "1000 100 10", "0", "3");
	put_thread(11, "1000000000 10000000 50", "2", "0");
	put_thread(12, "2000000000 20000000 60", "3", "1");
	put("iou-wrk-10", "proc/self/task/20/comm");
	put_thread(20, "500 5 1", "0", "3");
}

/* vCPU 1 waited 450 ms and ran 1 s. */
static void put_end(void)
{
	put_thread(10, "6000 300 12", "0", "3");
	put_thread(11, "2000000000 10000000 70", "2", "0");
	put_thread(12, "3000000000 470000000 99", "3", "1");
	put_thread(20, "1500 5 1", "0", "3");
	put("iou-wrk-10", "proc/self/task/21/comm");
	put_thread(21, "700 5 1", "0", "3");
	put("cpu 0 0 0 0\ncpu0 190 0 55 0 0 2 4 1 180 0\ncpu1 10 0 5 0 0 0 0 0 0 0\ncpu2 4 0 0 0 0 0 0 0 0 0\n"
	    "cpu3 2 0 0 0 0 0 0 0 0 0\nintr 1 2 3\nctxt 1700",
	    "proc/stat");
	put("           CPU0       CPU1       CPU2\n 24:  15  28  99  IO-APIC 5-edge x\nLOC:  2 2 3 Local timer\nERR:  "
	    "9",
	    "proc/interrupts");
	put("some avg10=0 avg60=0 avg300=0 total=3000\nfull avg10=0 avg60=0 avg300=0 total=10", "proc/pressure/cpu");
	put("some avg10=0 avg60=0 avg300=0 total=400\nfull avg10=0 avg60=0 avg300=0 total=51",
	    "sys/fs/cgroup/a/b/cpu.pressure");
}

static void run(struct noise *n)
{
	struct noise_subject s = subject();

	memset(n, 0, sizeof(*n));
	put_begin();
	noise_begin(n, &s);
	put_end();
	noise_end(n, &s, "wakeup", 0);
}

static bool has_note(const struct noise *n, const char *part)
{
	for (unsigned i = 0; i < n->n_notes; i++)
		if (strstr(n->note[i], part))
			return true;
	return false;
}

/* --- HST-01 ------------------------------------------------------------- */

static void hst_01_each_vcpu_has_its_dilation(void **state)
{
	struct noise n;
	struct noise_window *w = &n.window[0];

	run(&n);
	assert_int_equal(n.n_windows, 1);
	assert_int_equal(w->vcpu[0].on_cpu_ns, SECOND_NS);
	assert_int_equal(w->vcpu[0].delay_ns, 0);
	assert_true(noise_dilation(&w->vcpu[0]) == 1);
	assert_int_equal(w->vcpu[1].delay_ns, 450000000);
	assert_true(fabs(noise_dilation(&w->vcpu[1]) - 1.45) < 1e-9);
	assert_true(fabs(noise_waited(&w->vcpu[1]) - 0.45 / 1.45) < 1e-9);
	assert_true(fabs(noise_mean_dilation(w) - 1.225) < 1e-9);
	noise_free(&n);
}

static void hst_01_a_thread_that_is_gone_is_unknown_not_quiet(void **state)
{
	static const int gone[] = { 11, -1 };
	struct noise_subject s = subject();
	struct noise n = { 0 };

	put_begin();
	s.vcpu_tid = gone;
	noise_begin(&n, &s);
	noise_end(&n, &s, "wakeup", 0);
	assert_true(isnan(noise_dilation(&n.window[0].vcpu[1])));
	assert_true(isnan(noise_mean_dilation(&n.window[0])));
	noise_free(&n);
}

struct spinner {
	pthread_t thread;
	_Atomic int tid;
	_Atomic bool stop;
	unsigned cpu;
};

static void *spin(void *arg)
{
	struct spinner *s = arg;
	struct bits own = { 0 };

	bits_add(&own, s->cpu);
	affinity_set(&own);
	s->tid = gettid();
	while (!s->stop)
		;
	return NULL;
}

static void spinner_start(struct spinner *s, unsigned cpu)
{
	memset(s, 0, sizeof(*s));
	s->cpu = cpu;
	assert_int_equal(pthread_create(&s->thread, NULL, spin, s), 0);
	while (!s->tid)
		sched_yield();
}

static void spinner_stop(struct spinner *s)
{
	s->stop = true;
	pthread_join(s->thread, NULL);
}

/* Until it ran for 100 ms more, or both of them waited as long. */
static void let_run(int tid)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct host_thread from, now;

	assert_true(host_thread_read(&from, "", tid));
	do {
		nanosleep(&pause, NULL);
		assert_true(host_thread_read(&now, "", tid));
	} while (now.on_cpu_ns - from.on_cpu_ns < 100000000);
}

/* "host spinner on the vCPU's CPU: D rises": a thread that burns a CPU as a vCPU does. */
static void hst_01_a_spinner_on_its_cpu_raises_d(void **state)
{
	struct spinner vcpu, other;
	struct noise_subject s = { .root = "", .n_vcpus = 1, .reactor_tid = gettid() };
	struct noise n = { 0 };
	struct bits allowed;
	unsigned cpu = 0;
	int tid;

	assert_int_equal(affinity_get(&allowed), 0);
	while (!bits_has(&allowed, cpu))
		cpu++;
	bits_add(&s.cpus, cpu);
	spinner_start(&vcpu, cpu);
	tid = vcpu.tid;
	s.vcpu_tid = &tid;
	spinner_start(&other, cpu);
	noise_begin(&n, &s);
	let_run(tid);
	noise_end(&n, &s, "wakeup", 0);
	spinner_stop(&other);
	spinner_stop(&vcpu);
	/* It had half of the CPU at most: as much delay as it ran, less what the scheduler owed it before. */
	assert_true(noise_dilation(&n.window[0].vcpu[0]) > 1.5);
	assert_int_equal(noise_above(&n.window[0], 1.25), 0);
	assert_int_equal(n.window[0].vcpu[0].migrations, 0);
	noise_free(&n);
}

/* --- HST-02: which vCPU decides ----------------------------------------- */

static void hst_02_the_vcpu_that_waited_most_is_named(void **state)
{
	struct noise n;

	run(&n);
	n.window[0].host.wall_ns = SECOND_NS;
	assert_int_equal(noise_above(&n.window[0], 1.25), 1);
	assert_int_equal(noise_above(&n.window[0], 1.5), -1);
	/* D counts, but an idle vCPU that waited a millisecond in 10 s took no harm. */
	n.window[0].host.wall_ns = 10 * SECOND_NS;
	n.window[0].vcpu[1].on_cpu_ns = 100000;
	n.window[0].vcpu[1].delay_ns = 9000000;
	assert_int_equal(noise_above(&n.window[0], 1.05), -1);
	n.window[0].vcpu[1].delay_ns = 11000000;
	assert_int_equal(noise_above(&n.window[0], 1.05), 1);
	/* It only waited. */
	n.window[0].vcpu[1].on_cpu_ns = 0;
	assert_int_equal(noise_above(&n.window[0], 1.25), 1);
	assert_true(noise_waited(&n.window[0].vcpu[1]) == 1);
	noise_free(&n);
}

/* --- HST-03 ------------------------------------------------------------- */

static void hst_03_pressure_load_switches_and_interrupts(void **state)
{
	const int64_t tick = SECOND_NS / sysconf(_SC_CLK_TCK);
	struct noise n;
	const struct host_counters *c = &n.window[0].host;

	run(&n);
	assert_int_equal(c->host_cpu_some_ns, 2000000);
	assert_int_equal(c->cgroup_cpu_some_ns, 300000);
	assert_int_equal(c->cgroup_cpu_full_ns, 1000);
	assert_int_equal(c->host_memory_some_ns, HOST_UNKNOWN);
	assert_int_equal(c->load_1min_milli, 500);
	assert_int_equal(c->runnable_tasks, 2);
	assert_int_equal(c->context_switches, 700);
	/* Of CPUs 0 and 1 alone. */
	assert_int_equal(c->cpus_interrupts, 5 + 8 + 1);
	assert_int_equal(c->cpus_busy_ns, (90 + 5 + 1 + 2) * tick);
	assert_int_equal(c->cpus_irq_ns, 3 * tick);
	assert_int_equal(c->cpus_steal_ns, 1 * tick);
	assert_int_equal(c->frequency_min_khz, 2900000);
	assert_int_equal(c->frequency_max_khz, 3000000);
	assert_int_equal(c->pages_swapped_in, 0);
	assert_true(c->wall_ns >= 0);
	noise_free(&n);
}

static void add_statistic(uint8_t *file, unsigned i, const char *name, uint32_t type, uint16_t size, uint32_t offset)
{
	struct kvm_stats_desc d = { .flags = type, .size = size, .offset = offset, .bucket_size = 1 };
	uint8_t *at = file + sizeof(struct kvm_stats_header) + i * (sizeof(d) + 48);

	memcpy(at, &d, sizeof(d));
	strcpy((char *)at + sizeof(d), name);
}

static int statistics_file(uint64_t count, uint64_t peak, uint64_t bucket)
{
	struct kvm_stats_header h = { .name_size = 48, .num_desc = 4, .desc_offset = sizeof(h), .data_offset = 1024 };
	uint8_t file[1024 + 64] = { 0 };
	uint64_t *data = (uint64_t *)(file + 1024);
	int fd = memfd_create("stats", MFD_CLOEXEC);

	memcpy(file, &h, sizeof(h));
	add_statistic(file, 0, "nobody_knows_this", KVM_STATS_TYPE_CUMULATIVE, 1, 0);
	add_statistic(file, 1, "peak", KVM_STATS_TYPE_PEAK, 1, 8);
	add_statistic(file, 2, "hist", KVM_STATS_TYPE_LOG_HIST, 3, 16);
	add_statistic(file, 3, "type_of_the_future", 9, 1, 40);
	data[0] = count;
	data[1] = peak;
	data[3] = bucket;
	assert_int_equal(write(fd, file, sizeof(file)), sizeof(file));
	return fd;
}

static void hst_03_kvms_statistics_are_as_they_describe_themselves(void **state)
{
	struct vm_statistics s = { 0 };
	int fd = statistics_file(7, 5, 2), other = statistics_file(10, 3, 4);
	const struct kvm_stats_header bad = { .name_size = 48, .num_desc = 1u << 30 };

	assert_int_equal(vm_statistics_add(&s, fd, true), 0);
	assert_int_equal(vm_statistics_add(&s, other, true), 0);
	assert_int_equal(s.n, 3);
	assert_string_equal(s.statistic[0].name, "nobody_knows_this");
	assert_int_equal(s.value[s.statistic[0].at], 17);
	assert_int_equal(s.value[s.statistic[1].at], 5);
	assert_int_equal(s.statistic[2].size, 3);
	assert_int_equal(s.value[s.statistic[2].at + 1], 6);
	vm_statistics_free(&s);
	assert_int_equal(pwrite(fd, &bad, sizeof(bad), 0), sizeof(bad));
	assert_int_equal(vm_statistics_add(&s, fd, true), -EIO);
	vm_statistics_free(&s);
	close(fd);
	close(other);
}

/* --- HST-04 ------------------------------------------------------------- */

static void hst_04_settings_before_and_after_and_what_changed(void **state)
{
	struct noise_subject s;
	struct noise n = { 0 };

	put_begin();
	s = subject();
	noise_begin(&n, &s);
	put_end();
	put("powersave", CPU "cpu1/cpufreq/scaling_governor");
	put("0", CPU "intel_pstate/no_turbo");
	put("Filename Type Size Used Priority\n/dev/sda file 1 0 -2", "proc/swaps");
	put("1", "sys/kernel/mm/ksm/run");
	noise_end(&n, &s, "wakeup", 0);
	noise_finish(&n);
	assert_string_equal(host_setting(&n.settings_begin, "governor"), "performance");
	assert_string_equal(host_setting(&n.settings_begin, "turbo"), "off");
	assert_string_equal(host_setting(&n.settings_begin, "smt"), "on");
	assert_string_equal(host_setting(&n.settings_begin, "thp"), "madvise");
	assert_string_equal(host_setting(&n.settings_begin, "ksm"), "off");
	assert_string_equal(host_setting(&n.settings_begin, "swap"), "off");
	assert_string_equal(host_setting(&n.settings_begin, "microcode"), "0xf4");
	assert_string_equal(host_setting(&n.settings_begin, "mitigation_meltdown"), "Mitigation: PTI");
	assert_string_equal(host_setting(&n.settings_begin, "numa_balancing"), "");
	assert_true(has_note(&n, "the host's governor changed from performance to mixed"));
	assert_true(has_note(&n, "the host's turbo changed from off to on"));
	assert_true(has_note(&n, "the host's swap changed from off to on"));
	assert_true(has_note(&n, "the host's ksm changed from off to on"));
	assert_false(has_note(&n, "smt"));
	/* Sibling busy: 30 and 10 ms, in a window of no time. */
	assert_true(n.window[0].host.siblings_busy_ns > 0);
	assert_true(has_note(&n, "the other threads of the vCPUs' cores were busy"));
	noise_free(&n);
}

/* --- HST-05: what will disturb ------------------------------------------ */

/* Its text, or "" if it is not in the list. */
static const char *what_of(const struct disturbance *list, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(list[i].name, name))
			return list[i].what;
	return "";
}

static void hst_05_a_quiet_host_has_no_disturbance(void **state)
{
	struct disturb_facts f = { .kvm = KVM_HARDWARE, .cpus = 8 };
	struct disturbance list[32];
	struct bits cpus = subject().cpus;

	put_begin();
	put("0", CPU "smt/active");
	put("2-7", CPU "isolated");
	put("-1", "proc/sys/kernel/sched_rt_runtime_us");
	host_settings_read(&f.settings, root, &cpus);
	f.busy = (struct host_counters){ .wall_ns = SECOND_NS, .cpus_busy_ns = SECOND_NS / 10 };
	assert_int_equal(disturb_list(&f, list, 32), 0);
}

static void hst_05_each_disturbance_has_its_remedy(void **state)
{
	static const char *const names[] = { "nested host",
					     "virtual machine",
					     "other machines",
					     "load",
					     "steal",
					     "no performance mode",
					     "governor",
					     "turbo",
					     "SMT",
					     "THP",
					     "KSM",
					     "swap",
					     "clocksource",
					     "no isolated CPUs" };
	struct disturb_facts f = { .kvm = KVM_HARDWARE,
				   .nested = true,
				   .virtual_machine = true,
				   .other_machines = 2,
				   .cpus = 8,
				   .fifo_error = EPERM };
	struct disturbance list[32];
	struct bits cpus = subject().cpus;
	unsigned n;

	put_begin();
	put("powersave", CPU "cpu0/cpufreq/scaling_governor");
	put("0", CPU "intel_pstate/no_turbo");
	put("[always] madvise never", "sys/kernel/mm/transparent_hugepage/enabled");
	put("1", "sys/kernel/mm/ksm/run");
	put("Filename Type Size Used Priority\n/dev/sda file 1 0 -2", "proc/swaps");
	put("hpet", "sys/devices/system/clocksource/clocksource0/current_clocksource");
	host_settings_read(&f.settings, root, &cpus);
	f.busy = (struct host_counters){
		.wall_ns = SECOND_NS, .cpus_busy_ns = 2 * SECOND_NS, .cpus_steal_ns = SECOND_NS, .load_1min_milli = 2500
	};
	n = disturb_list(&f, list, 32);
	assert_int_equal(n, sizeof(names) / sizeof(*names));
	for (unsigned i = 0; i < n; i++) {
		assert_true(*what_of(list, n, names[i]));
		assert_true(*list[i].remedy);
	}
	assert_non_null(strstr(what_of(list, n, "load"), "25 % of the CPUs in the last second, load average 2.50"));
	assert_non_null(strstr(what_of(list, n, "governor"), "(mixed)"));
	assert_int_equal(disturb_list(&f, list, 3), 3);
}

/* --- HST-06 ------------------------------------------------------------- */

static void hst_06_the_reactor_and_the_rings_workers(void **state)
{
	struct noise n;

	run(&n);
	assert_int_equal(n.window[0].reactor.on_cpu_ns, 5000);
	assert_int_equal(n.window[0].reactor.delay_ns, 200);
	assert_int_equal(n.window[0].workers_begin, 1);
	assert_int_equal(n.window[0].workers_end, 2);
	assert_int_equal(n.window[0].workers_on_cpu_ns, 1000 + 700);
	noise_wish(&n, WISH_REACTOR_APART, true);
	noise_wish(&n, WISH_REACTOR_APART, false);
	noise_finish(&n);
	assert_true(has_note(&n, "asked of the host and not got: reactor and workers off the CPUs of vCPUs"));
	noise_free(&n);
}

/* --- HST-07 ------------------------------------------------------------- */

static void hst_07_what_was_asked_and_not_got_is_named(void **state)
{
	static const int cpus[] = { 0, 1 };
	const struct vm_host asked = {
		.vcpu_cpu = cpus, .fifo_priority = 1, .keep_exits = true, .realtime = true, .set_halt_poll = true
	};
	const struct vm_host_facts facts = { .pause_kept = true, .realtime = true, .halt_poll_set = true };
	struct noise_thread_got got[2] = { { .policy = SCHED_FIFO }, { .policy = SCHED_OTHER } };
	struct noise n;
	json_t *whole, *json;

	run(&n);
	bits_add(&got[0].cpus, 0);
	bits_add(&got[1].cpus, 1);
	bits_add(&got[1].cpus, 0);
	noise_check_thread(&n, 0, &asked, &got[0]);
	assert_false(n.wish[WISH_FIFO].refused);
	noise_check_thread(&n, 1, &asked, &got[1]);
	noise_check_vm(&n, &asked, &facts);
	noise_finish(&n);
	assert_true(has_note(&n, "not got: SCHED_FIFO for vCPUs, vCPUs pinned to CPUs, no exits for HLT"));
	whole = noise_json(&n);
	json = json_object_get(whole, "asked");
	assert_string_equal(json_string_value(json_object_get(json, "fifo")), "refused");
	assert_string_equal(json_string_value(json_object_get(json, "no_pause_exits")), "granted");
	assert_string_equal(json_string_value(json_object_get(json, "halt_poll")), "granted");
	assert_null(json_object_get(json, "huge_pages"));
	json_decref(whole);
	noise_free(&n);
}

/* --- HST-08 ------------------------------------------------------------- */

static void hst_08_migrations_faults_and_clocksource_are_noted(void **state)
{
	struct noise_subject s;
	struct noise n = { 0 };
	struct vm_statistic pf = { .name = "pf_fixed", .per_vcpu = true, .size = 1 };
	uint64_t faults = 5000;

	put_begin();
	put("hpet", "sys/devices/system/clocksource/clocksource0/current_clocksource");
	s = subject();
	noise_begin(&n, &s);
	put_end();
	put_thread(11, "2000000000 10000000 70", "5", "1");
	noise_end(&n, &s, "wakeup", 0);
	assert_int_equal(n.window[0].vcpu[0].migrations, 3);
	n.window[0].host.wall_ns = 2 * SECOND_NS;
	n.window[0].kvm = (struct vm_statistics){ .statistic = &pf, .n = 1, .value = &faults, .n_values = 1 };
	n.window[0].kvm_error = 0;
	noise_finish(&n);
	assert_true(has_note(&n, "vCPU threads moved between host CPUs 3 times, vCPU 0 most often"));
	assert_true(has_note(&n, "5000 page faults"));
	assert_true(has_note(&n, "clocksource is hpet"));
	n.n_notes = 0;
	faults = 1500;
	noise_finish(&n);
	assert_false(has_note(&n, "page faults"));
	memset(&n.window[0].kvm, 0, sizeof(n.window[0].kvm));
	noise_free(&n);
}

static void hst_08_a_kernel_that_counts_no_migrations_shows_those_that_last(void **state)
{
	struct noise_subject s;
	struct noise n = { 0 };
	char path[128];

	put_begin();
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/proc/self/task/%d/sched", root, tids[i]);
		remove(path);
	}
	s = subject();
	noise_begin(&n, &s);
	put_thread(11, "2000000000 10000000 70", "", "1");
	noise_end(&n, &s, "wakeup", 0);
	assert_int_equal(n.window[0].vcpu[0].migrations, 1);
	assert_int_equal(n.window[0].vcpu[1].migrations, HOST_UNKNOWN);
	noise_free(&n);
}

/* --- HST-09 ------------------------------------------------------------- */

static void hst_09_other_machines_are_counted_at_begin_and_end(void **state)
{
	struct noise_subject s;
	struct locks own = { 0 };
	struct noise n = { 0 };
	int ready[2], go[2], status;
	char byte;
	pid_t pid;

	put_begin();
	s = subject();
	/* Our own locks are no neighbour's. */
	assert_int_equal(lock_take(&own, LOCK_CPU, 0, false, "mode=default vcpus=1"), 0);
	assert_int_equal(noise_other_machines(), 0);
	noise_begin(&n, &s);
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (!pid) {
		struct locks l = { 0 };
		bool ok = !lock_take(&l, LOCK_LLC, 0, false, "mode=default vcpus=1") &&
			  !lock_take(&l, LOCK_CPU, 1, false, "mode=default vcpus=1");

		_exit(write(ready[1], "", 1) == 1 && read(go[0], &byte, 1) == 1 && ok ? 0 : 1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	noise_end(&n, &s, "wakeup", 0);
	assert_int_equal(write(go[1], "", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(n.others_begin, 0);
	assert_int_equal(n.others_end, 1);
	noise_finish(&n);
	assert_true(has_note(&n, "contention: 0 other machines at the begin, 1 at the end"));
	locks_drop(&own);
	noise_free(&n);
	for (unsigned i = 0; i < 2; i++) {
		close(ready[i]);
		close(go[i]);
	}
}

/* --- the whole ---------------------------------------------------------- */

static void a_quiet_host_has_no_notes(void **state)
{
	struct noise_subject s;
	struct noise n = { 0 };

	put_begin();
	s = subject();
	noise_begin(&n, &s);
	noise_end(&n, &s, "wakeup", 0);
	noise_finish(&n);
	assert_int_equal(n.n_notes, 0);
	noise_free(&n);
}

static void what_is_unknown_is_null(void **state)
{
	struct noise n;
	json_t *json, *window;

	run(&n);
	json = noise_json(&n);
	assert_non_null(json);
	window = json_array_get(json_object_get(json, "windows"), 0);
	assert_string_equal(json_string_value(json_object_get(window, "workload")), "wakeup");
	assert_true(json_is_null(json_object_get(json_object_get(window, "host"), "host_memory_some_ns")));
	assert_true(json_is_null(json_object_get(window, "kvm")));
	assert_true(json_is_integer(json_object_get(window, "sampling_ns")));
	assert_int_equal(json_array_size(json_object_get(window, "vcpus")), 2);
	json_decref(json);
	noise_free(&n);
}

/* A guest may mark as many windows as it likes, an end without a begin, or begins alone. */
static void a_hostile_guest_is_bounded(void **state)
{
	struct noise_subject s;
	struct noise n = { 0 };

	put_begin();
	s = subject();
	noise_end(&n, &s, "wakeup", 7);
	assert_int_equal(n.n_windows, 0);
	for (unsigned i = 0; i < 100; i++) {
		noise_begin(&n, &s);
		noise_end(&n, &s, "a name that is longer than any workload's name has ever been before", 1u << 31);
	}
	assert_int_equal(n.n_windows, NOISE_WINDOWS_MAX);
	assert_true(n.marks <= 2 * NOISE_WINDOWS_MAX);
	for (unsigned i = 0; i < 100; i++)
		noise_begin(&n, &s);
	assert_true(n.marks <= 2 * NOISE_WINDOWS_MAX);
	noise_finish(&n);
	json_decref(noise_json(&n));
	noise_free(&n);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, tree_make, tree_remove)
	const struct CMUnitTest tests[] = {
		T(hst_01_each_vcpu_has_its_dilation),
		T(hst_01_a_thread_that_is_gone_is_unknown_not_quiet),
		T(hst_01_a_spinner_on_its_cpu_raises_d),
		T(hst_02_the_vcpu_that_waited_most_is_named),
		T(hst_03_pressure_load_switches_and_interrupts),
		T(hst_03_kvms_statistics_are_as_they_describe_themselves),
		T(hst_04_settings_before_and_after_and_what_changed),
		T(hst_05_a_quiet_host_has_no_disturbance),
		T(hst_05_each_disturbance_has_its_remedy),
		T(hst_06_the_reactor_and_the_rings_workers),
		T(hst_07_what_was_asked_and_not_got_is_named),
		T(hst_08_migrations_faults_and_clocksource_are_noted),
		T(hst_08_a_kernel_that_counts_no_migrations_shows_those_that_last),
		T(hst_09_other_machines_are_counted_at_begin_and_end),
		T(a_quiet_host_has_no_notes),
		T(what_is_unknown_is_null),
		T(a_hostile_guest_is_bounded),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
