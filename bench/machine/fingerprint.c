/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/machine/fingerprint.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/json.h"
#include "bench/cache/sha256.h"
#include "bench/cache/store.h"
#include "bench/kernel/build_id.h"
#include "bench/kernel/image.h"
#include "bench/machine/commit.h"
#include "bench/machine/scheduler.h"
#include "bench/machine/shape.h"
#include "bpf/words.h"

static void put_digest(json_t *object, const char *key, const char *path)
{
	int fd = *path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char hex[SHA256_HEX];

	json_put_text(object, key, fd >= 0 && !sha256_file(fd, hex) ? hex : NULL);
	if (fd >= 0)
		close(fd);
}

static json_t *kernel_json(const struct machine_resolved *r, const char *cmdline, int elf)
{
	json_t *kernel = json_object();
	char release[NAME_MAX + 1], id[BUILD_ID_HEX], hex[SHA256_HEX];
	int fd = store_digest(r->image, hex);

	json_put_text(kernel, "release", kernel_image_release(r->image, release) ? release : NULL);
	json_put_text(kernel, "build_id", kernel_build_id(elf, r->image, id) ? id : NULL);
	/* Kept in the cache: kernels are large. */
	json_put_text(kernel, "image_sha256", fd >= 0 ? hex : NULL);
	put_digest(kernel, "config_sha256", r->config);
	json_put_text(kernel, "cmdline", cmdline);
	return kernel;
}

static json_t *scheduler_json(const struct machine_spec *o)
{
	json_t *scheduler = json_object(), *argv = json_array();
	char **words, host[PATH_MAX];

	if (!o->scheduler) {
		json_decref(argv);
		json_decref(scheduler);
		return json_null();
	}
	put_digest(scheduler, "sha256", machine_scheduler_program(o, host) ? host : "");
	words = words_split(o->scheduler);
	for (unsigned i = 0; words && words[i]; i++)
		json_array_append_new(argv, json_string(words[i]));
	if (!words)
		json_array_append_new(argv, json_string(o->scheduler));
	free(words);
	json_object_set_new(scheduler, "argv", argv);
	json_object_set_new(scheduler, "ops", json_null());
	return scheduler;
}

json_t *machine_fingerprint(const struct machine_resolved *r, const char *cmdline, const struct machine_archive *a,
			    int elf)
{
	json_t *all = json_object(), *tool = json_object(), *initramfs = json_object();
	json_t *shape = machine_shape_facts(r, NULL);
	char hex[SHA256_HEX];

	json_put_text(tool, "version", KTSTR_VERSION);
	json_put_text(tool, "commit", *KTSTR_COMMIT ? KTSTR_COMMIT : NULL);
	json_put_text(initramfs, "sha256", a->kept_fd > 0 && !sha256_file(a->kept_fd, hex) ? hex : NULL);
	json_object_set_new(all, "kernel", kernel_json(r, cmdline, elf));
	json_object_set_new(all, "scheduler", scheduler_json(r->spec));
	json_object_set_new(all, "tool", tool);
	json_object_set_new(all, "initramfs", initramfs);
	json_object_set(all, "topology", json_object_get(shape, "shape"));
	json_decref(shape);
	return all;
}
