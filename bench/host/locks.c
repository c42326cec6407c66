/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/host/locks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/base/file_lock.h"

#define LINE_MAX_BYTES 256
#define RECORD_BYTES (LINE_MAX_BYTES - 1) /* a line, padded with blanks */
#define SHARED_PATIENCE_NS 1000000000u
#define TURN_NS 1000000 /* between attempts to lock ktstr-take.lock */
/* Limit for a file that always has a holder, so it is never overwritten; then /proc alone identifies new holders. */
#define FILE_MAX_BYTES (64 << 10)

const char *locks_dir(void)
{
	const char *dir = getenv("KTSTR_LOCK_DIR");

	return dir && *dir ? dir : "/tmp";
}

const char *lock_kind_name(enum lock_kind kind)
{
	return kind == LOCK_LLC ? "llc" : "cpu";
}

static int lock_path(char path[PATH_MAX], enum lock_kind kind, unsigned number)
{
	int n = snprintf(path, PATH_MAX, "%s/ktstr-%s-%u.lock", locks_dir(), lock_kind_name(kind), number);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* --- taking ------------------------------------------------------------- */

static int close_with(int fd, int error)
{
	close(fd);
	return -error;
}

/* All users share the file. In a sticky directory O_CREAT fails on another user's file (fs.protected_regular). */
static int open_file(const char *path)
{
	const int flags = O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;

	for (unsigned i = 0; i < 3; i++) {
		int fd = open(path, O_RDWR | O_APPEND | flags);

		if (fd < 0 && errno == EACCES)
			fd = open(path, O_RDONLY | flags);
		if (fd >= 0 || errno != ENOENT)
			return fd < 0 ? -errno : fd;
		fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL | flags, 0666);
		if (fd >= 0) {
			/* The umask does not apply. */
			return fchmod(fd, 0666) ? close_with(fd, errno) : fd;
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -EAGAIN;
}

int locks_begin(struct locks *l, uint64_t patience_ns)
{
	const struct timespec pause = { .tv_nsec = TURN_NS };
	uint64_t waited = 0;
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/ktstr-take.lock", locks_dir()) >= PATH_MAX)
		return -ENAMETOOLONG;
	fd = open_file(path);
	if (fd < 0)
		return fd;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK || waited >= patience_ns)
			return close_with(fd, errno == EWOULDBLOCK ? EBUSY : errno);
		nanosleep(&pause, NULL);
		waited += TURN_NS;
	}
	l->taking = fd;
	return 0;
}

void locks_end(struct locks *l)
{
	if (l->taking)
		close(l->taking);
	l->taking = 0;
}

/* The command line of @pid as one printable line. */
static void command_of(pid_t pid, char *text, size_t size)
{
	char path[64];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	n = n < 0 ? 0 : n;
	while (n && !text[n - 1])
		n--;
	text[n] = '\0';
	for (ssize_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 127)
			text[i] = ' ';
}

/*
 * Informational: no error if it cannot be written (another user's file). A sole holder overwrites the lines in place
 * rather than truncate the file, since freeing a block takes some 0.2 ms, and longer with online discard.
 */
static void write_line(int fd, const char *about, bool alone)
{
	char line[2 * LINE_MAX_BYTES], command[LINE_MAX_BYTES];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) || (!alone && st.st_size > FILE_MAX_BYTES))
		return;
	command_of(getpid(), command, sizeof(command));
	n = snprintf(line, sizeof(line), "pid=%d %s since=%lld command=%s", (int)getpid(), about, (long long)time(NULL),
		     command);
	if (n < RECORD_BYTES)
		memset(line + n, ' ', RECORD_BYTES - (size_t)n);
	line[RECORD_BYTES - 1] = '\n';
	if (!alone)
		n = write(fd, line, RECORD_BYTES);
	else if ((st.st_size <= RECORD_BYTES || !ftruncate(fd, RECORD_BYTES)) && !fcntl(fd, F_SETFL, 0))
		n = pwrite(fd, line, RECORD_BYTES, 0);
	(void)n;
}

static int lock_file(int fd, bool exclusive, bool *alone)
{
	int rc = flock(fd, LOCK_EX | LOCK_NB);

	/* A sole holder: all lines in the file are stale. */
	*alone = !rc;
	if (!rc)
		return 0;
	if (errno != EWOULDBLOCK || exclusive)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return flock(fd, LOCK_SH | LOCK_NB) ? (errno == EWOULDBLOCK ? -EBUSY : -errno) : 0;
}

int lock_take(struct locks *l, enum lock_kind kind, unsigned number, bool exclusive, const char *about)
{
	struct lock *grown = realloc(l->lock, (l->n + 1) * sizeof(*l->lock));
	char path[PATH_MAX];
	bool alone;
	int fd, rc;

	if (!grown)
		return -ENOMEM;
	l->lock = grown;
	rc = lock_path(path, kind, number);
	if (rc)
		return rc;
	fd = open_file(path);
	if (fd < 0)
		return fd;
	rc = lock_file(fd, exclusive, &alone);
	if (rc)
		goto err_close;
	write_line(fd, about, alone);
	/* The downgrade is not atomic: another process may take the lock exclusively in between. */
	if (alone && !exclusive && flock(fd, LOCK_SH | LOCK_NB)) {
		rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
		goto err_close;
	}
	l->lock[l->n++] =
		(struct lock){ .fd = fd, .kind = kind, .number = number, .exclusive = exclusive, .alone = alone };
	return 0;

err_close:
	close(fd);
	return rc;
}

