/* SPDX-License-Identifier: GPL-2.0-only */
/* What a user types: sizes, durations, disks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/spec/disk.h"
#include "bench/spec/nic.h"
#include "bench/base/size.h"

static char why[512];

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 },
		{ "4096", 4096 },
		{ "64k", 65536 },
		{ "64K", 65536 },
		{ "256M", 256ull << 20 },
		{ "256MiB", 256ull << 20 },
		{ "1.5G", 3ull << 29 },
		{ "1T", 1ull << 40 },
		{ "100b", 100 },
	};
	static const char *const bad[] = { "",	     "M",    "-1",   "+1",  " 1",  "1 M",
					   "1.2.3M", "256X", "0x10", "1e3", "nan", "1MM" };
	uint64_t n;

	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(size_parse(good[i].text, &n), 0);
		assert_int_equal(n, good[i].bytes);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(size_parse(bad[i], &n), -EINVAL);
	assert_int_equal(size_parse("9999999999T", &n), -ERANGE);
	assert_int_equal(size_parse("8388608T", &n), -ERANGE);
	assert_int_equal(size_parse("8388607T", &n), 0);
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "5", 5000000000 },	{ "5s", 5000000000 },	 { "0.5s", 500000000 }, { "500ms", 500000000 },
		{ "2m", 120000000000 }, { "1h", 3600000000000 }, { "7us", 7000 },	{ "1ns", 1 },
	};
	static const char *const bad[] = { "", "s", "5 s", "5d", "-5s", "1.1.1s" };
	uint64_t n;

	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(duration_parse(good[i].text, &n), 0);
		assert_int_equal(n, good[i].ns);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(duration_parse(bad[i], &n), -EINVAL);
	assert_int_equal(duration_parse("99999999h", &n), -ERANGE);
}

static void numbers(void **state)
{
	uint64_t n;

	assert_int_equal(number_parse("254", 1, 254, &n), 0);
	assert_int_equal(n, 254);
	assert_int_equal(number_parse("255", 1, 254, &n), -ERANGE);
	assert_int_equal(number_parse("0", 1, 254, &n), -ERANGE);
	assert_int_equal(number_parse("99999999999999999999", 1, UINT64_MAX, &n), -ERANGE);
	assert_int_equal(number_parse("", 0, 9, &n), -EINVAL);
	assert_int_equal(number_parse("-1", 0, 9, &n), -EINVAL);
	assert_int_equal(number_parse("1x", 0, 9, &n), -EINVAL);
	assert_int_equal(number_parse(" 1", 0, 9, &n), -EINVAL);
}

static void formats(void **state)
{
	char text[SIZE_TEXT];

	assert_string_equal(duration_format(text, 0), "0 ns");
	assert_string_equal(duration_format(text, 850), "850 ns");
	assert_string_equal(duration_format(text, 12345), "12.3 us");
	assert_string_equal(duration_format(text, 4070000), "4.07 ms");
	assert_string_equal(duration_format(text, 999600), "1.00 ms");
	assert_string_equal(duration_format(text, 123456789), "123 ms");
	assert_string_equal(duration_format(text, 7200000000000), "7200 s");
	assert_string_equal(size_format(text, 256ull << 20), "256 MiB");
	assert_string_equal(size_format(text, 3ull << 29), "1.50 GiB");
	assert_string_equal(size_format(text, 512), "512 B");
	assert_string_equal(number_format(text, 950), "950");
	assert_string_equal(number_format(text, 12345), "12.3 k");
	assert_string_equal(number_format(text, 4070000), "4.07 M");
}

static void disk_path_and_options(void **state)
{
	struct disk d;

	assert_int_equal(disk_parse("/a/b.img", &d, why, sizeof(why)), 0);
	assert_string_equal(d.path, "/a/b.img");
	assert_false(d.read_only || d.direct);
	assert_int_equal(d.size, 0);
	assert_int_equal(d.engine, BLK_ENGINE_AUTO);
	assert_string_equal(d.serial, "");

	assert_int_equal(
		disk_parse("x=y.img,ro,engine=sync,direct=on,iops=3k,bps=4M,iops-burst=6000,bps-burst=8M,serial=ROOT",
			   &d, why, sizeof(why)),
		0);
	assert_string_equal(d.path, "x=y.img");
	assert_true(d.read_only && d.direct);
	assert_int_equal(d.engine, BLK_ENGINE_SYNC);
	assert_int_equal(d.iops, 3000);
	assert_int_equal(d.bps, 4 << 20);
	assert_int_equal(d.iops_burst, 6000);
	assert_int_equal(d.bps_burst, 8 << 20);
	assert_string_equal(d.serial, "ROOT");
}

/* QEMU's way: a comma that belongs to the path is written twice. */
static void disk_path_with_commas(void **state)
{
	struct disk d;

	assert_int_equal(disk_parse("/a,,b,,,ro,serial=S", &d, why, sizeof(why)), 0);
	assert_string_equal(d.path, "/a,b,");
	assert_true(d.read_only);
	assert_string_equal(d.serial, "S");
	assert_int_equal(disk_parse("a,,", &d, why, sizeof(why)), 0);
	assert_string_equal(d.path, "a,");
	assert_int_equal(disk_parse("a,,ro", &d, why, sizeof(why)), 0);
	assert_string_equal(d.path, "a,ro");
	assert_false(d.read_only);
}

