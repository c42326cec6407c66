/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/nested/image.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/path.h"
#include "bench/base/size.h"
#include "bench/base/why.h"
#include "bench/cache/path.h"
#include "bench/nested/archive.h"
#include "bench/nested/qemu.h"

/*
 * With this CPU L1 and stock guests below it run. It has cmpxchg16b, which QEMU 7.2 got wrong and QEMU_MAJOR_MIN gets
 * right: without it a guest's kernel has no kmalloc_nolock(), so BPF arenas, task storage and the cgroups of a
 * sched_ext scheduler fail with ENOMEM. Four levels of page tables in L1, and not five, leave less to be walked. A CPU
 * that claims to copy single bytes quickly (ERMS, FSRM) is believed, but TCG copies them one by one: 45 MB took 2.5 s
 * with them, 0.5 without.
 */
#define L1_CPU "max,-la57,-erms,-fsrm"
#define CPU_ENV "KTSTR_NESTED_CPU_MODEL" /* QEMU's -cpu */
/* The kernel's check of its timer is a panic where a busy machine gives QEMU no time. */
static const char l1_append[] = "console=ttyS0 quiet panic=-1 no_timer_check mitigations=off psi=1";

__attribute__((format(printf, 2, 3))) static void word(struct nested_image *image, const char *fmt, ...)
{
	va_list args;

	if (image->n_words + 1 >= NESTED_WORDS_MAX) {
		image->error = -E2BIG;
		return;
	}
	va_start(args, fmt);
	if (vasprintf(&image->words[image->n_words], fmt, args) < 0) {
		image->words[image->n_words] = NULL;
		image->error = -ENOMEM;
	} else {
		image->n_words++;
	}
	va_end(args);
}

static void words(struct nested_image *image, const char *const *list)
{
	for (; *list; list++)
		word(image, "%s", *list);
}

/* QEMU rounds a file up to sectors, and grows it by what is written there: only those that are whole are the disk. */
static const char *whole_sectors(const struct stat *st, char *text, size_t text_size)
{
	long long bytes = S_ISREG(st->st_mode) ? (long long)st->st_size : 0;

	text[0] = '\0';
	if (bytes % 512)
		snprintf(text, text_size, ",size=%lld", bytes - bytes % 512);
	return text;
}

static int disk_words(struct nested_image *image, const struct nested_disk *disk, size_t i)
{
	char path[PATH_MAX], quoted[2 * PATH_MAX], size[32];
	int ret = path_absolute(disk->path, path);
	struct stat st;
	char *q = quoted;

	if (ret)
		return ret;
	if (stat(path, &st))
		return -errno;
	/* A comma in a value is written twice. */
	for (const char *p = path; *p; p++) {
		*q++ = *p;
		if (*p == ',')
			*q++ = ',';
	}
	*q = '\0';
	word(image, "-drive");
	/* The locks are ours, see host/disk_lock.h. */
	word(image,
	     "file=%s,file.locking=off,if=none,id=disk%zu,format=raw,cache=writeback,discard=unmap,readonly=%s%s",
	     quoted, i, disk->ro ? "on" : "off", whole_sectors(&st, size, sizeof(size)));
	word(image, "-device");
	/* A full file system of this machine is an error to the guest, as it is without the nested host; QEMU would
	 * stop. */
	word(image, "virtio-blk-pci,drive=disk%zu,werror=report,rerror=report", i);
	return 0;
}

