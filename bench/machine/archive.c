/* SPDX-License-Identifier: GPL-2.0-only */
/* What goes into a guest: its first file system and its kernel's command line. */

#include "bench/machine/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/path.h"
#include "bench/base/say.h"
#include "bench/host/cpus.h"
#include "bench/host/facts.h"
#include "bench/host/placement.h"
#include "bench/initramfs/archive.h"
#include "bench/initramfs/command.h"
#include "bench/kernel/find.h"
#include "bench/kernel/image.h"
#include "bench/machine/programs.h"
#include "bench/machine/scheduler.h"
#include "bench/machine/shape.h"
#include "bench/session/session.h"
#include "bench/spec/file.h"

/*
 * No module is needed by name where the kernel has it built in, and a kernel
 * that lacks it says so itself: the guest's init names the port or disk that
 * does not appear.
 */
static const char *const modules_always[] = { "virtio_mmio", "virtio_console" };
static const char *const modules_disk[] = { "virtio_blk", "ext4" };
static const char *const modules_net[] = { "virtio_net", "af_packet" };

void machine_kept(struct initramfs_kept *k, const struct machine_resolved *r, const char *init)
{
	const struct machine_spec *o = r->spec;

	*k = (struct initramfs_kept){
		.guest_init = init,
		.busybox = !o->initrd,
		.module_dir = *r->module_dir ? r->module_dir : NULL,
		.config = *r->config_in_guest ? r->config : NULL,
		.config_in_guest = r->config_in_guest,
		.modules = { { modules_always, 2, true },
			     { modules_disk, o->n_disks ? 2 : 0, true },
			     { modules_net, o->nic.wanted ? 2 : 0, true },
			     { o->modules.word, o->modules.n, false } },
	};
}

/* What depends on the options but not on the command is the same for the next guest too. */
static void open_kept(struct machine_archive *a, struct initramfs *in, const struct machine_resolved *r,
		      const char *init)
{
	struct initramfs_kept kept;
	char warning[512];
	int fd;

	machine_kept(&kept, r, init);
	fd = initramfs_open_kept(in, &kept, warning, sizeof(warning));
	if (fd < 0)
		return;
	a->kept_fd = fd;
	if (*warning)
		say_error("%s", warning);
}

/* NAME=VALUE of --env, over what ktstr sets itself. */
static void add_env(struct initramfs *in, const struct guest_options *o)
{
	for (unsigned i = 0; i < o->env.n; i++)
		initramfs_put_env(in, o->env.word[i]);
}

static void add_all_modules(struct initramfs *in, const struct machine_resolved *r)
{
	char release[NAME_MAX + 1];

	if (!kernel_image_release(r->image, release))
		snprintf(release, sizeof(release), "%s", strrchr(r->module_dir, '/') + 1);
	initramfs_add_all_modules(in, r->module_dir, release);
}

static void add_cwd(struct initramfs *in, const char *cwd)
{
	initramfs_add_tree(in, cwd, cwd);
	initramfs_set_option(in, "cwd", cwd);
}

static void add_files(struct initramfs *in, const struct machine_spec *o)
{
	char at[PATH_MAX];
	struct stat st;

	for (unsigned i = 0; i < o->n_files; i++) {
		const struct file_pair *f = &o->file[i];

		if (path_absolute(f->guest ? f->guest : f->host, at))
			continue;
		if (!stat(f->host, &st) && S_ISDIR(st.st_mode))
			initramfs_add_tree(in, f->host, at);
		else
			initramfs_add_binary(in, f->host, at);
	}
	for (unsigned i = 0; i < o->outputs.n; i++) {
		if (path_absolute(o->outputs.word[i], at))
			continue;
		if (path_is_dir(o->outputs.word[i])) {
			initramfs_add_output_dir(in, at);
			continue;
		}
		initramfs_add_output(in, at);
		/* The command can write it as it could here: its directory is there. */
		*strrchr(at, '/') = '\0';
		if (*at)
			initramfs_add_dir(in, at, 0755);
	}
}

static int add_programs(struct initramfs *in, const struct machine_spec *o, const struct machine_job *job)
{
	struct machine_programs *p = calloc(1, sizeof(*p));
	int rc;

	if (!p) {
		say_error("out of memory");
		return EXIT_INTERNAL;
	}
	rc = machine_programs_find(p, o, job);
	for (unsigned i = 0; i < p->n && !rc; i++) {
		const struct machine_program *item = &p->item[i];

		if (item->as_is)
			initramfs_add_file(in, item->host, item->guest);
		else
			initramfs_add_binary(in, item->host, item->guest);
	}
	free(p);
	return rc;
}

static int add_command(struct initramfs *in, const struct machine_spec *o, const struct machine_job *job)
{
	char program[PATH_MAX], guest[PATH_MAX], number[16];
	const char **words;
	size_t n = 0;
	int rc = 0;

	while (job->argv[n])
		n++;
	words = calloc(n + 1, sizeof(*words));
	if (!words) {
		say_error("out of memory");
		return EXIT_INTERNAL;
	}
	memcpy(words, job->argv, n * sizeof(*words));
	/* The guest's PATH and working directory are not ours. */
	if (command_find(words[0], program) == COMMAND_HOST && !path_absolute(program, guest))
		words[0] = guest;
	if (o->scheduler)
		rc = machine_scheduler_argv(in, o, words);
	else
		initramfs_set_argv(in, words);
	free(words);
	snprintf(number, sizeof(number), "%u", o->n_disks);
	initramfs_set_option(in, "wait_disks", number);
	return rc;
}

