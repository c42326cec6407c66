/* SPDX-License-Identifier: GPL-2.0-only */
/* Not part of any program: meson tries to link it, to see if ktstr's libraries can be linked statically. */
#include <archive.h>
#include <archive_entry.h>
#include <jansson.h>
#include <liburing.h>
#include <sys/types.h>
#include <sha2.h>

int main(void)
{
	struct io_uring ring;
	struct io_uring_params params = { 0 };
	struct archive *archive = archive_write_new(), *packed = archive_read_new();
	struct archive_entry *entry;
	SHA2_CTX sha;
	int sum;

	sum = io_uring_queue_init_params(1, &ring, &params);
	sum += archive_write_set_format_cpio_newc(archive) + archive_write_open(archive, NULL, NULL, NULL, NULL);
	sum += archive_write_header(archive, archive_entry_new()) + archive_write_free(archive);
	sum += json_dumpf(json_loads("{}", 0, NULL), stdout, 0);
	sum += archive_read_support_filter_gzip(packed) + archive_read_support_filter_lz4(packed);
	sum += archive_read_support_filter_lzma(packed) + archive_read_support_filter_xz(packed);
	sum += archive_read_support_filter_zstd(packed) + archive_read_support_format_raw(packed);
	sum += archive_read_open_memory(packed, NULL, 0);
	sum += archive_read_next_header(packed, &entry) + (int)archive_read_data(packed, NULL, 0);
	sum += archive_read_free(packed);
	SHA256Init(&sha);
	return sum;
}
