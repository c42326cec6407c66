/* SPDX-License-Identifier: GPL-2.0-only */
/* Not part of any program: meson tries to link it, to see if ktstr's libraries can be linked statically. */
#include <archive.h>
#include <archive_entry.h>
#include <jansson.h>
#include <liburing.h>
#include <lz4.h>
#include <lzma.h>
#include <sys/types.h>
#include <sha2.h>
#include <zlib.h>
#include <zstd.h>

int main(void)
{
	struct io_uring ring;
	struct io_uring_params params = { 0 };
	struct archive *archive = archive_write_new();
	lzma_stream stream = LZMA_STREAM_INIT;
	z_stream inflated = { 0 };
	SHA2_CTX sha;
	int sum;

	sum = io_uring_queue_init_params(1, &ring, &params);
	sum += archive_write_set_format_cpio_newc(archive) + archive_write_open(archive, NULL, NULL, NULL, NULL);
	sum += archive_write_header(archive, archive_entry_new()) + archive_write_free(archive);
	sum += json_dumpf(json_loads("{}", 0, NULL), stdout, 0);
	sum += LZ4_decompress_safe("", NULL, 0, 0);
	sum += lzma_auto_decoder(&stream, 0, 0) + lzma_code(&stream, LZMA_RUN);
	sum += inflateInit2(&inflated, 0) + inflate(&inflated, 0);
	sum += (int)ZSTD_decompressStream(ZSTD_createDCtx(), NULL, NULL);
	SHA256Init(&sha);
	return sum;
}
