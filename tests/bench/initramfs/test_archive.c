/* SPDX-License-Identifier: GPL-2.0-only */
/* The archive, read back by libarchive and unpacked by busybox's cpio. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <cmocka.h>

#include "bench/initramfs/archive.h"

#define ENTRIES_MAX 32768

static char dir[] = "/tmp/ktstr-test-XXXXXX";

struct entry {
	char *path, *link;
	unsigned mode, ino, nlink;
	long mtime, uid, gid;
	dev_t rdev;
	char *data;
	size_t len;
};

struct contents {
	uint8_t *archive;
	size_t len, n;
	struct entry entries[ENTRIES_MAX];
};

static struct contents *read_back(struct initramfs *in)
{
	struct contents *c = calloc(1, sizeof(*c));
	struct archive *a = archive_read_new();
	struct archive_entry *h;
	int ret;

	assert_non_null(c);
	assert_int_equal(initramfs_write(in, &c->archive, &c->len), 0);
	assert_string_equal(initramfs_why(in), "");
	archive_read_support_format_cpio(a);
	assert_int_equal(archive_read_open_memory(a, c->archive, c->len), ARCHIVE_OK);
	while ((ret = archive_read_next_header(a, &h)) == ARCHIVE_OK) {
		struct entry *e = &c->entries[c->n++];

		assert_in_range(c->n, 1, ENTRIES_MAX - 1);
		e->path = strdup(archive_entry_pathname(h));
		e->link = archive_entry_symlink(h) ? strdup(archive_entry_symlink(h)) : NULL;
		e->mode = archive_entry_mode(h);
		e->ino = (unsigned)archive_entry_ino64(h);
		e->nlink = archive_entry_nlink(h);
		e->mtime = archive_entry_mtime(h);
		e->uid = (long)archive_entry_uid(h);
		e->gid = (long)archive_entry_gid(h);
		e->rdev = archive_entry_rdev(h);
		/* Of a link, it is the length of the target, which is no data. */
		e->len = S_ISREG(e->mode) ? (size_t)archive_entry_size(h) : 0;
		e->data = calloc(1, e->len + 1);
		assert_int_equal(archive_read_data(a, e->data, e->len), e->len);
	}
	assert_int_equal(ret, ARCHIVE_EOF);
	archive_read_free(a);
	return c;
}

static void contents_free(struct contents *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->entries[i].path);
		free(c->entries[i].link);
		free(c->entries[i].data);
	}
	free(c->archive);
	free(c);
}

static const struct entry *find(const struct contents *c, const char *path)
{
	const struct entry *found = NULL;

	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->entries[i].path, path)) {
			assert_null(found); /* twice */
			found = &c->entries[i];
		}
	return found;
}

static const char *host_file(const char *name, mode_t mode, const char *text)
{
	static char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static void entries_are_as_added(void **state)
{
	struct initramfs *in = initramfs_new();
	const struct entry *e;
	struct contents *c;

	initramfs_add_dir(in, "/srv/a", 0700);
	initramfs_add_data(in, "/srv/a/b/c", 0640, "text\0more", 9);
	initramfs_add_link(in, "/srv/l", "a/b");
	initramfs_add_chardev(in, "/dev/console", 0600, 5, 1);
	initramfs_add_file(in, host_file("program", 04755, "#!x"), "/opt/program");
	initramfs_add_data(in, "/empty", 0644, NULL, 0);
	initramfs_add_data(in, "/n\xc3\xa4me \xff", 0644, "x", 1);
	c = read_back(in);
	e = find(c, "srv/a");
	assert_int_equal(e->mode, S_IFDIR | 0700);
	assert_int_equal(find(c, "srv/a/b")->mode, S_IFDIR | 0755);
	e = find(c, "srv/a/b/c");
	assert_int_equal(e->mode, S_IFREG | 0640);
	assert_int_equal(e->len, 9);
	assert_memory_equal(e->data, "text\0more", 9);
	assert_string_equal(find(c, "srv/l")->link, "a/b");
	e = find(c, "dev/console");
	assert_int_equal(e->mode, S_IFCHR | 0600);
	assert_int_equal(e->rdev, makedev(5, 1));
	e = find(c, "opt/program");
	assert_int_equal(e->mode, S_IFREG | 04755);
	assert_string_equal(e->data, "#!x");
	assert_int_equal(find(c, "empty")->len, 0);
	assert_non_null(find(c, "n\xc3\xa4me \xff"));
	contents_free(c);
	initramfs_free(in);
}

/* It grows from small pages to large ones, and among these. */
static void large_files_are_whole(void **state)
{
	static const size_t sizes[] = { 900000, 1500000, 100, 7000000, 3 };
	static uint8_t data[7000000];
	struct initramfs *in = initramfs_new();
	const struct entry *e;
	struct contents *c;
	char path[8];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31 + i / 4099);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "/f%u", i);
		initramfs_add_data(in, path, 0644, data, sizes[i]);
	}
	c = read_back(in);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "f%u", i);
		e = find(c, path);
		assert_int_equal(e->len, sizes[i]);
		assert_memory_equal(e->data, data, sizes[i]);
	}
	contents_free(c);
	initramfs_free(in);
}

