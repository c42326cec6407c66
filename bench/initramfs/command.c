/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/initramfs/command.h"

#include <stdbool.h>
#include <string.h>

#include "bench/base/path.h"
#include "bench/base/program.h"
#include "bench/initramfs/applets.h"

static bool is_applet(const char *word)
{
	size_t len = strlen(word);
	char busybox[PATH_MAX];
	const char *at;

	if (!strcmp(word, "busybox"))
		return true;
	/* The busybox that the guest gets. */
	at = program_find("busybox", busybox) ? NULL : applets_of(busybox);
	for (size_t n; at && *at; at += n + (at[n] == '\n')) {
		n = strcspn(at, "\n");
		if (n == len && !strncmp(at, word, len))
			return true;
	}
	return false;
}

enum command_kind command_find(const char *word, char path[PATH_MAX])
{
	if (strchr(word, '/'))
		return program_is(word) && !path_absolute(word, path) ? COMMAND_HOST : COMMAND_UNKNOWN;
	if (is_applet(word))
		return COMMAND_APPLET;
	return program_find(word, path) ? COMMAND_UNKNOWN : COMMAND_HOST;
}
