/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io-randread, io-randwrite, io-fsync: each thread has one request of 4 KiB in flight, at a random aligned offset of a
 * file or block device, with O_DIRECT. A sample is the call as a whole: submission, device, interrupt, and the wake-up
 * of the thread; for io-fsync the write and its fdatasync().
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/workloads/crew.h"

enum { THREADS };

#define BLOCK 4096u
#define EXIT_UNAVAILABLE 69

struct disk {
	int fd;
	uint64_t blocks;
	bool write, sync;
};

static uint64_t size_of(int fd)
{
	uint64_t bytes = 0;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return 0;
	if (!S_ISBLK(st.st_mode))
		return (uint64_t)st.st_size;
	return ioctl(fd, BLKGETSIZE64, &bytes) < 0 ? 0 : bytes;
}

static void work(struct hand *h)
{
	const struct disk *d = h->ctx;
	uint8_t *buf = aligned_alloc(BLOCK, BLOCK);

	if (!buf) {
		run_fail(h->run, ENOMEM);
		return;
	}
	memset(buf, (int)h->index, BLOCK);
	while (!hand_stops(h)) {
		off_t offset = (off_t)(hand_random(h) % d->blocks * BLOCK);
		uint64_t start = now_ns();
		ssize_t n = d->write ? pwrite(d->fd, buf, BLOCK, offset) : pread(d->fd, buf, BLOCK, offset);

		if (n != BLOCK || (d->sync && fdatasync(d->fd))) {
			run_fail(h->run, n >= 0 && n != BLOCK ? EIO : errno);
			break;
		}
		hand_sample(h, now_ns() - start);
	}
	free(buf);
}

static int disk_run(struct run *run, bool write, bool sync)
{
	const char *file = run->asked->file, *name = run->asked->kind->name;
	struct disk d = { .fd = open(file, (write ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC),
			  .write = write,
			  .sync = sync };
	struct crew crew = { .n = (unsigned)run->asked->value[THREADS], .work = work, .ctx = &d };
	int code = EXIT_UNAVAILABLE;

	if (d.fd < 0) {
		fprintf(stderr, "ktstr-workload: %s: %s: %s; give the guest a disk%s\n", name, file, strerror(errno),
			write ? " that it may write" : "");
		return code;
	}
	d.blocks = size_of(d.fd) / BLOCK;
	if (d.blocks)
		code = crew_run(run, &crew);
	else
		fprintf(stderr,
			"ktstr-workload: %s: %s: smaller than a block of 4096 bytes; give the guest a larger disk\n",
			name, file);
	close(d.fd);
	return code;
}

static int randread_run(struct run *run)
{
	return disk_run(run, false, false);
}

static int randwrite_run(struct run *run)
{
	return disk_run(run, true, false);
}

static int fsync_run(struct run *run)
{
	return disk_run(run, true, true);
}

const struct workload io_randread_workload = { "io-randread", randread_run };
const struct workload io_randwrite_workload = { "io-randwrite", randwrite_run };
const struct workload io_fsync_workload = { "io-fsync", fsync_run };
