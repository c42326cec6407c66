/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Wake bytes and the guest's programs, without a guest: init's loop runs in a
 * child of this test over a socket; hvc0 is a pseudo-terminal; the programs are
 * more children, with the guest library.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-init/command.h"
#include "guest-init/hub.h"
#include "guest-init/ktstr-guest.h"
#include "guest-init/payload.h"

#define FRAMES_MAX 4096
#define WRITERS 4
#define EACH 200
#define PATIENCE_MS 60000

static struct {
	char dir[32], socket[64], sysrq[64];
	int hvc; /* the host's side of it */
	pid_t init;
	int fd;
	struct wire_parser parser;
	unsigned n, bad_crc;
	struct {
		uint32_t type;
		size_t len;
		uint8_t payload[256];
	} frame[FRAMES_MAX];
} f;

static void on_frame(void *ctx, uint32_t type, const uint8_t *payload, size_t len, bool crc_ok)
{
	f.bad_crc += !crc_ok;
	if (type == WIRE_SERR && memcmp(payload, "ready", 5))
		print_message("%.*s", (int)len, (const char *)payload);
	assert_true(f.n < FRAMES_MAX);
	f.frame[f.n].type = type;
	f.frame[f.n].len = len;
	memcpy(f.frame[f.n++].payload, payload, len < 256 ? len : 256);
}

static void init(char *const *argv, int fd, const char *hvc)
{
	struct config config = { .argv = (char **)argv, .env = environ };
	struct bulk bulk;
	struct hub hub;
	int32_t code;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bulk_init(&bulk, fd);
	if (hub_open(&hub, &bulk, &config))
		_exit(1);
	hub.wake.sysrq = f.sysrq;
	if (wake_open(&hub.wake, hub.aside, hvc) || guests_open(&hub.guests, &bulk, &hub.wake, f.socket))
		_exit(2);
	code = payload_run(&bulk, &hub, &config);
	if (code < 0 || bulk_send(&bulk, WIRE_EXIT, &code, sizeof(code)))
		_exit(3);
	hub_close(&hub);
	_exit(0);
}

static int setup(void **state)
{
	memset(&f, 0, sizeof(f));
	snprintf(f.dir, sizeof(f.dir), "/tmp/ktstr-test-XXXXXX");
	if (!mkdtemp(f.dir))
		return -1;
	snprintf(f.socket, sizeof(f.socket), "%s/socket", f.dir);
	snprintf(f.sysrq, sizeof(f.sysrq), "%s/sysrq", f.dir);
	close(open(f.sysrq, O_CREAT | O_WRONLY, 0600));
	setenv("KTSTR_SOCKET", f.socket, 1);
	wire_parser_init(&f.parser, on_frame, NULL);
	return 0;
}

