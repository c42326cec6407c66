/* SPDX-License-Identifier: GPL-2.0-only */
/* ktstr doctor: what this machine has, and what that means for guests. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench/base/file.h"
#include "bench/base/program.h"
#include "bench/base/say.h"
#include "bench/base/size.h"
#include "bench/cache/path.h"
#include "bench/cli/parse.h"
#include "bench/host/cpus.h"
#include "bench/host/facts.h"
#include "bench/host/remedy.h"
#include "bench/initramfs/closure.h"
#include "bench/kernel/scx.h"
#include "bench/nested/image.h"
#include "bench/nested/qemu.h"
#include "bench/verb/verbs.h"

#define TEXT 512

enum { OPT_KIND = 0x100, OPT_JSON };

enum verdict { GOOD, FAIR, BAD };
static const char *const verdict_names[] = { "good", "fair", "bad" };

struct arguments {
	bool kind, json;
};

/* Findings are printed as they are made, or collected in a JSON object. */
struct report {
	json_t *checks; /* NULL: text */
};

__attribute__((format(printf, 2, 3))) static void text_of(char text[TEXT], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, TEXT, fmt, ap);
	va_end(ap);
}

static void finding(struct report *r, const char *name, enum verdict verdict, const char *found, const char *follows)
{
	if (r->checks)
		json_object_set_new(
			r->checks, name,
			json_pack("{ss ss ss}", "verdict", verdict_names[verdict], "found", found, "follows", follows));
	else
		printf("%-5s %-12s %s\n                     %s\n", verdict_names[verdict], name, found, follows);
}

static void check_cpus(struct report *r)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	char found[TEXT], model[128];
	struct utsname u;

	uname(&u);
	host_cpu_model(model, sizeof(model));
	text_of(found, "%ld online, %s, Linux %s", online, model, u.release);
	finding(r, "cpus", online > 2 ? GOOD : FAIR, found,
		online > 2 ? "guests with fewer CPUs than that leave one for the reactor"
			   : "guest CPUs and the reactor share them: latency tails are partly the host's");
}

/* Whether --mode performance is possible, if no other machine holds the CPUs. */
static void check_performance(struct report *r)
{
	struct sched_param fifo = { .sched_priority = 2 }, old = { 0 };
	int policy = sched_getscheduler(0), refused = 0;
	char found[TEXT], allowed[128], runtime[32];
	struct host_cpus h;

	if (host_cpus_read(&h, "/sys", NULL)) {
		finding(r, "performance", BAD, "/sys lists no CPUs", "no guest can run: mount /sys");
		return;
	}
	sched_getparam(0, &old);
	if (sched_setscheduler(0, SCHED_FIFO, &fifo))
		refused = errno;
	else
		sched_setscheduler(0, policy, &old);
	file_read_line("/proc/sys/kernel/sched_rt_runtime_us", runtime, sizeof(runtime));
	text_of(found, "CPUs %s in %u LLCs of %u nodes; SCHED_FIFO %s%s (kernel.sched_rt_runtime_us %s)",
		bits_format(&h.allowed, allowed, sizeof(allowed)), h.n_llcs, h.n_nodes,
		refused ? "refused: " : "granted", refused ? strerror(refused) : "", *runtime ? runtime : "missing");
	if (refused)
		finding(r, "performance", FAIR, found, "--mode performance is skipped: raise the limit (ulimit -r 2)");
	else if (h.n_allowed < 2)
		finding(r, "performance", FAIR, found,
			"--mode performance is skipped: it needs one CPU more than vCPUs");
	else {
		char follows[TEXT];

		text_of(follows, "--mode performance works for guests of up to %u CPUs", h.n_allowed - 1);
		finding(r, "performance", GOOD, found, follows);
	}
	host_cpus_free(&h);
}

