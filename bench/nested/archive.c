/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/nested/archive.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/file.h"
#include "bench/base/nested_env.h"
#include "bench/base/path.h"
#include "bench/base/program.h"
#include "bench/base/why.h"
#include "bench/cache/path.h"
#include "bench/initramfs/archive.h"
#include "bench/session/session.h"

/* What L1 is reached by, sees its disks with, and runs its guest with. */
static const char *const l1_modules[] = { "virtio_pci", "virtio_console", "virtio_blk", "kvm_amd" };

/* What is none of this machine's files: L1's own /dev/stdout is the same stream. */
static bool is_stream(const char *path)
{
	static const char *const roots[] = { "/dev/", "/proc/", "/sys/" };
	struct stat st;

	for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++)
		if (!strncmp(path, roots[i], strlen(roots[i])))
			return i || (!stat(path, &st) && !S_ISREG(st.st_mode));
	return false;
}

typedef int (*add_fn)(struct initramfs *in, const char *host, const char *guest);

static int add_files(struct initramfs *in, add_fn add, const struct nested_file *files, size_t n)
{
	char guest[PATH_MAX];
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++) {
		ret = path_absolute(files[i].guest ? files[i].guest : files[i].host, guest);
		if (!ret)
			ret = add(in, files[i].host, guest);
	}
	return ret;
}

static int add_disks(struct initramfs *in, const struct nested_plan *plan)
{
	char path[PATH_MAX], device[] = "/dev/vdX", number[16];
	int ret = 0;

	for (size_t i = 0; i < plan->n_disks && !ret; i++) {
		device[sizeof(device) - 2] = (char)('a' + i);
		ret = path_absolute(plan->disks[i].path, path);
		if (!ret)
			ret = initramfs_add_link(in, path, device);
	}
	snprintf(number, sizeof(number), "%zu", plan->n_disks);
	return ret ? ret : initramfs_set_option(in, "wait_disks", number);
}

int nested_no_kernel(const char *name, int error, char *why, size_t size)
{
	bool nested = !strcmp(name, "nested");
	char fetch[64], text[PATH_MAX + 256];

	snprintf(fetch, sizeof(fetch), "ktstr kernel fetch %.40s", name);
	return why_fail(why, size, error, "%s%s: %s", nested ? "nested host's kernel" : "kernel ", nested ? "" : name,
			cache_why(name, error, fetch, text, sizeof(text)));
}

/* The kernels of the plan at their places in L1's cache, whole: a verb may want any module. */
static int add_kernels(struct initramfs *in, const struct nested_plan *plan, char *why, size_t size)
{
	char dir[PATH_MAX], cache[PATH_MAX], at[PATH_MAX], release[NAME_MAX + 1];
	int ret = cache_path(dir, "kernels");

	if (!ret)
		ret = path_absolute(dir, cache);
	for (size_t i = 0; plan->kernels && plan->kernels[i] && !ret; i++) {
		const char *name = plan->kernels[i], *base;

		ret = cache_kernel(name, dir, release);
		if (ret)
			return nested_no_kernel(name, ret, why, size);
		base = strrchr(dir, '/') + 1;
		if (snprintf(at, sizeof(at), "%s/%s", cache, base) >= PATH_MAX)
			return -ENAMETOOLONG;
		ret = initramfs_add_tree(in, dir, at);
		if (ret || !strcmp(name, base))
			continue;
		if (snprintf(at, sizeof(at), "%s/%s", cache, name) >= PATH_MAX)
			return -ENAMETOOLONG;
		ret = initramfs_add_link(in, at, base);
	}
	return ret;
}

static int add_outputs(struct initramfs *in, const char *const *outputs)
{
	char path[PATH_MAX], dir[PATH_MAX];
	int ret = 0;

	for (; outputs && *outputs && !ret; outputs++) {
		ret = path_absolute(*outputs, path);
		if (ret)
			break;
		if (is_stream(path))
			continue;
		if (path_is_dir(*outputs)) {
			ret = initramfs_add_output_dir(in, path);
			continue;
		}
		ret = initramfs_add_output(in, path);
		memcpy(dir, path, sizeof(dir));
		*strrchr(dir, '/') = '\0';
		if (!ret && dir[0])
			ret = initramfs_add_dir(in, dir, 0755);
	}
	return ret;
}

static int add_output_dirs(struct initramfs *in, const struct nested_plan *plan)
{
	char path[PATH_MAX];
	int ret = 0;

	for (size_t i = 0; i < plan->n_output_dirs && !ret; i++) {
		const struct nested_output_dir *d = &plan->output_dirs[i];

		ret = path_absolute(d->guest ? d->guest : d->host, path);
		if (!ret)
			ret = initramfs_add_output_dir(in, path);
	}
	return ret;
}

