/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/lab/plane/alloc.h"

#include <stddef.h>
#include <sys/types.h>

static _Thread_local uint64_t count;

/* What ld's --wrap makes of the plain names, and the originals; mmap is mmap64 where file offsets have 64 bits. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t offset);

uint64_t allocations(void)
{
	return count;
}

void *__wrap_malloc(size_t size)
{
	count++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	count++;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	count++;
	return __real_realloc(p, size);
}

void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	count++;
	return __real_mmap64(addr, len, prot, flags, fd, offset);
}
