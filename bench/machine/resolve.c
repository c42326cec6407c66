/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/machine/resolve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/path.h"
#include "bench/base/say.h"
#include "bench/host/options.h"
#include "bench/initramfs/command.h"
#include "bench/kernel/config.h"
#include "bench/kernel/find.h"
#include "bench/kernel/image.h"
#include "bench/machine/guest_options.h"
#include "bench/machine/scheduler.h"
#include "bench/machine/shape.h"
#include "bench/spec/file.h"

static int find_kernel(struct machine_resolved *r)
{
	char release[NAME_MAX + 1];
	struct kernel_found k;
	int rc = kernel_find(r->spec->kernel, &k);

	if (rc)
		return rc;
	memcpy(r->image, k.image, sizeof(r->image));
	memcpy(r->module_dir, k.module_dir, sizeof(r->module_dir));
	memcpy(r->kernel_name, k.name, sizeof(r->kernel_name));
	/* Where libbpf looks for the values of a program's __kconfig externs. */
	if (kernel_config_file(r->image, r->config) && kernel_image_release(r->image, release))
		snprintf(r->config_in_guest, sizeof(r->config_in_guest), "/boot/config-%s", release);
	return 0;
}

int machine_kernel_check(const struct machine_resolved *r)
{
	const char *missing;
	char why[256];

	if (kernel_image_check(r->image, why, sizeof(why))) {
		say_error("kernel %s: %s", r->image, why);
		return EXIT_UNAVAILABLE;
	}
	/* Without its console a guest is silent for a minute, and then ends. An --initrd may have modules of its own.
	 */
	if (*r->module_dir || r->spec->initrd || kernel_image_drivers(r->image, r->config, &missing) != -ENOENT)
		return 0;
	say_error("kernel %s: %s is not built in, and its modules are not found; put them beside it as "
		  "lib/modules/RELEASE, or name a kernel that ktstr kernel list shows",
		  r->image, missing);
	return EXIT_UNAVAILABLE;
}

