/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flush_writer write DEVICE: writes blocks at pseudo-random places, each with
 * its number in every sector, flushes after every few, and says "flushed N"
 * when all up to N are on the disk by the device's word. It ends when killed.
 *
 * flush_writer check IMAGE JOURNAL: whether the image holds every block that
 * the journal's last whole line promises; a later one may lie over it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 4096u
#define BLOCKS 1024u
#define SECTOR 512u

static uint8_t block[BLOCK] __attribute__((aligned(BLOCK)));

/* Where block number @n goes, and whether a flush follows it. */
static uint64_t mix(uint64_t n)
{
	n = (n ^ n >> 31) * 0x9e3779b97f4a7c15ull;
	return n ^ n >> 29;
}

static unsigned place_of(uint64_t n)
{
	return (unsigned)(mix(n) % BLOCKS);
}

static void fill(uint64_t n)
{
	for (unsigned at = 0; at < BLOCK; at += 8) {
		uint64_t word = n * BLOCK + at;

		memcpy(block + at, &word, 8);
	}
}

static int fail(const char *what)
{
	fprintf(stderr, "flush_writer: %s: %s\n", what, strerror(errno));
	return 1;
}

static int write_for_ever(const char *device)
{
	int fd = open(device, O_RDWR | O_DIRECT);
	char line[64];

	if (fd < 0)
		return fail(device);
	for (uint64_t n = 1;; n++) {
		fill(n);
		if (pwrite(fd, block, BLOCK, (off_t)place_of(n) * BLOCK) != BLOCK)
			return fail("write");
		if (mix(~n) % 4)
			continue;
		if (fdatasync(fd))
			return fail("flush");
		snprintf(line, sizeof(line), "flushed %llu\n", (unsigned long long)n);
		if (write(1, line, strlen(line)) != (ssize_t)strlen(line))
			return fail("stdout");
	}
}

static uint64_t last_promise(const char *journal)
{
	unsigned long long n, last = 0;
	char line[64];
	FILE *f = fopen(journal, "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (strchr(line, '\n') && sscanf(line, "flushed %llu", &n) == 1)
			last = n;
	}
	if (f)
		fclose(f);
	return last;
}

/* The number in each sector of the block, if it is one and the same. */
static int number_of(uint64_t *n)
{
	uint64_t first;

	memcpy(&first, block, 8);
	*n = first / BLOCK;
	for (unsigned at = 0; at < BLOCK; at += 8) {
		uint64_t word;

		memcpy(&word, block + at, 8);
		if (word != (first ? *n * BLOCK + at : 0))
			return -1;
	}
	return 0;
}

static int check(const char *image, const char *journal)
{
	static uint64_t promised[BLOCKS];
	uint64_t last = last_promise(journal), n, later = 0;
	int fd = open(image, O_RDONLY), bad = 0;

	if (fd < 0)
		return fail(image);
	for (n = 1; n <= last; n++)
		promised[place_of(n)] = n;
	for (unsigned i = 0; i < BLOCKS; i++) {
		if (pread(fd, block, BLOCK, (off_t)i * BLOCK) != BLOCK)
			return fail("read");
		if (number_of(&n) || n < promised[i] || (n && place_of(n) != i)) {
			fprintf(stderr, "flush_writer: block %u holds %llu, promised was %llu\n", i,
				(unsigned long long)n, (unsigned long long)promised[i]);
			bad = 1;
		}
		later += n > last;
	}
	printf("%llu writes promised, %llu later ones\n", (unsigned long long)last, (unsigned long long)later);
	return bad || !last;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "write"))
		return write_for_ever(argv[2]);
	if (argc == 4 && !strcmp(argv[1], "check"))
		return check(argv[2], argv[3]);
	fprintf(stderr, "usage: flush_writer write DEVICE | check IMAGE JOURNAL\n");
	return 64;
}
