/* SPDX-License-Identifier: GPL-2.0-only */
/* A scheduler of ours: its BPF object in this program, and what libbpf does with it. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf/scheduler.h"

#define RECORD_MS 10000 /* for ops.exit, once nothing holds the scheduler */

/* Of Linux 6.4's uapi; bookworm's headers are older than that, sched_ext is not. */
#define LINK_FLAG (1u << 13) /* BPF_F_LINK */
#define ATTACH_STRUCT_OPS 44 /* BPF_STRUCT_OPS */

const struct scheduler_object *object_find(const char *name)
{
	for (const struct scheduler_object *o = scheduler_objects; o->name; o++)
		if (!strcmp(o->name, name))
			return o;
	return NULL;
}

static int print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, ap) : 0;
}

static int on_exit_record(void *ctx, void *data, size_t size)
{
	struct scheduler *s = ctx;

	if (size < sizeof(s->exit) || s->exited)
		return 0;
	memcpy(&s->exit, data, sizeof(s->exit));
	s->exited = true;
	return 0;
}

static struct bpf_map *find_ops(struct bpf_object *obj)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj) if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS) return map;
	return NULL;
}

static int load(struct scheduler *s)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = s->name);
	struct bpf_map *ops;
	int rc;

	s->bpf = bpf_object__open_mem(s->object->elf, s->object->size, &opts);
	if (!s->bpf)
		return -errno;
	ops = find_ops(s->bpf);
	if (!ops)
		return -EINVAL;
	/* With a link the scheduler ends with this process, however that ends. */
	rc = bpf_map__set_map_flags(ops, LINK_FLAG);
	if (!rc)
		rc = bpf_object__load(s->bpf);
	if (rc)
		return rc;
	s->ring = ring_buffer__new(bpf_object__find_map_fd_by_name(s->bpf, SCX_EXIT_RING), on_exit_record, s, NULL);
	return s->ring ? 0 : -errno;
}

static int create_link(int map_fd)
{
	union bpf_attr attr = { 0 };

	attr.link_create.prog_fd = (unsigned)map_fd; /* map_fd, in later headers */
	attr.link_create.attach_type = ATTACH_STRUCT_OPS;
	return (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
}

/* libbpf before 1.2.2 fills the map and knows of no link: then we make it. */
static int attach(struct scheduler *s)
{
	struct bpf_map *ops = find_ops(s->bpf);
	int rc;

	s->link = bpf_map__attach_struct_ops(ops);
	if (!s->link)
		return -errno;
	if (bpf_link__fd(s->link) != bpf_map__fd(ops))
		return 0;
	s->link_fd = create_link(bpf_map__fd(ops));
	rc = s->link_fd < 0 ? -errno : 0;
	bpf_link__disconnect(s->link);
	bpf_link__destroy(s->link);
	s->link = NULL;
	return rc;
}

int object_start(struct scheduler *s)
{
	int rc;

	libbpf_set_print(print);
	rc = load(s);
	if (rc) {
		scheduler_say(s, "the kernel refuses to load it: %s", strerror(-rc));
		return SCHEDULER_INTERNAL;
	}
	rc = attach(s);
	if (!rc)
		return 0;
	object_poll(s, 0);
	scheduler_say(s, "can't be attached: %s%s%s", strerror(-rc), s->exited ? ": " : "",
		      s->exited ? s->exit.msg : "");
	return rc == -EBUSY ? SCHEDULER_UNAVAILABLE : SCHEDULER_INTERNAL;
}

void object_poll(struct scheduler *s, int timeout_ms)
{
	ring_buffer__poll(s->ring, timeout_ms);
}

static void unlink_ops(struct scheduler *s)
{
	bpf_link__destroy(s->link);
	if (s->link_fd >= 0)
		close(s->link_fd);
	s->link = NULL;
	s->link_fd = -1;
}

void object_stop(struct scheduler *s)
{
	unlink_ops(s);
	/* The last reference is gone: the kernel has run ops.exit, or does it now. */
	if (s->ring && !s->exited)
		object_poll(s, RECORD_MS);
}

void object_free(struct scheduler *s)
{
	unlink_ops(s);
	ring_buffer__free(s->ring);
	bpf_object__close(s->bpf);
	s->ring = NULL;
	s->bpf = NULL;
}