static int check_readable(const char *what, const char *path, bool directory)
{
	struct stat st;

	if (access(path, R_OK) || stat(path, &st)) {
		say_error("%s %s: %s; name a file that can be read", what, path, strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	if (!S_ISREG(st.st_mode) && !(directory && S_ISDIR(st.st_mode))) {
		say_error("%s %s: not a regular file%s; name one", what, path, directory ? " or a directory" : "");
		return EXIT_UNAVAILABLE;
	}
	return 0;
}

static int check_files(const struct machine_spec *o)
{
	int rc = 0;

	for (unsigned i = 0; i < o->n_files && !rc; i++)
		rc = check_readable("--file", o->file[i].host, true);
	return rc;
}

/*
 * What a guest needs beside the memory that its kernel starts in, which is its again then: 7.2 ran a shell with 4 MiB
 * more, and had 3 MiB left. A kernel that has less ends before it has a console.
 */
#define GUEST_OWN_MIB 4

static int check_memory(const struct machine_resolved *r)
{
	uint64_t end = kernel_image_end(r->image), copied = machine_copied_bytes(r) >> 20;
	uint64_t need = (end >> 20) + GUEST_OWN_MIB + 2 * copied;

	if (!end || r->memory >> 20 >= need)
		return 0;
	say_error("--memory %" PRIu64 "M: too little for %s, which needs %" PRIu64 " MiB to start and %" PRIu64
		  " to run "
		  "with what is copied into it; use --memory %" PRIu64 "M or more",
		  r->memory >> 20, r->image, end >> 20, GUEST_OWN_MIB + 2 * copied, need);
	return EXIT_USAGE;
}

static int check_disk(const struct disk *d)
{
	char why[PATH_MAX + 512];
	unsigned tail;

	if (disk_check(d, &tail, why, sizeof(why))) {
		say_error("--disk %s", why);
		return EXIT_UNAVAILABLE;
	}
	if (tail)
		say_error("--disk %s: the guest does not see its last %u bytes, which are not a whole sector of 512",
			  d->path, tail);
	return 0;
}

static int check_modules(const struct machine_resolved *r)
{
	const struct machine_spec *o = r->spec;

	if (*r->module_dir || !(o->modules.n || o->guest.all_modules))
		return 0;
	say_error("%s %s: no modules found for kernel %s; put lib/modules/RELEASE beside it",
		  o->modules.n ? "--module" : "--modules", o->modules.n ? o->modules.word[0] : "all", r->image);
	return EXIT_UNAVAILABLE;
}

/* Files that are written in the end. */
static int check_outputs(const struct machine_spec *o)
{
	int rc = o->stats ? file_result_check("--stats", o->stats) : 0;

	if (!rc && o->conversation.events)
		rc = file_output_check("--events", o->conversation.events);
	for (unsigned i = 0; i < o->outputs.n && !rc; i++)
		rc = path_is_dir(o->outputs.word[i]) ? file_result_dir_check("--output", o->outputs.word[i])
						     : file_result_check("--output", o->outputs.word[i]);
	return rc;
}

static int check_scheduler(struct machine_resolved *r)
{
	const struct machine_spec *o = r->spec;

	if (o->scheduler)
		return machine_scheduler_check(r);
	if (!o->scheduler_log)
		return 0;
	say_error("--scheduler-log %s: needs a --scheduler to log", o->scheduler_log);
	return EXIT_USAGE;
}

int machine_resolve(const struct machine_spec *o, struct machine_resolved *r)
{
	int rc;

	memset(r, 0, sizeof(*r));
	r->spec = o;
	rc = guest_options_check(&o->guest, r->cwd);
	if (!rc)
		rc = machine_shape_check(r);
	if (!rc)
		rc = host_options_resolve(&o->host_cpus, &r->host_cpus);
	if (!rc)
		rc = find_kernel(r);
	if (!rc)
		rc = check_memory(r);
	if (!rc && o->initrd)
		rc = check_readable("--initrd", o->initrd, false);
	for (unsigned i = 0; i < o->n_disks && !rc; i++)
		rc = check_disk(&o->disk[i]);
	if (!rc && o->append && strlen(o->append) > MACHINE_APPEND_MAX) {
		say_error("--append: longer than a kernel takes; use at most %d bytes", MACHINE_APPEND_MAX);
		rc = EXIT_USAGE;
	}
	if (!rc)
		rc = check_modules(r);
	if (!rc)
		rc = check_scheduler(r);
	if (!rc)
		rc = check_outputs(o);
	return rc ? rc : check_files(o);
}

static int check_shell(const struct machine_spec *o)
{
	if (o->conversation.n_wakes) {
		say_error("--wake: in a shell these bytes would be keys; use ktstr run");
		return EXIT_USAGE;
	}
	if (!o->scheduler || o->command.n)
		return 0;
	say_error("--scheduler: requires a command; pass it after --, such as sh");
	return EXIT_USAGE;
}

int machine_command_check(const struct machine_spec *o)
{
	const char *program = o->command.n ? o->command.word[0] : NULL;
	char path[PATH_MAX];

	if (o->shell)
		return check_shell(o);
	if (!program && !o->initrd) {
		say_error("no command; put one after --, or boot an image with --initrd");
		return EXIT_USAGE;
	}
	if (!program && (o->n_files || o->modules.n || o->outputs.n || o->scheduler || o->guest.env.n || o->guest.cwd ||
			 o->guest.all_modules)) {
		say_error("--file, --module, --modules, --output, --env, --cwd and --scheduler require a command; pass "
			  "it after --");
		return EXIT_USAGE;
	}
	if (!program || o->n_files || o->initrd)
		return 0;
	if (!*program) {
		say_error("the command is empty; name a program");
		return EXIT_USAGE;
	}
	if (command_find(program, path) != COMMAND_UNKNOWN)
		return 0;
	say_error("%s: neither an applet of busybox nor a program of this machine; copy it with --file", program);
	return EXIT_NOT_FOUND;
}
