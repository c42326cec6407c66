/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds a kernel's panic in what it writes to its console, and keeps the text from the first sign of trouble on: an
 * oops says more than the panic that follows it.
 */
#ifndef KTSTR_KVM_PANIC_H
#define KTSTR_KVM_PANIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct panic_watch {
	char *text; /* PANIC_TEXT_MAX bytes */
	size_t len;
	bool panicked;
	char line[160]; /* the line that is not complete yet */
	size_t line_len;
};

int panic_watch_init(struct panic_watch *p); /* 0 or -ENOMEM */
void panic_watch_free(struct panic_watch *p);
/* More output. True once: when it has the panic's line. */
bool panic_watch_feed(struct panic_watch *p, const uint8_t *data, size_t len);
/* From the first oops, or the panic, on; empty when there was no panic. */
const char *panic_watch_text(const struct panic_watch *p);

#endif
