/* SPDX-License-Identifier: GPL-2.0-only */
#include "bpf/scheduler.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SYSFS "/sys/kernel/sched_ext/"
#define UNAVAILABLE 69
#define INTERNAL 70
#define PATIENCE_MS 10000
#define STEP_MS 20

/* Of Linux 6.4's uapi; bookworm's headers are older than that, sched_ext is not. */
#define LINK_FLAG (1u << 13) /* BPF_F_LINK */
#define ATTACH_STRUCT_OPS 44 /* BPF_STRUCT_OPS */

static void say(const struct scheduler *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(const struct scheduler *s, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "ktstr-scx: %s: ", s->object->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	putc('\n', stderr);
}

/* The first line of a file in sysfs; "" if there is none. */
static bool read_line(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, size - 1);

	if (fd >= 0)
		close(fd);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return *line;
}

static uint64_t read_enable_seq(void)
{
	char line[32];

	return read_line(SYSFS "enable_seq", line, sizeof(line)) ? strtoull(line, NULL, 10) : 0;
}

const struct scheduler_object *scheduler_find(const char *name)
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

static int check_kernel(const struct scheduler *s)
{
	char state[32], ops[128];
	struct utsname u;

	if (!read_line(SYSFS "state", state, sizeof(state))) {
		uname(&u);
		say(s, "kernel %s has no sched_ext; boot one that has, such as 7.2", u.release);
		return UNAVAILABLE;
	}
	if (!strcmp(state, "disabled"))
		return 0;
	read_line(SYSFS "root/ops", ops, sizeof(ops));
	say(s, "scheduler %s is there already, %s; end it first", *ops ? ops : "of another name", state);
	return UNAVAILABLE;
}

static int load(struct scheduler *s)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = s->object->name);
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

static int wait_enabled(struct scheduler *s)
{
	char state[32] = "";

	for (int ms = 0; ms < PATIENCE_MS && !s->exited; ms += STEP_MS) {
		if (read_line(SYSFS "state", state, sizeof(state)) && !strcmp(state, "enabled") &&
		    read_line(SYSFS "root/ops", s->ops, sizeof(s->ops))) {
			s->enable_seq = read_enable_seq();
			return 0;
		}
		scheduler_poll(s, STEP_MS);
	}
	if (s->exited)
		say(s, "the kernel ended it while it was attached: %s: %s", s->exit.reason, s->exit.msg);
	else
		say(s, "not enabled after %d s; its state is %s", PATIENCE_MS / 1000, state);
	return INTERNAL;
}

int scheduler_attach(struct scheduler *s, const struct scheduler_object *object)
{
	int rc;

	memset(s, 0, sizeof(*s));
	s->object = object;
	s->link_fd = -1;
	libbpf_set_print(print);
	rc = check_kernel(s);
	if (rc)
		return rc;
	rc = load(s);
	if (rc) {
		say(s, "the kernel refuses to load it: %s", strerror(-rc));
		return INTERNAL;
	}
	rc = attach(s);
	if (rc) {
		scheduler_poll(s, 0);
		say(s, "can't be attached: %s%s%s", strerror(-rc), s->exited ? ": " : "", s->exited ? s->exit.msg : "");
		return rc == -EBUSY ? UNAVAILABLE : INTERNAL;
	}
	return wait_enabled(s);
}

int scheduler_fd(const struct scheduler *s)
{
	return ring_buffer__epoll_fd(s->ring);
}

void scheduler_poll(struct scheduler *s, int timeout_ms)
{
	if (!s->exited)
		ring_buffer__poll(s->ring, timeout_ms);
}

bool scheduler_holds(struct scheduler *s)
{
	char state[32], ops[sizeof(s->ops)];

	scheduler_poll(s, 0);
	return !s->exited && read_line(SYSFS "state", state, sizeof(state)) && !strcmp(state, "enabled") &&
	       read_line(SYSFS "root/ops", ops, sizeof(ops)) && !strcmp(ops, s->ops) &&
	       read_enable_seq() == s->enable_seq;
}

static void unlink_ops(struct scheduler *s)
{
	bpf_link__destroy(s->link);
	if (s->link_fd >= 0)
		close(s->link_fd);
	s->link = NULL;
	s->link_fd = -1;
}

void scheduler_detach(struct scheduler *s)
{
	unlink_ops(s);
	/* The last reference is gone: the kernel has run ops.exit, or does it now. */
	scheduler_poll(s, PATIENCE_MS);
}

void scheduler_free(struct scheduler *s)
{
	unlink_ops(s);
	ring_buffer__free(s->ring);
	bpf_object__close(s->bpf);
	s->ring = NULL;
	s->bpf = NULL;
}
