/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io-randread: each thread reads 4 KiB at a random, aligned offset with
 * O_DIRECT, one read in flight, and measures pread() as a whole: submission,
 * device, interrupt, and the wake-up of the reader.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/workloads/workload.h"

#define BLOCK 4096u
#define STACK_SIZE (64 << 10)
#define EXIT_UNAVAILABLE 69

struct reader {
	struct run *run;
	int fd;
	uint64_t blocks;
	uint64_t random;
	struct hist *latency;
	void *buf;
	pthread_t thread;
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

static void *reader_main(void *arg)
{
	struct reader *r = arg;
	struct run *run = r->run;

	while (run->phase != PHASE_STOP && !run->error) {
		bool measured = run->phase == PHASE_MEASURE;
		off_t offset = (off_t)(random_next(&r->random) % r->blocks * BLOCK);
		uint64_t start = now_ns();
		ssize_t n = pread(r->fd, r->buf, BLOCK, offset);
		uint64_t end = now_ns();

		if (n != BLOCK) {
			run_fail(run, n < 0 ? errno : EIO);
			break;
		}
		if (!measured)
			continue;
		hist_record(r->latency, end - start);
		atomic_fetch_add_explicit(&run->samples, 1, memory_order_relaxed);
	}
	return NULL;
}

static int reader_start(struct reader *r, struct run *run, unsigned i, int fd, uint64_t blocks,
			const pthread_attr_t *attr)
{
	r->run = run;
	r->fd = fd;
	r->blocks = blocks;
	/* Spread, for neighbouring seeds of xorshift begin alike. */
	r->random = (run->options->seed + i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
	r->latency = calloc(1, sizeof(*r->latency));
	r->buf = aligned_alloc(BLOCK, BLOCK);
	if (!r->latency || !r->buf)
		return ENOMEM;
	return pthread_create(&r->thread, attr, reader_main, r);
}

static int io_randread_run(struct run *run)
{
	const struct options *o = run->options;
	int fd = open(o->file, O_RDONLY | O_DIRECT | O_CLOEXEC), error = 0;
	struct reader *readers;
	pthread_attr_t attr;
	uint64_t blocks;

	if (fd < 0) {
		fprintf(stderr, "ktstr-workload: io-randread: %s: %s; give the guest a disk\n", o->file,
			strerror(errno));
		return EXIT_UNAVAILABLE;
	}
	blocks = size_of(fd) / BLOCK;
	readers = calloc(o->threads, sizeof(*readers));
	if (!blocks || !readers) {
		fprintf(stderr, "ktstr-workload: io-randread: %s: %s\n", o->file,
			blocks ? strerror(ENOMEM) : "smaller than a block of 4096 bytes; give the guest a larger disk");
		close(fd);
		free(readers);
		return EXIT_UNAVAILABLE;
	}
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (unsigned i = 0; i < o->threads && !error; i++)
		error = reader_start(&readers[i], run, i, fd, blocks, &attr);
	if (error)
		run_fail(run, error);
	run_wait(run);
	for (unsigned i = 0; i < o->threads; i++) {
		if (readers[i].thread)
			pthread_join(readers[i].thread, NULL);
		if (readers[i].latency)
			hist_merge(&run->latency, readers[i].latency);
		free(readers[i].latency);
		free(readers[i].buf);
	}
	pthread_attr_destroy(&attr);
	free(readers);
	close(fd);
	return 0;
}

static void io_randread_config(const struct run *run, FILE *f)
{
	/* The path is the user's: quoted as far as JSON needs it. */
	fputs("\"file\":\"", f);
	for (const char *p = run->options->file; *p; p++)
		fprintf(f, (unsigned char)*p < 0x20 || *p == '"' || *p == '\\' ? "\\u%04x" : "%c", (unsigned char)*p);
	fprintf(f, "\",\"block_bytes\":%u,\"threads\":%u,\"queue_depth\":1", BLOCK, run->options->threads);
}

const struct workload io_randread_workload = { "io-randread", "completion_latency", io_randread_run,
					       io_randread_config };
