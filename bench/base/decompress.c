/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/decompress.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>

/* Reads one file of no archive format, below whatever it is compressed with. */
static int open_raw(struct archive *a, const void *in, size_t in_len)
{
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_lz4(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_format_raw(a);
	return archive_read_open_memory(a, in, in_len);
}

static int error_of(struct archive *a)
{
	return archive_errno(a) == ENOMEM ? -ENOMEM : -EBADMSG;
}

/* *@cap doubles, from @first. */
static int grow(uint8_t **data, size_t *cap, size_t first)
{
	size_t wanted = *cap ? *cap * 2 : first;
	uint8_t *grown;

	if (*cap >= DECOMPRESS_MAX)
		return -EFBIG;
	grown = realloc(*data, wanted);
	if (!grown)
		return -ENOMEM;
	*data = grown;
	*cap = wanted;
	return 0;
}

static int read_all(struct archive *a, size_t first, uint8_t **data, size_t *len)
{
	size_t cap = 0;
	la_ssize_t n = 1;

	for (*len = 0; n > 0; *len += n > 0 ? (size_t)n : 0) {
		int ret = *len == cap ? grow(data, &cap, first) : 0;

		if (ret)
			return ret;
		n = archive_read_data(a, *data + *len, cap - *len);
	}
	return n ? error_of(a) : 0;
}

int decompress(const void *in, size_t in_len, uint8_t **out, size_t *out_len)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	uint8_t *data = NULL;
	size_t len = 0;
	int ret;

	if (!a)
		return -ENOMEM;
	/* To open it, and to find its only entry, decompresses the first bytes. The last filter reads @in itself. */
	if (!in_len)
		ret = -EPROTONOSUPPORT;
	else if (open_raw(a, in, in_len) != ARCHIVE_OK)
		ret = error_of(a);
	else if (archive_filter_count(a) < 2)
		ret = -EPROTONOSUPPORT;
	else if (archive_read_next_header(a, &entry) != ARCHIVE_OK)
		ret = error_of(a);
	else
		ret = read_all(a, in_len * 4 + 4096, &data, &len);
	archive_read_free(a);
	if (ret) {
		free(data);
		return ret;
	}
	*out = data;
	*out_len = len;
	return 0;
}
