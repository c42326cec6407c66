/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/initramfs/elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t number(const struct elf_file *f, const uint8_t *at, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n = n << 8 | at[f->is_big ? i : len - 1 - i];
	return n;
}

#define FIELD_OF(f, at, type, field) number(f, (at) + offsetof(type, field), sizeof(((type *)0)->field))
/* A field of a structure as the file's class has it: FIELD(f, bytes, Phdr, p_type). */
#define FIELD(f, at, type, field)                                                                                      \
	((f)->is_64 ? FIELD_OF(f, at, Elf64_##type, field) : FIELD_OF(f, at, Elf32_##type, field))
#define SIZE(f, type) ((f)->is_64 ? sizeof(Elf64_##type) : sizeof(Elf32_##type))

bool elf_file_read(const struct elf_file *f, uint64_t offset, void *out, size_t len)
{
	size_t done = 0;

	if (offset > f->size || len > f->size - offset)
		return false;
	while (done < len) {
		ssize_t n = pread(f->fd, (char *)out + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		/* The file was truncated meanwhile. */
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* Reads the first @len bytes of entry @i of a table. */
static bool read_entry(const struct elf_file *f, uint64_t table, uint64_t i, unsigned entry, void *out, size_t len)
{
	return entry >= len && i < f->size / entry && table <= f->size && elf_file_read(f, table + i * entry, out, len);
}

/* Counts that do not fit into the header are in section 0. */
static int large_counts(struct elf_file *f)
{
	uint8_t first[sizeof(Elf64_Shdr)];

	if ((f->n_sections || !f->sections_at) && f->n_segments != PN_XNUM && f->names != SHN_XINDEX)
		return 0;
	if (!read_entry(f, f->sections_at, 0, f->section_size, first, SIZE(f, Shdr)))
		return -ENOEXEC;
	if (!f->n_sections)
		f->n_sections = (unsigned)FIELD(f, first, Shdr, sh_size);
	if (f->n_segments == PN_XNUM)
		f->n_segments = (unsigned)FIELD(f, first, Shdr, sh_info);
	if (f->names == SHN_XINDEX)
		f->names = (unsigned)FIELD(f, first, Shdr, sh_link);
	return 0;
}

static int read_header(struct elf_file *f)
{
	uint8_t head[sizeof(Elf64_Ehdr)];

	if (!elf_file_read(f, 0, head, EI_NIDENT) || memcmp(head, ELFMAG, SELFMAG))
		return -ENOEXEC;
	f->is_64 = head[EI_CLASS] == ELFCLASS64;
	f->is_big = head[EI_DATA] == ELFDATA2MSB;
	if ((!f->is_64 && head[EI_CLASS] != ELFCLASS32) || (!f->is_big && head[EI_DATA] != ELFDATA2LSB) ||
	    !elf_file_read(f, 0, head, SIZE(f, Ehdr)))
		return -ENOEXEC;
	f->machine = (uint16_t)FIELD(f, head, Ehdr, e_machine);
	f->segments_at = FIELD(f, head, Ehdr, e_phoff);
	f->segment_size = (unsigned)FIELD(f, head, Ehdr, e_phentsize);
	f->n_segments = (unsigned)FIELD(f, head, Ehdr, e_phnum);
	f->sections_at = FIELD(f, head, Ehdr, e_shoff);
	f->section_size = (unsigned)FIELD(f, head, Ehdr, e_shentsize);
	f->n_sections = (unsigned)FIELD(f, head, Ehdr, e_shnum);
	f->names = (unsigned)FIELD(f, head, Ehdr, e_shstrndx);
	return large_counts(f);
}

int elf_file_open(struct elf_file *f, const char *path)
{
	struct stat st;
	int ret;

	*f = (struct elf_file){ .fd = open(path, O_RDONLY | O_CLOEXEC) };
	if (f->fd < 0 || fstat(f->fd, &st)) {
		ret = -errno;
	} else {
		f->size = (uint64_t)st.st_size;
		ret = read_header(f);
	}
	if (ret)
		elf_file_close(f);
	return ret;
}

void elf_file_close(struct elf_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

bool elf_file_segment(const struct elf_file *f, unsigned i, struct elf_segment *out)
{
	uint8_t p[sizeof(Elf64_Phdr)];

	if (i >= f->n_segments || !read_entry(f, f->segments_at, i, f->segment_size, p, SIZE(f, Phdr)))
		return false;
	*out = (struct elf_segment){
		.type = (uint32_t)FIELD(f, p, Phdr, p_type),
		.offset = FIELD(f, p, Phdr, p_offset),
		.vaddr = FIELD(f, p, Phdr, p_vaddr),
		.size = FIELD(f, p, Phdr, p_filesz),
	};
	return true;
}

bool elf_file_dynamic(const struct elf_file *f, const struct elf_segment *segment, uint64_t i, struct elf_dynamic *out)
{
	uint8_t d[sizeof(Elf64_Dyn)];

	if (i >= segment->size / SIZE(f, Dyn) || !read_entry(f, segment->offset, i, SIZE(f, Dyn), d, SIZE(f, Dyn)))
		return false;
	*out = (struct elf_dynamic){ .tag = FIELD(f, d, Dyn, d_tag), .value = FIELD(f, d, Dyn, d_un) };
	return out->tag != DT_NULL;
}

/* Whether the string at @offset of the file, before @end, is @text. */
static bool is_text_at(const struct elf_file *f, uint64_t offset, uint64_t end, const char *text)
{
	char found[64];
	size_t len = strlen(text) + 1;

	return len <= sizeof(found) && offset <= end && len <= end - offset && elf_file_read(f, offset, found, len) &&
	       !memcmp(found, text, len);
}

char *elf_file_section(const struct elf_file *f, const char *name, size_t max, size_t *len, int *error)
{
	uint8_t names[sizeof(Elf64_Shdr)], s[sizeof(Elf64_Shdr)];
	uint64_t names_at, names_end, size;
	char *data;

	*error = f->n_sections ? -ENOEXEC : 0;
	if (!f->n_sections || !read_entry(f, f->sections_at, f->names, f->section_size, names, SIZE(f, Shdr)))
		return NULL;
	names_at = FIELD(f, names, Shdr, sh_offset);
	size = FIELD(f, names, Shdr, sh_size);
	if (names_at > f->size || size > f->size - names_at)
		return NULL;
	names_end = names_at + size;
	for (unsigned i = 0; i < f->n_sections; i++) {
		if (!read_entry(f, f->sections_at, i, f->section_size, s, SIZE(f, Shdr)))
			return NULL;
		if (FIELD(f, s, Shdr, sh_type) == SHT_NOBITS ||
		    !is_text_at(f, names_at + FIELD(f, s, Shdr, sh_name), names_end, name))
			continue;
		size = FIELD(f, s, Shdr, sh_size);
		data = size <= max ? malloc((size_t)size + 1) : NULL;
		if (!data || !elf_file_read(f, FIELD(f, s, Shdr, sh_offset), data, (size_t)size)) {
			*error = data || size > max ? -ENOEXEC : -ENOMEM;
			free(data);
			return NULL;
		}
		data[size] = '\0';
		*len = (size_t)size;
		*error = 0;
		return data;
	}
	*error = 0;
	return NULL;
}