static void archive_is_the_same_each_time(void **state)
{
	struct contents *c[2];

	for (int i = 0; i < 2; i++) {
		struct initramfs *in = initramfs_new();

		initramfs_add_file(in, host_file("dated", 0644, "x"), "/etc/dated");
		initramfs_add_data(in, "/b", 0644, "b", 1);
		initramfs_add_data(in, "/a", 0644, "a", 1);
		initramfs_set_env(in, "A", "1");
		c[i] = read_back(in);
		initramfs_free(in);
	}
	assert_int_equal(c[0]->len, c[1]->len);
	assert_memory_equal(c[0]->archive, c[1]->archive, c[0]->len);
	for (size_t i = 0; i < c[0]->n; i++) {
		const struct entry *e = &c[0]->entries[i];

		assert_int_equal(e->mtime, 0);
		assert_int_equal(e->uid | e->gid, 0);
		assert_int_equal(e->ino, i + 1);
	}
	contents_free(c[0]);
	contents_free(c[1]);
}

static void parents_come_first(void **state)
{
	struct initramfs *in = initramfs_new();
	struct contents *c;

	initramfs_add_data(in, "/x/y/z/file", 0644, "", 0);
	initramfs_add_dir(in, "/x/y", 0700);
	initramfs_add_link(in, "/q/r", "s");
	c = read_back(in);
	for (size_t i = 0; i < c->n; i++) {
		char *slash = strrchr(c->entries[i].path, '/');
		bool seen = !slash;

		for (size_t j = 0; j < i && !seen; j++)
			seen = strlen(c->entries[j].path) == (size_t)(slash - c->entries[i].path) &&
			       !strncmp(c->entries[j].path, c->entries[i].path, (size_t)(slash - c->entries[i].path));
		assert_true(seen);
	}
	assert_int_equal(find(c, "x/y")->mode, S_IFDIR | 0700);
	contents_free(c);
	initramfs_free(in);
}

static void later_wins(void **state)
{
	struct initramfs *in = initramfs_new();
	struct contents *c;

	initramfs_add_link(in, "/usr/bin/tool", "busybox");
	initramfs_add_data(in, "/bin/tool", 0755, "tool", 4);
	initramfs_add_data(in, "/f", 0644, "first", 5);
	initramfs_add_file(in, host_file("second", 0600, "second"), "/./x/..//f");
	initramfs_add_dir(in, "/d", 0700);
	initramfs_add_dir(in, "/d/", 0755);
	c = read_back(in);
	assert_string_equal(find(c, "usr/bin/tool")->data, "tool");
	assert_null(find(c, "bin/tool"));
	assert_string_equal(find(c, "f")->data, "second");
	assert_int_equal(find(c, "f")->mode, S_IFREG | 0600);
	assert_int_equal(find(c, "d")->mode, S_IFDIR | 0755);
	contents_free(c);
	initramfs_free(in);
}