static void check_kvm(struct report *r)
{
	static const char *const follows[] = {
		[KVM_NONE] = "guests run in the nested host (QEMU, TCG): results are right, timings are not those of "
			     "hardware",
		[KVM_SOFTWARE] = "guests run in the nested host (QEMU, TCG): results are right, timings are not those "
				 "of hardware",
		[KVM_HARDWARE] = "guests run directly, and their timings are this machine's",
	};
	char found[TEXT], message[REMEDY_MESSAGE];
	struct kvm_probe probe;

	kvm_probe(&probe);
	text_of(found, "%s: %s", kvm_kind_name(probe.kind), remedy_message(message, probe.fault, probe.why));
	finding(r, "kvm", probe.kind == KVM_HARDWARE ? GOOD : FAIR, found,
		host_is_nested() ? "this is the nested host: timings are not those of hardware" : follows[probe.kind]);
}

/* QEMU's -cpu decides for guests of the nested host; ktstr's default has it. */
static bool nested_cpu_hides_cx16(void)
{
	const char *model = nested_cpu_model();

	return strstr(model, "-cx16") || strstr(model, "cx16=off");
}

static void check_cx16(struct report *r)
{
	struct kvm_probe probe;
	char found[TEXT];
	bool nested;
	int has;

	kvm_probe(&probe);
	nested = probe.kind != KVM_HARDWARE;
	has = nested ? !nested_cpu_hides_cx16() : kvm_guests_have_cx16();
	if (has < 0)
		text_of(found, "KVM: %s", strerror(-has));
	else
		text_of(found, "guests %s it%s%s", has ? "have" : "lack", nested ? " in the nested host, -cpu " : "",
			nested ? nested_cpu_model() : "");
	finding(r, "cmpxchg16b", has > 0 ? GOOD : FAIR, found,
		has > 0 ? "a guest's BPF programs can allocate memory in any context (kmalloc_nolock)"
			: "sched_ext schedulers with arenas, task storage or cgroups may fail in guests with ENOMEM; "
			  "unset KTSTR_NESTED_CPU_MODEL in the nested host");
}

static void check_io_uring(struct report *r)
{
	struct host_io_uring u;
	char found[TEXT];
	const struct reactor_features *f = &u.features;

	host_io_uring(&u);
	if (u.error) {
		text_of(found, "no ring: %s (kernel.io_uring_disabled %d)", strerror(-u.error), u.disabled);
		finding(r, "io_uring", FAIR, found,
			"devices use epoll, and disks serve one request at a time; set sysctl "
			"kernel.io_uring_disabled=0, and allow io_uring in the container's seccomp profile");
		return;
	}
	text_of(found, "%s%s%s%s%s%s(kernel.io_uring_disabled %s)", f->single_issuer ? "SINGLE_ISSUER " : "",
		f->defer_taskrun ? "DEFER_TASKRUN " : "", f->coop_taskrun ? "COOP_TASKRUN " : "",
		f->submit_all ? "SUBMIT_ALL " : "", f->no_iowait ? "NO_IOWAIT " : "",
		f->ring_fd ? "registered ring " : "",
		u.disabled < 0 ? "missing"
		: u.disabled   ? "not 0"
			       : "0");
	finding(r, "io_uring", f->defer_taskrun ? GOOD : FAIR, found,
		!f->defer_taskrun ? "completions cost more; Linux 6.1 adds DEFER_TASKRUN"
		: f->no_iowait	  ? "completions are cheap, and an idle guest does not count as I/O wait"
				  : "an idle guest counts as I/O wait (PSI, iowait); Linux 6.15 fixes that");
}

static void check_btf(struct report *r)
{
	bool there = !access("/sys/kernel/btf/vmlinux", R_OK);

	finding(r, "btf", there ? GOOD : FAIR, there ? "/sys/kernel/btf/vmlinux" : "no /sys/kernel/btf/vmlinux",
		there ? "BPF programs on this machine can trace vCPU threads"
		      : "BPF programs cannot trace this machine; guests are not affected");
}