static void start(char *const *argv)
{
	int fds[2];
	char hvc[64];

	f.hvc = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_return_code(f.hvc, errno);
	assert_int_equal(unlockpt(f.hvc), 0);
	assert_int_equal(ptsname_r(f.hvc, hvc, sizeof(hvc)), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	f.init = fork();
	assert_return_code(f.init, errno);
	if (!f.init) {
		close(fds[0]);
		init(argv, fds[1], hvc);
	}
	close(fds[1]);
	f.fd = fds[0];
}

/* False: the guest has ended. */
static bool turn(void)
{
	struct pollfd p = { .fd = f.fd, .events = POLLIN };
	uint8_t data[65536];
	ssize_t n;

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	n = read(f.fd, data, sizeof(data));
	if (n > 0)
		assert_int_equal(wire_parser_feed(&f.parser, data, (size_t)n), 0);
	return n > 0;
}

static bool seen(uint32_t type)
{
	for (unsigned i = 0; i < f.n; i++)
		if (f.frame[i].type == type)
			return true;
	return false;
}

static void until(uint32_t type)
{
	while (!seen(type))
		assert_true(turn());
}

/* To the end; the exit code. */
static int finish(void)
{
	int32_t code = -1;
	int status;

	while (turn())
		;
	assert_int_equal(waitpid(f.init, &status, 0), f.init);
	assert_int_equal(status, 0);
	assert_int_equal(f.bad_crc + f.parser.unknown + f.parser.oversize, 0);
	assert_int_equal(f.frame[f.n - 1].type, WIRE_EXIT);
	memcpy(&code, f.frame[f.n - 1].payload, 4);
	f.init = 0;
	return code;
}

static int teardown(void **state)
{
	if (f.init > 0) {
		kill(f.init, SIGKILL);
		waitpid(f.init, NULL, 0);
	}
	close(f.fd);
	close(f.hvc);
	wire_parser_free(&f.parser);
	unlink(f.socket);
	unlink(f.sysrq);
	return rmdir(f.dir);
}

static void type(const char *bytes, size_t len)
{
	assert_int_equal(write(f.hvc, bytes, len), len);
}

/* A program of the guest's, with its own connection. */
static pid_t program(int (*run)(struct ktstr_guest *g))
{
	pid_t pid = fork();
	struct ktstr_guest g;

	assert_return_code(pid, errno);
	if (pid)
		return pid;
	/* init may not have its socket yet. */
	for (int i = 0; ktstr_guest_open(&g); i++) {
		if (i == 10000)
			_exit(100);
		usleep(1000);
	}
	_exit(run(&g) ? 1 : 0);
}

static int outcome(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* The command ends when the host closes its stdin: the test says when. */
static void start_command(void)
{
	static char *const command[] = { "sh", "-c", "echo ready; exec cat", NULL };

	start(command);
	/* hvc0 is raw by now. */
	while (!f.n)
		assert_true(turn());
	assert_int_equal(f.frame[0].type, WIRE_SOUT);
	f.n = 0;
}

static void end_input(void)
{
	struct wire_header h;

	wire_header_init(&h, WIRE_SINP, NULL, 0);
	assert_int_equal(write(f.fd, &h, sizeof(h)), sizeof(h));
}

/* CON-09, CON-13: D1 writes 'D', each time, also among other bytes. */
static void vc_dump_is_sysrq_d(void **state)
{
	char text[8] = "";
	unsigned told = 0;
	int fd;

	start_command();
	/* \r, \n, ^C, ^D: a terminal's affairs, if it were one. */
	type("x\xd1\r\n\x03\x04\xd1y", 8);
	while (told < 2) {
		assert_true(turn());
		told = 0;
		for (unsigned i = 0; i < f.n; i++)
			told += f.frame[i].type == WIRE_WAKE;
	}
	for (unsigned i = 0; i < f.n; i++) {
		assert_int_equal(f.frame[i].type, WIRE_WAKE);
		assert_int_equal(f.frame[i].payload[0], WAKE_VC_DUMP);
		assert_memory_equal(f.frame[i].payload + 1, "sysrq D written", 15);
	}
	fd = open(f.sysrq, O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, text, sizeof(text)) >= 1);
	assert_int_equal(text[0], 'D');
	close(fd);
	end_input();
	assert_int_equal(finish(), 0);
}

static void what_is_no_wake_byte_is_nobodys(void **state)
{
	struct wake w;
	uint8_t all[256];
	unsigned n = 0;

	wake_init(&w);
	w.sysrq = f.sysrq;
	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	/* CON-13: all four in one read, each handled, and no other. */
	wake_take(&w, all, sizeof(all));
	assert_int_equal(w.n_effects, 4);
	for (unsigned i = 0; i < w.n_effects; i++)
		n += w.effects[i].byte;
	assert_int_equal(n, 0xd1 + 0xd3 + 0xbf + 0xac);
	assert_true(w.shutdown && w.bpf_write_done && w.accessor_ready);
	/* Effects that nobody takes are bounded. */
	for (int i = 0; i < 1000; i++)
		wake_take(&w, all, sizeof(all));
	assert_int_equal(w.n_effects, WAKE_EFFECTS_MAX);
}

static int wait_accessor(struct ktstr_guest *g)
{
	return ktstr_guest_wait(g, KTSTR_GUEST_ACCESSOR_READY, -1);
}

static int wait_bpf_write(struct ktstr_guest *g)
{
	return ktstr_guest_wait(g, KTSTR_GUEST_BPF_WRITE_DONE, -1);
}

static int wait_in_vain(struct ktstr_guest *g)
{
	return ktstr_guest_wait(g, KTSTR_GUEST_BPF_WRITE_DONE, 50) == -ETIMEDOUT ? 0 : -1;
}

/* CON-11, CON-12: each latch lets go of those who wait for it, and of nobody else. */
static void latches_wake_who_waits(void **state)
{
	pid_t accessor, bpf_write;

	start_command();
	accessor = program(wait_accessor);
	bpf_write = program(wait_bpf_write);
	type("\xac", 1);
	assert_int_equal(outcome(accessor), 0);
	assert_int_equal(outcome(program(wait_in_vain)), 0);
	assert_int_equal(waitpid(bpf_write, NULL, WNOHANG), 0);
	type("\xbf", 1);
	assert_int_equal(outcome(bpf_write), 0);
	/* Once set, they stay set. */
	assert_int_equal(outcome(program(wait_accessor)), 0);
	assert_int_equal(outcome(program(wait_bpf_write)), 0);
	end_input();
	assert_int_equal(finish(), 0);
}

/* CON-10: D3 ends the command by SIGTERM; what it had written comes first. */
static void shutdown_flushes_what_was_written(void **state)
{
	char *const argv[] = { "sh", "-c",
			       "trap 'echo last; exit 9' TERM; head -c 3000000 /dev/zero; echo ready >&2; "
			       "while :; do sleep 0.05; done",
			       NULL };
	size_t out = 0;

	start(argv);
	until(WIRE_SERR);
	type("\xd3", 1);
	assert_int_equal(finish(), 9);
	for (unsigned i = 0; i < f.n; i++)
		out += f.frame[i].type == WIRE_SOUT ? f.frame[i].len : 0;
	assert_int_equal(out, 3000000 + strlen("last\n"));
	assert_true(seen(WIRE_WAKE));
}

static void shutdown_kills_who_does_not_listen(void **state)
{
	char *const argv[] = { "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done", NULL };

	start(argv);
	until(WIRE_SOUT);
	type("\xd3", 1);
	assert_int_equal(finish(), 128 + SIGKILL);
}

/* A wake byte is acted upon while the port is full. */
static void a_full_port_holds_up_no_wake(void **state)
{
	char *const argv[] = { "sh", "-c", "head -c 8000000 /dev/zero", NULL };
	pid_t pid;

	start(argv);
	/* Nothing is read here until the latch was seen. */
	pid = program(wait_accessor);
	usleep(300000);
	type("\xac\xd1", 2);
	for (int i = 0; i < 20000; i++) {
		char c = 0;
		int fd = open(f.sysrq, O_RDONLY | O_CLOEXEC);
		ssize_t n = read(fd, &c, 1);

		close(fd);
		if (n == 1)
			break;
		assert_true(i < 19999);
		usleep(1000);
	}
	assert_int_equal(finish(), 0);
	assert_int_equal(outcome(pid), 0);
}

static int tell_all(struct ktstr_guest *g)
{
	struct ktstr_guest_stimulus s = { KTSTR_GUEST_NOW, 1, 2, 3, 4, 5, 6 };
	int ret = ktstr_guest_scenario_start(g);

	ret = ret ? ret : ktstr_guest_stimulus(g, &s);
	ret = ret ? ret : ktstr_guest_scenario_pause(g);
	ret = ret ? ret : ktstr_guest_scenario_resume(g);
	ret = ret ? ret : ktstr_guest_metric(g, "{\"x\":1}");
	ret = ret ? ret : ktstr_guest_raw(g, "raw", 3);
	ret = ret ? ret : ktstr_guest_scheduler_log(g, "log", 3);
	ret = ret ? ret : ktstr_guest_scenario_end(g);
	return ret ? ret : ktstr_guest_scheduler_exit(g, 7);
}

static void each_mark_is_its_frame(void **state)
{
	static const struct {
		uint32_t type;
		size_t len;
	} want[] = { { WIRE_SCST, 0 }, { WIRE_STIM, 24 }, { WIRE_SCPP, 0 }, { WIRE_SCRR, 0 }, { WIRE_JMET, 7 },
		     { WIRE_RAWO, 3 }, { WIRE_SCLG, 3 },  { WIRE_SCEN, 8 }, { WIRE_SCDX, 4 } };
	struct wire_stimulus s;

	start_command();
	assert_int_equal(outcome(program(tell_all)), 0);
	end_input();
	assert_int_equal(finish(), 0);
	assert_int_equal(f.n, sizeof(want) / sizeof(*want) + 1);
	for (unsigned i = 0; i + 1 < f.n; i++) {
		assert_int_equal(f.frame[i].type, want[i].type);
		assert_int_equal(f.frame[i].len, want[i].len);
	}
	memcpy(&s, f.frame[1].payload, sizeof(s));
	assert_int_not_equal(s.elapsed_ms, KTSTR_GUEST_NOW);
	assert_int_equal(s.step_index, 1);
	assert_int_equal(s.op_count, 2);
	assert_int_equal(s.op_kinds, 3);
	assert_int_equal(s.cgroup_count, 4);
	assert_int_equal(s.worker_count, 5);
	assert_int_equal(s.total_iterations, 6);
}

static int write_many(struct ktstr_guest *g)
{
	uint8_t data[20000];
	int ret = 0;

	memset(data, getpid() & 0xff, sizeof(data));
	for (int i = 0; i < EACH && !ret; i++)
		ret = ktstr_guest_raw(g, data, sizeof(data) - (size_t)i);
	return ret;
}

/* Four writers and the command's own output at once: frames never interleave. */
static void frames_of_many_writers_stay_whole(void **state)
{
	char *const argv[] = { "sh", "-c", "head -c 4000000 /dev/zero; cat", NULL };
	pid_t pid[WRITERS];
	size_t raw = 0, out = 0;

	start(argv);
	for (int i = 0; i < WRITERS; i++)
		pid[i] = program(write_many);
	/* CRCs are looked at by finish(): a frame that another had got into would not fit its own. */
	for (bool all = false; !all;) {
		assert_true(turn());
		raw = 0;
		for (unsigned i = 0; i < f.n; i++)
			raw += f.frame[i].type == WIRE_RAWO;
		all = raw == WRITERS * EACH;
	}
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(outcome(pid[i]), 0);
	end_input();
	assert_int_equal(finish(), 0);
	for (unsigned i = 0; i < f.n; i++) {
		out += f.frame[i].type == WIRE_SOUT ? f.frame[i].len : 0;
		for (unsigned b = 1; f.frame[i].type == WIRE_RAWO && b < 256; b++)
			assert_int_equal(f.frame[i].payload[b], f.frame[i].payload[0]);
	}
	assert_int_equal(out, 4000000);
}

/* What a program prints and what it says come in its order. */
static void speech_and_print_are_in_order(void **state)
{
	char script[512], link[64], self[256] = "";
	char *argv[] = { "sh", "-c", script, NULL };
	unsigned next = 0;

	snprintf(script, sizeof(script),
		 "for i in 0 1 2 3 4 5 6 7 8 9; do echo $i; '%s/ktstr-guest' scenario pause || exit 1; done", f.dir);
	/* The test's own program under the command's name. */
	snprintf(link, sizeof(link), "%s/ktstr-guest", f.dir);
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	assert_int_equal(symlink(self, link), 0);
	start(argv);
	assert_int_equal(finish(), 0);
	unlink(link);
	for (unsigned i = 0; i + 1 < f.n; i++, next++)
		assert_int_equal(f.frame[i].type, next % 2 ? WIRE_SCPP : WIRE_SOUT);
	assert_int_equal(next, 20);
}

static int capture(struct ktstr_guest *g)
{
	char reason[64];
	int ret = ktstr_guest_capture(g, "mark", 60000, reason);

	return ret == -EREMOTEIO && !strcmp(reason, "not today") ? 0 : -1;
}

static int capture_while_another(struct ktstr_guest *g)
{
	return ktstr_guest_capture(g, "second", 60000, NULL) == -EBUSY ? 0 : -1;
}

/* WIR-11, WIR-12 as the guest sees them: 72 bytes each way, one in flight. */
static void snapshots_go_to_the_host_and_back(void **state)
{
	struct wire_snapshot request, reply = { .kind_status = WIRE_SNAPSHOT_ERR, .text = "not today" };
	struct wire_header h;
	pid_t pid;

	start_command();
	pid = program(capture);
	until(WIRE_SNRQ);
	assert_int_equal(f.frame[0].len, 72);
	memcpy(&request, f.frame[0].payload, sizeof(request));
	assert_int_not_equal(request.request_id, 0);
	assert_int_equal(request.kind_status, WIRE_SNAPSHOT_CAPTURE);
	assert_string_equal(request.text, "mark");
	assert_int_equal(outcome(program(capture_while_another)), 0);
	/* One that is not for it passes by. */
	for (int i = 1; i >= 0; i--) {
		reply.request_id = request.request_id + (uint32_t)i;
		wire_header_init(&h, WIRE_SNRP, &reply, sizeof(reply));
		assert_int_equal(write(f.fd, &h, sizeof(h)), sizeof(h));
		assert_int_equal(write(f.fd, &reply, sizeof(reply)), sizeof(reply));
	}
	assert_int_equal(outcome(pid), 0);
	end_input();
	assert_int_equal(finish(), 0);
}

static int say_what_is_not_theirs(struct ktstr_guest *g)
{
	static const uint32_t types[] = { WIRE_EXIT, WIRE_SRDY, WIRE_SOUT, WIRE_SNRP };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		uint8_t answer[WIRE_HEADER_SIZE + 4];
		struct wire_header h;
		int32_t result;

		wire_header_init(&h, types[i], NULL, 0);
		if (write(g->fd, &h, sizeof(h)) != sizeof(h) ||
		    recv(g->fd, answer, sizeof(answer), MSG_WAITALL) != sizeof(answer))
			return -1;
		memcpy(&result, answer + WIRE_HEADER_SIZE, 4);
		if (result != -EINVAL)
			return -1;
	}
	return 0;
}