static void disk_in_memory(void **state)
{
	struct disk d;

	assert_int_equal(disk_parse("size=256M,engine=uring", &d, why, sizeof(why)), 0);
	assert_string_equal(d.path, "");
	assert_int_equal(d.size, 256 << 20);
	assert_int_equal(d.engine, BLK_ENGINE_URING);
}

/* Each reason names the word that is wrong and has a remedy after a semicolon, on one line. */
static void disk_mistakes(void **state)
{
	static const struct {
		const char *text, *names;
	} bad[] = {
		{ "", "names no file" },
		{ "ro", "names no file" },
		{ "iops=5", "names no file" },
		{ ",ro", "names no file" },
		{ "a,rw", "'rw'" },
		{ "a,", "''" },
		{ "a,colour=red", "'colour=red'" },
		{ "a,engine=fast", "'engine=fast'" },
		{ "a,direct=yes", "'direct=yes'" },
		{ "a,discard=unmap", "'discard=unmap'" },
		{ "a,iops=-1", "'iops=-1'" },
		{ "a,bps=lots", "'bps=lots'" },
		{ "a,serial=", "'serial='" },
		{ "a,serial=123456789012345678901", "'serial=1" },
		{ "size=0", "'size=0'" },
		{ "size=513", "'size=513'" },
		{ "size=9999999T", "'size=9999999T'" },
		{ "a,iops=1,iops=2", "twice" },
		{ "a,iops-burst=5", "iops-burst: a burst without its rate" },
		{ "a,bps-burst=5", "bps-burst: a burst without its rate" },
		{ "a,iops=10,iops-burst=5", "below" },
		{ "a,bps=10,bps-burst=5", "below" },
	};
	struct disk d;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		why[0] = '\0';
		assert_int_equal(disk_parse(bad[i].text, &d, why, sizeof(why)), -EINVAL);
		assert_non_null(strstr(why, bad[i].names));
		assert_non_null(strchr(why, ';'));
		assert_null(strchr(why, '\n'));
	}
}

/* A rate of 0 is no limit, and takes its burst with it. */
static void disk_rate_zero_clears_its_burst(void **state)
{
	struct disk d;

	assert_int_equal(disk_parse("a,iops=0,iops-burst=5,bps=0,bps-burst=9", &d, why, sizeof(why)), 0);
	assert_int_equal(d.iops, 0);
	assert_int_equal(d.iops_burst, 0);
	assert_int_equal(d.bps_burst, 0);
}

static void disk_unparse_and_parse_is_the_same(void **state)
{
	static const char *const texts[] = {
		"size=1024",
		"/x",
		"/x,ro",
		"/x,,y,,,ro",
		"/x,size=4096,ro,engine=uring,direct=on,discard=on,iops=7,bps=9,iops-burst=8,bps-burst=10,serial=s",
	};
	char again[PATH_MAX + 256];
	struct disk a, b;

	for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(disk_parse(texts[i], &a, why, sizeof(why)), 0);
		assert_int_equal(disk_unparse(&a, again, sizeof(again)), 0);
		assert_string_equal(again, texts[i]);
		assert_int_equal(disk_parse(again, &b, why, sizeof(why)), 0);
	}
	assert_int_equal(disk_parse(texts[4], &a, why, sizeof(why)), 0);
	assert_int_equal(disk_unparse(&a, again, 20), -ENAMETOOLONG);
}

static void disk_files_are_checked(void **state)
{
	char path[] = "/tmp/ktstr-disk-XXXXXX";
	int fd = mkstemp(path);
	char sized[64];
	struct disk d;
	unsigned tail;

	assert_true(fd >= 0);
	assert_int_equal(disk_parse(path, &d, why, sizeof(why)), 0);
	assert_int_equal(disk_check(&d, &tail, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "smaller than a sector"));
	assert_int_equal(ftruncate(fd, 512), 0);
	assert_int_equal(disk_check(&d, &tail, why, sizeof(why)), 0);
	assert_int_equal(tail, 0);
	/* What is behind the last whole sector the guest does not see; it is counted, and what size= leaves out is not.
	 */
	assert_int_equal(ftruncate(fd, 1000), 0);
	assert_int_equal(disk_check(&d, &tail, why, sizeof(why)), 0);
	assert_int_equal(tail, 488);
	snprintf(sized, sizeof(sized), "%s,size=512", path);
	assert_int_equal(disk_parse(sized, &d, why, sizeof(why)), 0);
	assert_int_equal(disk_check(&d, &tail, why, sizeof(why)), 0);
	assert_int_equal(tail, 0);
	/* Nor is a file grown to what size= asks for. */
	snprintf(sized, sizeof(sized), "%s,size=1024", path);
	assert_int_equal(disk_parse(sized, &d, why, sizeof(why)), 0);
	assert_int_equal(disk_check(&d, &tail, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "has 1000 bytes, and size= asks for 1024"));
	assert_int_equal(disk_parse(path, &d, why, sizeof(why)), 0);
	close(fd);
	unlink(path);
	assert_int_equal(disk_check(&d, &tail, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, path));
	assert_int_equal(disk_parse("/dev/null", &d, why, sizeof(why)), 0);
	assert_int_equal(disk_check(&d, &tail, why, sizeof(why)), -EINVAL);
	assert_int_equal(disk_parse("/tmp,ro", &d, why, sizeof(why)), 0);
	assert_int_not_equal(disk_check(&d, &tail, why, sizeof(why)), 0);
	assert_int_equal(disk_parse("size=512", &d, why, sizeof(why)), 0);
	assert_int_equal(disk_check(&d, &tail, why, sizeof(why)), 0);
}