static const char *env_or(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

const char *nested_cpu_model(void)
{
	return env_or(CPU_ENV, L1_CPU);
}

/*
 * QEMU runs a thread a CPU, and each of them, when it loads an FPU's state, rewrites the flags of CPU 0 without a lock
 * (cpu_clear_ignne): of all CPUs only CPU 0 may lose what it wrote there itself just then. Of these flags SVM is made:
 * whether interrupts are let in, and whether a guest's addresses are translated. A guest on CPU 0 so ran on L1's memory
 * instead of its own now and then, and overwrote it. So CPU 0 is one more than was asked for, and runs no guests.
 */
#define CPUS_SPARE 1

#define MEMORY_ENV "KTSTR_NESTED_MEMORY" /* QEMU's -m */
#define MEMORY_MIN_MIB 256

/* A number alone is MiB, as QEMU has it. */
static bool is_memory(const char *text)
{
	uint64_t n;

	if (!number_parse(text, MEMORY_MIN_MIB, UINT32_MAX, &n))
		return true;
	return text[strspn(text, "0123456789")] && !size_parse(text, &n) && n >> 20 >= MEMORY_MIN_MIB;
}

int nested_environment(const char *name, const char *unit, uint64_t max, uint64_t *out, char *why, size_t why_size)
{
	const char *value = env_or(name, NULL);

	if (!value || !number_parse(value, 1, max, out))
		return 0;
	return why_fail(why, why_size, -EINVAL, "%s: '%s' is no number of %s from 1 to %llu", name, value, unit,
			(unsigned long long)max);
}

/* QEMU would say it in its own way. */
static int check_disks(const struct nested_plan *plan, char *why, size_t size)
{
	for (size_t i = 0; i < plan->n_disks; i++) {
		const struct nested_disk *d = &plan->disks[i];

		if (access(d->path, d->ro ? R_OK : R_OK | W_OK))
			return why_fail(why, size, -errno, "disk %s: %s", d->path, strerror(errno));
	}
	return 0;
}

static int make_words(struct nested_image *image, const struct nested_plan *plan, unsigned cpus, const char *kernel_dir,
		      int port_fd)
{
	static const char *const machine[] = { "-accel", "tcg,thread=multi,tb-size=512", "-nodefaults",
					       "-no-user-config", "-display", "none", "-no-reboot",
					       /* The registers at a triple fault, for the tail of what QEMU said. */
					       "-d", "cpu_reset", "-append", l1_append, "-device", "virtio-serial-pci",
					       "-device", "virtserialport,nr=1,chardev=bulk,name=ktstr-bulk", NULL };
	char memory[32];
	int ret = 0;

	snprintf(memory, sizeof(memory), "%llu",
		 (unsigned long long)(plan->memory_mib ? plan->memory_mib : NESTED_OWN_MIB));
	word(image, "%s", image->qemu);
	words(image, machine);
	word(image, "-cpu");
	word(image, "%s", nested_cpu_model());
	word(image, "-smp");
	word(image, "%u", cpus + CPUS_SPARE);
	word(image, "-m");
	word(image, "%s", env_or(MEMORY_ENV, memory));
	word(image, "-kernel");
	word(image, "%s/vmlinuz", kernel_dir);
	word(image, "-initrd");
	word(image, "/proc/self/fd/%d", image->initramfs_fd);
	word(image, "-chardev");
	word(image, "socket,id=bulk,fd=%d", port_fd);
	for (size_t i = 0; i < plan->n_disks && !ret; i++)
		ret = disk_words(image, &plan->disks[i], i);
	return ret ? ret : image->error;
}

int nested_image_make(struct nested_image *image, const struct nested_plan *plan, int port_fd, char *why, size_t size)
{
	char kernel[PATH_MAX], modules[PATH_MAX], release[NAME_MAX + 1];
	uint64_t cpus = plan->cpus ? plan->cpus : NESTED_CPUS;
	int ret;

	memset(image, 0, sizeof(*image));
	image->initramfs_fd = -1;
	ret = nested_environment("KTSTR_NESTED_CPUS", "CPUs", NESTED_CPUS_MAX, &cpus, why, size);
	if (ret)
		return ret;
	if (env_or(MEMORY_ENV, NULL) && !is_memory(getenv(MEMORY_ENV)))
		return why_fail(why, size, -EINVAL, MEMORY_ENV ": '%s' is no size; write it as 2G, 256M or more",
				getenv(MEMORY_ENV));
	if (plan->n_disks > NESTED_DISKS_MAX)
		return why_fail(why, size, -E2BIG, "nested host: %zu disks; at most %d can be passed on", plan->n_disks,
				NESTED_DISKS_MAX);
	ret = qemu_find(image->qemu);
	if (ret && !image->qemu[0])
		return why_fail(why, size, ret, "QEMU %d or newer: not found; run ktstr kernel fetch nested",
				QEMU_MAJOR_MIN);
	if (ret)
		return why_fail(why, size, ret, "%s: %s", image->qemu,
				ret == -EPROTONOSUPPORT ? "not a QEMU that is new enough" : strerror(-ret));
	ret = cache_kernel("nested", kernel, release);
	if (ret)
		return nested_no_kernel("nested", ret, why, size);
	if (snprintf(modules, sizeof(modules), "%s/lib/modules/%s", kernel, release) >= PATH_MAX)
		return why_fail(why, size, -ENAMETOOLONG, "%s: name too long", kernel);
	ret = nested_archive_make(plan, modules, why, size);
	if (ret < 0)
		return ret;
	image->initramfs_fd = ret;
	ret = check_disks(plan, why, size);
	if (ret) {
		nested_image_free(image);
		return ret;
	}
	ret = make_words(image, plan, (unsigned)cpus, kernel, port_fd);
	if (ret) {
		nested_image_free(image);
		return why_fail(why, size, ret, "nested host: QEMU's command line: %s", strerror(-ret));
	}
	return 0;
}

void nested_image_free(struct nested_image *image)
{
	for (unsigned i = 0; i < image->n_words; i++)
		free(image->words[i]);
	image->n_words = 0;
	if (image->initramfs_fd >= 0)
		close(image->initramfs_fd);
	image->initramfs_fd = -1;
}