static void check_hugepages(struct report *r)
{
	char total[32], thp[64], found[TEXT];
	bool reserved;

	file_read_line("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", total, sizeof(total));
	file_read_line("/sys/kernel/mm/transparent_hugepage/enabled", thp, sizeof(thp));
	reserved = atol(total) > 0;
	text_of(found, "%s of 2 MiB reserved; transparent: %s", *total ? total : "none", *thp ? thp : "missing");
	finding(r, "hugepages", reserved || strstr(thp, "[always]") || strstr(thp, "[madvise]") ? GOOD : FAIR, found,
		"guest memory uses transparent huge pages; without them page walks take longer");
}

static const char *limit_text(char text[SIZE_TEXT], rlim_t limit, bool bytes)
{
	if (limit == RLIM_INFINITY)
		return "unlimited";
	if (bytes)
		return size_format(text, limit);
	snprintf(text, SIZE_TEXT, "%" PRIu64, (uint64_t)limit);
	return text;
}

static void check_limits(struct report *r)
{
	char found[TEXT], a[SIZE_TEXT], b[SIZE_TEXT];
	struct rlimit locked, files;
	bool enough;

	getrlimit(RLIMIT_MEMLOCK, &locked);
	getrlimit(RLIMIT_NOFILE, &files);
	enough = files.rlim_cur >= 1024;
	text_of(found, "memlock %s, open files %s", limit_text(a, locked.rlim_cur, true),
		limit_text(b, files.rlim_cur, false));
	finding(r, "limits", enough ? GOOD : FAIR, found,
		enough ? "enough for a VM of any size" : "too low for many CPUs and disks: raise it (ulimit -n 1024)");
}

/* @dir: of the default kernel. */
static enum verdict check_default(const char *dir, const char *release, char follows[TEXT])
{
	char image[PATH_MAX + 16], text[256], remedy[NAME_MAX + 64];
	struct kernel_btf_scx found;

	snprintf(image, sizeof(image), "%s/vmlinuz", dir);
	kernel_scx_text(kernel_scx(image, &found), &found, text, sizeof(text));
	if (!*text) {
		text_of(follows, "ktstr run and bench boot 'default', %.128s; name others by --kernel", release);
		return GOOD;
	}
	kernel_scx_remedy(remedy, sizeof(remedy));
	text_of(follows, "'default' is %.128s: %s; %s", release, text, remedy);
	return FAIR;
}

