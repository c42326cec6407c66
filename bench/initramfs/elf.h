/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ELF file's headers, of either class and byte order, read as they are asked for. Nothing in the file is trusted:
 * what lies outside of it is not there. Of libelf, which does more, some distributions have no static library that can
 * be linked.
 */
#ifndef KTSTR_BENCH_INITRAMFS_ELF_H
#define KTSTR_BENCH_INITRAMFS_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_file {
	int fd;
	uint64_t size;
	bool is_64, is_big; /* class and byte order */
	uint16_t machine;
	unsigned n_segments, n_sections;
	uint64_t segments_at, sections_at;
	unsigned segment_size, section_size; /* of an entry */
	unsigned names;			     /* the section that holds the sections' names */
};

struct elf_segment {
	uint32_t type;
	uint64_t offset, vaddr, size; /* in the file */
};

struct elf_dynamic {
	uint64_t tag, value;
};

/* 0; -ENOEXEC: not an ELF file, or its headers are not all there; another -errno. */
int elf_file_open(struct elf_file *f, const char *path);
void elf_file_close(struct elf_file *f);

/* The whole of @len bytes at @offset of the file. */
bool elf_file_read(const struct elf_file *f, uint64_t offset, void *out, size_t len);
bool elf_file_segment(const struct elf_file *f, unsigned i, struct elf_segment *out);
/* Entry @i of the dynamic section in @segment; false behind the last one, or behind the end of the file. */
bool elf_file_dynamic(const struct elf_file *f, const struct elf_segment *segment, uint64_t i, struct elf_dynamic *out);
/*
 * What the section @name holds, with a NUL behind it, in a buffer to free(). NULL: no such section, or one that is
 * larger than @max or not all in the file; @error is 0 or a negative errno then.
 */
char *elf_file_section(const struct elf_file *f, const char *name, size_t max, size_t *len, int *error);

#endif
