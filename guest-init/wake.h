/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Wake bytes: commands of one byte, which the host writes to port 0 (hvc0); unknown
 * ones are ignored.
 *   WAKE_VC_DUMP         'D' into /proc/sysrq-trigger
 *   WAKE_VC_SHUTDOWN     the command is to end, in order
 *   WAKE_BPF_WRITE_DONE, WAKE_ACCESSOR_READY
 *                        latches: once set they stay set
 */
#ifndef KTSTR_GUEST_INIT_WAKE_H
#define KTSTR_GUEST_INIT_WAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest-init/watch.h"

#define WAKE_CONSOLE "/dev/hvc0"
#define WAKE_SYSRQ "/proc/sysrq-trigger"
#define WAKE_EFFECTS_MAX 64

struct wake {
	struct watch console;
	int epoll;
	const char *sysrq; /* path */
	bool shutdown, bpf_write_done, accessor_ready;
	/* Not yet reported to the host, in order. Bytes that do not fit are still acted upon, but not reported. */
	struct wake_effect {
		uint8_t byte;
		int error; /* 0 or errno */
	} effects[WAKE_EFFECTS_MAX];
	unsigned n_effects;
};

/* Nothing is watched. */
void wake_init(struct wake *w);
/* Watch @path, a terminal or in a test any descriptor's file, in @epoll. Waits a
 * moment for the device to come. 0 or -errno. */
int wake_open(struct wake *w, int epoll, const char *path);
/* Act on the bytes that have arrived. */
void wake_take(struct wake *w, const uint8_t *bytes, size_t len);
/* Is the latch of this byte set? -EINVAL: it has none. */
int wake_latched(const struct wake *w, uint8_t byte);
/* What @byte does, for the host's report. */
const char *wake_effect_text(uint8_t byte);
void wake_close(struct wake *w);

#endif
