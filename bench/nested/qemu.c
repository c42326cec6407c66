/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/nested/qemu.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/base/program.h"
#include "bench/cache/path.h"
#include "reactor/reactor.h"

#define TAIL_BYTES 16384
#define WORDS_MAX 256
#define POLL_NS 2000000 /* between looks whether it has ended */

/* --- finding ------------------------------------------------------------ */

/* The major version that `path --version` names, or 0. */
static unsigned qemu_major(const char *path)
{
	char command[PATH_MAX + 32], line[256];
	unsigned major = 0;
	FILE *out;

	if (strchr(path, '\''))
		return 0;
	snprintf(command, sizeof(command), "'%s' --version 2>/dev/null", path);
	out = popen(command, "re");
	if (!out)
		return 0;
	if (fgets(line, sizeof(line), out) && sscanf(line, "QEMU emulator version %u", &major) != 1)
		major = 0;
	while (fgets(line, sizeof(line), out))
		;
	pclose(out);
	return major;
}

int qemu_find(char path[PATH_MAX])
{
	const char *named = getenv("KTSTR_QEMU");
	bool refused = false;

	if (named && *named) {
		if (snprintf(path, PATH_MAX, "%s", named) >= PATH_MAX)
			return -ENAMETOOLONG;
		if (access(path, X_OK))
			return -errno;
		return qemu_major(path) >= QEMU_MAJOR_MIN ? 0 : -EPROTONOSUPPORT;
	}
	/* The cache's own was checked when it was fetched, and is there because PATH's was not good. */
	if (!cache_path(path, "qemu-11/qemu-system-x86_64")) {
		if (!access(path, X_OK))
			return 0;
		refused = errno == EACCES;
	}
	if (!program_in_path("qemu-system-x86_64", path) && qemu_major(path) >= QEMU_MAJOR_MIN)
		return 0;
	if (refused && !cache_path(path, "qemu-11/qemu-system-x86_64"))
		return -EACCES;
	path[0] = '\0';
	return -ENOENT;
}

/* --- the process -------------------------------------------------------- */

static void child(const char *path, char *const *argv, int stderr_fd, const int *keep, size_t n_keep, pid_t parent)
{
	sigset_t none;
	int null;

	/* Ctrl-C at the terminal is ours to act upon; our own end, however it comes, is QEMU's. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(stderr_fd, 2) < 0)
		_exit(127);
	if (null > 2)
		close(null);
	for (size_t i = 0; i < n_keep; i++)
		fcntl(keep[i], F_SETFD, 0);
	execv(path, argv);
	dprintf(2, "%s: %s\n", path, strerror(errno));
	_exit(127);
}

int qemu_start(struct qemu *q, const char *path, const char *const *argv, const int *keep, size_t n_keep)
{
	const char *words[WORDS_MAX];
	char serial[64];
	pid_t parent = getpid();
	size_t n = 0;

	*q = (struct qemu){ .stderr_fd = -1, .serial_fd = -1 };
	q->stderr_fd = memfd_create("qemu-stderr", MFD_CLOEXEC);
	q->serial_fd = memfd_create("qemu-serial", 0);
	if (q->stderr_fd < 0 || q->serial_fd < 0)
		goto fail;
	snprintf(serial, sizeof(serial), "file:/proc/self/fd/%d", q->serial_fd);
	for (; argv[n]; n++) {
		assert(n < WORDS_MAX - 3);
		words[n] = argv[n];
	}
	words[n++] = "-serial";
	words[n++] = serial;
	words[n] = NULL;
	q->pid = fork();
	if (q->pid < 0)
		goto fail;
	if (!q->pid)
		child(path, (char *const *)words, q->stderr_fd, keep, n_keep, parent);
	fcntl(q->serial_fd, F_SETFD, FD_CLOEXEC);
	return 0;
fail:
	q->pid = 0;
	n = (size_t)errno;
	qemu_free(q);
	return -(int)n;
}

void qemu_end(struct qemu *q, unsigned long long deadline_ns)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };

	while (q->pid) {
		pid_t got = waitpid(q->pid, &q->status, WNOHANG);

		if (got == q->pid || (got < 0 && errno != EINTR)) {
			q->pid = 0;
		} else if (monotonic_ns() >= deadline_ns) {
			kill(q->pid, SIGKILL);
			while (waitpid(q->pid, &q->status, 0) < 0 && errno == EINTR)
				;
			q->pid = 0;
		} else {
			nanosleep(&pause, NULL);
		}
	}
}

void qemu_free(struct qemu *q)
{
	qemu_end(q, 0);
	if (q->stderr_fd >= 0)
		close(q->stderr_fd);
	if (q->serial_fd >= 0)
		close(q->serial_fd);
	q->stderr_fd = q->serial_fd = -1;
}

const char *qemu_ended(const struct qemu *q, char *buf, size_t size)
{
	if (WIFSIGNALED(q->status))
		snprintf(buf, size, "was killed by signal %d", WTERMSIG(q->status));
	else
		snprintf(buf, size, "exited with status %d", WEXITSTATUS(q->status));
	return buf;
}

/* Where the line begins that is the first to have one of @marks; NULL. */
static char *first_marked(char *text, const char *const *marks)
{
	char *first = NULL;

	for (; marks && *marks; marks++) {
		char *at = strstr(text, *marks);

		if (at && (!first || at < first))
			first = at;
	}
	while (first && first > text && first[-1] != '\n')
		first--;
	return first;
}

char *qemu_tail(int log_fd, unsigned lines, const char *const *marks)
{
	char *text = calloc(1, TAIL_BYTES + 1);
	off_t size = lseek(log_fd, 0, SEEK_END);
	ssize_t n;
	char *p, *marked;

	if (!text || size <= 0)
		return text;
	n = pread(log_fd, text, TAIL_BYTES, size > TAIL_BYTES ? size - TAIL_BYTES : 0);
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r' || !text[n - 1]))
		n--;
	text[n > 0 ? n : 0] = '\0';
	for (p = text + (n > 0 ? n : 0); p > text; p--)
		if (p[-1] == '\n' && !--lines)
			break;
	marked = first_marked(text, marks);
	if (marked && marked < p)
		p = marked;
	memmove(text, p, strlen(p) + 1);
	return text;
}

/* "EAX=...", "R8 =...", "ES =...", "XMM00=...", "Code=..." */
static bool is_registers(const char *line)
{
	size_t n = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");

	if (!strncmp(line, "Code=", 5))
		return true;
	return n >= 2 && n <= 5 && line[n + strspn(line + n, " ")] == '=' && strncmp(line + 1, "IP=", 3);
}

const char *qemu_last_word(char *text, unsigned *registers)
{
	char *to = text, *last = NULL;

	*registers = 0;
	for (char *line = text, *next; *line; line = next) {
		size_t n = strcspn(line, "\n");
		bool more = line[n] == '\n';

		next = line + n + more;
		if (is_registers(line)) {
			++*registers;
			continue;
		}
		if (n && line[n - 1] != '\r' && strncmp(line + 1, "IP=", 3))
			last = to;
		memmove(to, line, n + more);
		to += n + more;
	}
	*to = '\0';
	return last ? last : "";
}
