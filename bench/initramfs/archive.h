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
 * initramfs_why() says in one line what failed on what. The first failure
 * sticks: later calls return it again, so that a caller may add all it wants
 * and look at initramfs_write() alone.
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
/* What did not come and the user may want to bring, in a line; or "". */
const char *initramfs_note(const struct initramfs *in);

/*
 * What each guest needs: /init from the host's file @guest_init, standard
 * directories, /dev/console, /etc/passwd and group; with @busybox also the
 * host's static busybox and a link for each applet. Applet links never replace
 * what is there already.
 */
int initramfs_base(struct initramfs *in, const char *guest_init, bool busybox);

/*
 * What guests have in common, made once and kept in the cache: the base, modules as of initramfs_add_modules(), and the
 * kernel's configuration.
 * @in, which is new, is laid over it: its entries are known, and initramfs_write() leaves them out. Gives a descriptor
 * of that archive, whole pages long, which the guest's kernel is to get before @in's. A file that it was made from and
 * that is another one now is noticed. @warning: empty, or why nothing is kept.
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

/* @mode: permission bits only. Missing parents are made, 0755. */
int initramfs_add_dir(struct initramfs *in, const char *guest, unsigned mode);
int initramfs_add_link(struct initramfs *in, const char *guest, const char *target);
int initramfs_add_chardev(struct initramfs *in, const char *guest, unsigned mode, unsigned major, unsigned minor);
/* @data is copied. */
int initramfs_add_data(struct initramfs *in, const char *guest, unsigned mode, const void *data, size_t len);
/* A regular host file with its mode, links followed; it is read by
 * initramfs_write(). @guest NULL: the absolute form of @host. */
int initramfs_add_file(struct initramfs *in, const char *host, const char *guest);
/* A host directory with all below it; links stay links. */
int initramfs_add_tree(struct initramfs *in, const char *host, const char *guest);
/* A program and all it needs to be executed: its ELF interpreter and shared
 * libraries, or the interpreter that its #! line names, with the same. perl,
 * python and ruby come with the directories that they say they search, as far
 * as these are not large. What is no program (data) is added as a plain file. */
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
 * All modules of @module_dir, as they are, and the lists that depmod made of them, to /lib/modules/@release: what
 * modprobe looks for. None is loaded.
 */
int initramfs_add_all_modules(struct initramfs *in, const char *module_dir, const char *release);

/* What guest-init does: see guest-init/config.h for the files behind these. */
int initramfs_set_argv(struct initramfs *in, const char *const *argv); /* NULL-terminated */
int initramfs_set_env(struct initramfs *in, const char *name, const char *value);
/* The same with NAME=VALUE in one. */
int initramfs_put_env(struct initramfs *in, const char *item);
/* cwd=PATH, console_shell=1, ack_exit=1 (wait for WIRE_EACK before power-off), wait_disks=N */
int initramfs_set_option(struct initramfs *in, const char *key, const char *value);
/* A guest file to be brought back when the command has ended (WIRE_FOUT). */
int initramfs_add_output(struct initramfs *in, const char *guest);

/* The archive, in a buffer to free(). May be called again. */
int initramfs_write(struct initramfs *in, uint8_t **archive, size_t *len);

#endif
