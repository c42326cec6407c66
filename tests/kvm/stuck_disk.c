/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk that hangs: mounts, by FUSE, a directory with one file of 1 MiB, "disk", whose reads and writes are taken and
 * never answered, and runs a command meanwhile. stuck_disk DIR CMD...; 77 where no FUSE file system can be mounted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_NODE 2
#define FILE_SIZE (1u << 20)

static int fuse;

static void answer(uint64_t unique, int error, const void *data, size_t len)
{
	char buf[sizeof(struct fuse_out_header) + 256];
	struct fuse_out_header h = { .len = (uint32_t)(sizeof(h) + len), .error = -error, .unique = unique };

	memcpy(buf, &h, sizeof(h));
	if (len)
		memcpy(buf + sizeof(h), data, len);
	if (write(fuse, buf, h.len) < 0)
		perror("stuck_disk: answer");
}

static struct fuse_attr attr_of(uint64_t node)
{
	bool file = node == FILE_NODE;

	return (struct fuse_attr){ .ino = node,
				   .mode = file ? S_IFREG | 0666 : S_IFDIR | 0755,
				   .nlink = 1,
				   .size = file ? FILE_SIZE : 0,
				   .blksize = 4096 };
}

static void serve(const struct fuse_in_header *in, const void *arg)
{
	const struct fuse_init_in *init = arg;
	struct fuse_init_out init_out = { .major = FUSE_KERNEL_VERSION,
					  .minor = 31,
					  .flags = FUSE_ASYNC_READ, /* else io_uring itself would wait for an answer */
					  .max_readahead = 4096,
					  .max_background = 64,
					  .max_write = 65536 };
	struct fuse_entry_out entry = { .nodeid = FILE_NODE, .attr = attr_of(FILE_NODE) };
	struct fuse_attr_out attr = { .attr = attr_of(in->nodeid) };
	struct fuse_open_out opened = { .fh = 1 };

	switch (in->opcode) {
	case FUSE_INIT:
		init_out.minor = init->minor < 31 ? init->minor : 31;
		answer(in->unique, 0, &init_out, sizeof(init_out));
		break;
	case FUSE_LOOKUP:
		if (strcmp(arg, "disk"))
			answer(in->unique, ENOENT, NULL, 0);
		else
			answer(in->unique, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		answer(in->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		answer(in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
	case FUSE_WRITE:
	case FUSE_FSYNC:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		answer(in->unique, 0, NULL, 0);
		break;
	default:
		answer(in->unique, ENOSYS, NULL, 0);
		break;
	}
}

int main(int argc, char **argv)
{
	static char buf[256 << 10] __attribute__((aligned(8)));
	char options[128];
	int status = 0;
	pid_t child;

	if (argc < 3)
		return 64;
	fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fuse, getuid(), getgid());
	if (fuse < 0 || mount("stuck_disk", argv[1], "fuse", MS_NOSUID | MS_NODEV, options)) {
		printf("skipped: FUSE: %s\n", strerror(errno));
		return 77;
	}
	child = fork();
	if (!child) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	while (waitpid(child, &status, WNOHANG) != child) {
		struct pollfd p = { .fd = fuse, .events = POLLIN };

		if (poll(&p, 1, 20) > 0 && read(fuse, buf, sizeof(buf)) > 0)
			serve((struct fuse_in_header *)buf, buf + sizeof(struct fuse_in_header));
	}
	umount2(argv[1], MNT_DETACH);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
