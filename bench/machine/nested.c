/* SPDX-License-Identifier: GPL-2.0-only */
/* The same machine in the nested host: its spec, all that it needs of this machine, and what it writes. */

#include "bench/machine/nested.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/json.h"
#include "bench/base/program.h"
#include "bench/base/say.h"
#include "bench/host/facts.h"
#include "bench/initramfs/depmod.h"
#include "bench/kernel/elf.h"
#include "bench/kernel/find.h"
#include "bench/kernel/image.h"
#include "bench/machine/archive.h"
#include "bench/machine/programs.h"
#include "bench/machine/resolve.h"
#include "bench/machine/state.h"
#include "bench/nested/run.h"
#include "bench/spec/document.h"

#define GRACE_NS 120000000000ull /* for the nested host's own boot and work, beside the guest's time */
#define MIB (1u << 20)
#define FILES_MAX 8192 /* all modules of a build tree */
#define WORDS_MAX 32
#define SPEC_IN_NESTED "/ktstr/spec.json"
#define EVENTS_IN_NESTED "/dev/fd/3" /* what guest-init gives as KTSTR_METRIC_FD */

struct plan {
	struct nested_plan plan;
	struct nested_file binaries[MACHINE_FILES_MAX + MACHINE_PROGRAMS_MAX], files[FILES_MAX],
		trees[MACHINE_FILES_MAX + 3];
	struct nested_disk disks[MACHINE_DISKS_MAX];
	const char *kernels[2], *outputs[MACHINE_LIST_MAX + 8], *env[3], *argv[WORDS_MAX];
	char *path, *term; /* variables */
	char *spec;
	char self[PATH_MAX];
	struct kernel_elf_files elf;
	char init[PATH_MAX], modules[PATH_MAX];
	struct machine_programs programs;
	unsigned n_outputs;
};

/* The files of --file lie in the nested host where they lie here. */
static void plan_files(struct plan *p, const struct machine_resolved *r)
{
	const struct machine_spec *o = r->spec;
	struct stat st;

	for (unsigned i = 0; i < o->n_files; i++) {
		if (!stat(o->file[i].host, &st) && S_ISDIR(st.st_mode))
			p->trees[p->plan.n_trees++].host = o->file[i].host;
		else
			p->binaries[p->plan.n_binaries++].host = o->file[i].host;
	}
	if (*r->cwd)
		p->trees[p->plan.n_trees++].host = r->cwd;
	if (o->initrd)
		p->files[p->plan.n_files++].host = o->initrd;
	p->plan.files = p->files;
	p->plan.trees = p->trees;
	p->plan.binaries = p->binaries;
}

/* What this machine has unpacked already takes the nested one seconds. */
static void plan_kernel_elf(struct plan *p, const struct machine_resolved *r)
{
	if (kernel_elf_files(r->image, &p->elf))
		return;
	for (unsigned i = 0; i < sizeof(p->elf.path) / sizeof(*p->elf.path); i++)
		if (*p->elf.path[i])
			p->files[p->plan.n_files++].host = p->elf.path[i];
}

static int add_module(void *ctx, const char *module, const char *file)
{
	struct plan *p = ctx;
	char *copy = strdup(file); /* to the end of the process */

	if (!copy)
		return -ENOMEM;
	if (p->plan.n_files >= sizeof(p->files) / sizeof(*p->files))
		return -E2BIG;
	p->files[p->plan.n_files++].host = copy;
	return 0;
}

/*
 * A build tree has its modules where they were built, thousands of them: those that the guest gets come along, and stay
 * where they are.
 */
