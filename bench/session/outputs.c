/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/session/outputs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/atomic.h"
#include "bench/base/path.h"
#include "bench/session/output_dir.h"
#include "reactor/container.h"
#include "virtio/wire.h"

struct output {
	struct outputs *all;
	char *guest;		 /* as the guest names it */
	char host[PATH_MAX];	 /* where it goes */
	struct atomic_file file; /* fd -1: not being written */
	struct sink sink;	 /* while @file is open */
	bool whole;		 /* all of it came */
	bool done, failed;
};

static void fail(struct outputs *o, struct output *f, int error)
{
	f->failed = true;
	if (o->error)
		return;
	o->error = error;
	snprintf(o->why, sizeof(o->why), "%.200s: %s", f->host,
		 error == -ENXIO ? "nobody reads this fifo; start its reader first" : strerror(-error));
}

int outputs_add_dir(struct outputs *o, const char *host, const char *guest)
{
	struct output_dir *grown = realloc(o->dirs, (o->n_dirs + 1) * sizeof(*grown));
	int ret;

	if (!grown)
		return -ENOMEM;
	o->dirs = grown;
	ret = output_dir_open(&grown[o->n_dirs], host, guest, o->why, sizeof(o->why));
	o->n_dirs += !ret;
	return ret;
}

static int add_file(struct outputs *o, const char *path)
{
	struct output *f = &o->files[o->n];
	char guest[PATH_MAX];
	int ret = path_absolute(path, guest);

	if (!ret && snprintf(f->host, sizeof(f->host), "%s", path) >= PATH_MAX)
		ret = -ENAMETOOLONG;
	if (!ret && !(f->guest = strdup(guest)))
		ret = -ENOMEM;
	f->all = o;
	f->file.fd = -1;
	o->n += !ret;
	return ret;
}

int outputs_init(struct outputs *o, const char *const *paths)
{
	size_t n = 0;
	int ret = 0;

	*o = (struct outputs){ 0 };
	while (paths && paths[n])
		n++;
	if (!n)
		return 0;
	o->files = calloc(n, sizeof(*o->files));
	if (!o->files)
		return -ENOMEM;
	for (; *paths && !ret; paths++)
		ret = path_is_dir(*paths) ? outputs_add_dir(o, *paths, *paths) : add_file(o, *paths);
	if (ret)
		outputs_free(o);
	return ret;
}

/* All of it came, and is written. */
static int output_finish(struct output *f)
{
	int ret;

	sink_close(&f->sink);
	ret = atomic_commit(&f->file);
	f->done = !ret;
	return ret;
}

static void output_drained(struct sink *s)
{
	struct output *f = container_of(s, struct output, sink);
	struct outputs *o = f->all;
	int ret = s->error;

	if (!ret && f->whole)
		ret = output_finish(f);
	if (ret)
		fail(o, f, ret);
	if (o->drained)
		o->drained(o->ctx);
}

static int output_open(struct output *f)
{
	/* A fifo that nobody reads would block all that this thread does. */
	int ret = f->file.fd < 0 ? atomic_open(&f->file, f->host, false) : 0;

	/* Called whenever nothing waits any more. */
	return ret || f->sink.r ? ret : sink_open(f->all->r, &f->sink, f->file.fd, 0, output_drained);
}

static int output_write(struct output *f, const uint8_t *data, size_t len)
{
	int ret = output_open(f);

	return ret || !len ? ret : sink_put(&f->sink, data, len);
}

static int output_whole(struct output *f)
{
	/* An empty file comes with no chunk. */
	int ret = output_open(f);

	f->whole = true;
	return ret || !sink_idle(&f->sink) ? ret : output_finish(f);
}

static struct output *find(struct outputs *o, const char *guest, size_t len)
{
	for (size_t i = 0; i < o->n; i++)
		if (strlen(o->files[i].guest) == len && !memcmp(o->files[i].guest, guest, len))
			return &o->files[i];
	return NULL;
}

/* Of a file that is none of ours by its name. */
static void dir_frame(struct outputs *o, uint32_t type, const char *path, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < o->n_dirs; i++) {
		struct output_dir *d = &o->dirs[i];
		const char *name = output_dir_name(d, path);
		char why[sizeof(o->why)];
		int ret;

		if (!name)
			continue;
		if (type == WIRE_FOUT)
			ret = output_dir_chunk(d, name, data, len, why, sizeof(why));
		else if (type == WIRE_FEND)
			ret = output_dir_end(d, name, why, sizeof(why));
		else
			ret = output_dir_gone(d, name, (const char *)data, len, why, sizeof(why));
		/* The first failure is the one that is reported; later files may be written all the same. */
		if (ret && !o->error) {
			o->error = ret == -ENODATA ? -EIO : ret;
			memcpy(o->why, why, sizeof(o->why));
		}
		return;
	}
}

void outputs_frame(struct outputs *o, uint32_t type, const uint8_t *payload, size_t len)
{
	const uint8_t *end = len ? memchr(payload, '\0', len) : NULL;
	size_t name = end ? (size_t)(end - payload) : len;
	struct output *f = end ? find(o, (const char *)payload, name) : NULL;
	int ret;

	if (end && !f)
		dir_frame(o, type, (const char *)payload, end + 1, len - name - 1);
	/* The guest may not choose what is written here. */
	if (!f || f->failed || f->whole || type == WIRE_FDEL)
		return;
	if (type == WIRE_FEND)
		ret = output_whole(f);
	else
		ret = output_write(f, end + 1, len - name - 1);
	if (ret)
		fail(o, f, ret);
}

int outputs_error(const struct outputs *o)
{
	return o->error;
}

bool outputs_full(const struct outputs *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->files[i].sink.r && sink_waiting(&o->files[i].sink) > OUTPUTS_HIGH)
			return true;
	return false;
}

bool outputs_idle(const struct outputs *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->files[i].sink.r && !sink_idle(&o->files[i].sink))
			return false;
	return true;
}

static bool is_regular(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

static void missing(struct outputs *o, struct output *f)
{
	bool removed = is_regular(f->host) && !unlink(f->host);

	fail(o, f, -ENODATA);
	if (o->error == -ENODATA)
		snprintf(o->why, sizeof(o->why), "%.160s: the command did not write it%s", f->host,
			 removed ? "; the file from before this run is removed" : "");
}

void outputs_end(struct outputs *o, bool ended)
{
	for (size_t i = 0; i < o->n; i++)
		sink_shut(&o->files[i].sink);
	for (size_t i = 0; i < o->n; i++) {
		struct output *f = &o->files[i];

		sink_close(&f->sink);
		atomic_abort(&f->file);
		if (ended && !f->done && !f->failed)
			missing(o, f);
	}
}

const char *outputs_stale(const struct outputs *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (!o->files[i].done && is_regular(o->files[i].host))
			return o->files[i].host;
	return NULL;
}

void outputs_free(struct outputs *o)
{
	outputs_end(o, false);
	for (size_t i = 0; i < o->n; i++)
		free(o->files[i].guest);
	free(o->files);
	o->files = NULL;
	o->n = 0;
	for (size_t i = 0; i < o->n_dirs; i++)
		output_dir_close(&o->dirs[i]);
	free(o->dirs);
	o->dirs = NULL;
	o->n_dirs = 0;
}

void outputs_attach(struct outputs *o, struct reactor *r, void (*drained)(void *ctx), void *ctx)
{
	o->r = r;
	o->drained = drained;
	o->ctx = ctx;
}
