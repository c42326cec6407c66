/* SPDX-License-Identifier: GPL-2.0-only */
/* What each guest needs, and the shell's tools: busybox. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/program.h"
#include "bench/initramfs/applets.h"
#include "bench/initramfs/archive.h"
#include "bench/initramfs/closure.h"
#include "bench/initramfs/entries.h"
#include "guest-init/command.h"

static const struct dir {
	const char *path;
	unsigned mode;
} dirs[] = {
	{ "/dev", 0755 },  { "/proc", 0555 }, { "/sys", 0555 },	     { "/run", 0755 }, { "/tmp", 01777 },
	{ "/root", 0700 }, { "/mnt", 0755 },  { "/var/tmp", 01777 }, { "/etc", 0755 }, { "/ktstr", 0755 },
};

static const struct text {
	const char *path, *text;
} texts[] = {
	{ "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n" },
	{ "/etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n" },
	{ "/etc/hosts", "127.0.0.1 localhost ktstr\n" },
};

static void count(void *ctx, const char *path)
{
	(*(unsigned *)ctx)++;
}

static int add_applet(struct initramfs *in, const char *text, size_t len)
{
	char path[PATH_MAX], name[NAME_MAX + 1];

	if (len > NAME_MAX)
		return 0;
	memcpy(name, text, len);
	name[len] = '\0';
	if (!len || strchr(name, '/') || !strcmp(name, "busybox"))
		return 0;
	snprintf(path, sizeof(path), "/usr/sbin/%s", name);
	if (initramfs_find(in, path))
		return 0;
	snprintf(path, sizeof(path), "/usr/bin/%s", name);
	if (initramfs_find(in, path))
		return 0;
	return initramfs_add_link(in, path, "busybox");
}

static int add_applets(struct initramfs *in, const char *busybox)
{
	const char *at = applets_of(busybox);

	if (!at)
		return initramfs_fail(in, -errno, "%s --list: %s", busybox, strerror(errno));
	for (size_t n; *at && !in->error; at += n + (at[n] == '\n')) {
		n = strcspn(at, "\n");
		add_applet(in, at, n);
	}
	return in->error;
}

static int add_busybox(struct initramfs *in)
{
	char busybox[PATH_MAX];
	unsigned libraries = 0;

	if (in->error)
		return in->error;
	if (program_find("busybox", busybox))
		return initramfs_fail(in, -ENOENT,
				      "busybox: neither in PATH nor in /usr/bin; install the package busybox-static");
	if (elf_closure(busybox, count, &libraries, in->why, sizeof(in->why)))
		return in->error = -ENOEXEC;
	if (libraries)
		return initramfs_fail(in, -ENOEXEC, "%s: not a static program; install the package busybox-static",
				      busybox);
	initramfs_add_file(in, busybox, "/usr/bin/busybox");
	return in->error ? in->error : add_applets(in, busybox);
}

int initramfs_base(struct initramfs *in, const char *guest_init, bool busybox)
{
	initramfs_add_file(in, guest_init, "/init");
	initramfs_add_link(in, "/usr/bin/" GUEST_COMMAND, "/init");
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		initramfs_add_dir(in, dirs[i].path, dirs[i].mode);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		initramfs_add_data(in, texts[i].path, 0644, texts[i].text, strlen(texts[i].text));
	/* The kernel opens it as init's stdio before anything is mounted. */
	initramfs_add_chardev(in, "/dev/console", 0600, 5, 1);
	initramfs_add_chardev(in, "/dev/null", 0666, 1, 3);
	return busybox ? add_busybox(in) : in->error;
}
