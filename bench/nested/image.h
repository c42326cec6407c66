/* SPDX-License-Identifier: GPL-2.0-only */
/* What a nested host is made of: the initramfs and QEMU's command line of a plan. */
#ifndef KTSTR_BENCH_NESTED_IMAGE_H
#define KTSTR_BENCH_NESTED_IMAGE_H

#include <limits.h>
#include <stdint.h>

#include "bench/nested/plan.h"

#define NESTED_WORDS_MAX 200

struct nested_image {
	char qemu[PATH_MAX];
	int initramfs_fd;	       /* memfd, passed on to QEMU */
	char *words[NESTED_WORDS_MAX]; /* QEMU's, NULL-terminated */
	unsigned n_words;
	int error; /* the first failure of adding a word */
};

/* A number of the environment: $@name, 1..@max of @unit; not set or empty: *@out stays. 0, or -EINVAL and @why. */
int nested_environment(const char *name, const char *unit, uint64_t max, uint64_t *out, char *why, size_t why_size);

/* QEMU's -cpu for L1: $KTSTR_NESTED_CPU_MODEL, or one with which stock guests run. */
const char *nested_cpu_model(void);

/* @port_fd: the socket that becomes L1's port. 0, or -errno and @why. */
int nested_image_make(struct nested_image *image, const struct nested_plan *plan, int port_fd, char *why,
		      size_t why_size);
void nested_image_free(struct nested_image *image);

#endif