static void nic_backends_and_addresses(void **state)
{
	static const uint8_t mac[] = { 0x52, 0x54, 0, 0xab, 0xcd, 0xef };
	struct nic n;

	assert_int_equal(nic_parse(NULL, &n, why, sizeof(why)), 0);
	assert_true(n.wanted && !*n.tap);
	/* NET-06: what is not given is the device's default */
	assert_memory_equal(n.mac, ((uint8_t[6]){ 0 }), 6);
	assert_int_equal(nic_parse("loopback,mac=52:54:00:ab:CD:ef", &n, why, sizeof(why)), 0);
	assert_string_equal(n.tap, "");
	assert_memory_equal(n.mac, mac, 6);
	assert_int_equal(nic_parse("mac=52:54:00:ab:cd:ef", &n, why, sizeof(why)), 0);
	assert_memory_equal(n.mac, mac, 6);
	assert_int_equal(n.mtu, 0);
	assert_int_equal(nic_parse("mtu=9000", &n, why, sizeof(why)), 0);
	assert_int_equal(n.mtu, 9000);
	assert_int_equal(nic_parse("loopback,mtu=68,mac=52:54:00:ab:cd:ef", &n, why, sizeof(why)), 0);
	assert_int_equal(n.mtu, 68);
	assert_memory_equal(n.mac, mac, 6);
	/* NET-48 */
	assert_int_equal(nic_parse("tap=tap0,mac=52:54:00:ab:cd:ef", &n, why, sizeof(why)), 0);
	assert_string_equal(n.tap, "tap0");
	assert_memory_equal(n.mac, mac, 6);
}

static void nic_mistakes(void **state)
{
	static const char *const bad[] = {
		"",
		"tap=",
		"tap=sixteen-letters-",
		"tap=a/b",
		"tap",
		"3",
		"loopback,tap=tap0",
		"tap=tap0,loopback",
		"tap=tap0,mac=",
		"mac=52:54:00:ab:cd",
		"mac=52:54:00:ab:cd:ef:00",
		"mac=52:54:00:ab:cd:eg",
		"mac=5:54:00:ab:cd:ef0",
		"mac=00:00:00:00:00:00",
		"mac=01:00:00:00:00:01",
		"mac=ff:ff:ff:ff:ff:ff",
		"loopback,",
		"loopback,mtu=67",
		"loopback,mtu=65536",
		"loopback,mtu=-1",
		"loopback,mtu= 1500",
		"loopback,mtu=1500x",
		"loopback,mtu=",
	};
	struct nic n;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		why[0] = '\0';
		assert_int_equal(nic_parse(bad[i], &n, why, sizeof(why)), -EINVAL);
		assert_true(strlen(why) > 20);
	}
}

/* "--net -- CMD" and "--net --file X" give the card no value. */
static void nic_values_in_a_word_of_their_own(void **state)
{
	assert_true(nic_is_value("tap=tap0") && nic_is_value("loopback") && nic_is_value("loopback,mac=x") &&
		    nic_is_value("mac=x") && nic_is_value("mtu=1500"));
	assert_false(nic_is_value(NULL) || nic_is_value("--") || nic_is_value("--file") || nic_is_value("true") ||
		     nic_is_value("loopbacks"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(durations),
		cmocka_unit_test(numbers),
		cmocka_unit_test(formats),
		cmocka_unit_test(disk_path_and_options),
		cmocka_unit_test(disk_path_with_commas),
		cmocka_unit_test(disk_in_memory),
		cmocka_unit_test(disk_mistakes),
		cmocka_unit_test(disk_rate_zero_clears_its_burst),
		cmocka_unit_test(disk_unparse_and_parse_is_the_same),
		cmocka_unit_test(disk_files_are_checked),
		cmocka_unit_test(nic_backends_and_addresses),
		cmocka_unit_test(nic_mistakes),
		cmocka_unit_test(nic_values_in_a_word_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
