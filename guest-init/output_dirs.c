/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest-init/output_dirs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest-init/outputs.h"

#define WATCHED                                                                                                        \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR | IN_DONT_FOLLOW |          \
	 IN_EXCL_UNLINK)
#define DEPTH_MAX 32 /* the host takes no more */
#define TEMPORARY ".ktstr-"

/* What a scan does with the files it finds. */
enum scan {
	SCAN_KEEP,  /* the host has them, or does not want them */
	SCAN_FOUND, /* send those that changed and that nobody has open for writing */
	SCAN_SWEEP  /* send those that changed */
};

struct output_watch {
	int wd;
	char *path;
};

/* A file as it was when it was sent. */
struct output_file {
	ino_t inode;
	off_t size;
	struct timespec changed;
	char path[];
};

/* --- what the host has -------------------------------------------------- */

/* Where the file of this path is, or belongs. */
static size_t file_place(const struct output_dirs *d, const char *path, bool *there)
{
	size_t low = 0, high = d->n_files;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(d->files[middle]->path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*there = low < d->n_files && !strcmp(d->files[low]->path, path);
	return low;
}

static void file_forget(struct output_dirs *d, size_t at)
{
	free(d->files[at]);
	memmove(d->files + at, d->files + at + 1, (--d->n_files - at) * sizeof(*d->files));
}

/* Without memory it is only sent once more by the sweep. */
static void file_remember(struct output_dirs *d, const char *path, const struct stat *st)
{
	bool there;
	size_t at = file_place(d, path, &there);

	if (!there && d->n_files == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 64;
		struct output_file **grown = realloc(d->files, cap * sizeof(*grown));

		if (!grown)
			return;
		d->files = grown;
		d->cap = cap;
	}
	if (!there) {
		struct output_file *f = malloc(sizeof(*f) + strlen(path) + 1);

		if (!f)
			return;
		strcpy(f->path, path);
		memmove(d->files + at + 1, d->files + at, (d->n_files++ - at) * sizeof(*d->files));
		d->files[at] = f;
	}
	d->files[at]->inode = st->st_ino;
	d->files[at]->size = st->st_size;
	d->files[at]->changed = st->st_mtim;
}

static bool file_unchanged(const struct output_dirs *d, const char *path, const struct stat *st)
{
	bool there;
	size_t at = file_place(d, path, &there);
	const struct output_file *f;

	if (!there)
		return false;
	f = d->files[at];
	return f->inode == st->st_ino && f->size == st->st_size && f->changed.tv_sec == st->st_mtim.tv_sec &&
	       f->changed.tv_nsec == st->st_mtim.tv_nsec;
}

/* --- sending ------------------------------------------------------------ */

static void port_result(struct output_dirs *d, int ret)
{
	if (ret < 0 && !d->error)
		d->error = ret;
}

/* The file is no longer there; if the host has it, tell it. */
static void send_gone(struct output_dirs *d, const char *path)
{
	bool there;
	size_t at = file_place(d, path, &there);

	if (!there)
		return;
	port_result(d, bulk_send(d->bulk, WIRE_FDEL, path, strlen(path) + 1));
	file_forget(d, at);
}

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

/* Of the files that the host has, those below @dir (NULL: of all) that are gone. */
static void send_missing(struct output_dirs *d, const char *dir)
{
	for (size_t i = d->n_files; i-- > 0 && !d->error;)
		if ((!dir || is_below(d->files[i]->path, dir)) && access(d->files[i]->path, F_OK))
			send_gone(d, d->files[i]->path);
}

static void send_unreadable(struct output_dirs *d, const char *path, int error)
{
	char payload[PATH_MAX + 128];
	size_t name = strlen(path) + 1;

	memcpy(payload, path, name);
	strcpy(payload + name, strerror(error));
	port_result(d, bulk_send(d->bulk, WIRE_FDEL, payload, name + strlen(payload + name)));
}

/* A lease for reading is given for files only that nobody has open for writing. */
static bool is_being_written(int fd)
{
	bool refused = fcntl(fd, F_SETLEASE, F_RDLCK) && errno == EAGAIN;

	if (!refused)
		fcntl(fd, F_SETLEASE, F_UNLCK);
	return refused;
}

/* Send the file if it is one; of @how SCAN_KEEP only take note of it. @always: even if it seems not to have changed. */
static void send_file(struct output_dirs *d, const char *path, enum scan how, bool always)
{
	/* O_NONBLOCK: do not wait for the writer of a fifo. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW), ret;
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		send_gone(d, path);
		return;
	}
	if (fd < 0) {
		if (errno != ELOOP && errno != ENXIO && how != SCAN_KEEP)
			send_unreadable(d, path, errno);
		return;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (!always && file_unchanged(d, path, &st))) {
		close(fd);
		return;
	}
	/* When it is closed there is an event. */
	if (how == SCAN_FOUND && is_being_written(fd)) {
		close(fd);
		return;
	}
	/* As it is before it is read: a change that comes later is seen. */
	file_remember(d, path, &st);
	ret = how == SCAN_KEEP ? 0 : outputs_send_file(d->bulk, path, fd);
	if (ret > 0)
		send_unreadable(d, path, ret);
	port_result(d, ret);
	close(fd);
}

/* --- directories -------------------------------------------------------- */

static void watch(struct output_dirs *d, const char *path)
{
	int wd = d->fd < 0 ? -1 : inotify_add_watch(d->fd, path, WATCHED);
	struct output_watch *grown;
	char *copy;

	if (wd < 0)
		return;
	copy = strdup(path);
	for (size_t i = 0; i < d->n_watches && copy; i++)
		if (d->watches[i].wd == wd) {
			free(d->watches[i].path);
			d->watches[i].path = copy;
			return;
		}
	grown = copy ? realloc(d->watches, (d->n_watches + 1) * sizeof(*grown)) : NULL;
	if (!grown) {
		free(copy);
		inotify_rm_watch(d->fd, wd);
		return;
	}
	d->watches = grown;
	d->watches[d->n_watches++] = (struct output_watch){ .wd = wd, .path = copy };
}

static void unwatch(struct output_dirs *d, size_t i)
{
	free(d->watches[i].path);
	d->watches[i] = d->watches[--d->n_watches];
}

/* The directory is not there under this path any more. */
static void dir_gone(struct output_dirs *d, const char *path)
{
	for (size_t i = d->n_watches; i-- > 0;)
		if (is_below(d->watches[i].path, path)) {
			inotify_rm_watch(d->fd, d->watches[i].wd);
			unwatch(d, i);
		}
	send_missing(d, path);
}

static void scan(struct output_dirs *d, const char *dir, enum scan how, unsigned depth)
{
	char path[PATH_MAX];
	struct dirent *e;
	struct stat st;
	DIR *stream;

	/* Before it is read, so that nothing is missed in between. */
	if (how != SCAN_SWEEP)
		watch(d, dir);
	stream = depth < DEPTH_MAX ? opendir(dir) : NULL;
	while (stream && !d->error && (e = readdir(stream))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
		    !strncmp(e->d_name, TEMPORARY, strlen(TEMPORARY)) ||
		    snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path) || lstat(path, &st))
			continue;
		if (S_ISDIR(st.st_mode))
			scan(d, path, how, depth + 1);
		else if (S_ISREG(st.st_mode))
			send_file(d, path, how, false);
	}
	if (stream)
		closedir(stream);
}