static int plan_tree_modules(struct plan *p, const struct machine_resolved *r)
{
	struct initramfs_kept kept;
	char release[NAME_MAX + 1], why[512];
	struct modules *m;
	int rc = modules_open(&m, r->module_dir, why, sizeof(why));

	if (rc) {
		say_error("%s", why);
		return EXIT_UNAVAILABLE;
	}
	machine_kept(&kept, r, p->init);
	for (size_t g = 0; g < sizeof(kept.modules) / sizeof(*kept.modules); g++)
		for (size_t i = 0; i < kept.modules[g].n && (!rc || rc == -ENOENT); i++)
			rc = modules_resolve(m, kept.modules[g].names[i], add_module, p);
	if (r->spec->guest.all_modules && (!rc || rc == -ENOENT))
		rc = modules_each(m, add_module, p);
	modules_close(m);
	if (rc && rc != -ENOENT) {
		say_error("%s: its modules can't be copied to the nested host: %s", r->spec->kernel, strerror(-rc));
		return EXIT_UNAVAILABLE;
	}
	if (!kernel_image_release(r->image, release))
		return 0;
	snprintf(p->modules, sizeof(p->modules), "/lib/modules/%s", release);
	p->trees[p->plan.n_trees++] = (struct nested_file){ .host = r->module_dir, .guest = p->modules };
	return 0;
}

static int pass_over(void *ctx, const char *module, const char *file)
{
	return 0;
}

/* Those of --module are there: else the nested host would boot for nothing. */
static int check_modules(const struct machine_resolved *r)
{
	char why[512];
	struct modules *m;
	int rc = r->spec->modules.n ? modules_open(&m, r->module_dir, why, sizeof(why)) : 0;

	if (rc)
		say_error("%s", why);
	if (rc || !r->spec->modules.n)
		return rc ? EXIT_UNAVAILABLE : 0;
	for (unsigned i = 0; i < r->spec->modules.n && !rc; i++) {
		rc = modules_resolve(m, r->spec->modules.word[i], pass_over, NULL);
		if (rc)
			say_error("--module %s: no module %s in %s", r->spec->modules.word[i], r->spec->modules.word[i],
				  r->module_dir);
	}
	modules_close(m);
	return rc ? EXIT_UNAVAILABLE : 0;
}

static int plan_kernel(struct plan *p, const struct machine_resolved *r)
{
	struct stat st;

	plan_kernel_elf(p, r);
	if (*r->kernel_name) {
		p->kernels[0] = r->kernel_name;
		p->plan.kernels = p->kernels;
		return 0;
	}
	/* The spec names its image: "host" is another one there, and a tree would have to be whole. */
	p->files[p->plan.n_files++].host = r->image;
	if (*r->config_in_guest)
		p->files[p->plan.n_files++].host = r->config;
	if (!*r->module_dir)
		return 0;
	if (!stat(r->spec->kernel, &st) && S_ISDIR(st.st_mode))
		return plan_tree_modules(p, r);
	/* Where the system has them: what lies beside the kernel here may be reached by a link. */
	snprintf(p->modules, sizeof(p->modules), "/lib/modules/%s", strrchr(r->module_dir, '/') + 1);
	p->trees[p->plan.n_trees++] = (struct nested_file){ .host = r->module_dir, .guest = p->modules };
	return 0;
}

static void plan_disks(struct plan *p, const struct machine_resolved *r)
{
	uint64_t in_memory = 0;

	for (unsigned i = 0; i < r->spec->n_disks; i++) {
		const struct disk *d = &r->spec->disk[i];

		if (*d->path)
			p->disks[p->plan.n_disks++] = (struct nested_disk){ .path = d->path, .ro = d->read_only };
		else
			in_memory += d->size;
	}
	p->plan.disks = p->disks;
	p->plan.memory_mib = NESTED_OWN_MIB + (r->memory + in_memory) / MIB;
}

static void plan_outputs(struct plan *p, const struct machine_spec *o, const char *const *outputs)
{
	for (unsigned i = 0; i < o->outputs.n; i++)
		p->outputs[p->n_outputs++] = o->outputs.word[i];
	if (o->scheduler_log)
		p->outputs[p->n_outputs++] = o->scheduler_log;
	if (o->stats)
		p->outputs[p->n_outputs++] = o->stats;
	for (unsigned i = 0; outputs && outputs[i] && i < 4; i++)
		p->outputs[p->n_outputs++] = outputs[i];
	p->plan.outputs = p->outputs;
}