/*
 * On a terminal of the guest's own, whose bytes are the command's input and output. Not on hvc0: Linux's hvc driver
 * hands over 16 bytes at a time, and spins with interrupts off until the host took them.
 */
static void add_shell(struct initramfs *in, const struct machine_job *job)
{
	static const char *const login[] = { "sh", "-l", NULL };
	const char *term = getenv("TERM");

	if (!job->argv)
		initramfs_set_argv(in, login);
	initramfs_set_option(in, "tty", "1");
	if (term && *term)
		initramfs_set_env(in, "TERM", term);
}

int machine_archive_make(struct machine_archive *a, const struct machine_resolved *r, const struct machine_job *job)
{
	const struct machine_spec *o = r->spec;
	struct initramfs *in;
	char init[PATH_MAX];
	int rc = 0;

	memset(a, 0, sizeof(*a));
	if (host_companion("guest-init", "../guest-init/guest-init", init))
		return EXIT_UNAVAILABLE;
	in = initramfs_new();
	if (!in) {
		say_error("out of memory");
		return EXIT_INTERNAL;
	}
	open_kept(a, in, r, init);
	if (*r->cwd)
		add_cwd(in, r->cwd);
	if (o->guest.all_modules)
		add_all_modules(in, r);
	add_files(in, o);
	rc = add_programs(in, o, job);
	if (!rc && job->argv)
		rc = add_command(in, o, job);
	if (job->shell)
		add_shell(in, job);
	add_env(in, &o->guest);
	if (!job->other_vmm) {
		initramfs_set_option(in, "conversation", "1");
		if (session_one_output(job->stdio.out, job->stdio.err))
			initramfs_set_option(in, "one_output", "1");
		machine_shape_expect(in, r);
	}
	if (o->stats || o->conversation.events)
		initramfs_set_option(in, "dmesg", "1");
	/* All that it said is here, and its disks are written, before it powers off. */
	if (o->n_disks || !job->other_vmm)
		initramfs_set_option(in, "ack_exit", "1");
	if (*initramfs_note(in) && !host_is_nested())
		say_error("%s", initramfs_note(in));
	if (!rc && initramfs_write(in, &a->own, &a->own_size)) {
		say_error("guest's files: %s", initramfs_why(in));
		rc = EXIT_UNAVAILABLE;
	}
	initramfs_free(in);
	return rc;
}

static int append_file(FILE *f, int fd)
{
	static const char zero[4];
	char buf[65536];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, buf, sizeof(buf), at)) > 0) {
		if (fwrite(buf, 1, (size_t)n, f) != (size_t)n)
			return -errno;
		at += n;
	}
	/* An archive starts at a multiple of 4. */
	if (!n && at % 4 && !fwrite(zero, (size_t)(4 - at % 4), 1, f))
		n = -1;
	return n < 0 ? -errno : 0;
}

int machine_archive_write(const struct machine_archive *a, const struct machine_spec *o, FILE *f)
{
	int fd = o->initrd ? open(o->initrd, O_RDONLY | O_CLOEXEC) : -1, rc = 0;

	if (o->initrd)
		rc = fd < 0 ? -errno : append_file(f, fd);
	if (fd >= 0)
		close(fd);
	if (!rc && a->kept_fd)
		rc = append_file(f, a->kept_fd);
	if (!rc && (fwrite(a->own, 1, a->own_size, f) != a->own_size || fflush(f)))
		rc = -errno;
	return rc;
}

void machine_archive_free(struct machine_archive *a)
{
	if (a->kept_fd)
		close(a->kept_fd);
	free(a->own);
	memset(a, 0, sizeof(*a));
}

/* More vCPUs than CPUs that they may run on. */
static bool is_crowded(const struct machine_resolved *r)
{
	struct bits cpus;
	unsigned n;

	if (affinity_get(&cpus))
		return false;
	n = bits_count(&cpus);
	return (r->host_cpus.mode == MODE_SHARED ? placement_shared_cpus(r->host_cpus.cap, n) : n) < r->cpus;
}

char *machine_guest_cmdline(const struct machine_resolved *r, const struct machine_job *job)
{
	const char *append = r->spec->append ? r->spec->append : "";
	/*
	 * The log stays in the guest (a byte on COM1 costs an exit), but a panic is shown in full: the kernel raises
	 * the level itself. There is no PCI: looking for it is 3000 exits of 37 000. The kernel need not test its
	 * ciphers: it is a quarter of a start. Mitigations stay: a scheduler's figures are about a stock kernel.
	 */
	static const char common[] = "console=ttyS0 panic=-1 reboot=k no_timer_check random.trust_cpu=on "
				     "i8042.noaux i8042.nomux i8042.dumbkbd pci=off cryptomgr.notests";
	/*
	 * Linux (6.5 and later) starts all CPUs at once, and each spins until the first one has time for it; where they
	 * share the host's CPUs it is the spinning that takes the time. 32 CPUs on 2: 16 s, one after the other 3 s.
	 */
	static const char one_by_one[] = " cpuhp.parallel=0";
	/*
	 * Without it a panic before there is a console is silent, and stands still, for panic= is read later. It comes
	 * after any loglevel=, which decides what of the log so far is printed then.
	 */
	static const char early_words[] = " earlyprintk=serial";
	/* What follows "--" is init's. */
	bool early = !strstr(append, "earlyprintk="), early_first = early && strstr(append, "--");
	char *line = NULL;
	int n = asprintf(&line, "%s%s%s%s%s%s%s", common, is_crowded(r) ? one_by_one : "",
			 job->argv || job->shell ? " loglevel=1 rdinit=/init" : "", early_first ? early_words : "",
			 *append ? " " : "", append, early && !early_first ? early_words : "");

	return n < 0 ? NULL : line;
}
