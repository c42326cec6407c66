/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stands in for a scheduler's program, as those of the scx project and of
 * tools/sched_ext are: loads a scheduler, attaches it by a link, waits for
 * SIGINT or SIGTERM or for the scheduler's end, and attaches it again when the
 * kernel asks for that (SCX_ECODE_ACT_RESTART). As theirs, its exit code is 0
 * however the scheduler ended, unless --code says otherwise; what it has to say
 * goes to stderr, one line about its start to stdout. Each fault that such a
 * program may have is an option.
 * What is no option: a program that is a script, or can't be executed, or needs
 * a library that is missing, is made of this one by the test.
 */
#include <argp.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf/schedulers.h"
#include "bpf/scx_exit.h"
#include "tests/nested/scx_program.h"

#define PIN_DIR "/sys/fs/bpf"
#define PIN_PATH PIN_DIR "/scx-program"

/* Of Linux 6.4's uapi, as in bpf/scheduler_object.c. */
#define LINK_FLAG (1u << 13) /* BPF_F_LINK */
#define ATTACH_STRUCT_OPS 44 /* BPF_STRUCT_OPS */

struct program {
	const char *scheduler;
	struct ender_order order;
	unsigned slow_s, restarts, noise;
	int code;
	bool hang_at_end, pin_link, die_at_once, echo;
	const char *need;

	struct bpf_object *bpf;
	struct ring_buffer *ring;
	struct bpf_link *link; /* or */
	int link_fd;
	bool exited;
	struct scx_exit_record exit;
};

static volatile sig_atomic_t asked;

static void on_signal(int signal)
{
	asked = signal;
}

static int print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, fmt, ap);
}

static int on_exit_record(void *ctx, void *data, size_t size)
{
	struct program *p = ctx;

	if (size >= sizeof(p->exit)) {
		memcpy(&p->exit, data, sizeof(p->exit));
		p->exited = true;
	}
	return 0;
}

static int fail(const char *what, int rc)
{
	fprintf(stderr, "scx-program: %s: %s\n", what, strerror(-rc));
	return rc;
}

/* --- the scheduler ---------------------------------------------------------- */

static struct bpf_map *find_map(struct bpf_object *obj, enum bpf_map_type type, const char *end)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map,
				 obj) if (bpf_map__type(map) == type && strstr(bpf_map__name(map), end)) return map;
	return NULL;
}

static int load(struct program *p)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = p->scheduler);
	const struct scheduler_object *o = scheduler_objects;
	int rc = 0;

	while (o->name && strcmp(o->name, p->scheduler))
		o++;
	p->bpf = o->name ? bpf_object__open_mem(o->elf, o->size, &opts) : NULL;
	if (!p->bpf)
		return fail(p->scheduler, -ENOENT);
	if (!strcmp(p->scheduler, "ender"))
		rc = bpf_map__set_initial_value(find_map(p->bpf, BPF_MAP_TYPE_ARRAY, ENDER_ORDER), &p->order,
						sizeof(p->order));
	if (rc)
		return fail("order", rc);
	bpf_map__set_map_flags(find_map(p->bpf, BPF_MAP_TYPE_STRUCT_OPS, ""), LINK_FLAG);
	rc = bpf_object__load(p->bpf);
	if (rc)
		return fail("load", rc);
	p->ring = ring_buffer__new(bpf_object__find_map_fd_by_name(p->bpf, SCX_EXIT_RING), on_exit_record, p, NULL);
	return p->ring ? 0 : fail("ring buffer", -errno);
}

