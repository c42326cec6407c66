/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/setup.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "guest-init/report.h"

static const struct mount {
	const char *type, *at, *options;
	unsigned long flags;
	bool required;
} mounts[] = {
	{ "proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, true },
	{ "sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, true },
	{ "devtmpfs", "/dev", "mode=0755", MS_NOSUID, true },
	{ "devpts", "/dev/pts", "mode=0620,gid=5,ptmxmode=0666", MS_NOSUID | MS_NOEXEC, false },
	{ "tmpfs", "/dev/shm", "mode=1777", MS_NOSUID | MS_NODEV, false },
	{ "tmpfs", "/run", "mode=0755", MS_NOSUID | MS_NODEV, false },
	{ "tmpfs", "/tmp", "mode=1777", MS_NOSUID | MS_NODEV, false },
	{ "debugfs", "/sys/kernel/debug", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, false },
	{ "tracefs", "/sys/kernel/tracing", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, false },
	{ "bpf", "/sys/fs/bpf", "mode=0700", MS_NOSUID | MS_NODEV | MS_NOEXEC, false },
	{ "cgroup2", "/sys/fs/cgroup", "nsdelegate", MS_NOSUID | MS_NODEV | MS_NOEXEC, false },
};

static const struct link {
	const char *at, *target;
} links[] = {
	{ "/dev/fd", "/proc/self/fd" },
	{ "/dev/stdin", "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" },
	{ "/dev/stderr", "/proc/self/fd/2" },
};

/* The initramfs may have files in /tmp and /run, which a mount would hide. */
static bool holds_files(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	if (dir)
		closedir(dir);
	return found;
}

/* The directories above @path; those that are there stay as they are. */
static void make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
}

void links_make(char *const *pairs)
{
	struct stat st;

	for (; pairs && pairs[0] && pairs[1]; pairs += 2) {
		int ret;

		make_parents(pairs[0]);
		if (*pairs[1] && !lstat(pairs[0], &st) && !S_ISDIR(st.st_mode))
			unlink(pairs[0]);
		ret = *pairs[1] ? symlink(pairs[1], pairs[0]) : mkdir(pairs[0], 0755);
		if (ret && (*pairs[1] || errno != EEXIST))
			report_warn("%s: %s", pairs[0], strerror(errno));
	}
}

/*
 * modprobe wants its directory even for a module that is loaded already. What else programs look for there, they find
 * elsewhere: BTF in /sys/kernel/btf, symbols in /proc/kallsyms, the configuration in /boot.
 */
static void make_module_directory(void)
{
	struct utsname u;
	char path[sizeof(u.release) + 32];

	uname(&u);
	snprintf(path, sizeof(path), "/lib/modules/%s", u.release);
	make_parents(path);
	if (mkdir(path, 0755) && errno != EEXIST)
		report_warn("%s: %s", path, strerror(errno));
}

void mounts_make(void)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		const struct mount *m = &mounts[i];

		/* Below /sys the kernel makes the mount points, or has none. */
		mkdir(m->at, 0755);
		if (!strcmp(m->type, "tmpfs") && holds_files(m->at)) {
			chmod(m->at, !strcmp(m->at, "/tmp") ? 01777 : 0755);
			continue;
		}
		if (mount(m->type, m->at, m->type, m->flags, m->options) && m->required && errno != EBUSY)
			report_panic("%s on %s: %s", m->type, m->at, strerror(errno));
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		if (symlink(links[i].target, links[i].at) && errno != EEXIST)
			report_warn("%s: %s", links[i].at, strerror(errno));
	make_module_directory();
}
