/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/kernel/vmlinux.h"

#include <asm/bootparam.h>
#include <elf.h>
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
#include "bench/base/why.h"

#define HEADER_AT 0x1f1

/* Finds the compressed payload. Its last 4 bytes, which are not in @len, hold the decompressed size. */
static int find_payload(const char *path, const uint8_t *image, size_t size, size_t *at, size_t *len, char *why,
			size_t why_size)
{
	struct setup_header h;

	if (size < HEADER_AT + sizeof h || memcmp(image + 0x202, "HdrS", 4))
		return why_fail(why, why_size, -EINVAL, "%s: not a bzImage", path);
	memcpy(&h, image + HEADER_AT, sizeof h);
	if (h.version < 0x208)
		return why_fail(why, why_size, -EINVAL, "%s: boot protocol %u.%02u does not locate its payload", path,
				h.version >> 8, h.version & 0xff);
	*at = ((h.setup_sects ? h.setup_sects : 4) + 1u) * 512u + (size_t)h.payload_offset;
	*len = h.payload_length;
	if (*len <= 4 || *at > size || *len > size - *at)
		return why_fail(why, why_size, -EINVAL, "%s: truncated: its payload is not in the file", path);
	*len -= 4;
	return 0;
}

int vmlinux_unpack(const char *bzimage, int out, char *why, size_t why_size)
{
	struct stat st;
	uint8_t *image, *elf = NULL;
	size_t at = 0, len = 0, size = 0;
	int fd = open(bzimage, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return why_fail(why, why_size, -errno, "%s: %s", bzimage, strerror(errno));
	if (fstat(fd, &st) || st.st_size == 0) {
		close(fd);
		return why_fail(why, why_size, -EINVAL, "%s: not a bzImage", bzimage);
	}
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (image == MAP_FAILED)
		return why_fail(why, why_size, -errno, "%s: %s", bzimage, strerror(errno));
	rc = find_payload(bzimage, image, (size_t)st.st_size, &at, &len, why, why_size);
	if (rc)
		goto out;
	/* For gzip these 4 bytes are part of the format; to the others the kernel's build appends them. */
	rc = decompress(image + at, image[at] == 0x1f ? len + 4 : len, &elf, &size);
	if (rc == -EPROTONOSUPPORT)
		why_fail(why, why_size, rc,
			 "%s: its payload is compressed in a way ktstr does not know; use gzip, lz4, lzma, xz or zstd",
			 bzimage);
	else if (rc == -EBADMSG)
		why_fail(why, why_size, rc, "%s: its payload is damaged; fetch or build it again", bzimage);
	else if (rc)
		why_fail(why, why_size, rc, "%s: its payload: %s", bzimage, strerror(-rc));
	else if (size < SELFMAG || memcmp(elf, ELFMAG, SELFMAG))
		rc = why_fail(why, why_size, -EINVAL, "%s: its payload is no ELF kernel", bzimage);
	else if ((rc = file_write_all(out, elf, size)))
		why_fail(why, why_size, rc, "cannot write the kernel: %s", strerror(-rc));
out:
	free(elf);
	munmap(image, (size_t)st.st_size);
	return rc;
}

int vmlinux_extract(const char *bzimage, const char *out, char *why, size_t why_size)
{
	char tmp[PATH_MAX];
	int fd, rc;

	if (snprintf(tmp, sizeof tmp, "%s.XXXXXX", out) >= (int)sizeof tmp)
		return why_fail(why, why_size, -ENAMETOOLONG, "%s: name too long", out);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return why_fail(why, why_size, -errno, "%s: %s", out, strerror(errno));
	rc = vmlinux_unpack(bzimage, fd, why, why_size);
	fchmod(fd, 0644);
	if (close(fd) && !rc)
		rc = why_fail(why, why_size, -errno, "%s: %s", out, strerror(errno));
	if (!rc && rename(tmp, out))
		rc = why_fail(why, why_size, -errno, "%s: %s", out, strerror(errno));
	if (rc)
		unlink(tmp);
	return rc;
}