static int add_environment(struct initramfs *in, const struct nested_plan *plan, char *why, size_t size)
{
	char cwd[PATH_MAX], path[PATH_MAX], cache[PATH_MAX], name[256];
	int ret;

	if (!getcwd(cwd, sizeof(cwd)))
		return why_fail(why, size, -errno, "nested host: the working directory: %s; change to one that exists",
				strerror(errno));
	ret = initramfs_add_dir(in, cwd, 0755);
	if (!ret)
		ret = initramfs_set_option(in, "cwd", cwd);
	if (!ret)
		ret = initramfs_set_option(in, "ack_exit", "1");
	if (!ret)
		ret = initramfs_set_option(in, "spare_cpu0", "1");
	if (!ret)
		ret = initramfs_set_option(in, "hold_vm", "1");
	if (!ret && plan->tty)
		ret = initramfs_set_option(in, "tty", "1");
	if (!ret && session_one_output(STDOUT_FILENO, STDERR_FILENO))
		ret = initramfs_set_option(in, "one_output", "1");
	if (!ret)
		ret = initramfs_set_env(in, NESTED_ENV, "1");
	/* With neither cache nor HOME there is nothing to name. */
	if (!ret && !cache_path(path, NULL)) {
		ret = path_absolute(path, cache);
		if (!ret)
			ret = initramfs_set_env(in, "KTSTR_CACHE_DIR", cache);
	}
	for (const char *const *e = plan->env; e && *e && !ret; e++) {
		size_t len = strcspn(*e, "=");

		if (len >= sizeof(name) || !(*e)[len])
			return -EINVAL;
		snprintf(name, sizeof(name), "%.*s", (int)len, *e);
		ret = initramfs_set_env(in, name, *e + len + 1);
	}
	return ret;
}

/* This program; and where it finds shared libraries of programs for its guests, as it would here. */
static int add_self(struct initramfs *in, const char *guest_init)
{
	static const char conf[] = "/etc/ld.so.conf", more[] = "/etc/ld.so.conf.d";
	char program[PATH_MAX];
	int ret = program_self(program);

	if (!ret)
		ret = initramfs_add_binary(in, program, program);
	if (!ret)
		ret = initramfs_add_file(in, guest_init, guest_init);
	if (!ret && !access(conf, R_OK))
		ret = initramfs_add_file(in, conf, conf);
	if (!ret && !access(more, R_OK))
		ret = initramfs_add_tree(in, more, more);
	return ret;
}

static int add_all(struct initramfs *in, const struct nested_plan *plan, const char *modules_dir, char *why,
		   size_t size)
{
	int ret = initramfs_base(in, plan->guest_init, true);

	if (!ret)
		ret = initramfs_add_modules(in, modules_dir, l1_modules, sizeof(l1_modules) / sizeof(*l1_modules),
					    false);
	if (!ret && plan->self)
		ret = add_self(in, plan->guest_init);
	if (!ret)
		ret = add_files(in, initramfs_add_binary, plan->binaries, plan->n_binaries);
	if (!ret)
		ret = add_files(in, initramfs_add_file, plan->files, plan->n_files);
	if (!ret)
		ret = add_files(in, initramfs_add_tree, plan->trees, plan->n_trees);
	if (!ret && plan->data.guest)
		ret = initramfs_add_data(in, plan->data.guest, 0644, plan->data.bytes, plan->data.len);
	if (!ret)
		ret = add_disks(in, plan);
	if (!ret)
		ret = add_kernels(in, plan, why, size);
	if (!ret)
		ret = add_outputs(in, plan->outputs);
	if (!ret)
		ret = add_output_dirs(in, plan);
	if (!ret)
		ret = add_environment(in, plan, why, size);
	if (!ret)
		ret = initramfs_set_argv(in, plan->argv);
	return ret;
}

static int archive_to_memfd(const uint8_t *archive, size_t len)
{
	int fd = memfd_create("l1-initramfs", MFD_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = file_write_all(fd, archive, len);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

int nested_archive_make(const struct nested_plan *plan, const char *modules_dir, char *why, size_t size)
{
	struct initramfs *in = initramfs_new();
	uint8_t *archive = NULL;
	size_t len;
	int ret;

	if (!in)
		return -ENOMEM;
	why[0] = '\0';
	ret = add_all(in, plan, modules_dir, why, size);
	if (!ret)
		ret = initramfs_write(in, &archive, &len);
	if (!ret)
		ret = archive_to_memfd(archive, len);
	if (ret < 0 && !why[0])
		why_fail(why, size, ret, "nested host's initramfs: %s",
			 *initramfs_why(in) ? initramfs_why(in) : strerror(-ret));
	free(archive);
	initramfs_free(in);
	return ret;
}
