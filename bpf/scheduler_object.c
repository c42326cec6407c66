/* SPDX-License-Identifier: GPL-2.0-only */
/* A scheduler that is a BPF object, built in or in a file: loaded and attached by libbpf. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf/scheduler_kind.h"

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

/* --- in a file ------------------------------------------------------------ */

#define OBJECT_MAX (256u << 20)

static bool is_bpf_elf(int fd)
{
	Elf64_Ehdr h;

	return pread(fd, &h, sizeof(h), 0) == sizeof(h) && !memcmp(h.e_ident, ELFMAG, SELFMAG) &&
	       h.e_ident[EI_CLASS] == ELFCLASS64 && h.e_machine == EM_BPF;
}

static int read_whole(int fd, size_t size, unsigned char *elf)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, elf + done, size - done, (off_t)done);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

int object_from_file(struct scheduler *s, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = -ENOEXEC;
	unsigned char *elf = NULL;
	struct stat st;

	/* A missing file is reported when it is started as a program. */
	if (fd < 0 || !is_bpf_elf(fd) || fstat(fd, &st))
		goto out;
	elf = st.st_size <= (off_t)OBJECT_MAX ? malloc((size_t)st.st_size) : NULL;
	rc = elf ? read_whole(fd, (size_t)st.st_size, elf) : -ENOMEM;
	if (rc) {
		scheduler_say(s, "%s: %s", path, strerror(-rc));
		free(elf);
		rc = SCHEDULER_UNAVAILABLE;
		goto out;
	}
	if (s->words[1]) {
		scheduler_say(s, "%s is a BPF object, which takes no arguments", path);
		free(elf);
		rc = SCHEDULER_UNAVAILABLE;
		goto out;
	}
	s->file = (struct scheduler_object){ .name = s->name, .elf = elf, .size = (size_t)st.st_size };
	s->object = &s->file;
out:
	if (fd >= 0)
		close(fd);
	return rc;
}

/* --- its load ------------------------------------------------------------- */

static struct scheduler_log *printed; /* libbpf's callback has no context */

static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN)
		log_vprintf(printed, fmt, ap);
	return 0;
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

static int load_object(struct scheduler *s)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = s->name);
	struct bpf_map *ops;
	int rc;

	s->bpf = bpf_object__open_mem(s->object->elf, s->object->size, &opts);
	if (!s->bpf)
		return -errno;
	ops = find_ops(s->bpf);
	if (!ops)
		return -ENOENT;
	/* With a link the scheduler is detached when this process ends, however that happens. */
	rc = bpf_map__set_map_flags(ops, LINK_FLAG);
	if (!rc)
		rc = bpf_object__load(s->bpf);
	if (rc)
		return rc;
	/* Built-in objects leave a record; for others there is only the kernel's log. */
	if (s->file.elf)
		return 0;
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

/* libbpf before 1.2.2 only fills the map and creates no link: then we create it. */
static int attach_object(struct scheduler *s)
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

static void poll_records(struct scheduler *s, int timeout_ms)
{
	if (s->exited)
		timeout_ms = 0;
	if (s->ring)
		ring_buffer__poll(s->ring, timeout_ms);
	else if (timeout_ms > 0)
		usleep((useconds_t)timeout_ms * 1000);
}

static int records_fd(const struct scheduler *s)
{
	return s->ring ? ring_buffer__epoll_fd(s->ring) : -1;
}

static void explain_early_end(struct scheduler *s)
{
	scheduler_say(s, "ended before it was enabled: %s%s%s", s->exit.reason, *s->exit.msg ? ": " : "", s->exit.msg);
}

static int start_object(struct scheduler *s)
{
	int rc;

	printed = &s->log;
	libbpf_set_print(print_libbpf);
	rc = load_object(s);
	if (rc == -ENOENT && s->file.elf && s->bpf && !find_ops(s->bpf)) {
		scheduler_say(s, "has no struct_ops map, so it is no scheduler");
		return SCHEDULER_UNAVAILABLE;
	}
	if (rc) {
		scheduler_say(s, "the kernel refused to load it: %s%s", strerror(-rc),
			      s->log.refused ? " (the verifier's log is in the scheduler's output)" : "");
		return SCHEDULER_FAILED;
	}
	rc = attach_object(s);
	if (!rc)
		return 0;
	poll_records(s, 0);
	scheduler_say(s, "can't be attached: %s%s%s", strerror(-rc), s->exited ? ": " : "",
		      s->exited ? s->exit.msg : "");
	return rc == -EBUSY ? SCHEDULER_UNAVAILABLE : SCHEDULER_FAILED;
}

static void unlink_ops(struct scheduler *s)
{
	bpf_link__destroy(s->link);
	if (s->link_fd >= 0)
		close(s->link_fd);
	s->link = NULL;
	s->link_fd = -1;
}

static void stop_object(struct scheduler *s)
{
	unlink_ops(s);
	/* The last reference is gone: the kernel has run ops.exit, or does it now. */
	if (s->ring && !s->exited)
		poll_records(s, RECORD_MS);
}

static void free_object(struct scheduler *s)
{
	unlink_ops(s);
	ring_buffer__free(s->ring);
	bpf_object__close(s->bpf);
	free((void *)s->file.elf);
	s->file.elf = NULL;
	s->ring = NULL;
	s->bpf = NULL;
}

const struct scheduler_kind scheduler_kind_object = {
	.start = start_object,
	.poll = poll_records,
	.fd = records_fd,
	.explain_early_end = explain_early_end,
	.stop = stop_object,
	.free = free_object,
};
