/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/host/disk_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bench/base/file.h"
#include "bench/base/file_lock.h"

/* QEMU's permissions. A lock at USED + p: p is in use; at KEPT + p: others must not use p. */
enum { READ = 0, WRITE = 1, RESIZE = 3 };
#define USED 100
#define KEPT 200

/* 0, -EBUSY, or -errno. */
static int lock_byte(int fd, short type, off_t byte)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	if (!fcntl(fd, F_OFD_SETLK, &l))
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

/* 0, -EBUSY: another process has a lock there, or -errno. */
static int check_byte(int fd, off_t byte)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	if (fcntl(fd, F_OFD_GETLK, &l))
		return -errno;
	return l.l_type == F_UNLCK ? 0 : -EBUSY;
}

/*
 * QEMU takes only shared locks, then checks for conflicting ones: of two that start at once both may fail. Of two of
 * ours exactly one succeeds, since the writer takes an exclusive lock at a byte on which each reader has a shared one.
 */
static int lock_all(int fd, bool read_only)
{
	int rc = lock_byte(fd, read_only ? F_RDLCK : F_WRLCK, KEPT + WRITE);

	if (!rc)
		rc = check_byte(fd, USED + WRITE);
	if (!rc)
		rc = check_byte(fd, USED + RESIZE);
	if (!rc)
		rc = check_byte(fd, KEPT + READ);
	if (!rc)
		rc = lock_byte(fd, F_RDLCK, USED + READ);
	if (!rc)
		rc = lock_byte(fd, F_RDLCK, KEPT + RESIZE);
	if (!rc && !read_only)
		rc = lock_byte(fd, F_RDLCK, USED + WRITE);
	return rc;
}

static void unlock_all(int fd)
{
	struct flock l = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	fcntl(fd, F_OFD_SETLK, &l);
}

static void name_holder(int fd, char text[96])
{
	struct lock_inode inode;
	char path[64], name[32] = "";
	pid_t pid = lock_inode_of(fd, &inode) ? 0 : lock_ofd_holder(&inode);

	snprintf(text, 96, "another process");
	if (!pid)
		return;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file_read_line(path, name, sizeof(name));
	if (pid == getpid())
		snprintf(text, 96, "another --disk of this machine");
	else
		snprintf(text, 96, "pid %d (%s)", (int)pid, name);
}

/* Lock @fd, which messages call @path. 0 or -EBUSY. */
static int take(int fd, const char *path, bool read_only, char *why, size_t why_size)
{
	char holder[96];
	int rc = lock_all(fd, read_only);

	if (rc == -EBUSY) {
		unlock_all(fd);
		name_holder(fd, holder);
		snprintf(why, why_size,
			 read_only ? "%s: %s writes to it; end that first, or use a copy"
				   : "%s: %s uses it, and a disk that is written has one user; end that first, use a "
				     "copy, or give both ',ro'",
			 path, holder);
		return rc;
	}
	if (rc)
		snprintf(why, why_size,
			 "%s: its file system has no locks (%s); make sure that nothing else writes to it", path,
			 strerror(-rc));
	return 0;
}

/* The file behind the loop device @fd, opened; -1: it is none, shows a part only, or the file can't be found any more.
 */
static int open_backing(int fd, bool read_only, char name[PATH_MAX])
{
	char path[64];
	struct loop_info64 loop;
	struct stat st;
	ssize_t n;
	int list, backing;

	if (fstat(fd, &st) || !S_ISBLK(st.st_mode) || ioctl(fd, LOOP_GET_STATUS64, &loop) || loop.lo_offset ||
	    loop.lo_sizelimit)
		return -1;
	/* A partition of one has no such file. */
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/loop/backing_file", major(st.st_rdev), minor(st.st_rdev));
	list = open(path, O_RDONLY | O_CLOEXEC);
	n = list < 0 ? -1 : read(list, name, PATH_MAX - 1);
	if (list >= 0)
		close(list);
	if (n <= 0)
		return -1;
	name[n] = '\0';
	name[strcspn(name, "\n")] = '\0';
	backing = open(name, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
	/* Another file may have that name by now. */
	if (backing >= 0 && (fstat(backing, &st) || st.st_ino != loop.lo_inode)) {
		close(backing);
		return -1;
	}
	return backing;
}

int disk_lock_take(const char *path, bool read_only, struct disk_lock *lock, char *why, size_t why_size)
{
	char name[PATH_MAX], text[2 * PATH_MAX];
	int rc;

	*why = '\0';
	*lock = (struct disk_lock){ .fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC), .backing = -1 };
	if (lock->fd < 0) {
		rc = -errno;
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
		return rc;
	}
	lock->held = true;
	rc = take(lock->fd, path, read_only, why, why_size);
	if (!rc)
		lock->backing = open_backing(lock->fd, read_only, name);
	if (lock->backing >= 0) {
		snprintf(text, sizeof(text), "%s (the file behind %s)", name, path);
		rc = take(lock->backing, text, read_only, why, why_size);
	}
	if (rc)
		disk_lock_drop(lock);
	return rc;
}

void disk_lock_drop(struct disk_lock *lock)
{
	if (!lock->held)
		return;
	close(lock->fd);
	if (lock->backing >= 0)
		close(lock->backing);
	lock->held = false;
}
