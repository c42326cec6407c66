/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/kernel/notes.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOTES_MAX (1u << 20)
#define SEGMENTS_MAX 128u

struct wanted {
	const char *owner;
	uint32_t type;
	void *desc;
	size_t size;
};

static int find_in_notes(const uint8_t *notes, size_t size, const struct wanted *w)
{
	Elf64_Nhdr n;

	for (size_t at = 0; size - at >= sizeof(n);) {
		size_t name, desc;

		memcpy(&n, notes + at, sizeof(n));
		at += sizeof(n);
		name = ((size_t)n.n_namesz + 3) & ~(size_t)3;
		desc = ((size_t)n.n_descsz + 3) & ~(size_t)3;
		if (name > size - at || desc > size - at - name)
			return -ENOENT;
		if (n.n_type == w->type && n.n_namesz == 4 && !memcmp(notes + at, w->owner, 4)) {
			if (w->size)
				memcpy(w->desc, notes + at + name, n.n_descsz < w->size ? n.n_descsz : w->size);
			return (int)n.n_descsz;
		}
		at += name + desc;
	}
	return -ENOENT;
}

static int find_in_segment(int fd, const Elf64_Phdr *ph, const struct wanted *w)
{
	size_t size = ph->p_filesz < NOTES_MAX ? (size_t)ph->p_filesz : NOTES_MAX;
	uint8_t *notes = malloc(size ? size : 1);
	int rc = -ENOENT;

	if (notes && pread(fd, notes, size, (off_t)ph->p_offset) == (ssize_t)size)
		rc = find_in_notes(notes, size, w);
	free(notes);
	return rc;
}

int notes_find(int fd, const char owner[4], uint32_t type, void *desc, size_t size)
{
	const struct wanted w = { .owner = owner, .type = type, .desc = desc, .size = size };
	int rc = -ENOENT;
	Elf64_Ehdr h;
	Elf64_Phdr ph;

	if (pread(fd, &h, sizeof(h), 0) != sizeof(h) || memcmp(h.e_ident, ELFMAG, SELFMAG) ||
	    h.e_ident[EI_CLASS] != ELFCLASS64)
		return -ENOENT;
	for (unsigned i = 0; i < h.e_phnum && i < SEGMENTS_MAX && rc < 0; i++)
		if (pread(fd, &ph, sizeof(ph), (off_t)(h.e_phoff + i * sizeof(ph))) == sizeof(ph) &&
		    ph.p_type == PT_NOTE)
			rc = find_in_segment(fd, &ph, &w);
	return rc;
}
