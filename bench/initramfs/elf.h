/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the headers of an ELF file of either class and byte order. Nothing in the file is trusted: whatever lies beyond
 * its end is treated as missing. libelf is not used, since some distributions have no static library of it that links.
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

/* 0; -ENOEXEC: not an ELF file, or its headers are incomplete; or another -errno. */
int elf_file_open(struct elf_file *f, const char *path);
void elf_file_close(struct elf_file *f);

/* Reads @len bytes at @offset. False: not all of them are in the file. */
bool elf_file_read(const struct elf_file *f, uint64_t offset, void *out, size_t len);
bool elf_file_segment(const struct elf_file *f, unsigned i, struct elf_segment *out);
/* Entry @i of the dynamic section in @segment. False: after the last entry, or after the end of the file. */
bool elf_file_dynamic(const struct elf_file *f, const struct elf_segment *segment, uint64_t i, struct elf_dynamic *out);
/*
 * The contents of section @name, with a NUL after it, to free(). NULL: no such section (@error is 0), or it is larger
 * than
 * @max or not all in the file (@error is a negative errno).
 */
char *elf_file_section(const struct elf_file *f, const char *name, size_t max, size_t *len, int *error);

#endif
