/* SPDX-License-Identifier: GPL-2.0-only */
/* Modules: load order, names, packing, and what the guest is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#include <cmocka.h>

#include "bench/initramfs/archive.h"
#include "bench/initramfs/depmod.h"

static char dir[] = "/tmp/ktstr-test-XXXXXX";

/* b and c need a; d-e needs c and b; x and y need each other; f is built in. */
static const char modules_dep[] = "kernel/a.ko.xz:\n"
				  "kernel/sub/b.ko.zst: kernel/a.ko.xz\n"
				  "kernel/c.ko: kernel/a.ko.xz\n"
				  "kernel/d-e.ko.gz: kernel/c.ko kernel/sub/b.ko.zst kernel/a.ko.xz\n"
				  "kernel/x.ko: kernel/y.ko\n"
				  "kernel/y.ko: kernel/x.ko\n"
				  "kernel/broken.ko: kernel/gone.ko\n"
				  "kernel/damaged.ko.xz:\n";
static const char modules_builtin[] = "kernel/f-g.ko\n";

static void put(const char *name, const void *data, size_t len)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	fclose(f);
}

static int setup(void **state)
{
	char path[128];
	uint8_t packed[4096];
	size_t len = 0;

	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/kernel", dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/kernel/sub", dir);
	mkdir(path, 0755);
	put("modules.dep", modules_dep, sizeof(modules_dep) - 1);
	put("modules.builtin", modules_builtin, sizeof(modules_builtin) - 1);
	assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, (const uint8_t *)"module a", 8, packed,
						 &len, sizeof(packed)),
			 LZMA_OK);
	put("kernel/a.ko.xz", packed, len);
	put("kernel/damaged.ko.xz", packed, len - 9);
	len = ZSTD_compress(packed, sizeof(packed), "module b", 8, 3);
	put("kernel/sub/b.ko.zst", packed, len);
	put("kernel/c.ko", "module c", 8);
	put("kernel/d-e.ko.gz", "module d", 8);
	put("kernel/x.ko", "module x", 8);
	put("kernel/y.ko", "module y", 8);
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static int note(void *ctx, const char *module, const char *file)
{
	strcat(ctx, module);
	strcat(ctx, " ");
	return 0;
}

static void needs_come_first_and_once(void **state)
{
	char order[256] = "", why[256];
	struct modules *m;

	assert_int_equal(modules_open(&m, dir, why, sizeof(why)), 0);
	assert_int_equal(modules_resolve(m, "c", note, order), 0);
	assert_int_equal(modules_resolve(m, "d_e", note, order), 0);
	assert_int_equal(modules_resolve(m, "a", note, order), 0);
	assert_int_equal(modules_resolve(m, "b", note, order), 0);
	assert_string_equal(order, "a c b d_e ");
	modules_close(m);
}

static void names_are_alike_builtin_is_silent_unknown_is_not(void **state)
{
	char order[256] = "", why[256];
	struct modules *m;

	assert_int_equal(modules_open(&m, dir, why, sizeof(why)), 0);
	assert_int_equal(modules_resolve(m, "f_g", note, order), 0);
	assert_int_equal(modules_resolve(m, "f-g", note, order), 0);
	assert_string_equal(order, "");
	assert_int_equal(modules_resolve(m, "no-such", note, order), -ENOENT);
	assert_int_equal(modules_resolve(m, "", note, order), -ENOENT);
	for (int i = 0; i < 2; i++)
		assert_int_equal(modules_resolve(m, "broken", note, order), -ENOENT);
	assert_string_equal(order, "");
	assert_int_equal(modules_resolve(m, "d-e", note, order), 0);
	assert_string_equal(order, "a c b d_e ");
	modules_close(m);
}

static void circles_end(void **state)
{
	char order[256] = "", why[256];
	struct modules *m;

	assert_int_equal(modules_open(&m, dir, why, sizeof(why)), 0);
	assert_int_equal(modules_resolve(m, "x", note, order), 0);
	assert_string_equal(order, "y x ");
	modules_close(m);
}

/* The file at @path of the archive, as text; NULL: none. */
static char *file_of(struct initramfs *in, const char *path)
{
	struct archive *a = archive_read_new();
	struct archive_entry *h;
	char *text = NULL;
	uint8_t *data;
	size_t len;

	assert_int_equal(initramfs_write(in, &data, &len), 0);
	archive_read_support_format_cpio(a);
	assert_int_equal(archive_read_open_memory(a, data, len), ARCHIVE_OK);
	while (!text && archive_read_next_header(a, &h) == ARCHIVE_OK) {
		if (strcmp(archive_entry_pathname(h), path))
			continue;
		text = calloc(1, (size_t)archive_entry_size(h) + 1);
		archive_read_data(a, text, (size_t)archive_entry_size(h));
	}
	archive_read_free(a);
	free(data);
	return text;
}

static void assert_file(struct initramfs *in, const char *path, const char *expected)
{
	char *text = file_of(in, path);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void guest_gets_them_unpacked_and_in_order(void **state)
{
	static const char *const first[] = { "b", "f-g" }, *const second[] = { "d-e", "b" };
	struct initramfs *in = initramfs_new();

	assert_int_equal(initramfs_add_modules(in, dir, first, 2, false), 0);
	assert_int_equal(initramfs_add_modules(in, dir, second, 2, false), 0);
	assert_file(in, "ktstr/modules",
		    "/lib/modules/ktstr/a.ko\n/lib/modules/ktstr/b.ko\n/lib/modules/ktstr/c.ko\n"
		    "/lib/modules/ktstr/d_e.ko.gz\n");
	assert_file(in, "usr/lib/modules/ktstr/a.ko", "module a");
	assert_file(in, "usr/lib/modules/ktstr/b.ko", "module b");
	assert_file(in, "usr/lib/modules/ktstr/c.ko", "module c");
	assert_file(in, "usr/lib/modules/ktstr/d_e.ko.gz", "module d");
	initramfs_free(in);
}

static void unknown_is_named_or_skipped(void **state)
{
	static const char *const names[] = { "no-such", "c" }, *const damaged[] = { "damaged" };
	struct initramfs *in = initramfs_new();
	char why[256];

	assert_int_equal(initramfs_add_modules(in, dir, names, 2, true), 0);
	assert_file(in, "ktstr/modules", "/lib/modules/ktstr/a.ko\n/lib/modules/ktstr/c.ko\n");
	assert_int_equal(initramfs_add_modules(in, dir, names, 2, false), -ENOENT);
	snprintf(why, sizeof(why), "%s: no module no-such", dir);
	assert_string_equal(initramfs_why(in), why);
	initramfs_free(in);

	in = initramfs_new();
	assert_int_equal(initramfs_add_modules(in, dir, damaged, 1, false), -EBADMSG);
	assert_non_null(strstr(initramfs_why(in), "kernel/damaged.ko.xz"));
	initramfs_free(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(needs_come_first_and_once),
		cmocka_unit_test(names_are_alike_builtin_is_silent_unknown_is_not),
		cmocka_unit_test(circles_end),
		cmocka_unit_test(guest_gets_them_unpacked_and_in_order),
		cmocka_unit_test(unknown_is_named_or_skipped),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
