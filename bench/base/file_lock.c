/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/base/file_lock.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A byte that nobody else locks: QEMU uses 100 to 103 and 200 to 203. */
#define PROBE_BYTE (1ll << 40)

bool lock_line_parse(const char *text, struct lock_line *out)
{
	char kind[16], type[16];
	int pid;

	*out = (struct lock_line){ 0 };
	if (sscanf(text, "%*d: %15s %*s %15s %d %x:%x:%lu", kind, type, &pid, &out->inode.device_major,
		   &out->inode.device_minor, &out->inode.number) != 6)
		return false;
	out->flock = !strcmp(kind, "FLOCK");
	out->ofd = !strcmp(kind, "OFDLCK");
	out->write = !strcmp(type, "WRITE");
	out->pid = pid;
	return out->flock || out->ofd || !strcmp(kind, "POSIX");
}

bool lock_inode_equal(const struct lock_inode *a, const struct lock_inode *b)
{
	return a->device_major == b->device_major && a->device_minor == b->device_minor && a->number == b->number;
}

/* The first OFD lock in /proc/@who/fdinfo/@fd. */
static bool read_fdinfo(const char *who, const char *fd, struct lock_line *out)
{
	char path[320], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/fdinfo/%.20s", who, fd);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "lock:", 5) && lock_line_parse(line + 5, out) && out->ofd;
	if (f)
		fclose(f);
	return found;
}

int lock_inode_of(int fd, struct lock_inode *out)
{
	struct flock probe = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = PROBE_BYTE, .l_len = 1 };
	struct lock_line line;
	struct stat st;
	char number[16];
	bool found;

	if (fstat(fd, &st))
		return -errno;
	snprintf(number, sizeof(number), "%d", fd);
	found = !fcntl(fd, F_OFD_SETLK, &probe) && read_fdinfo("self", number, &line);
	probe.l_type = F_UNLCK;
	fcntl(fd, F_OFD_SETLK, &probe);
	/* Without OFD locks on this file system or without /proc, st_dev is right nearly everywhere. */
	*out = found ? line.inode : (struct lock_inode){ major(st.st_dev), minor(st.st_dev), st.st_ino };
	return 0;
}

static bool has_lock(const char *pid, const struct lock_inode *inode)
{
	char path[64];
	const struct dirent *e;
	struct lock_line line;
	bool found = false;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%.20s/fdinfo", pid);
	fds = opendir(path);
	while (fds && !found && (e = readdir(fds)))
		found = isdigit((unsigned char)e->d_name[0]) && read_fdinfo(pid, e->d_name, &line) &&
			lock_inode_equal(&line.inode, inode);
	if (fds)
		closedir(fds);
	return found;
}

pid_t lock_ofd_holder(const struct lock_inode *inode)
{
	DIR *proc = opendir("/proc");
	const struct dirent *e;
	pid_t holder = 0;

	while (proc && (!holder || holder == getpid()) && (e = readdir(proc)))
		if (isdigit((unsigned char)e->d_name[0]) && has_lock(e->d_name, inode))
			holder = (pid_t)atoi(e->d_name);
	if (proc)
		closedir(proc);
	return holder;
}