/* Programs of this build may have shared libraries; from the nested host's copies the guest gets its own. */
static int plan_programs(struct plan *p, const struct machine_spec *o, const struct machine_job *job)
{
	int rc = machine_programs_find(&p->programs, o, job);

	for (unsigned i = 0; i < p->programs.n && !rc; i++) {
		const struct machine_program *item = &p->programs.item[i];

		if (item->as_is)
			p->files[p->plan.n_files++].host = item->host;
		else
			p->binaries[p->plan.n_binaries++].host = item->host;
	}
	return rc;
}

static int plan_make(struct plan *p, const struct machine_resolved *r, const struct machine_job *job,
		     const char *const *outputs)
{
	const struct machine_spec *o = r->spec;

	if (*o->nic.tap) {
		say_error("--net tap=%s: the nested host does not have this machine's interfaces; use --host direct",
			  o->nic.tap);
		return EXIT_UNAVAILABLE;
	}
	if (host_companion("guest-init", "../guest-init/guest-init", p->init))
		return EXIT_UNAVAILABLE;
	p->plan.self = true;
	/* A terminal here is one there. */
	p->plan.tty = job->shell && isatty(STDIN_FILENO);
	p->plan.guest_init = p->init;
	p->plan.cpus = r->cpus > 2 ? r->cpus : 2;
	if ((long)p->plan.cpus > sysconf(_SC_NPROCESSORS_ONLN))
		p->plan.cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	/* One more for the reactor, or the mode could not be had there. */
	if (r->host_cpus.mode == MODE_PERFORMANCE && p->plan.cpus <= r->cpus)
		p->plan.cpus = r->cpus + 1;
	if (o->timeout_ns)
		p->plan.timeout_ns = o->timeout_ns + GRACE_NS;
	plan_files(p, r);
	if (machine_kernel_check(r) || check_modules(r) || plan_kernel(p, r))
		return EXIT_UNAVAILABLE;
	plan_disks(p, r);
	plan_outputs(p, o, outputs);
	return plan_programs(p, o, job);
}

static void set_text(char **text, const char *value, int *rc)
{
	free(*text);
	*text = strdup(value);
	if (!*text)
		*rc = -ENOMEM;
}

/* What the nested host's ktstr is asked for: the same, with what is this machine's own replaced. To free(). */
static char *inner_spec(const struct machine_resolved *r)
{
	struct machine_spec *spec = calloc(1, sizeof(*spec));
	int rc = spec ? machine_spec_copy(spec, r->spec) : -ENOMEM;
	json_t *json = NULL;
	char *text = NULL;

	if (!rc) {
		spec->host = HOST_DIRECT;
		if (!*r->kernel_name)
			set_text(&spec->kernel, r->image, &rc);
		/* No file that comes back in the end, but lines that come as they are written. */
		if (spec->conversation.events)
			set_text(&spec->conversation.events, EVENTS_IN_NESTED, &rc);
	}
	if (!rc)
		json = spec_json(spec);
	if (json)
		text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (spec)
		machine_spec_free(spec);
	free(spec);
	return text;
}

/* ktstr VERB --spec FILE WORDS... */
static int plan_command(struct plan *p, const struct machine_resolved *r, const char *verb, const char *const *words)
{
	char *spec = inner_spec(r);
	unsigned n = 0;

	if (!spec || program_self(p->self)) {
		say_error(spec ? "this program's own path is not known; see whether /proc is mounted"
			       : "out of memory");
		free(spec);
		return EXIT_INTERNAL;
	}
	p->spec = spec;
	p->plan.data = (struct nested_data){ .guest = SPEC_IN_NESTED, .bytes = spec, .len = strlen(spec) };
	p->argv[n++] = p->self;
	p->argv[n++] = verb;
	p->argv[n++] = "--spec";
	p->argv[n++] = SPEC_IN_NESTED;
	for (; words && *words && n + 1 < WORDS_MAX; words++)
		p->argv[n++] = *words;
	p->plan.argv = p->argv;
	return 0;
}

/* A program of this machine's PATH is found there by the same PATH. */
static int plan_environment(struct plan *p, const struct machine_job *job)
{
	const char *path = getenv("PATH"), *term = job->shell ? getenv("TERM") : NULL;

	if (asprintf(&p->path, "PATH=%s:/usr/sbin:/usr/bin:/sbin:/bin", path ? path : "") < 0)
		p->path = NULL;
	if (term && asprintf(&p->term, "TERM=%s", term) < 0)
		p->term = NULL;
	if (!p->path || (term && !p->term)) {
		say_error("out of memory");
		return EXIT_INTERNAL;
	}
	p->env[0] = p->path;
	p->env[1] = p->term;
	p->plan.env = p->env;
	return 0;
}

