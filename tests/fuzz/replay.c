/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fuzz target without libFuzzer, for any compiler: every file of a corpus, and
 * each once more with some bytes changed, by a fixed seed.
 * usage: replay CORPUS [TIMES]
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t x = 88172645463325252ull;

static uint64_t rnd(uint64_t n)
{
	x ^= x << 13, x ^= x >> 7, x ^= x << 17;
	return n ? (x >> 11) % n : 0;
}

static void change(uint8_t *data, size_t size)
{
	for (uint64_t n = 1 + rnd(6); n && size; n--) {
		if (rnd(3))
			data[rnd(size)] = (uint8_t)rnd(256);
		else
			data[rnd(size)] ^= (uint8_t)(1u << rnd(8));
	}
}

int main(int argc, char **argv)
{
	unsigned long times = argc > 2 ? strtoul(argv[2], NULL, 0) : 2000, files = 0;
	DIR *dir = argc > 1 ? opendir(argv[1]) : NULL;
	const struct dirent *entry;

	if (!dir) {
		fprintf(stderr, "usage: replay CORPUS [TIMES]\n");
		return 64;
	}
	while ((entry = readdir(dir))) {
		uint8_t data[INPUT_MAX], changed[INPUT_MAX];
		char path[4096];
		size_t size;
		FILE *f;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		f = fopen(path, "rb");
		if (!f) {
			perror(path);
			return 1;
		}
		size = fread(data, 1, sizeof(data), f);
		fclose(f);
		LLVMFuzzerTestOneInput(data, size);
		for (unsigned long i = 0; i < times; i++) {
			memcpy(changed, data, size);
			change(changed, size);
			LLVMFuzzerTestOneInput(changed, size);
		}
		files++;
	}
	closedir(dir);
	printf("%lu files, each %lu times\n", files, times + 1);
	return files ? 0 : 1;
}