static void links_to_directories_are_followed(void **state)
{
	struct initramfs *in = initramfs_new();
	struct contents *c;

	initramfs_add_data(in, "/lib/x", 0644, "x", 1);
	initramfs_add_dir(in, "/lib64", 0700); /* stays the link that it is */
	initramfs_add_dir(in, "/data/real", 0755);
	initramfs_add_link(in, "/data/link", "../data/./real");
	initramfs_add_data(in, "/data/link/y", 0644, "y", 1);
	c = read_back(in);
	assert_string_equal(find(c, "lib")->link, "usr/lib");
	assert_string_equal(find(c, "lib64")->link, "usr/lib64");
	assert_non_null(find(c, "usr/lib/x"));
	assert_non_null(find(c, "data/real/y"));
	assert_null(find(c, "data/link/y"));
	contents_free(c);
	initramfs_free(in);
}

static void failures_name_the_thing_and_stick(void **state)
{
	static const struct {
		int error;
		const char *why;
	} cases[] = {
		{ -EINVAL, "a/b: a guest path must start with /" },
		{ -ENOENT, "/no/such/file: No such file or directory" },
		{ -EINVAL, "/etc: not a regular file" },
		{ -ENOTDIR, "/f: not a directory in the guest" },
		{ -EISDIR, "/usr: a directory in the guest already" },
		{ -EEXIST, "/f: a file in the guest already" },
		{ -ELOOP, "/l/x: too many links" },
		{ -EINVAL, "cwd: may not contain a newline" },
		{ -ENOENT, "/no/such/program: No such file or directory" },
		{ -ENOENT, "/no/such/dir/modules.dep: No such file or directory" },
		{ -EINVAL, "/x/..: is the root, which exists" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct initramfs *in = initramfs_new();
		const char *modules[] = { "ext4" };
		int (*const link)(struct initramfs *, const char *, const char *) = initramfs_add_link;
		uint8_t *archive;
		size_t len;
		int ret = 0;

		initramfs_add_data(in, "/f", 0644, "", 0);
		link(in, "/l", "m");
		link(in, "/m", "l");
		switch (i) {
		case 0:
			ret = initramfs_add_data(in, "a/b", 0644, "", 0);
			break;
		case 1:
			ret = initramfs_add_file(in, "/no/such/file", "/x");
			break;
		case 2:
			ret = initramfs_add_file(in, "/etc", "/x");
			break;
		case 3:
			ret = initramfs_add_data(in, "/f/x", 0644, "", 0);
			break;
		case 4:
			ret = initramfs_add_data(in, "/usr", 0644, "", 0);
			break;
		case 5:
			ret = initramfs_add_dir(in, "/f", 0755);
			break;
		case 6:
			ret = initramfs_add_data(in, "/l/x", 0644, "", 0);
			break;
		case 7:
			ret = initramfs_set_option(in, "cwd", "/a\nb");
			break;
		case 8:
			ret = initramfs_add_binary(in, "/no/such/program", NULL);
			break;
		case 9:
			ret = initramfs_add_modules(in, "/no/such/dir", modules, 1, false);
			break;
		case 10:
			ret = initramfs_add_data(in, "/x/..", 0644, "", 0);
			break;
		}
		assert_int_equal(ret, cases[i].error);
		assert_string_equal(initramfs_why(in), cases[i].why);
		assert_int_equal(initramfs_add_data(in, "/good", 0644, "", 0), cases[i].error);
		assert_int_equal(initramfs_write(in, &archive, &len), cases[i].error);
		assert_null(archive);
		initramfs_free(in);
	}
}

static void configuration_is_what_the_guest_reads(void **state)
{
	static const char *const argv[] = { "sh", "-c", "", NULL };
	struct initramfs *in = initramfs_new();
	const struct entry *e;
	struct contents *c;

	initramfs_set_argv(in, argv);
	initramfs_set_env(in, "A", "1");
	initramfs_set_env(in, "AB", "2");
	initramfs_set_env(in, "A", "3\n");
	initramfs_set_option(in, "cwd", "/a b");
	initramfs_set_option(in, "wait_disks", "2");
	initramfs_add_output(in, "/out/x");
	initramfs_add_output(in, "/out/y");
	initramfs_add_output_dir(in, "/results");
	c = read_back(in);
	e = find(c, "ktstr/argv");
	assert_int_equal(e->len, 7);
	assert_memory_equal(e->data, "sh\0-c\0\0", 7);
	e = find(c, "ktstr/env");
	assert_int_equal(e->len, 10);
	assert_memory_equal(e->data, "A=3\n\0AB=2\0", 10);
	assert_string_equal(find(c, "ktstr/options")->data, "cwd=/a b\nwait_disks=2\n");
	assert_string_equal(find(c, "ktstr/outputs")->data, "/out/x\n/out/y\n");
	assert_string_equal(find(c, "ktstr/output_dirs")->data, "/results\n");
	assert_non_null(find(c, "results"));
	assert_null(find(c, "ktstr/modules"));
	contents_free(c);
	/* Written again, with more. */
	initramfs_add_output(in, "/out/z");
	c = read_back(in);
	assert_string_equal(find(c, "ktstr/outputs")->data, "/out/x\n/out/y\n/out/z\n");
	contents_free(c);
	initramfs_free(in);
}

/* What env runs is brought, whatever stands before it; and what it can't find is told. */
static void scripts_bring_what_env_runs(void **state)
{
	static const char *const lines[] = { "tool",
					     "-S tool -w",
					     "-S A=b tool -w",
					     "-Stool -w",
					     "-iS tool",
					     "-S -i -u HOME A=b tool x",
					     "--split-string=tool -w",
					     "-vS  tool\t-x " };
	char text[128], tool[128], *path = strdup(getenv("PATH"));
	struct contents *c;

	snprintf(tool, sizeof(tool), "%s", host_file("tool", 0755, "#!/bin/sh\n"));
	setenv("PATH", dir, 1);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct initramfs *in = initramfs_new();

		snprintf(text, sizeof(text), "#!/usr/bin/env %s\nmore\n", lines[i]);
		initramfs_add_binary(in, host_file("script", 0755, text), "/script");
		c = read_back(in);
		if (!find(c, tool + 1))
			fail_msg("%s: the tool is not there", lines[i]);
		assert_non_null(find(c, "usr/bin/env"));
		contents_free(c);
		initramfs_free(in);
	}
	for (size_t i = 0; i < 2; i++) {
		struct initramfs *in = initramfs_new();

		snprintf(text, sizeof(text), "#!/usr/bin/env %s\n", i ? "tool -w" : "-S A=b no-such-tool");
		assert_int_equal(initramfs_add_binary(in, host_file("script", 0755, text), "/script"), -ENOENT);
		assert_non_null(strstr(initramfs_why(in), i ? "interpreter tool -w is not found"
							    : "interpreter no-such-tool is not found"));
		initramfs_free(in);
	}
	setenv("PATH", path, 1);
	free(path);
}

