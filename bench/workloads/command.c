/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/workloads/command.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/workloads/clock.h"
#include "bench/workloads/window.h"

#define EXIT_INTERNAL 70
#define KEPT_MAX (4u << 20) /* of each stream, and of all files */
#define CHUNK (64u << 10)   /* of a line of JSON, which may take six times as much */
#define OUT 0
#define ERR 1

struct stream {
	int fd; /* -1: ended */
	int to;
	char *text;
	size_t len;
	uint64_t bytes; /* all that came */
};

struct state {
	const struct command *command;
	struct window window;
	struct stream stream[2];
	pid_t pid;
	int pidfd, status;
	struct rusage usage;
	uint64_t files_bytes, files_kept;
};

/* --- what it prints ----------------------------------------------------- */

static void hand_on(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t done = write(fd, data, n);

		if (done < 0 && errno == EINTR)
			continue;
		/* Whoever read it is gone: the host still gets what is kept. */
		if (done <= 0)
			return;
		data += done;
		n -= (size_t)done;
	}
}

/* False: nothing to read now, or any more. */
static bool take(struct stream *s)
{
	char data[16384];
	ssize_t n = read(s->fd, data, sizeof(data));
	size_t keep;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return errno == EINTR;
	if (n <= 0) {
		close(s->fd);
		s->fd = -1;
		return false;
	}
	s->bytes += (uint64_t)n;
	keep = (size_t)n < KEPT_MAX - s->len ? (size_t)n : KEPT_MAX - s->len;
	memcpy(s->text + s->len, data, keep);
	s->len += keep;
	hand_on(s->to, data, (size_t)n);
	return true;
}

/* --- its life ----------------------------------------------------------- */

