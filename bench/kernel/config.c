/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/kernel/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/decompress.h"
#include "bench/base/file.h"
#include "bench/kernel/elf.h"
#include "bench/kernel/image.h"

/* Options that slow down locks, allocations or memory accesses, which are measured. */
static const char *const costly[] = {
	"PROVE_LOCKING",
	"LOCKDEP",
	"DEBUG_LOCKDEP",
	"DEBUG_LOCK_ALLOC",
	"LOCK_STAT",
	"KASAN",
	"KCSAN",
	"KMSAN",
	"UBSAN_ALIGNMENT",
	"DEBUG_KMEMLEAK",
	"DEBUG_PAGEALLOC",
	"SLUB_DEBUG_ON",
	"DEBUG_OBJECTS",
	"DEBUG_SPINLOCK",
	"DEBUG_MUTEXES",
	"DEBUG_RT_MUTEXES",
	"DEBUG_RWSEMS",
	"DEBUG_WW_MUTEX_SLOWPATH",
	"DEBUG_ATOMIC_SLEEP",
	"DEBUG_PREEMPT",
	"DEBUG_VM",
	"DEBUG_IRQFLAGS",
	"GCOV_KERNEL",
	"KCOV",
	"PREEMPT_TRACER",
	"IRQSOFF_TRACER",
	"RCU_TORTURE_TEST",
	"PAGE_POISONING",
	"DEBUG_PER_CPU_MAPS",
	"DEBUG_STACKOVERFLOW",
};

/* Whether the file @path is a kernel configuration. */
static bool is_config(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char head[4096];
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, head, sizeof(head) - 1);
	close(fd);
	head[n > 0 ? n : 0] = '\0';
	return !strncmp(head, "CONFIG_", 7) || strstr(head, "\nCONFIG_");
}

bool kernel_config_file(const char *image, char path[PATH_MAX])
{
	static const char tree[] = "/arch/x86/boot";
	char release[NAME_MAX + 1];
	const char *slash = strrchr(image, '/');
	int dir = slash ? (int)(slash - image) : 0;

	if (slash && snprintf(path, PATH_MAX, "%.*s/config", dir, image) < PATH_MAX && is_config(path))
		return true;
	if (slash && kernel_image_release(image, release) &&
	    snprintf(path, PATH_MAX, "%.*s/config-%s", dir, image, release) < PATH_MAX && is_config(path))
		return true;
	dir -= (int)strlen(tree);
	if (dir > 0 && !strncmp(image + dir, tree, strlen(tree)) &&
	    snprintf(path, PATH_MAX, "%.*s/.config", dir, image) < PATH_MAX && is_config(path))
		return true;
	path[0] = '\0';
	return false;
}

static char *config_beside(const char *image)
{
	char path[PATH_MAX];

	return kernel_config_file(image, path) ? file_read_text(path, NULL) : NULL;
}

/* IKCONFIG: gzip data between two markers (kernel/configs.c). */
static char *config_in_elf(const uint8_t *elf, size_t size)
{
	const uint8_t *start = memmem(elf, size, "IKCFG_ST", 8), *end;
	uint8_t *text = NULL, *ended;
	size_t len;

	if (!start)
		return NULL;
	start += 8;
	end = memmem(start, size - (size_t)(start - elf), "IKCFG_ED", 8);
	if (!end || decompress(start, (size_t)(end - start), &text, &len))
		return NULL;
	ended = realloc(text, len + 1);
	if (!ended) {
		free(text);
		return NULL;
	}
	ended[len] = '\0';
	return (char *)ended;
}

static char *config_in_image(const char *image)
{
	char why[512], *text = NULL;
	struct stat st;
	uint8_t *elf;
	int fd = kernel_elf_open(image, why, sizeof(why));

	if (fd == -ENOENT)
		fd = open(image, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && st.st_size) {
		elf = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (elf != MAP_FAILED) {
			text = config_in_elf(elf, (size_t)st.st_size);
			munmap(elf, (size_t)st.st_size);
		}
	}
	close(fd);
	return text;
}

static bool is_on(const char *config, const char *option)
{
	char line[96];
	const char *at;

	snprintf(line, sizeof(line), "CONFIG_%s=y", option);
	for (at = strstr(config, line); at; at = strstr(at + 1, line))
		if ((at == config || at[-1] == '\n') && (at[strlen(line)] == '\n' || !at[strlen(line)]))
			return true;
	return false;
}

json_t *kernel_config_debug(const char *image)
{
	char *config = config_beside(image);
	json_t *list;

	if (!config)
		config = config_in_image(image);
	if (!config)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < sizeof(costly) / sizeof(*costly); i++)
		if (is_on(config, costly[i]))
			json_array_append_new(list, json_string(costly[i]));
	free(config);
	return list;
}

void kernel_config_text(const json_t *debug, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < json_array_size(debug) && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", i ? ", " : "",
				      json_string_value(json_array_get(debug, i)));
}
