/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/vmlinux.h"

#include <archive.h>
#include <archive_entry.h>
#include <asm/bootparam.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_AT 0x1f1
#define VMLINUX_MAX (1ll << 30)

struct why {
	char *text;
	size_t size;
};

__attribute__((format(printf, 3, 4))) static int failed(struct why why, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why.text, why.size, fmt, ap);
	va_end(ap);
	return -error;
}

/* The compressed payload; its last 4 bytes are the length of what comes out. */
static int find_payload(const char *path, const uint8_t *image, size_t size, size_t *at, size_t *len, struct why why)
{
	struct setup_header h;

	if (size < HEADER_AT + sizeof h || memcmp(image + 0x202, "HdrS", 4))
		return failed(why, EINVAL, "%s: not a bzImage", path);
	memcpy(&h, image + HEADER_AT, sizeof h);
	if (h.version < 0x208)
		return failed(why, EINVAL, "%s: boot protocol %u.%02u does not tell where its payload is", path,
			      h.version >> 8, h.version & 0xff);
	*at = ((h.setup_sects ? h.setup_sects : 4) + 1u) * 512u + (size_t)h.payload_offset;
	*len = h.payload_length;
	if (*len <= 4 || *at > size || *len > size - *at)
		return failed(why, EINVAL, "%s: truncated: its payload is not in the file", path);
	*len -= 4;
	return 0;
}

/* Any compression that kernels use is one that libarchive tells by its magic. */
static int decompress_to(int fd, const char *path, const uint8_t *payload, size_t len, struct why why)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	int64_t total = 0;
	uint8_t *buf = malloc(1 << 20);
	ssize_t n = 0;
	int rc = 0;

	if (!a || !buf) {
		rc = failed(why, ENOMEM, "%s: out of memory", path);
		goto out;
	}
	archive_read_support_filter_all(a);
	archive_read_support_format_raw(a);
	if (archive_read_open_memory(a, payload, len) || archive_read_next_header(a, &entry)) {
		rc = failed(why, EINVAL, "%s: its payload: %s", path, archive_error_string(a));
		goto out;
	}
	while ((n = archive_read_data(a, buf, 1 << 20)) > 0) {
		if (total == 0 && (n < SELFMAG || memcmp(buf, ELFMAG, SELFMAG))) {
			rc = failed(why, EINVAL, "%s: its payload is no ELF kernel", path);
			goto out;
		}
		if ((total += n) > VMLINUX_MAX) {
			rc = failed(why, EFBIG, "%s: its payload is larger than a kernel can be", path);
			goto out;
		}
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(fd, buf + done, (size_t)(n - done));
			if (w < 0) {
				rc = failed(why, errno, "cannot write the kernel: %s", strerror(errno));
				goto out;
			}
		}
	}
	/* What follows the compressed stream (padding) is not an error of ours
	 * as long as the stream itself came out whole. */
	if (n < 0 || !total)
		rc = failed(why, EINVAL, "%s: its payload is damaged: %s", path, archive_error_string(a));
out:
	free(buf);
	archive_read_free(a);
	return rc;
}

int vmlinux_extract(const char *bzimage, const char *out, char *text, size_t text_size)
{
	struct why why = { text, text_size };
	char tmp[PATH_MAX];
	struct stat st;
	uint8_t *image;
	size_t at = 0, len = 0;
	int fd = open(bzimage, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return failed(why, errno, "%s: %s", bzimage, strerror(errno));
	if (fstat(fd, &st) || st.st_size == 0) {
		close(fd);
		return failed(why, EINVAL, "%s: not a bzImage", bzimage);
	}
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (image == MAP_FAILED)
		return failed(why, errno, "%s: %s", bzimage, strerror(errno));
	rc = find_payload(bzimage, image, (size_t)st.st_size, &at, &len, why);
	if (rc)
		goto out;
	if (snprintf(tmp, sizeof tmp, "%s.XXXXXX", out) >= (int)sizeof tmp) {
		rc = failed(why, ENAMETOOLONG, "%s: name too long", out);
		goto out;
	}
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0) {
		rc = failed(why, errno, "%s: %s", out, strerror(errno));
		goto out;
	}
	rc = decompress_to(fd, bzimage, image + at, len, why);
	fchmod(fd, 0644);
	if (close(fd) && !rc)
		rc = failed(why, errno, "%s: %s", out, strerror(errno));
	if (!rc && rename(tmp, out))
		rc = failed(why, errno, "%s: %s", out, strerror(errno));
	if (rc)
		unlink(tmp);
out:
	munmap(image, (size_t)st.st_size);
	return rc;
}