/* libbpf before 1.2.2 fills the map and makes no link. */
static int attach(struct program *p)
{
	struct bpf_map *ops = find_map(p->bpf, BPF_MAP_TYPE_STRUCT_OPS, "");
	union bpf_attr attr = { 0 };

	p->link = bpf_map__attach_struct_ops(ops);
	if (!p->link)
		return fail("attach", -errno);
	p->link_fd = bpf_link__fd(p->link);
	if (p->link_fd != bpf_map__fd(ops))
		return 0;
	bpf_link__disconnect(p->link);
	bpf_link__destroy(p->link);
	p->link = NULL;
	attr.link_create.prog_fd = (unsigned)bpf_map__fd(ops);
	attr.link_create.attach_type = ATTACH_STRUCT_OPS;
	p->link_fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return p->link_fd < 0 ? fail("link", -errno) : 0;
}

static int pin(struct program *p)
{
	struct stat dir, above;

	if (stat(PIN_DIR, &dir) || stat(PIN_DIR "/..", &above))
		return fail(PIN_DIR, -errno);
	if (dir.st_dev == above.st_dev && mount("bpf", PIN_DIR, "bpf", 0, NULL))
		return fail("mount " PIN_DIR, -errno);
	return bpf_obj_pin(p->link_fd, PIN_PATH) ? fail(PIN_PATH, -errno) : 0;
}

static void detach(struct program *p)
{
	if (p->link)
		bpf_link__destroy(p->link);
	else if (p->link_fd >= 0)
		close(p->link_fd);
	p->link = NULL;
	p->link_fd = -1;
	/* With a pinned link there is no record to come. */
	if (p->ring && !p->exited && !p->pin_link)
		ring_buffer__poll(p->ring, 5000);
}

static void release(struct program *p)
{
	ring_buffer__free(p->ring);
	bpf_object__close(p->bpf);
	p->ring = NULL;
	p->bpf = NULL;
}

/* In the words and the order of tools/sched_ext's UEI_REPORT(). */
static void report(const struct program *p)
{
	static const char line[] = "================================================================================";

	if (*p->exit.dump)
		fprintf(stderr, "\nDEBUG DUMP\n%s\n\n%s\n%s\n\n", line, p->exit.dump, line);
	fprintf(stderr, "EXIT: %s", p->exit.reason);
	if (*p->exit.msg)
		fprintf(stderr, " (%s)", p->exit.msg);
	putc('\n', stderr);
}

/* --- its life ------------------------------------------------------------- */

static void hang(void)
{
	fputs("scx-program: hangs\n", stderr);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	for (;;)
		pause();
}

/* Whether it is to be attached again. */
static bool round_of(struct program *p, int *rc)
{
	p->exited = false;
	*rc = load(p);
	if (!*rc)
		*rc = attach(p);
	if (!*rc && p->pin_link)
		*rc = pin(p);
	if (*rc)
		return false;
	puts("scx-program: attached");
	fflush(stdout);
	while (!asked && !p->exited)
		ring_buffer__poll(p->ring, 100);
	if (p->hang_at_end && !p->exited)
		hang();
	detach(p);
	if (p->exited)
		report(p);
	release(p);
	return p->exited && p->exit.code & (long long)ECODE_ACT_RESTART && !asked;
}

static int run(struct program *p)
{
	struct sigaction action = { .sa_handler = on_signal };
	int rc;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	libbpf_set_print(print);
	if (p->die_at_once)
		abort();
	if (p->need && access(p->need, R_OK))
		return fail(p->need, -errno) ? 1 : 0;
	for (unsigned i = 0; i < p->noise; i++)
		fprintf(stderr, "scx-program: line %u of %u\n", i + 1, p->noise);
	if (p->slow_s)
		sleep(p->slow_s);
	while (round_of(p, &rc)) {
		fputs("scx-program: restarts\n", stderr);
		if (p->restarts && !--p->restarts)
			p->order.how = ENDER_NEVER;
	}
	return rc ? 1 : p->code;
}

/* --- command line ----------------------------------------------------------- */

enum {
	STALL = 0x100,
	ERROR,
	EXIT,
	EXIT_CODE,
	AFTER,
	RESTART,
	HANG_AT_END,
	PIN_LINK,
	SLOW,
	DIE_AT_ONCE,
	CODE,
	REFUSED,
	ECHO,
	NEED,
	NOISE
};