/* An interpreter that is nothing without its library comes with it, and with what that needs. */
static void perl_comes_with_its_library(void **state)
{
	struct initramfs *in = initramfs_new();
	bool strict = false, library = false;
	const struct entry *answer;
	struct contents *c;

	if (access("/usr/bin/perl", X_OK)) {
		print_message("no perl here\n");
		skip();
	}
	assert_int_equal(initramfs_add_binary(in, host_file("p", 0755, "#!/usr/bin/env -S perl -w\n"), "/p"), 0);
	assert_string_equal(initramfs_note(in), "");
	c = read_back(in);
	for (size_t i = 0; i < c->n; i++) {
		const char *base = strrchr(c->entries[i].path, '/');

		strict |= base && !strcmp(base, "/strict.pm");
		library |= base && !strcmp(base, "/POSIX.so");
	}
	assert_true(strict);
	assert_true(library);
	/* For the nested host, where nobody need ask again. */
	answer = find(c, "ktstr/libraries/usr/bin/perl");
	assert_non_null(answer);
	assert_non_null(strstr(answer->data, "perl"));
	contents_free(c);
	initramfs_free(in);
}

/* The guest's kernel covers /dev: what is to be there lies elsewhere, and its init makes a link. */
static void below_dev_its_init_makes_links(void **state)
{
	static const char links[] = "/dev/shm/dir\0\0/dev/shm/dir/f\0/ktstr/held/dev/shm/dir/f\0/dev/loop0\0/dev/vda";
	struct initramfs *in = initramfs_new();
	struct contents *c;

	initramfs_add_dir(in, "/dev", 0755);
	initramfs_add_dir(in, "/dev/shm/dir", 0755);
	initramfs_add_data(in, "/dev/shm/dir/f", 0644, "text", 4);
	initramfs_add_link(in, "/dev/loop0", "/dev/vda");
	initramfs_add_chardev(in, "/dev/console", 0600, 5, 1);
	c = read_back(in);
	assert_string_equal(find(c, "ktstr/held/dev/shm/dir/f")->data, "text");
	assert_null(find(c, "dev/shm/dir/f"));
	assert_null(find(c, "dev/loop0"));
	assert_non_null(find(c, "dev/console"));
	assert_int_equal(find(c, "ktstr/links")->len, sizeof(links));
	assert_memory_equal(find(c, "ktstr/links")->data, links, sizeof(links));
	contents_free(c);
	assert_int_equal(initramfs_add_data(in, "/sys/x", 0644, "", 0), -EINVAL);
	assert_non_null(strstr(initramfs_why(in), "/sys/x: /proc and /sys are the guest kernel's own; "));
	initramfs_free(in);
}