__attribute__((noreturn)) static void become(const struct state *s, int out, int err)
{
	int none = open("/dev/null", O_RDONLY);

	/* Our own stdin has the host's answers. */
	if (none < 0 || dup2(none, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		_exit(EXIT_INTERNAL);
	signal(SIGPIPE, SIG_DFL);
	execvp(s->command->argv[0], s->command->argv);
	fprintf(stderr, "ktstr-workload: %s: %s in the guest\n", s->command->argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int start(struct state *s)
{
	int out[2], err[2];

	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	s->pid = fork();
	if (!s->pid)
		become(s, out[1], err[1]);
	if (s->pid < 0)
		return -errno;
	close(out[1]);
	close(err[1]);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	s->stream[OUT] = (struct stream){ .fd = out[0], .to = STDOUT_FILENO, .text = malloc(KEPT_MAX) };
	s->stream[ERR] = (struct stream){ .fd = err[0], .to = STDERR_FILENO, .text = malloc(KEPT_MAX) };
	s->pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	return s->pidfd < 0 ? -errno : s->stream[OUT].text && s->stream[ERR].text ? 0 : -ENOMEM;
}

/* Until it has ended; what a descendant prints later is nobody's. */
static void follow(struct state *s)
{
	struct pollfd fds[3] = { { .events = POLLIN }, { .events = POLLIN }, { .fd = s->pidfd, .events = POLLIN } };

	while (!fds[2].revents) {
		fds[0].fd = s->stream[OUT].fd;
		fds[1].fd = s->stream[ERR].fd;
		if (poll(fds, 3, -1) < 0)
			continue;
		for (unsigned i = 0; i < 2; i++)
			if (fds[i].revents)
				take(&s->stream[i]);
	}
	while (wait4(s->pid, &s->status, 0, &s->usage) < 0 && errno == EINTR)
		;
	s->window.end_ns = now_ns();
	scx_snapshot_read(&s->window.at_end, "");
	window_mark(&s->window, "end");
	for (unsigned i = 0; i < 2; i++)
		for (size_t left = KEPT_MAX; s->stream[i].fd >= 0 && left && take(&s->stream[i]); left--)
			;
}

/* --- for the host ------------------------------------------------------- */

static void print_bytes(const char *text, size_t n, FILE *f)
{
	fputc('"', f);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		/* What is not ASCII need not be UTF-8, and says nothing to a parser. */
		if (c >= 0x7f || (c < 0x20 && c != '\n' && c != '\t' && c != '\r'))
			c = '?';
		fprintf(f, c < 0x20 || c == '"' || c == '\\' ? "\\u%04x" : "%c", c);
	}
	fputc('"', f);
}

static void send_text(FILE *f, const char *from, const char *text, size_t len)
{
	for (size_t at = 0; at < len; at += CHUNK) {
		fprintf(f, "{\"ktstr_output\":\"%s\",\"text\":", from);
		print_bytes(text + at, len - at < CHUNK ? len - at : CHUNK, f);
		fputs("}\n", f);
	}
}

static void send_file(struct state *s, const char *path)
{
	static char data[CHUNK];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		fprintf(stderr, "ktstr-workload: --parse %s: %s\n", path, strerror(errno));
	while (fd >= 0 && (n = read(fd, data, sizeof(data))) > 0) {
		s->files_bytes += (uint64_t)n;
		if (s->files_kept + (uint64_t)n > KEPT_MAX)
			break;
		s->files_kept += (uint64_t)n;
		send_text(s->command->metrics, "file", data, (size_t)n);
	}
	if (fd >= 0)
		close(fd);
}

static void send_files(struct state *s)
{
	for (unsigned i = 0; i < s->command->n_parse; i++) {
		glob_t found = { 0 };

		if (glob(s->command->parse[i], 0, NULL, &found))
			fprintf(stderr, "ktstr-workload: --parse %s: no such file in the guest\n",
				s->command->parse[i]);
		for (size_t k = 0; k < found.gl_pathc; k++)
			send_file(s, found.gl_pathv[k]);
		globfree(&found);
	}
}

static uint64_t ns_of(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

static void send_result(const struct state *s, int code)
{
	const struct rusage *u = &s->usage;
	FILE *f = s->command->metrics;

	fputs("{\"ktstr_command\":[", f);
	for (char **a = s->command->argv; *a; a++) {
		fputs(a == s->command->argv ? "" : ",", f);
		print_bytes(*a, strlen(*a), f);
	}
	fprintf(f, "],\"exit_code\":%d,\"signal\":%d,\"wall_ns\":%" PRIu64 ",\"user_ns\":%" PRIu64, code,
		WIFSIGNALED(s->status) ? WTERMSIG(s->status) : 0, s->window.end_ns - s->window.begin_ns,
		ns_of(u->ru_utime));
	fprintf(f, ",\"system_ns\":%" PRIu64 ",\"max_rss_bytes\":%ld,\"voluntary_switches\":%ld", ns_of(u->ru_stime),
		u->ru_maxrss * 1024, u->ru_nvcsw);
	fprintf(f, ",\"involuntary_switches\":%ld,\"stdout_bytes\":%" PRIu64 ",\"stderr_bytes\":%" PRIu64, u->ru_nivcsw,
		s->stream[OUT].bytes, s->stream[ERR].bytes);
	fprintf(f, ",\"truncated\":%s,\"window\":",
		s->stream[OUT].bytes > s->stream[OUT].len || s->stream[ERR].bytes > s->stream[ERR].len ||
				s->files_bytes > s->files_kept
			? "true"
			: "false");
	window_print(&s->window, f);
	fputs("}\n", f);
	fflush(f);
}

int command_run(const struct command *c)
{
	struct state s = { .command = c, .window = { .marks = c->marks ? c->metrics : NULL, .workload = "command" } };
	int rc, code;

	window_mark(&s.window, "begin");
	scx_snapshot_read(&s.window.at_begin, "");
	s.window.begin_ns = now_ns();
	rc = start(&s);
	if (rc) {
		fprintf(stderr, "ktstr-workload: %s: %s\n", c->argv[0], strerror(-rc));
		return EXIT_INTERNAL;
	}
	follow(&s);
	code = WIFSIGNALED(s.status) ? 128 + WTERMSIG(s.status) : WEXITSTATUS(s.status);
	send_text(c->metrics, "stdout", s.stream[OUT].text, s.stream[OUT].len);
	send_text(c->metrics, "stderr", s.stream[ERR].text, s.stream[ERR].len);
	send_files(&s);
	send_result(&s, code);
	free(s.stream[OUT].text);
	free(s.stream[ERR].text);
	return code;
}