static int say_noise(struct ktstr_guest *g)
{
	uint8_t noise[4096];

	memset(noise, 0xa5, sizeof(noise));
	if (write(g->fd, noise, sizeof(noise)) != sizeof(noise))
		return -1;
	/* It hangs up. */
	return recv(g->fd, noise, sizeof(noise), 0) <= 0 ? 0 : -1;
}

static void programs_cannot_speak_for_init(void **state)
{
	start_command();
	assert_int_equal(outcome(program(say_what_is_not_theirs)), 0);
	assert_int_equal(outcome(program(say_noise)), 0);
	end_input();
	assert_int_equal(finish(), 0);
	assert_int_equal(f.n, 1);
}

int main(int argc, char **argv)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(vc_dump_is_sysrq_d),
		T(what_is_no_wake_byte_is_nobodys),
		T(latches_wake_who_waits),
		T(shutdown_flushes_what_was_written),
		T(shutdown_kills_who_does_not_listen),
		T(a_full_port_holds_up_no_wake),
		T(each_mark_is_its_frame),
		T(frames_of_many_writers_stay_whole),
		T(speech_and_print_are_in_order),
		T(snapshots_go_to_the_host_and_back),
		T(programs_cannot_speak_for_init),
	};

	if (!strcmp(basename(argv[0]), GUEST_COMMAND))
		return guest_command(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