static const struct argp_option options[] = {
	{ "stall", STALL, NULL, 0, "The scheduler loses tasks after 1 s; the kernel's watchdog ends it", 0 },
	{ "error", ERROR, NULL, 0, "The scheduler ends itself by an error", 0 },
	{ "exit", EXIT, NULL, 0, "The scheduler ends itself, with code 0", 0 },
	{ "exit-code", EXIT_CODE, "N", 0, "The scheduler ends itself with code N", 0 },
	{ "restart", RESTART, "N", 0, "The scheduler asks N times to be attached again", 0 },
	{ "after", AFTER, "MS", 0, "When these ends come [500]", 0 },
	{ "hang-at-end", HANG_AT_END, NULL, 0, "Do not end by SIGINT or SIGTERM, keep the scheduler attached", 0 },
	{ "pin-link", PIN_LINK, NULL, 0, "Pin the scheduler's link as " PIN_PATH ": it outlives the program", 0 },
	{ "slow", SLOW, "SECONDS", 0, "Wait before the scheduler is loaded", 0 },
	{ "die-at-once", DIE_AT_ONCE, NULL, 0, "End by SIGABRT before anything is loaded", 0 },
	{ "refused", REFUSED, NULL, 0, "The scheduler is one that the verifier refuses", 0 },
	{ "code", CODE, "N", 0, "The program's own exit code [0]", 0 },
	{ "need", NEED, "FILE", 0, "Fail unless FILE can be read", 0 },
	{ "noise", NOISE, "N", 0, "Write N lines to stderr first", 0 },
	{ "echo", ECHO, NULL, 0, "Write all further words to stderr, each in brackets on a line", 0 },
	{ 0 },
};

static void order(struct program *p, unsigned how, unsigned long long code)
{
	p->scheduler = "ender";
	p->order.how = how;
	p->order.code = code;
}

static error_t parse_order(int key, const char *arg, struct program *p)
{
	switch (key) {
	case STALL:
		p->scheduler = "stall";
		return 0;
	case REFUSED:
		p->scheduler = "refused";
		return 0;
	case ERROR:
		order(p, ENDER_ERROR, 0);
		return 0;
	case EXIT:
		order(p, ENDER_EXIT, 0);
		return 0;
	case EXIT_CODE:
		order(p, ENDER_EXIT, strtoull(arg, NULL, 0));
		return 0;
	case RESTART:
		order(p, ENDER_EXIT, ECODE_ACT_RESTART);
		p->restarts = (unsigned)atoi(arg);
		return 0;
	case AFTER:
		p->order.after_ns = strtoull(arg, NULL, 0) * 1000000;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct program *p = state->input;

	switch (key) {
	case HANG_AT_END:
		p->hang_at_end = true;
		return 0;
	case PIN_LINK:
		p->pin_link = true;
		return 0;
	case SLOW:
		p->slow_s = (unsigned)atoi(arg);
		return 0;
	case DIE_AT_ONCE:
		p->die_at_once = true;
		return 0;
	case CODE:
		p->code = atoi(arg);
		return 0;
	case NEED:
		p->need = arg;
		return 0;
	case NOISE:
		p->noise = (unsigned)atoi(arg);
		return 0;
	case ECHO:
		p->echo = true;
		return 0;
	case ARGP_KEY_ARG:
		if (p->echo)
			fprintf(stderr, "scx-program: word [%s]\n", arg);
		return p->echo ? 0 : ARGP_ERR_UNKNOWN;
	default:
		return parse_order(key, arg, p);
	}
}

int main(int argc, char **argv)
{
	const struct argp argp = { .options = options, .parser = parse, .args_doc = "[--echo WORD...]" };
	struct program p = { .scheduler = "fifo", .order = { .after_ns = 500000000 }, .link_fd = -1 };

	argp_err_exit_status = 64;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &p);
	return run(&p);
}