bool locks_shared(struct locks *l, enum lock_kind kind)
{
	bool shared = false;

	if (!l->n || locks_begin(l, SHARED_PATIENCE_NS))
		return false;
	for (unsigned i = 0; i < l->n; i++) {
		const struct lock *k = &l->lock[i];

		if (k->kind != kind || k->exclusive)
			continue;
		/* A failed upgrade may drop our share. Nobody can take it meanwhile, as we hold ktstr-take.lock. */
		if (flock(k->fd, LOCK_EX | LOCK_NB))
			shared = true;
		(void)flock(k->fd, LOCK_SH | LOCK_NB);
	}
	locks_end(l);
	return shared;
}

void locks_drop(struct locks *l)
{
	for (unsigned i = 0; i < l->n; i++)
		close(l->lock[i].fd);
	free(l->lock);
	l->lock = NULL;
	l->n = 0;
}

/* --- who holds what ----------------------------------------------------- */

struct reading {
	struct lock_holder *holder;
	unsigned n, cap;
};

static void cut_blanks(char *line)
{
	size_t n = strlen(line);

	while (n && (line[n - 1] == ' ' || line[n - 1] == '\n'))
		line[--n] = '\0';
}

/* Fills @h from its line in the file. False: it has none. */
static bool read_holder(FILE *f, struct lock_holder *h)
{
	char line[LINE_MAX_BYTES];
	bool found = false;
	long long since;
	int pid, at;

	rewind(f);
	while (fgets(line, sizeof(line), f)) {
		cut_blanks(line);
		if (sscanf(line, "pid=%d mode=%15s vcpus=%u since=%lld command=%n", &pid, h->mode, &h->vcpus, &since,
			   &at) != 4 ||
		    pid != h->pid)
			continue;
		/* The last line of this pid wins: an earlier one may be stale. */
		h->since = since;
		snprintf(h->command, sizeof(h->command), "%s", line + at);
		for (char *c = h->command; *c; c++)
			if ((unsigned char)*c < ' ' || *c == 127)
				*c = ' ';
		found = true;
	}
	return found;
}

static int add_holder(struct reading *r, FILE *f, struct lock_holder h)
{
	if (r->n == r->cap) {
		unsigned cap = r->cap ? 2 * r->cap : 64;
		struct lock_holder *grown = realloc(r->holder, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		r->holder = grown;
		r->cap = cap;
	}
	if (!read_holder(f, &h)) {
		snprintf(h.mode, sizeof(h.mode), "?");
		h.vcpus = 0;
		h.since = 0;
		command_of(h.pid, h.command, sizeof(h.command));
	}
	r->holder[r->n++] = h;
	return 0;
}

/* Adds the holders that /proc/locks lists for this file. */
static int read_file(struct reading *r, FILE *table, enum lock_kind kind, unsigned number)
{
	char path[PATH_MAX], text[256];
	struct lock_inode inode;
	struct lock_line line;
	FILE *f = NULL;
	int rc = lock_path(path, kind, number);

	if (!rc) {
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

		f = fd < 0 ? NULL : fdopen(fd, "r");
		rc = f ? lock_inode_of(fd, &inode) : -errno;
	}
	rewind(table);
	while (!rc && fgets(text, sizeof(text), table)) {
		struct lock_holder h = { .kind = kind, .number = number };

		if (!lock_line_parse(text, &line) || !line.flock || !lock_inode_equal(&line.inode, &inode))
			continue;
		h.pid = line.pid;
		h.exclusive = line.write;
		rc = add_holder(r, f, h);
	}
	if (f)
		fclose(f);
	return rc == -ENOENT || rc == -EACCES ? 0 : rc;
}

static int by_lock(const void *a, const void *b)
{
	const struct lock_holder *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

int locks_read(struct lock_holder **list)
{
	FILE *table = fopen("/proc/locks", "re");
	DIR *dir = opendir(locks_dir());
	struct reading r = { 0 };
	const struct dirent *e;
	char kind[4], end;
	unsigned number;
	int rc = table && dir ? 0 : -errno;

	while (!rc && (e = readdir(dir))) {
		if (sscanf(e->d_name, "ktstr-%3[a-z]-%u.loc%c", kind, &number, &end) != 3 || end != 'k')
			continue;
		if (!strcmp(kind, "llc"))
			rc = read_file(&r, table, LOCK_LLC, number);
		else if (!strcmp(kind, "cpu"))
			rc = read_file(&r, table, LOCK_CPU, number);
	}
	if (table)
		fclose(table);
	if (dir)
		closedir(dir);
	if (rc) {
		free(r.holder);
		return rc;
	}
	if (r.n)
		qsort(r.holder, r.n, sizeof(*r.holder), by_lock);
	*list = r.holder;
	return (int)r.n;
}

pid_t locks_taker(void)
{
	FILE *table = fopen("/proc/locks", "re");
	char path[PATH_MAX], text[256];
	struct lock_inode inode;
	struct lock_line line;
	pid_t taker = 0;
	int fd = -1;

	if (snprintf(path, sizeof(path), "%s/ktstr-take.lock", locks_dir()) < PATH_MAX)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (table && fd >= 0 && !lock_inode_of(fd, &inode))
		while (!taker && fgets(text, sizeof(text), table))
			if (lock_line_parse(text, &line) && line.flock && lock_inode_equal(&line.inode, &inode))
				taker = line.pid;
	if (fd >= 0)
		close(fd);
	if (table)
		fclose(table);
	return taker;
}

const char *lock_holder_text(enum lock_kind kind, unsigned number, char *text, size_t size)
{
	struct lock_holder *list = NULL;
	int n = locks_read(&list);

	snprintf(text, size, "another process");
	for (int i = 0; i < n; i++)
		if (list[i].kind == kind && list[i].number == number) {
			snprintf(text, size, "pid %d (%s: %s)", (int)list[i].pid, list[i].mode, list[i].command);
			break;
		}
	free(list);
	return text;
}
