/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/spec/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/base/atomic.h"
#include "bench/base/path.h"
#include "bench/base/say.h"

int file_pair_parse(const char *word, struct file_pair *out)
{
	const char *colon = strrchr(word, ':');
	size_t n = colon ? (size_t)(colon - word) : strlen(word);

	*out = (struct file_pair){ 0 };
	if (n >= PATH_MAX || (colon && !colon[1]) || !n)
		return -EINVAL;
	out->host = strndup(word, n);
	out->guest = colon ? strdup(colon + 1) : NULL;
	if (out->host && (out->guest || !colon))
		return 0;
	file_pair_free(out);
	return -ENOMEM;
}

char *file_pair_unparse(const struct file_pair *f)
{
	char *text;

	return asprintf(&text, "%s%s%s", f->host, f->guest ? ":" : "", f->guest ? f->guest : "") < 0 ? NULL : text;
}

void file_pair_free(struct file_pair *f)
{
	free(f->host);
	free(f->guest);
	*f = (struct file_pair){ 0 };
}

int file_result_check(const char *option, const char *path)
{
	char target[PATH_MAX];
	enum atomic_kind kind;
	int rc = file_output_check(option, path);

	if (rc)
		return rc;
	rc = atomic_check(path, target, &kind);
	if (!rc)
		return 0;
	say_error("%s %s: %s; name a file that can be replaced, in a directory that can be written", option, path,
		  strerror(-rc));
	return EXIT_UNAVAILABLE;
}

int file_output_check(const char *option, const char *path)
{
	char absolute[PATH_MAX], *slash;
	struct stat st = { 0 };
	int rc;

	if (!*path) {
		say_error("%s: is empty; name a file", option);
		return EXIT_USAGE;
	}
	rc = path_absolute(path, absolute);
	if (rc == -ENAMETOOLONG) {
		say_error("%s %.40s...: the path is too long; shorten it", option, path);
		return EXIT_USAGE;
	}
	if (rc) {
		say_error("%s %s: %s; name the whole path", option, path, strerror(-rc));
		return EXIT_UNAVAILABLE;
	}
	if (!stat(absolute, &st) && !S_ISDIR(st.st_mode) && !access(absolute, W_OK))
		return 0;
	slash = strrchr(absolute, '/');
	errno = S_ISDIR(st.st_mode) ? EISDIR : 0;
	*(slash == absolute ? slash + 1 : slash) = '\0';
	if (!errno && !access(absolute, W_OK | X_OK))
		return 0;
	say_error("%s %s: %s; name a file in a directory that can be written", option, path, strerror(errno));
	return EXIT_UNAVAILABLE;
}

int file_result_dir_check(const char *option, const char *path)
{
	char absolute[PATH_MAX];
	int rc = path_absolute(path, absolute);
	struct stat st;

	if (!rc && stat(absolute, &st) && errno == ENOENT) {
		char *slash = strrchr(absolute, '/');

		slash[slash == absolute] = '\0';
		rc = stat(absolute, &st) ? -errno : 0;
	}
	if (!rc && !S_ISDIR(st.st_mode))
		rc = -ENOTDIR;
	if (!rc && access(absolute, W_OK | X_OK))
		rc = -errno;
	if (!rc)
		return 0;
	say_error("%s %s: %s; name a directory that can be written, or a new one in such a directory", option, path,
		  strerror(-rc));
	return EXIT_UNAVAILABLE;
}
