/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/kernel/build_id.h"

#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOTES_MAX (1u << 20)
#define SEGMENTS_MAX 128u

static bool find_in_notes(const uint8_t *notes, size_t size, char hex[BUILD_ID_HEX])
{
	Elf64_Nhdr n;

	for (size_t at = 0; size - at >= sizeof(n);) {
		size_t name, desc;

		memcpy(&n, notes + at, sizeof(n));
		at += sizeof(n);
		name = ((size_t)n.n_namesz + 3) & ~(size_t)3;
		desc = ((size_t)n.n_descsz + 3) & ~(size_t)3;
		if (name > size - at || desc > size - at - name)
			return false;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 && !memcmp(notes + at, "GNU", 4) &&
		    2 * n.n_descsz < BUILD_ID_HEX) {
			for (unsigned i = 0; i < n.n_descsz; i++)
				snprintf(hex + 2 * i, 3, "%02x", notes[at + name + i]);
			return n.n_descsz;
		}
		at += name + desc;
	}
	return false;
}

static bool find_in_segment(int fd, const Elf64_Phdr *ph, char hex[BUILD_ID_HEX])
{
	size_t size = ph->p_filesz < NOTES_MAX ? (size_t)ph->p_filesz : NOTES_MAX;
	uint8_t *notes = malloc(size ? size : 1);
	bool found = notes && pread(fd, notes, size, (off_t)ph->p_offset) == (ssize_t)size &&
		     find_in_notes(notes, size, hex);

	free(notes);
	return found;
}

static bool find_in_elf(int fd, char hex[BUILD_ID_HEX])
{
	Elf64_Ehdr h;
	Elf64_Phdr ph;

	if (pread(fd, &h, sizeof(h), 0) != sizeof(h) || memcmp(h.e_ident, ELFMAG, SELFMAG) ||
	    h.e_ident[EI_CLASS] != ELFCLASS64)
		return false;
	for (unsigned i = 0; i < h.e_phnum && i < SEGMENTS_MAX; i++)
		if (pread(fd, &ph, sizeof(ph), (off_t)(h.e_phoff + i * sizeof(ph))) == sizeof(ph) &&
		    ph.p_type == PT_NOTE && find_in_segment(fd, &ph, hex))
			return true;
	return false;
}

bool kernel_build_id(int elf, const char *image, char hex[BUILD_ID_HEX])
{
	int fd = elf ? elf : open(image, O_RDONLY | O_CLOEXEC);
	bool found = fd >= 0 && find_in_elf(fd, hex);

	if (!elf && fd >= 0)
		close(fd);
	return found;
}
