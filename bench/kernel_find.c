/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/kernel_find.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench/cache.h"
#include "bench/cli.h"
#include "bench/kernel_cache.h"

/* An ELF kernel tells its release only in the banner among its constants. */
static ssize_t elf_release(int fd, char release[NAME_MAX + 1])
{
	static const char banner[] = "Linux version ";
	struct stat st;
	const char *image, *at;
	ssize_t n = -1;

	if (fstat(fd, &st) || st.st_size <= NAME_MAX)
		return -1;
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED)
		return -1;
	at = memcmp(image, "\177ELF", 4) ? NULL : memmem(image, (size_t)st.st_size - NAME_MAX, banner, strlen(banner));
	if (at) {
		memcpy(release, at + strlen(banner), NAME_MAX - strlen(banner));
		n = (ssize_t)(NAME_MAX - strlen(banner));
	}
	munmap((void *)image, (size_t)st.st_size);
	return n;
}

bool kernel_image_release(const char *path, char release[NAME_MAX + 1])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t header[0x210];
	ssize_t n = -1;

	if (fd < 0)
		return false;
	/* Boot protocol 2.00: the string lies at 0x200 + the u16 at 0x20e. */
	if (pread(fd, header, sizeof(header), 0) == sizeof(header) && !memcmp(header + 0x202, "HdrS", 4))
		n = pread(fd, release, NAME_MAX, 0x200 + (header[0x20e] | header[0x20f] << 8));
	else
		n = elf_release(fd, release);
	close(fd);
	if (n <= 0)
		return false;
	release[n] = '\0';
	release[strcspn(release, " ")] = '\0';
	return *release && !strchr(release, '/');
}

static uint64_t elf_end(int fd, const Elf64_Ehdr *eh)
{
	uint64_t end = 0;
	Elf64_Phdr ph;

	if (memcmp(eh->e_ident, ELFMAG, SELFMAG) || eh->e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh->e_phentsize != sizeof(ph))
		return 0;
	for (unsigned i = 0; i < eh->e_phnum; i++)
		if (pread(fd, &ph, sizeof(ph), (off_t)(eh->e_phoff + i * sizeof(ph))) == sizeof(ph) &&
		    ph.p_type == PT_LOAD && ph.p_paddr + ph.p_memsz > end)
			end = ph.p_paddr + ph.p_memsz;
	return end;
}

uint64_t kernel_image_end(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t preferred, end = 0;
	uint8_t header[0x264];
	uint32_t init_size;
	Elf64_Ehdr eh;

	if (fd < 0)
		return 0;
	/* Boot protocol 2.10: the preferred address, and what the kernel needs from there until it runs. */
	if (pread(fd, header, sizeof(header), 0) == sizeof(header) && !memcmp(header + 0x202, "HdrS", 4) &&
	    (header[0x206] | header[0x207] << 8) >= 0x20a) {
		memcpy(&preferred, header + 0x258, sizeof(preferred));
		memcpy(&init_size, header + 0x260, sizeof(init_size));
		end = preferred + init_size;
	} else if (pread(fd, &eh, sizeof(eh), 0) == sizeof(eh)) {
		end = elf_end(fd, &eh);
	}
	close(fd);
	return end;
}

/* Beside the kernel as in the cache, or where the system has them. */
static void find_modules(struct kernel_found *k)
{
	char release[NAME_MAX + 1], dir[PATH_MAX];
	const char *places[] = { dir, "", "/usr" };

	if (!kernel_image_release(k->image, release))
		return;
	snprintf(dir, sizeof(dir), "%s", k->image);
	*strrchr(dir, '/') = '\0';
	for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++) {
		int n = snprintf(k->module_dir, PATH_MAX, "%s/lib/modules/%s", places[i], release);

		if (n < PATH_MAX && !access(k->module_dir, X_OK))
			return;
	}
	k->module_dir[0] = '\0';
}