static void plan_free(struct plan *p)
{
	free(p->path);
	free(p->term);
	free(p->spec);
	free(p);
}

/* --- the same as a list, for who starts a nested host for several machines ---- */

static json_t *files_json(const struct nested_file *files, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{ss ss?}", "host", files[i].host, "guest", files[i].guest));
	return list;
}

static json_t *needs_json(const struct plan *p, const struct machine_resolved *r)
{
	json_t *disks = json_array(), *needs;

	for (size_t i = 0; i < p->plan.n_disks; i++)
		json_array_append_new(disks, json_pack("{ss sb}", "path", p->disks[i].path, "ro", p->disks[i].ro));
	needs = json_pack("{so so so so sI si}", "binaries", files_json(p->binaries, p->plan.n_binaries), "files",
			  files_json(p->files, p->plan.n_files), "trees", files_json(p->trees, p->plan.n_trees),
			  "disks", disks, "memory_mib", (json_int_t)p->plan.memory_mib, "cpus", (int)p->plan.cpus);
	/* One of the cache is there by its name; of another the image is, and is to be named. */
	json_put_text(needs, "kernel", *r->kernel_name ? r->kernel_name : NULL);
	json_put_text(needs, "image", *r->kernel_name ? NULL : r->image);
	json_put_text(needs, "guest_init", p->init);
	return needs;
}

json_t *machine_nested_needs(const struct machine_resolved *r, const struct machine_job *job)
{
	struct plan *p = calloc(1, sizeof(*p));
	json_t *needs = p && !plan_make(p, r, job, NULL) ? needs_json(p, r) : NULL;

	if (p)
		plan_free(p);
	return needs;
}

static bool is_file(const char *path, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	return path && !stat(path, st) && S_ISREG(st->st_mode);
}

/* The file of --stats, which came back, gets what was measured on this side: how long handlers kept the rest waiting.
 */
static int add_relay(const char *path, const struct reactor_counters *c)
{
	json_t *facts = json_load_file(path, 0, NULL), *reactor = json_object();
	int rc;

	json_put_count(reactor, "wakes", c->wakes);
	json_put_count(reactor, "cqes", c->cqes);
	json_put_count(reactor, "handlers_ns", c->handlers_ns);
	json_object_set_new(reactor, "held_ns", machine_held_facts(c));
	/* What is no object is none of ours. */
	rc = json_object_set_new(facts, "relay", json_pack("{so}", "reactor", reactor));
	rc = rc ? 0 : json_put_file(path, facts, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	if (rc)
		say_error("--stats %s: can't be written: %s", path, strerror(-rc));
	json_decref(facts);
	return rc ? EXIT_FAILED : 0;
}

int machine_run_nested(const struct machine_resolved *r, const struct machine_job *job, const char *verb,
		       const char *const *words, const char *const *outputs)
{
	struct plan *p = calloc(1, sizeof(*p));
	struct reactor_counters counters = { 0 };
	const char *stats = r->spec->stats;
	struct stat before, after;
	char why[1024];
	int rc;

	if (!p) {
		say_error("out of memory");
		return EXIT_INTERNAL;
	}
	is_file(stats, &before);
	p->plan.counters = &counters;
	rc = plan_make(p, r, job, outputs);
	if (!rc)
		rc = plan_environment(p, job);
	if (!rc)
		rc = plan_command(p, r, verb, words);
	if (rc) {
		plan_free(p);
		return rc;
	}
	p->plan.lines = r->spec->conversation.events;
	rc = nested_run(&p->plan, why, sizeof(why));
	if (rc < 0) {
		say_error("%s", why);
		rc = nested_exit_code(rc);
	} else if (is_file(stats, &after) && after.st_ino != before.st_ino) {
		int failed = add_relay(stats, &counters);

		rc = rc ? rc : failed;
	}
	plan_free(p);
	return rc;
}