static void tree_is_copied_with_its_links(void **state)
{
	struct initramfs *in = initramfs_new();
	struct contents *c;
	char path[160], target[160];

	snprintf(path, sizeof(path), "%s/tree", dir);
	mkdir(path, 0750);
	host_file("tree/file", 0644, "in the tree");
	snprintf(path, sizeof(path), "%s/tree/dangling", dir);
	symlink("nowhere", path);
	snprintf(target, sizeof(target), "%s/tree", dir);
	snprintf(path, sizeof(path), "%s/tree-link", dir);
	symlink(target, path);
	assert_int_equal(initramfs_add_tree(in, path, "/srv/t"), 0);
	c = read_back(in);
	assert_int_equal(find(c, "srv/t")->mode, S_IFDIR | 0750);
	assert_string_equal(find(c, "srv/t/file")->data, "in the tree");
	assert_string_equal(find(c, "srv/t/dangling")->link, "nowhere");
	contents_free(c);
	/* Over the root, links to directories stay what they are; the guest's init can't be replaced. */
	snprintf(path, sizeof(path), "%s/tree/lib", dir);
	mkdir(path, 0755);
	host_file("tree/lib/x", 0644, "a library");
	initramfs_add_data(in, "/init", 0755, "init", 4);
	snprintf(path, sizeof(path), "%s/tree", dir);
	assert_int_equal(initramfs_add_tree(in, path, "/"), 0);
	c = read_back(in);
	assert_string_equal(find(c, "file")->data, "in the tree");
	assert_string_equal(find(c, "usr/lib/x")->data, "a library");
	assert_string_equal(find(c, "lib")->link, "usr/lib");
	contents_free(c);
	host_file("tree/init", 0755, "another");
	assert_int_equal(initramfs_add_tree(in, path, "/"), -EEXIST);
	assert_non_null(strstr(initramfs_why(in), "/init: ktstr needs its own there"));
	initramfs_free(in);
}

