/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io-randread, io-randwrite, io-fsync: requests of 4 KiB at random aligned offsets of a file or block device, with
 * O_DIRECT. With one in flight a sample is the call as a whole: submission, device, interrupt, and the wake-up of the
 * thread; for io-fsync the write and its fdatasync(). More in flight, or a timetable: disk_ring.c. io-tmpfs: the same
 * calls on a file in memory, where there is no device.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/workloads/disk.h"

enum { THREADS, DEPTH, RATE };
enum { TMPFS_THREADS, TMPFS_SIZE, TMPFS_WRITE };

#define EXIT_UNAVAILABLE 69

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
	uint8_t *buf = aligned_alloc(DISK_BLOCK, DISK_BLOCK);

	if (!buf) {
		run_fail(h->run, ENOMEM);
		return;
	}
	memset(buf, (int)h->index, DISK_BLOCK);
	while (!hand_stops(h)) {
		off_t offset = disk_offset(h, d);
		uint64_t start = now_ns();
		ssize_t n = d->write ? pwrite(d->fd, buf, DISK_BLOCK, offset) : pread(d->fd, buf, DISK_BLOCK, offset);

		if (n != (ssize_t)DISK_BLOCK || (d->sync && fdatasync(d->fd))) {
			run_fail(h->run, n >= 0 && n != (ssize_t)DISK_BLOCK ? EIO : errno);
			break;
		}
		hand_sample(h, now_ns() - start);
		hand_turn(h);
	}
	free(buf);
}

static int disk_run(struct run *run, bool write, bool sync)
{
	const char *file = run->asked->file, *name = run->asked->kind->name;
	struct disk d = { .fd = open(file, (write ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC),
			  .write = write,
			  .sync = sync,
			  .depth = (unsigned)run->asked->value[DEPTH],
			  .interval_ns = run->asked->value[RATE] ? 1000000000u / run->asked->value[RATE] : 0 };
	struct crew crew = { .n = (unsigned)run->asked->value[THREADS],
			     .work = d.depth > 1 || d.interval_ns ? disk_work_ring : work,
			     .ctx = &d };
	int code = EXIT_UNAVAILABLE;

	if (d.fd < 0) {
		fprintf(stderr, "ktstr-workload: %s: %s: %s; give the guest a disk%s\n", name, file, strerror(errno),
			write ? " that it may write" : "");
		return code;
	}
	d.blocks = size_of(d.fd) / DISK_BLOCK;
	if (d.blocks)
		code = crew_run(run, &crew);
	else
		fprintf(stderr,
			"ktstr-workload: %s: %s: smaller than a block of 4096 bytes; give the guest a larger disk\n",
			name, file);
	close(d.fd);
	return code;
}

static int tmpfs_run(struct run *run)
{
	const uint64_t *value = run->asked->value;
	struct disk d = { .fd = memfd_create("ktstr-io", MFD_CLOEXEC),
			  .blocks = value[TMPFS_SIZE] / DISK_BLOCK,
			  .write = value[TMPFS_WRITE] };
	struct crew crew = { .n = (unsigned)value[TMPFS_THREADS], .work = work, .ctx = &d };
	static const uint8_t block[DISK_BLOCK] = { 1 };
	uint64_t filled = 0;
	int code = EXIT_UNAVAILABLE;

	/* All of it is there before it is measured. */
	while (d.fd >= 0 && filled < d.blocks && write(d.fd, block, sizeof(block)) == (ssize_t)sizeof(block))
		filled++;
	if (filled == d.blocks)
		code = crew_run(run, &crew);
	else
		fprintf(stderr, "ktstr-workload: io-tmpfs: %s; ask for less\n", strerror(errno));
	if (d.fd >= 0)
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
const struct workload io_tmpfs_workload = { "io-tmpfs", tmpfs_run };