static void check_kernels(struct report *r)
{
	char dir[PATH_MAX], found[TEXT] = "", path[PATH_MAX], release[NAME_MAX + 1], why[PATH_MAX + 256], text[TEXT];
	size_t len = 0;
	DIR *d = cache_path(dir, "kernels") ? NULL : opendir(dir);
	int rc = cache_kernel("default", path, release);
	bool usable = !rc;
	enum verdict verdict = BAD;

	for (const struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' && len < TEXT - 1)
			len += (size_t)snprintf(found + len, TEXT - len, "%s%s", len ? ", " : "", e->d_name);
	if (d)
		closedir(d);
	if (usable)
		verdict = check_default(path, release, text);
	else
		snprintf(text, sizeof(text), "ktstr has no kernel to boot by default: %.200s",
			 cache_why("default", rc, "ktstr kernel fetch", why, sizeof(why)));
	finding(r, "kernels", verdict, len ? found : "none in the cache", text);
}

static void check_nested(struct report *r)
{
	char path[PATH_MAX], kernel[PATH_MAX], release[NAME_MAX + 1], command[PATH_MAX + 32], version[TEXT] = "",
											      found[TEXT];
	int rc = qemu_find(path);
	FILE *f;

	if (rc || cache_kernel("nested", kernel, release)) {
		finding(r, "nested", FAIR,
			!rc		? "no kernel for the nested host"
			: rc == -ENOENT ? "no recent QEMU"
					: "KTSTR_QEMU is too old",
			"there is no nested host; without hardware KVM run ktstr kernel fetch nested");
		return;
	}
	snprintf(command, sizeof(command), "'%s' --version", path);
	f = strchr(path, '\'') ? NULL : popen(command, "re");
	if (f && fgets(version, sizeof(version), f))
		version[strcspn(version, "\n")] = '\0';
	if (f)
		pclose(f);
	text_of(found, "%.300s (%.150s), Linux %.64s", path, *version ? version : "version unknown", release);
	finding(r, "nested", GOOD, found, "the nested host is available: --host nested");
}

static void check_perf(struct report *r)
{
	char found[TEXT], level[32];
	bool known = !file_read_line("/proc/sys/kernel/perf_event_paranoid", level, sizeof(level));
	bool open = known && (atoi(level) <= 1 || !geteuid());

	text_of(found, "kernel.perf_event_paranoid %s", known ? level : "missing");
	finding(r, "perf", open ? GOOD : FAIR, found,
		open ? "perf can profile the VMM and its vCPUs"
		     : "perf cannot profile the VMM in the kernel; set sysctl kernel.perf_event_paranoid=1");
}

static void count_file(void *ctx, const char *path)
{
	++*(unsigned *)ctx;
}

/* 0 and how @program is linked, or -errno and why it cannot be copied with its libraries. */
static int describe_linkage(const char *program, char text[TEXT])
{
	unsigned files = 0;
	int rc = elf_closure(program, count_file, &files, text, TEXT);

	/* One of the files is ld.so. */
	if (!rc && files)
		text_of(text, "with %u shared libraries", files - 1);
	else if (!rc)
		text_of(text, "static");
	return rc;
}

/* Guests and the nested host need the shared libraries of ktstr and ktstr-scx too. */
static void check_programs(struct report *r)
{
	char own[PATH_MAX], scx[PATH_MAX], own_text[TEXT], scx_text[TEXT], found[2 * TEXT + 64];
	int rc = program_self(own);

	if (!rc && host_companion("ktstr-scx", "../bpf/ktstr-scx", scx))
		finding(r, "programs", BAD, "ktstr-scx is missing", "--scheduler does not work: build all of ktstr");
	else if (rc || describe_linkage(own, own_text))
		finding(r, "programs", BAD, rc ? strerror(-rc) : own_text, "the nested host cannot run ktstr");
	else if (describe_linkage(scx, scx_text))
		finding(r, "programs", BAD, scx_text, "guests cannot run ktstr-scx, so --scheduler does not work");
	else {
		snprintf(found, sizeof(found), "ktstr %s; ktstr-scx %s", own_text, scx_text);
		finding(r, "programs", GOOD, found, "guests and the nested host get their shared libraries too");
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPT_KIND:
		a->kind = true;
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "kvm-kind", OPT_KIND, NULL, 0, "Print only the kind of KVM: none, software or hardware", 0 },
	{ "json", OPT_JSON, NULL, 0, "Print JSON", 0 },
	{ 0 },
};
const struct argp doctor_argp = {
	.options = options,
	.parser = parse,
	.doc = "Check this machine and explain what its limits mean for guests and their timings.\v"
	       "The exit code is 0 whatever the findings are.\n\n"
	       "EXAMPLES\n"
	       "  ktstr doctor\n"
	       "  ktstr doctor --kvm-kind",
};

static int print_kind(void)
{
	struct kvm_probe probe;

	kvm_probe(&probe);
	puts(kvm_kind_name(probe.kind));
	return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
}

int verb_doctor(int argc, char **argv)
{
	static void (*const checks[])(struct report *) = {
		check_kvm,    check_cx16,   check_cpus, check_performance, check_io_uring, check_kernels,
		check_nested, check_limits, check_btf,	check_hugepages,   check_perf,	   check_programs,
	};
	struct arguments a = { 0 };
	struct report r = { 0 };
	json_t *whole;

	cli_parse(&doctor_argp, "doctor", argc, argv, &a);
	if (a.kind)
		return print_kind();
	if (a.json)
		r.checks = json_object();
	for (unsigned i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		checks[i](&r);
	if (a.json) {
		whole = json_pack("{ss ss so}", "schema", "ktstr-doctor/1", "ktstr", KTSTR_VERSION, "checks", r.checks);
		json_dumpf(whole, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(whole);
	}
	return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
}