static void base_has_a_shell_and_keeps_what_is_there(void **state)
{
	struct initramfs *in = initramfs_new();
	struct contents *c;

	if (system("busybox true 2>/dev/null")) {
		print_message("skipped: no busybox on this host\n");
		initramfs_free(in);
		skip();
	}
	initramfs_add_data(in, "/usr/bin/ls", 0755, "mine", 4);
	initramfs_add_data(in, "/sbin/poweroff", 0755, "mine", 4);
	assert_int_equal(initramfs_base(in, host_file("init", 0755, "init"), true), 0);
	c = read_back(in);
	assert_string_equal(find(c, "init")->data, "init");
	assert_string_equal(find(c, "usr/bin/sh")->link, "busybox");
	assert_string_equal(find(c, "usr/bin/ls")->data, "mine");
	assert_null(find(c, "usr/bin/poweroff"));
	assert_int_equal(find(c, "tmp")->mode, S_IFDIR | 01777);
	assert_int_equal(find(c, "dev/console")->mode, S_IFCHR | 0600);
	assert_non_null(strstr(find(c, "etc/passwd")->data, "root:x:0:0:"));
	contents_free(c);
	initramfs_free(in);
}

/* A second reader, and the one whose archives kernels have always been given. */
static void cpio_unpacks_it(void **state)
{
	struct initramfs *in = initramfs_new();
	struct contents *c;
	char command[512];
	FILE *f;

	if (system("busybox true 2>/dev/null")) {
		print_message("skipped: no busybox on this host\n");
		initramfs_free(in);
		skip();
	}
	initramfs_add_data(in, "/a/b/c", 0640, "text", 4);
	initramfs_add_link(in, "/a/l", "b");
	initramfs_add_data(in, "/odd", 0644, "12345", 5);
	c = read_back(in);
	/* newc: magic "070701", entries padded to 4. */
	assert_memory_equal(c->archive, "070701", 6);
	assert_int_equal(c->len % 4, 0);
	snprintf(command, sizeof(command), "mkdir %s/unpacked && cd %s/unpacked && busybox cpio -id", dir, dir);
	f = popen(command, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(c->archive, 1, c->len, f), c->len);
	assert_int_equal(pclose(f), 0);
	snprintf(command, sizeof(command),
		 "cd %s/unpacked && test \"$(cat a/l/c odd)\" = text12345 && test \"$(stat -c %%a a/b/c)\" = 640 && "
		 "test \"$(readlink bin)\" = usr/bin",
		 dir);
	assert_int_equal(system(command), 0);
	contents_free(c);
	initramfs_free(in);
}

