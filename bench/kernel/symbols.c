/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/kernel/symbols.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/kernel/elf.h"
#include "bench/kernel/image.h"
#include "bench/kernel/kallsyms.h"

/* Debian's System.map is one line, which says where the real one is. */
#define SYMBOLS_MIN 3u

struct symbol {
	uint64_t address;
	size_t name; /* in names */
	char type;
};

struct kernel_symbols {
	struct symbol *symbol;
	size_t n, room;
	char *names;
	size_t names_used, names_room;
	uint64_t physical, physical_end, virtual; /* of the segment with the code */
};

static int add(void *ctx, uint64_t address, char type, const char *name)
{
	struct kernel_symbols *s = ctx;
	size_t len = strlen(name) + 1;

	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 4096;
		struct symbol *grown = realloc(s->symbol, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		s->symbol = grown;
		s->room = room;
	}
	if (s->names_used + len > s->names_room) {
		size_t room = 2 * s->names_room + len + 65536;
		char *grown = realloc(s->names, room);

		if (!grown)
			return -ENOMEM;
		s->names = grown;
		s->names_room = room;
	}
	memcpy(s->names + s->names_used, name, len);
	s->symbol[s->n++] = (struct symbol){ address, s->names_used, type };
	s->names_used += len;
	return 0;
}

/* --- System.map --------------------------------------------------------------- */

static void read_map(struct kernel_symbols *s, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[512], name[256], type;
	unsigned long long at;

	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %c %255s", &at, &type, name) == 3 && add(s, at, type, name))
			break;
	fclose(f);
	if (s->n < SYMBOLS_MIN)
		s->n = s->names_used = 0;
}

/* Beside the image, in its build tree, or where distributions put it. */
static void read_maps(struct kernel_symbols *s, const char *image, const char *tree)
{
	char path[PATH_MAX + 32], release[NAME_MAX + 1];
	const char *slash = strrchr(image, '/');

	snprintf(path, sizeof(path), "%.*sSystem.map", slash ? (int)(slash - image) + 1 : 0, image);
	read_map(s, path);
	if (!s->n && tree) {
		snprintf(path, sizeof(path), "%s/System.map", tree);
		read_map(s, path);
	}
	if (!s->n && kernel_image_release(image, release)) {
		snprintf(path, sizeof(path), "/boot/System.map-%s", release);
		read_map(s, path);
	}
}

/* --- ELF ---------------------------------------------------------------------- */

static void read_segment(struct kernel_symbols *s, const uint8_t *elf, size_t size)
{
	Elf64_Ehdr h;
	Elf64_Phdr ph;

	memcpy(&h, elf, sizeof(h));
	for (size_t i = 0; i < h.e_phnum && h.e_phoff < size && (i + 1) * sizeof(ph) <= size - h.e_phoff; i++) {
		memcpy(&ph, elf + h.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type != PT_LOAD || !(ph.p_flags & PF_X))
			continue;
		s->physical = ph.p_paddr;
		s->physical_end = ph.p_paddr + ph.p_memsz;
		s->virtual = ph.p_vaddr;
		return;
	}
}

static bool section(const uint8_t *elf, size_t size, unsigned i, Elf64_Shdr *sh)
{
	Elf64_Ehdr h;

	memcpy(&h, elf, sizeof(h));
	if (i >= h.e_shnum || h.e_shoff > size || (i + 1) * sizeof(*sh) > size - h.e_shoff)
		return false;
	memcpy(sh, elf + h.e_shoff + i * sizeof(*sh), sizeof(*sh));
	return sh->sh_type == SHT_NOBITS || (sh->sh_offset <= size && sh->sh_size <= size - sh->sh_offset);
}

static void read_symtab(struct kernel_symbols *s, const uint8_t *elf, size_t size)
{
	Elf64_Shdr table = { 0 }, strings;
	Elf64_Sym sym;

	for (unsigned i = 0; table.sh_type != SHT_SYMTAB; i++)
		if (!section(elf, size, i, &table))
			return;
	if (!section(elf, size, table.sh_link, &strings) || strings.sh_type != SHT_STRTAB || !strings.sh_size ||
	    elf[strings.sh_offset + strings.sh_size - 1])
		return;
	for (size_t at = 0; at + sizeof(sym) <= table.sh_size; at += sizeof(sym)) {
		unsigned type;

		memcpy(&sym, elf + table.sh_offset + at, sizeof(sym));
		type = ELF64_ST_TYPE(sym.st_info);
		if (sym.st_shndx == SHN_UNDEF || sym.st_shndx == SHN_ABS || sym.st_name >= strings.sh_size ||
		    !elf[strings.sh_offset + sym.st_name] || type > STT_FUNC)
			continue;
		if (add(s, sym.st_value, type == STT_OBJECT ? 'd' : 't',
			(const char *)elf + strings.sh_offset + sym.st_name))
			return;
	}
}

static void read_elf(struct kernel_symbols *s, const char *image)
{
	char why[512];
	int fd = kernel_elf_open(image, why, sizeof(why));
	struct stat st;
	uint8_t *elf;

	if (fd < 0)
		fd = open(image, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) || st.st_size < (off_t)sizeof(Elf64_Ehdr)) {
		close(fd);
		return;
	}
	elf = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (elf == MAP_FAILED)
		return;
	if (!memcmp(elf, ELFMAG, SELFMAG) && elf[EI_CLASS] == ELFCLASS64) {
		read_segment(s, elf, (size_t)st.st_size);
		if (!s->n)
			read_symtab(s, elf, (size_t)st.st_size);
		if (!s->n)
			kallsyms_read(elf, (size_t)st.st_size, add, s);
	}
	munmap(elf, (size_t)st.st_size);
}

/* --- all ---------------------------------------------------------------------- */

static bool is_code(const struct symbol *s)
{
	return strchr("tTwW", s->type);
}

/* Of those of one address the first function is the one that is found. */
static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (is_code(x) != is_code(y))
		return is_code(x) ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

struct kernel_symbols *kernel_symbols_open(const char *image, const char *tree)
{
	struct kernel_symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	read_maps(s, image, tree);
	read_elf(s, image);
	if (!s->n) {
		kernel_symbols_close(s);
		return NULL;
	}
	qsort(s->symbol, s->n, sizeof(*s->symbol), by_address);
	return s;
}

void kernel_symbols_close(struct kernel_symbols *s)
{
	if (!s)
		return;
	free(s->symbol);
	free(s->names);
	free(s);
}

/* The last one that begins at @address or before it, and the one after; NULL: it is before the first, or after all. */
static const struct symbol *find(const struct kernel_symbols *s, uint64_t address, const struct symbol **next)
{
	size_t low = 0, high = s->n, first;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->symbol[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || low == s->n)
		return NULL;
	*next = &s->symbol[low];
	for (first = low - 1; first && s->symbol[first - 1].address == s->symbol[low - 1].address; first--)
		;
	return &s->symbol[first];
}

bool kernel_symbol_at(const struct kernel_symbols *s, uint64_t address, char *text, size_t size)
{
	const struct symbol *at, *next;
	bool physical;

	*text = '\0';
	if (!s)
		return false;
	physical = address >= s->physical && address < s->physical_end && s->virtual != s->physical;
	if (physical)
		address += s->virtual - s->physical;
	at = find(s, address, &next);
	if (!at)
		return false;
	snprintf(text, size, "%.128s+0x%llx/0x%llx%s", s->names + at->name, (unsigned long long)(address - at->address),
		 (unsigned long long)(next->address - at->address), physical ? " (physical)" : "");
	return is_code(at);
}
