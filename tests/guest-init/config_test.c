/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guest's init reads, and what it tells of its kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <jansson.h>
#include <cmocka.h>

#include "guest-init/config.h"
#include "guest-init/environment.h"

static char dir[] = "/tmp/ktstr-test-XXXXXX";

static void put(const char *name, const void *data, size_t len)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void clean(void)
{
	static const char *const names[] = { CONFIG_ARGV,    CONFIG_ENV,     CONFIG_MODULES,
					     CONFIG_OUTPUTS, CONFIG_OPTIONS, CONFIG_LINKS };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
}

static void nothing_is_a_shell(void **state)
{
	struct config c;

	assert_int_equal(config_load(&c, dir), 0);
	assert_null(c.argv);
	assert_null(c.modules);
	assert_int_equal(c.wait_disks, 0);
	assert_false(c.spare_cpu0);
	assert_false(c.hold_vm);
	config_free(&c);
	put(CONFIG_ARGV, "", 0);
	assert_int_equal(config_load(&c, dir), 0);
	assert_null(c.argv);
	config_free(&c);
	clean();
}

static void words_may_be_empty_and_lines_not(void **state)
{
	static const char options[] =
		"cwd=/srv\nwait_disks=3\nack_exit=1\nfuture=x\nconsole_shell=0\nspare_cpu0=1\nhold_vm=1\n";
	struct config c;

	put(CONFIG_ARGV, "echo\0\0a\nb\0", 10);
	put(CONFIG_ENV, "A=1\0B=\0", 7);
	put(CONFIG_MODULES, "/m/a.ko\n\n/m/b.ko.xz\n", 20);
	put(CONFIG_LINKS, "/dev/a\0/b\0/dev/c\0\0", 18);
	put(CONFIG_OUTPUTS, "/out", 4); /* no newline at its end */
	put(CONFIG_OPTIONS, options, sizeof(options) - 1);
	assert_int_equal(config_load(&c, dir), 0);
	assert_string_equal(c.argv[0], "echo");
	assert_string_equal(c.argv[1], "");
	assert_string_equal(c.argv[2], "a\nb");
	assert_null(c.argv[3]);
	assert_string_equal(c.env[1], "B=");
	assert_null(c.env[2]);
	assert_string_equal(c.modules[0], "/m/a.ko");
	assert_string_equal(c.modules[1], "/m/b.ko.xz");
	assert_null(c.modules[2]);
	assert_string_equal(c.outputs[0], "/out");
	assert_null(c.outputs[1]);
	assert_string_equal(c.links[1], "/b");
	assert_string_equal(c.links[3], "");
	assert_null(c.links[4]);
	assert_string_equal(c.cwd, "/srv");
	assert_int_equal(c.wait_disks, 3);
	assert_true(c.ack_exit);
	assert_true(c.spare_cpu0);
	assert_true(c.hold_vm);
	assert_false(c.console_shell);
	assert_string_equal(c.unknown, "future=x");
	config_free(&c);
	clean();
}

static void environment_is_json_of_this_kernel(void **state)
{
	char text[16384];
	struct utsname u;
	json_t *json;

	assert_in_range(environment_json(text, sizeof(text)), 2, sizeof(text) - 1);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	uname(&u);
	assert_string_equal(json_string_value(json_object_get(json, "kernel")), u.release);
	assert_int_equal(json_integer_value(json_object_get(json, "cpus")), sysconf(_SC_NPROCESSORS_ONLN));
	assert_true(json_real_value(json_object_get(json, "uptime_s")) > 0);
	assert_true(json_is_string(json_object_get(json, "cmdline")));
	assert_non_null(json_object_get(json, "sched_ext"));
	json_decref(json);
}

static void any_text_is_quoted(void **state)
{
	char text[256], quoted[6 * 256 + 3], small[32];
	json_t *json;

	for (int i = 0; i < 255; i++)
		text[i] = (char)(i + 1);
	text[255] = '\0';
	environment_quote(quoted, sizeof(quoted), text);
	json = json_loads(quoted, JSON_DECODE_ANY, NULL);
	assert_non_null(json);
	assert_memory_equal(json_string_value(json), text, 0x7e);
	json_decref(json);
	/* Cut where an escape would not fit, never inside one. */
	for (size_t from = 0; from < 250; from++) {
		assert_in_range(environment_quote(small, sizeof(small), text + from), 2, sizeof(small) - 1);
		json = json_loads(small, JSON_DECODE_ANY, NULL);
		assert_non_null(json);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_a_shell),
		cmocka_unit_test(words_may_be_empty_and_lines_not),
		cmocka_unit_test(environment_is_json_of_this_kernel),
		cmocka_unit_test(any_text_is_quoted),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return failed;
}