/* What guests share is an archive by itself, with the entries known to the guest's own, which lies over it. */
static void what_guests_share_is_kept(void **state)
{
	static const char *const wanted[] = { "mod" };
	struct initramfs_kept kept = { .busybox = false, .modules = { { wanted, 1, false } } };
	struct initramfs *in = initramfs_new(), *second = initramfs_new(), *third = initramfs_new();
	char modules[256], init[256], config[256], warning[256], command[1024], *archive;
	struct contents *own;
	struct stat st;
	int fd, again;
	FILE *f;

	snprintf(init, sizeof(init), "%s", host_file("kept-init", 0755, "init"));
	snprintf(modules, sizeof(modules), "%s/modules", dir);
	snprintf(command, sizeof(command),
		 "mkdir %s && cd %s && echo one >mod.ko && echo mod.ko: >modules.dep && >modules.builtin", modules,
		 modules);
	assert_int_equal(system(command), 0);
	kept.guest_init = init;
	kept.module_dir = modules;
	snprintf(config, sizeof(config), "%s", host_file("kept-config", 0644, "CONFIG_X=y"));
	kept.config = config;
	kept.config_in_guest = "/boot/config-9.9";
	fd = initramfs_open_kept(in, &kept, warning, sizeof(warning));
	assert_string_equal(initramfs_why(in), "");
	assert_string_equal(warning, "");
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size % 4096, 0);

	/* Its directories, links and modules are there; what is in it is not written again. */
	initramfs_add_data(in, "/bin/own", 0755, "own", 3);
	initramfs_add_data(in, "/etc/passwd", 0600, "mine", 4);
	assert_int_equal(initramfs_add_data(second, "/usr", 0644, "", 0), -EISDIR);
	own = read_back(in);
	assert_string_equal(find(own, "usr/bin/own")->data, "own");
	assert_string_equal(find(own, "ktstr/modules")->data, "/lib/modules/ktstr/mod.ko\n");
	assert_int_equal(own->n, 3);

	/* Behind one another they are one file system. */
	archive = malloc((size_t)st.st_size);
	assert_int_equal(pread(fd, archive, (size_t)st.st_size, 0), st.st_size);
	assert_null(memmem(archive, (size_t)st.st_size, "usr/bin/own", 11));
	snprintf(command, sizeof(command),
		 "mkdir %s/kept && cd %s/kept && busybox cpio -idu 2>/dev/null && test $(cat lib/modules/ktstr/mod.ko) "
		 "= one && "
		 "test $(cat init) = init && test $(cat boot/config-9.9) = CONFIG_X=y",
		 dir, dir);
	f = popen(command, "w");
	assert_int_equal(fwrite(archive, 1, (size_t)st.st_size, f), st.st_size);
	if (system("busybox true 2>/dev/null") == 0)
		assert_int_equal(pclose(f), 0);
	free(archive);

	/* The same again is the same file; with a module that was built anew it is another one. */
	initramfs_free(second);
	second = initramfs_new();
	again = initramfs_open_kept(second, &kept, warning, sizeof(warning));
	assert_int_equal(fstat(again, &st), 0);
	snprintf(command, sizeof(command), "test %llu = $(stat -Lc %%i /proc/%d/fd/%d)", (unsigned long long)st.st_ino,
		 (int)getpid(), fd);
	assert_int_equal(system(command), 0);
	close(again);
	snprintf(command, sizeof(command), "echo two >%s/mod.ko", modules);
	assert_int_equal(system(command), 0);
	again = initramfs_open_kept(third, &kept, warning, sizeof(warning));
	assert_true(again >= 0);
	archive = calloc(1, 65536 + 1);
	assert_true(pread(again, archive, 65536, 0) > 0);
	assert_non_null(memmem(archive, 65536, "two\n", 4));
	free(archive);
	close(again);
	close(fd);

	/* An index that is not the archive's makes both again. */
	snprintf(command, sizeof(command), "for i in \"$KTSTR_CACHE_DIR\"/initramfs/*.index; do echo other >$i; done");
	assert_int_equal(system(command), 0);
	initramfs_free(third);
	third = initramfs_new();
	again = initramfs_open_kept(third, &kept, warning, sizeof(warning));
	assert_true(again >= 0);
	close(again);
	snprintf(command, sizeof(command), "! grep -q other \"$KTSTR_CACHE_DIR\"/initramfs/*.index");
	assert_int_equal(system(command), 0);

	/* What can't be made is told as it is without a cache. */
	initramfs_free(third);
	third = initramfs_new();
	kept.module_dir = "/nowhere";
	assert_int_equal(initramfs_open_kept(third, &kept, warning, sizeof(warning)), -ENOENT);
	assert_non_null(strstr(initramfs_why(third), "/nowhere/modules.dep"));
	contents_free(own);
	initramfs_free(in);
	initramfs_free(second);
	initramfs_free(third);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_as_added),
		cmocka_unit_test(large_files_are_whole),
		cmocka_unit_test(archive_is_the_same_each_time),
		cmocka_unit_test(parents_come_first),
		cmocka_unit_test(later_wins),
		cmocka_unit_test(links_to_directories_are_followed),
		cmocka_unit_test(failures_name_the_thing_and_stick),
		cmocka_unit_test(configuration_is_what_the_guest_reads),
		cmocka_unit_test(scripts_bring_what_env_runs),
		cmocka_unit_test(perl_comes_with_its_library),
		cmocka_unit_test(below_dev_its_init_makes_links),
		cmocka_unit_test(tree_is_copied_with_its_links),
		cmocka_unit_test(base_has_a_shell_and_keeps_what_is_there),
		cmocka_unit_test(cpio_unpacks_it),
		cmocka_unit_test(what_guests_share_is_kept),
	};
	char command[64], cache[64];
	int failed;

	if (!mkdtemp(dir))
		return 1;
	snprintf(cache, sizeof(cache), "%s/cache", dir);
	setenv("KTSTR_CACHE_DIR", cache, 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) ? 1 : failed;
}
