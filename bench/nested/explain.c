/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/nested/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm/trouble.h"

#define TAIL_LINES 12

void nested_explain(const struct qemu *q, const char *crash, uint64_t start_s, int error, char *why, size_t size)
{
	/* The end of it names only the caller. */
	static const char *const trouble[] = { TROUBLE_MARKS, NULL };
	char *qemu = qemu_tail(q->stderr_fd, 6 * TAIL_LINES, NULL);
	char *serial = qemu_tail(q->serial_fd, TAIL_LINES, trouble);
	unsigned registers = 0;
	const char *word = qemu ? qemu_last_word(qemu, &registers) : "";
	/* Linux's own word says more. */
	int len = crash[0] ? 0 : (int)strcspn(word, "\n");
	char ended[64];

	if (error == -ETIMEDOUT)
		snprintf(why, size,
			 "nested host: no sign of life from its Linux within %llu s; set KTSTR_NESTED_TIMEOUT",
			 (unsigned long long)start_s);
	else if (error == -ECONNRESET)
		snprintf(why, size, "nested host: QEMU %s before the command ended%s%s%s%.*s",
			 qemu_ended(q, ended, sizeof(ended)), crash[0] ? ": " : "", crash, len ? ": " : "", len, word);
	else
		snprintf(why, size, "nested host: %s", strerror(-error));
	if (qemu && *qemu)
		fprintf(stderr, "--- QEMU said last:\n%s\n", qemu);
	if (registers)
		fprintf(stderr, "--- and %u lines of registers\n", registers);
	if (serial && *serial)
		fprintf(stderr, "--- the nested host's Linux said last:\n%s\n", serial);
	free(qemu);
	free(serial);
}
