/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's first file system, built in memory as a cpio "newc" archive.
 *
 * Entries keep the order in which they were added, parents come first, and
 * nothing of the host's clock or users gets in: the same input gives the same
 * bytes. Guest paths are absolute. A path added twice: the later wins; links
 * to directories that the archive holds (/lib -> usr/lib) are followed, so
 * /lib/x and /usr/lib/x are one entry.
 *
 * Every function that returns int gives 0 or a negative errno, and then
 * initramfs_why() says in one line what failed and why. The first failure is
 * kept and returned by all later calls, so that a caller may add everything and
 * check only initramfs_write().
 */
#ifndef KTSTR_BENCH_INITRAMFS_ARCHIVE_H
#define KTSTR_BENCH_INITRAMFS_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct initramfs;

/* NULL: out of memory. */
struct initramfs *initramfs_new(void);
void initramfs_free(struct initramfs *in);
/* The reason of the first failure, or "". Lives as long as @in. */
const char *initramfs_why(const struct initramfs *in);
/* One line about files that were left out and may be needed, or "". */
const char *initramfs_note(const struct initramfs *in);

/*
 * Adds what every guest needs: /init from the host's file @guest_init, standard
 * directories, /dev/console, /etc/passwd and group; with @busybox also the
 * host's static busybox and a link for each applet. Applet links never replace
 * existing entries.
 */
int initramfs_base(struct initramfs *in, const char *guest_init, bool busybox);

/*
 * The archive that guests share: the base, modules as by initramfs_add_modules(), and the kernel's configuration. It is
 * made once and kept in the cache until one of its source files changes. @in must be new; it gets the entries of the
 * shared archive, which initramfs_write() leaves out. Returns a descriptor of the shared archive, a whole number of
 * pages, which the guest's kernel must get before the archive of @in. @warning: empty, or why nothing was kept.
 */
struct initramfs_kept {
	const char *guest_init;
	bool busybox;
	const char *module_dir; /* NULL: no modules */
	const char *config;	/* the host's file, NULL: none */
	const char *config_in_guest;
	struct {
		const char *const *names;
		size_t n;
		bool optional;
	} modules[4];
};
int initramfs_open_kept(struct initramfs *in, const struct initramfs_kept *kept, char *warning, size_t warning_size);

/* @mode: permission bits only. Missing parents are created with mode 0755. */
int initramfs_add_dir(struct initramfs *in, const char *guest, unsigned mode);
int initramfs_add_link(struct initramfs *in, const char *guest, const char *target);
int initramfs_add_chardev(struct initramfs *in, const char *guest, unsigned mode, unsigned major, unsigned minor);
/* @data is copied. */
int initramfs_add_data(struct initramfs *in, const char *guest, unsigned mode, const void *data, size_t len);
/* A regular file of the host with its mode, links followed. initramfs_write() reads it. @guest NULL: the absolute form
 * of
 * @host. */
int initramfs_add_file(struct initramfs *in, const char *host, const char *guest);
/* A directory of the host with everything below it; links stay links. */
int initramfs_add_tree(struct initramfs *in, const char *host, const char *guest);
/* A program and all files it needs to run: its ELF interpreter and shared
 * libraries, or the interpreter of its #! line with those. perl, python and ruby
 * bring the directories that they search, unless these are large. Other files are
 * added as they are. */
int initramfs_add_binary(struct initramfs *in, const char *host, const char *guest);

/*
 * Kernel modules by name ('-' and '_' alike) with all they depend on, taken
 * from @module_dir (".../lib/modules/RELEASE"), decompressed to
 * /lib/modules/ktstr/NAME.ko and listed in load order in /ktstr/modules. What
 * the kernel has built in is skipped; an unknown module is -ENOENT, or skipped
 * too when @optional. May be called again: lists are joined.
 */
int initramfs_add_modules(struct initramfs *in, const char *module_dir, const char *const *names, size_t n,
			  bool optional);

/*
 * Adds all modules of @module_dir and the files of depmod to /lib/modules/@release, where modprobe finds them. None is
 * loaded at boot.
 */
int initramfs_add_all_modules(struct initramfs *in, const char *module_dir, const char *release);

/* The configuration of guest-init; guest-init/config.h describes its files. */
int initramfs_set_argv(struct initramfs *in, const char *const *argv); /* NULL-terminated */
int initramfs_set_env(struct initramfs *in, const char *name, const char *value);
/* The same with NAME=VALUE in one. */
int initramfs_put_env(struct initramfs *in, const char *item);
/* cwd=PATH, console_shell=1, ack_exit=1 (wait for WIRE_EACK before power-off), wait_disks=N */
int initramfs_set_option(struct initramfs *in, const char *key, const char *value);
/* A guest file to be copied back when the command has ended (WIRE_FOUT). */
int initramfs_add_output(struct initramfs *in, const char *guest);
/* A guest directory, made if it is not there, whose finished files are copied back while the command runs. */
int initramfs_add_output_dir(struct initramfs *in, const char *guest);

/* Builds the archive in a buffer to free(). May be called again. */
int initramfs_write(struct initramfs *in, uint8_t **archive, size_t *len);

#endif
