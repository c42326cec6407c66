/* SPDX-License-Identifier: GPL-2.0-only */
#include "bpf/scheduler.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bpf/dump.h"
#include "bpf/scheduler_kind.h"
#include "bpf/words.h"

#define MS_NS 1000000ull
#define STEP_MS 10
#define READS_MAX 16 /* retries while the state changes under the read */

const char *scheduler_sysfs = "/sys/kernel/sched_ext/";
/* --- what sched_ext says -------------------------------------------------- */

struct scx_state {
	bool enabled;
	char state[32];
	char ops[128];
	uint64_t enable_seq;
};

/* The first line of a file in sysfs; "" if there is none. */
static bool read_line(const char *name, char *line, size_t size)
{
	char path[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s%s", scheduler_sysfs, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, line, size - 1);
	if (fd >= 0)
		close(fd);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return *line;
}

static uint64_t read_enable_seq(void)
{
	char line[32];

	return read_line("enable_seq", line, sizeof(line)) ? strtoull(line, NULL, 10) : 0;
}

/* State and name belong to one attachment if enable_seq is the same before and after. */
static void read_state(struct scx_state *st)
{
	uint64_t before;
	unsigned reads = 0;

	do {
		before = read_enable_seq();
		st->enabled = read_line("state", st->state, sizeof(st->state)) && !strcmp(st->state, "enabled") &&
			      read_line("root/ops", st->ops, sizeof(st->ops));
		if (!st->enabled)
			st->ops[0] = '\0';
		st->enable_seq = read_enable_seq();
	} while (before != st->enable_seq && ++reads < READS_MAX);
}

static int check_kernel(struct scheduler *s)
{
	char state[32], ops[128];
	struct utsname u;

	if (!read_line("state", state, sizeof(state))) {
		uname(&u);
		snprintf(s->cannot, sizeof(s->cannot), "the kernel has no sched_ext");
		scheduler_say(s, "kernel %s has no sched_ext; boot one that has, such as --kernel default", u.release);
		return SCHEDULER_UNAVAILABLE;
	}
	s->seq_before = read_enable_seq();
	if (!strcmp(state, "disabled"))
		return 0;
	read_line("root/ops", ops, sizeof(ops));
	scheduler_say(s, "scheduler %s is there already, %s; end it first", *ops ? ops : "of another name", state);
	return SCHEDULER_UNAVAILABLE;
}

static int wait_enabled(struct scheduler *s)
{
	uint64_t now = scheduler_clock_ns(), deadline = now + scheduler_patience.attach_ms * MS_NS;
	uint64_t said = s->log.bytes, quiet = now + scheduler_patience.quiet_ms * MS_NS;
	struct scx_state st;

	while (!s->exited && !s->ended && now < deadline && now < quiet) {
		read_state(&st);
		if (st.enabled && st.enable_seq != s->seq_before) {
			s->attach_ns = scheduler_clock_ns() - s->start_ns;
			s->enable_seq = st.enable_seq;
			memcpy(s->ops, st.ops, sizeof(s->ops));
			return 0;
		}
		scheduler_poll(s, STEP_MS);
		now = scheduler_clock_ns();
		/* It makes progress: scx_pair has 4096 maps to make, each with an RCU grace period. */
		if (s->log.bytes != said)
			quiet = now + scheduler_patience.quiet_ms * MS_NS;
		said = s->log.bytes;
	}
	if (s->exited || s->ended) {
		s->kind->explain_early_end(s);
		return SCHEDULER_FAILED;
	}
	scheduler_say(s, "attached no scheduler within %llu s", (now - s->start_ns) / 1000000000ull);
	return SCHEDULER_FAILED;
}

/* --- its life ------------------------------------------------------------- */

bool scheduler_known(const char *text)
{
	return strchr(text, '/') || object_find(text);
}

/* Find out what @s->text names: a built-in object, an object in a file, or a program. 0 or an exit code. */
static int identify(struct scheduler *s)
{
	const char *slash;
	int rc;

	s->object = object_find(s->text);
	if (s->object) {
		s->kind = &scheduler_kind_object;
		return 0;
	}
	s->words = words_split(s->text);
	if (!s->words || !s->words[0]) {
		scheduler_say(s, "%s", s->words || errno == EINVAL ? "a quote is not closed" : strerror(errno));
		return SCHEDULER_INTERNAL;
	}
	slash = strrchr(s->words[0], '/');
	s->name = slash && slash[1] ? slash + 1 : s->words[0];
	s->log.name = s->name;
	rc = object_from_file(s, s->words[0]);
	s->kind = s->object ? &scheduler_kind_object : &scheduler_kind_program;
	return rc == -ENOEXEC ? 0 : rc;
}

/* It was not attached: whether that is this kernel's doing. */
static void learn_cannot(struct scheduler *s)
{
	struct utsname u;

	log_end_line(&s->log);
	if (*s->log.kfunc)
		snprintf(s->cannot, sizeof(s->cannot),
			 "the kernel's BTF lacks kfunc %s, or has it with other arguments", s->log.kfunc);
	else if (!uname(&u) && strstr(u.version, "PREEMPT_RT"))
		snprintf(s->cannot, sizeof(s->cannot), "a PREEMPT_RT kernel");
}

int scheduler_attach(struct scheduler *s, const char *text, bool log_to_host)
{
	int rc;

	memset(s, 0, sizeof(*s));
	s->text = s->name = text;
	s->link_fd = s->pid_fd = s->output_fd = s->kernel.fd = -1;
	s->exit.kind = -1;
	log_open(&s->log, s->name, log_to_host);
	rc = identify(s);
	if (!rc)
		rc = check_kernel(s);
	if (rc)
		return rc;
	kernel_log_open(&s->kernel);
	dump_record();
	s->start_ns = scheduler_clock_ns();
	rc = s->kind->start(s);
	if (!rc)
		rc = wait_enabled(s);
	if (rc)
		learn_cannot(s);
	return rc;
}

const char *scheduler_kind_name(const struct scheduler *s)
{
	return s->file.elf ? "object" : s->object ? "built in" : "program";
}

int scheduler_fd(const struct scheduler *s)
{
	return s->kind->fd(s);
}

int scheduler_output_fd(const struct scheduler *s)
{
	return s->output_fd;
}

void scheduler_poll(struct scheduler *s, int timeout_ms)
{
	s->kind->poll(s, timeout_ms);
}

/* 1: it is attached, 0: it is not. */
static bool is_attached(struct scheduler *s)
{
	struct scx_state st;

	read_state(&st);
	/* If enable_seq has not been raised yet, the next check sees this attachment. */
	if (!st.enabled || strcmp(st.ops, s->ops)) {
		s->gone_ns = s->gone_ns ? s->gone_ns : scheduler_clock_ns();
		return false;
	}
	if (st.enable_seq != s->enable_seq) {
		s->restarts += (unsigned)(st.enable_seq - s->enable_seq);
		s->enable_seq = st.enable_seq;
		s->gone_ns = 0;
	}
	/* The state says enabled again, but enable_seq has not been raised yet: not attached. */
	return !s->gone_ns;
}

static bool may_return(const struct scheduler *s)
{
	return s->kind->restarts && !s->ended &&
	       scheduler_clock_ns() - s->gone_ns < scheduler_patience.restart_ms * MS_NS;
}

bool scheduler_check(struct scheduler *s)
{
	return !s->exited && !s->ended && (is_attached(s) || may_return(s));
}

bool scheduler_holds(struct scheduler *s)
{
	scheduler_poll(s, 0);
	while (!s->exited && !s->ended) {
		if (is_attached(s))
			return true;
		if (!may_return(s))
			return false;
		scheduler_poll(s, STEP_MS);
	}
	return false;
}

static bool same_left(const struct scheduler *s)
{
	struct scx_state st;

	read_state(&st);
	return strcmp(st.state, "disabled") && *st.state && (!st.enabled || !strcmp(st.ops, s->ops));
}

/* The exit reason, from the kernel's log, if the scheduler leaves no record of its own. */
static void learn_exit(struct scheduler *s)
{
	struct scx_exit_record *e = &s->exit;

	if (s->exited || !*s->ops)
		return;
	s->exited = kernel_log_end(&s->kernel, s->ops, e->reason, sizeof(e->reason), e->msg, sizeof(e->msg));
	if (s->exited)
		e->kind = kernel_log_kind(e->reason);
}

void scheduler_detach(struct scheduler *s)
{
	uint64_t deadline;

	s->kind->stop(s);
	deadline = scheduler_clock_ns() + scheduler_patience.detach_ms * MS_NS;
	while (*s->ops && same_left(s)) {
		if (scheduler_clock_ns() >= deadline) {
			s->stop = STOP_LEFT;
			break;
		}
		usleep(STEP_MS * 1000);
	}
	learn_exit(s);
	if (!s->dump)
		s->dump = dump_read();
}

void scheduler_free(struct scheduler *s)
{
	if (s->kind)
		s->kind->free(s);
	kernel_log_close(&s->kernel);
	log_close(&s->log);
	free(s->words);
	free(s->dump);
	s->words = NULL;
	s->dump = NULL;
}