static int from_cache(const char *name, struct kernel_found *k)
{
	char dir[PATH_MAX], release[NAME_MAX + 1], fetch[64], why[PATH_MAX + 256];
	int rc = cache_kernel(name, dir, release);

	if (rc) {
		snprintf(fetch, sizeof(fetch), "ktstr kernel fetch %.40s", name);
		cli_error("kernel %s: %s%s", name, rc == -ENOENT ? "no such file, and " : "",
			  cache_why(name, rc, fetch, why, sizeof(why)));
		return CLI_UNAVAILABLE;
	}
	snprintf(k->name, sizeof(k->name), "%s", name);
	if (snprintf(k->image, PATH_MAX, "%s/vmlinuz", dir) >= PATH_MAX ||
	    snprintf(k->module_dir, PATH_MAX, "%s/lib/modules/%s", dir, release) >= PATH_MAX) {
		cli_error("kernel %s: its path is too long; set KTSTR_CACHE_DIR to a shorter one", name);
		return CLI_UNAVAILABLE;
	}
	if (kernel_cache_check(dir) == -EBADMSG) {
		cli_error("kernel %s: %s is damaged: not what its SHA256SUMS says; run ktstr kernel fetch %s", name,
			  k->image, name);
		return CLI_UNAVAILABLE;
	}
	return 0;
}

static int from_file(const char *name, struct kernel_found *k)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || !realpath(name, k->image)) {
		cli_error(
			"kernel %s: %s; give a bzImage, an ELF vmlinux, a build tree, or a name that ktstr kernel list "
			"shows",
			name, fd < 0 ? strerror(errno) : "not a regular file");
		if (fd >= 0)
			close(fd);
		return CLI_UNAVAILABLE;
	}
	close(fd);
	find_modules(k);
	return 0;
}

static int from_host(struct kernel_found *k)
{
	char path[PATH_MAX];
	struct utsname u;

	uname(&u);
	snprintf(path, sizeof(path), "/boot/vmlinuz-%s", u.release);
	if (access(path, R_OK)) {
		cli_error("--kernel host: %s: %s; name another kernel, or let its owner make it readable", path,
			  strerror(errno));
		return CLI_UNAVAILABLE;
	}
	return from_file(path, k);
}

static int from_tree(const char *tree, struct kernel_found *k)
{
	char path[PATH_MAX];
	int rc;

	if (snprintf(path, sizeof(path), "%s/arch/x86/boot/bzImage", tree) >= PATH_MAX || access(path, R_OK)) {
		cli_error("kernel %s: a directory without arch/x86/boot/bzImage; build it, or name an image", tree);
		return CLI_UNAVAILABLE;
	}
	rc = from_file(path, k);
	if (rc)
		return rc;
	/* Not those of a kernel that is installed and has the same release. */
	k->module_dir[0] = '\0';
	rc = kernel_tree_modules(tree, k->module_dir);
	if (rc == -EROFS || rc == -EACCES || rc == -ENOSPC || rc == -EDQUOT) {
		cli_error("kernel %s: the list of its modules can't be kept in the cache: %s; set KTSTR_CACHE_DIR to a "
			  "directory that can be written",
			  tree, strerror(-rc));
		return CLI_UNAVAILABLE;
	}
	if (rc && rc != -ENOENT) {
		cli_error("kernel %s: its modules: %s; build them anew", tree, strerror(-rc));
		return CLI_UNAVAILABLE;
	}
	return 0;
}

int kernel_find(const char *given, struct kernel_found *k)
{
	const char *name = given ? given : "default";
	struct stat st;

	memset(k, 0, sizeof(*k));
	if (!*name) {
		cli_error("--kernel: is empty; give a file or a name that ktstr kernel list shows");
		return CLI_USAGE;
	}
	if (!given || (!strchr(name, '/') && stat(name, &st)))
		return given && !strcmp(name, "host") ? from_host(k) : from_cache(name, k);
	if (!stat(name, &st) && S_ISDIR(st.st_mode))
		return from_tree(name, k);
	return from_file(name, k);
}
