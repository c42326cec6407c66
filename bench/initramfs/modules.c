/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/decompress.h"
#include "bench/initramfs/archive.h"
#include "bench/initramfs/depmod.h"
#include "bench/initramfs/entries.h"

#define GUEST_DIR "/lib/modules/ktstr"

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && !strcmp(text + len - end_len, end);
}

/* The host decompresses faster than a guest does, especially than one under TCG. */
static int add_unpacked(struct initramfs *in, const char *file, const char *guest)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC), ret;
	void *packed = MAP_FAILED;
	uint8_t *data;
	struct stat st;
	size_t len;

	if (fd >= 0 && !fstat(fd, &st))
		packed = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	ret = packed == MAP_FAILED ? -errno : decompress(packed, (size_t)st.st_size, &data, &len);
	if (packed != MAP_FAILED)
		munmap(packed, (size_t)st.st_size);
	if (fd >= 0)
		close(fd);
	if (ret)
		return initramfs_fail(in, ret, "module %s: %s", file, strerror(-ret));
	initramfs_list_add(in, &in->inputs, file);
	return initramfs_give_data(in, guest, 0644, data, len);
}

static int add_module(void *ctx, const char *module, const char *file)
{
	struct initramfs *in = ctx;
	char guest[128];

	/* Other compressed modules are left to the guest's kernel. */
	snprintf(guest, sizeof(guest), GUEST_DIR "/%s.ko%s", module, ends_with(file, ".gz") ? ".gz" : "");
	for (size_t i = 0; i < in->modules.n; i++)
		if (!strcmp(in->modules.items[i], guest))
			return 0;
	if (ends_with(file, ".xz") || ends_with(file, ".zst"))
		add_unpacked(in, file, guest);
	else
		initramfs_add_file(in, file, guest);
	return initramfs_list_add(in, &in->modules, guest);
}

/* The index of @module_dir. NULL: @in has failed. */
static struct modules *open_modules(struct initramfs *in, const char *module_dir)
{
	struct modules *m;
	char why[512];
	int ret;

	if (in->error)
		return NULL;
	ret = modules_open(&m, module_dir, why, sizeof(why));
	if (!ret)
		return m;
	initramfs_fail(in, ret, "%s", why);
	return NULL;
}

int initramfs_add_modules(struct initramfs *in, const char *module_dir, const char *const *names, size_t n,
			  bool optional)
{
	struct modules *m;
	int ret;

	m = open_modules(in, module_dir);
	if (!m)
		return in->error;
	for (size_t i = 0; i < n && !in->error; i++) {
		ret = modules_resolve(m, names[i], add_module, in);
		if (ret && !(ret == -ENOENT && optional))
			initramfs_fail(in, ret, "%s: no module %s", module_dir, names[i]);
	}
	modules_close(m);
	return in->error;
}

struct all {
	struct initramfs *in;
	const char *dir, *release;
};

/* At the path that the list names: relative to the directory, or absolute for a build tree. */
static int add_as_listed(void *ctx, const char *module, const char *file)
{
	const struct all *a = ctx;
	size_t len = strlen(a->dir);
	char guest[PATH_MAX];

	if (strncmp(file, a->dir, len) || file[len] != '/')
		return initramfs_add_file(a->in, file, file);
	if (snprintf(guest, sizeof(guest), "/lib/modules/%s%s", a->release, file + len) >= PATH_MAX)
		return initramfs_fail(a->in, -ENAMETOOLONG, "%s: the path is too long", file);
	return initramfs_add_file(a->in, file, guest);
}

int initramfs_add_all_modules(struct initramfs *in, const char *module_dir, const char *release)
{
	static const char *const lists[] = { "modules.dep",	"modules.alias",   "modules.symbols",
					     "modules.softdep", "modules.builtin", "modules.builtin.modinfo",
					     "modules.order" };
	struct all all = { in, module_dir, release };
	char host[PATH_MAX], guest[PATH_MAX];
	struct modules *m;
	int ret;

	m = open_modules(in, module_dir);
	if (!m)
		return in->error;
	ret = modules_each(m, add_as_listed, &all);
	modules_close(m);
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists) && !ret; i++) {
		if (snprintf(host, sizeof(host), "%s/%s", module_dir, lists[i]) >= PATH_MAX ||
		    snprintf(guest, sizeof(guest), "/lib/modules/%s/%s", release, lists[i]) >= PATH_MAX)
			return initramfs_fail(in, -ENAMETOOLONG, "%s: the path is too long", module_dir);
		if (!access(host, F_OK))
			ret = initramfs_add_file(in, host, guest);
	}
	return ret;
}
