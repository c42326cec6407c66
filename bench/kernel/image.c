/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/kernel/image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/why.h"
#include "bench/kernel/elf.h"
#include "bench/kernel/notes.h"

#define HEAD 0x268u
#define PVH_NOTE_TYPE 18 /* XEN_ELFNOTE_PHYS32_ENTRY */

/* --- ELF --------------------------------------------------------------------- */

static int check_elf(int fd, const uint8_t *head, char *why, size_t why_size)
{
	Elf64_Ehdr h;

	memcpy(&h, head, sizeof(h));
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_machine != EM_X86_64)
		return why_fail(why, why_size, -ENOEXEC,
				"an ELF of another machine (%s-bit, e_machine %u); ktstr boots x86-64",
				h.e_ident[EI_CLASS] == ELFCLASS64 ? "64" : "32", h.e_machine);
	if (notes_find(fd, "Xen", PVH_NOTE_TYPE, NULL, 0) >= 0)
		return 0;
	return why_fail(why, why_size, -ENOEXEC,
			"an ELF without a PVH note, so no kernel or one built without CONFIG_PVH; give its bzImage");
}

/* --- others ------------------------------------------------------------------ */

static uint16_t word_at(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

/* The flag for a 64-bit entry needs boot protocol 2.12. */
static int check_bzimage(const uint8_t *h, char *why, size_t why_size)
{
	unsigned version = word_at(h + 0x206);

	if (version >= 0x20c && (word_at(h + 0x236) & 1) && (h[0x211] & 1))
		return 0;
	return why_fail(why, why_size, -ENOEXEC,
			"a bzImage without a 64-bit entry (boot protocol %u.%02u); ktstr boots x86-64", version >> 8,
			version & 0xff);
}

static int check_other(const uint8_t *h, char *why, size_t why_size)
{
	if (!memcmp(h + 0x38, "ARM\x64", 4))
		return why_fail(why, why_size, -ENOEXEC, "an Image of arm64; ktstr boots x86-64");
	if (!memcmp(h + 0x30, "RISCV", 5))
		return why_fail(why, why_size, -ENOEXEC, "an Image of RISC-V; ktstr boots x86-64");
	if (h[0] == 0x1f && h[1] == 0x8b)
		return why_fail(why, why_size, -ENOEXEC, "compressed by gzip; unpack it, or give the bzImage");
	return why_fail(why, why_size, -ENOEXEC, "neither a bzImage nor an ELF; give a vmlinuz");
}

int kernel_image_check(const char *image, char *why, size_t why_size)
{
	uint8_t head[HEAD] = { 0 };
	int fd = open(image, O_RDONLY | O_CLOEXEC), rc;
	ssize_t n;

	if (fd < 0)
		return why_fail(why, why_size, -ENOEXEC, "%s", strerror(errno));
	n = pread(fd, head, sizeof(head), 0);
	if (n < 0)
		rc = why_fail(why, why_size, -ENOEXEC, "%s", strerror(errno));
	else if (!memcmp(head, ELFMAG, SELFMAG))
		rc = check_elf(fd, head, why, why_size);
	else if (!memcmp(head + 0x202, "HdrS", 4))
		rc = check_bzimage(head, why, why_size);
	else
		rc = check_other(head, why, why_size);
	close(fd);
	return rc;
}

/* --- drivers ----------------------------------------------------------------- */

/* Strings in the drivers' code, and the options that build them in. */
static const struct driver {
	const char *name, *option;
	const char *marks[2];
} drivers[] = {
	{ "virtio_mmio", "\nCONFIG_VIRTIO_MMIO=y\n", { "virtio-mmio", "virtio_mmio" } },
	{ "virtio_console", "\nCONFIG_VIRTIO_CONSOLE=y\n", { "virtio_console", "virtio-console" } },
};

static bool has(const char *data, size_t size, const char *what)
{
	return memmem(data, size, what, strlen(what));
}

static const char *missing_in(const char *data, size_t size, bool is_config)
{
	for (unsigned i = 0; i < sizeof(drivers) / sizeof(*drivers); i++) {
		const struct driver *d = &drivers[i];

		if (is_config ? !has(data, size, d->option)
			      : !has(data, size, d->marks[0]) && !has(data, size, d->marks[1]))
			return d->name;
	}
	return NULL;
}

int kernel_image_drivers(const char *image, const char *config, const char **missing)
{
	char why[512];
	struct stat st;
	char *data;
	int fd, rc = 0;

	*missing = NULL;
	fd = *config ? -ENOENT : kernel_elf_open(image, why, sizeof(why));
	if (fd == -ENOENT)
		fd = open(*config ? config : image, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fd == -1 ? -errno : fd;
	if (fstat(fd, &st) || !st.st_size) {
		close(fd);
		return -EINVAL;
	}
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	rc = data == MAP_FAILED ? -errno : 0;
	/* The payload of a bzImage could not be decompressed. */
	if (!rc && (*config || !memcmp(data, ELFMAG, SELFMAG)))
		*missing = missing_in(data, (size_t)st.st_size, !!*config);
	else if (!rc)
		rc = -EINVAL;
	if (data != MAP_FAILED)
		munmap(data, (size_t)st.st_size);
	close(fd);
	return rc ? rc : *missing ? -ENOENT : 0;
}

/* An ELF kernel has its release only in the banner, linux_banner. */
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
