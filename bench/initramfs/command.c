/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/initramfs/command.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/path.h"
#include "bench/initramfs/applets.h"

/* guest-init's directories: a user's own PATH often lacks the sbin ones. */
static const char other_places[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

static bool find_in(const char *dirs, const char *word, char path[PATH_MAX])
{
	for (; dirs && *dirs; dirs += strspn(dirs, ":")) {
		size_t len = strcspn(dirs, ":");
		char joined[PATH_MAX];

		if (snprintf(joined, sizeof(joined), "%.*s/%s", (int)len, dirs, word) < PATH_MAX && is_program(joined))
			return !path_absolute(joined, path);
		dirs += len;
	}
	return false;
}

static bool is_applet(const char *word)
{
	size_t len = strlen(word);
	char busybox[PATH_MAX];
	const char *at;

	if (!strcmp(word, "busybox"))
		return true;
	/* The one that goes into the guest. */
	at = find_in(getenv("PATH"), "busybox", busybox) || find_in(other_places, "busybox", busybox)
		     ? applets_of(busybox)
		     : NULL;
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
		return is_program(word) && !path_absolute(word, path) ? COMMAND_HOST : COMMAND_UNKNOWN;
	if (is_applet(word))
		return COMMAND_APPLET;
	if (find_in(getenv("PATH"), word, path) || find_in(other_places, word, path))
		return COMMAND_HOST;
	return COMMAND_UNKNOWN;
}