static void scan_all(struct output_dirs *d, enum scan how)
{
	for (char *const *root = d->roots; root && *root && !d->error; root++)
		scan(d, *root, how, 0);
}

/* --- events ------------------------------------------------------------- */

static void take_event(struct output_dirs *d, const struct inotify_event *e)
{
	char path[PATH_MAX];
	size_t i = 0;

	if (e->mask & IN_Q_OVERFLOW) {
		scan_all(d, SCAN_FOUND);
		return;
	}
	while (i < d->n_watches && d->watches[i].wd != e->wd)
		i++;
	if (i == d->n_watches)
		return;
	if (e->mask & IN_IGNORED) {
		unwatch(d, i);
		return;
	}
	if (!e->len || !strncmp(e->name, TEMPORARY, strlen(TEMPORARY)) ||
	    snprintf(path, sizeof(path), "%s/%s", d->watches[i].path, e->name) >= (int)sizeof(path))
		return;
	if (e->mask & IN_ISDIR && e->mask & (IN_CREATE | IN_MOVED_TO))
		scan(d, path, SCAN_FOUND, 0);
	else if (e->mask & IN_ISDIR)
		dir_gone(d, path);
	else if (e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO))
		send_file(d, path, SCAN_FOUND, true);
	else if (e->mask & (IN_MOVED_FROM | IN_DELETE) && access(path, F_OK))
		send_gone(d, path);
}

/* Takes the events that are there, 4 KiB of them at most. False: there was none. */
static bool take_events(struct output_dirs *d)
{
	_Alignas(struct inotify_event) char events[4096];
	ssize_t n = d->fd < 0 ? 0 : read(d->fd, events, sizeof(events));

	for (char *p = events; p < events + n && !d->error;) {
		const struct inotify_event *e = (const struct inotify_event *)p;

		take_event(d, e);
		p += sizeof(*e) + e->len;
	}
	return n > 0;
}

/* --- life --------------------------------------------------------------- */

void output_dirs_init(struct output_dirs *d)
{
	*d = (struct output_dirs){ .fd = -1 };
}

int output_dirs_open(struct output_dirs *d, struct bulk *bulk, char *const *roots)
{
	sigset_t lease_broken;
	int ret;

	d->bulk = bulk;
	d->roots = roots;
	/* A writer that opens a file while we have a lease on it, for an instant, is announced by a signal. */
	sigemptyset(&lease_broken);
	sigaddset(&lease_broken, SIGIO);
	sigprocmask(SIG_BLOCK, &lease_broken, NULL);
	d->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	ret = d->fd < 0 ? -errno : 0;
	scan_all(d, SCAN_KEEP);
	return ret;
}

int output_dirs_serve(struct output_dirs *d)
{
	take_events(d);
	return d->error;
}

int output_dirs_finish(struct output_dirs *d)
{
	while (!d->error && take_events(d))
		;
	scan_all(d, SCAN_SWEEP);
	send_missing(d, NULL);
	return d->error;
}

void output_dirs_close(struct output_dirs *d)
{
	while (d->n_watches)
		unwatch(d, d->n_watches - 1);
	while (d->n_files)
		file_forget(d, d->n_files - 1);
	free(d->watches);
	free(d->files);
	if (d->fd >= 0)
		close(d->fd);
	output_dirs_init(d);
}
