/* SPDX-License-Identifier: GPL-2.0-only */
/* The statistics relay between a port and a server, both sockets of this test: it runs here, turn by turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "guest-init/clock.h"
#include "guest-init/stats.h"

#define NO_SCHEDULER "{\"ktstr_relay_error\":\"no scheduler available\"}\n"
#define OVERFLOW "{\"ktstr_relay_error\":\"response cap overflow\"}\n"

static struct {
	char dir[32], path[64];
	struct stats stats;
	int epoll, port, listener, server;
	char *text; /* of the last port_line() */
} f;

static int setup(void **state)
{
	int fds[2];

	memset(&f, 0, sizeof(f));
	snprintf(f.dir, sizeof(f.dir), "/tmp/ktstr-test-XXXXXX");
	if (!mkdtemp(f.dir))
		return -1;
	snprintf(f.path, sizeof(f.path), "%s/stats", f.dir);
	f.listener = f.server = -1;
	f.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds))
		return -1;
	f.port = fds[0];
	stats_init(&f.stats);
	return stats_open(&f.stats, f.epoll, fds[1], f.path);
}

static int teardown(void **state)
{
	stats_close(&f.stats);
	close(f.epoll);
	close(f.port);
	if (f.listener >= 0)
		close(f.listener);
	if (f.server >= 0)
		close(f.server);
	free(f.text);
	unlink(f.path);
	return rmdir(f.dir);
}

static void serve(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", f.path);
	unlink(f.path);
	f.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f.listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(f.listener, 4), 0);
}

/* Both ends are in this process: what is done at one is seen at the other. */
static void settle(void)
{
	for (int i = 0; i < 10; i++)
		watch_serve(f.epoll);
}

static void ask(const char *text)
{
	assert_int_equal(write(f.port, text, strlen(text)), strlen(text));
	settle();
}

static void accept_relay(void)
{
	if (f.server >= 0)
		close(f.server);
	f.server = accept4(f.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_return_code(f.server, errno);
}

static void server_got(const char *text)
{
	char got[4096];
	ssize_t n = read(f.server, got, sizeof(got));

	assert_int_equal(n, strlen(text));
	assert_memory_equal(got, text, n);
}

/* All of @data, while the relay takes it along. */
static void server_says(const char *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = send(f.server, data + done, len - done, MSG_NOSIGNAL);

		assert_true(n > 0 || errno == EAGAIN);
		done += n > 0 ? (size_t)n : 0;
		settle();
	}
	settle();
}

/* What the port has now. */
static size_t port_has(void)
{
	size_t len = 0;
	ssize_t n;

	f.text = realloc(f.text, 2 * STATS_CAP + 65536);
	assert_non_null(f.text);
	for (int idle = 0; idle < 3;) {
		n = read(f.port, f.text + len, 2 * STATS_CAP + 65535 - len);
		len += n > 0 ? (size_t)n : 0;
		idle = n > 0 ? 0 : idle + 1;
		settle();
	}
	f.text[len] = '\0';
	return len;
}

static void port_got(const char *text)
{
	port_has();
	assert_string_equal(f.text, text);
}

/* WIR-16 */
static void no_scheduler_is_said_so_for_each_request(void **state)
{
	ask("{\"req\":\"stats\"}\n");
	port_got(NO_SCHEDULER);
	ask("a\nb\nc\n");
	port_got(NO_SCHEDULER NO_SCHEDULER NO_SCHEDULER);
	/* One line in pieces is one request. */
	ask("{\"req\":");
	port_got("");
	ask("\"stats\"}\n");
	port_got(NO_SCHEDULER);
}

static void lines_pass_both_ways_over_one_connection(void **state)
{
	serve();
	for (int i = 0; i < 1000; i++) {
		char request[64], response[64];

		snprintf(request, sizeof(request), "{\"req\":\"stats\",\"n\":%d}\n", i);
		snprintf(response, sizeof(response), "{\"errno\":0,\"args\":{\"resp\":%d}}\n", i);
		ask(request);
		if (!i)
			accept_relay();
		server_got(request);
		server_says(response, strlen(response));
		port_got(response);
	}
	assert_int_equal(accept4(f.listener, NULL, NULL, 0), -1);
}

/* WIR-14: a response of 256 KiB passes, and so does one of twice that. */
static void large_responses_pass_up_to_twice_the_cap(void **state)
{
	static const size_t sizes[] = { STATS_CAP, 2 * STATS_CAP };

	serve();
	for (size_t i = 0; i < 2; i++) {
		char *line = malloc(sizes[i] + 1);

		memset(line, 'x', sizes[i]);
		line[sizes[i] - 1] = '\n';
		ask("q\n");
		if (!i)
			accept_relay();
		server_got("q\n");
		server_says(line, sizes[i]);
		assert_int_equal(port_has(), sizes[i]);
		assert_memory_equal(f.text, line, sizes[i]);
		free(line);
	}
}

/* WIR-14, WIR-16: above twice the cap it is one error line, and the next response is whole. */
static void above_twice_the_cap_is_an_overflow(void **state)
{
	const size_t size = 3 * STATS_CAP;
	char *line = malloc(size);

	memset(line, 'x', size);
	line[size - 1] = '\n';
	serve();
	ask("q\n");
	accept_relay();
	server_got("q\n");
	server_says(line, size);
	port_got(OVERFLOW);
	ask("r\n");
	server_got("r\n");
	server_says("answer\n", 7);
	port_got("answer\n");
	assert_true(f.stats.line.cap <= 4 * STATS_CAP);
	free(line);
}

static void a_server_that_dies_in_its_answer_is_no_scheduler(void **state)
{
	serve();
	ask("q\n");
	accept_relay();
	server_got("q\n");
	server_says("{\"errno\":0,\"ar", 14);
	close(f.server);
	f.server = -1;
	settle();
	/* Nothing of the torn line. */
	port_got(NO_SCHEDULER);
	/* It comes again: so does the connection. */
	ask("r\n");
	accept_relay();
	server_got("r\n");
	server_says("back\n", 5);
	port_got("back\n");
}

static void the_rest_of_a_request_whose_server_died_goes_to_nobody(void **state)
{
	serve();
	ask("first ha");
	accept_relay();
	server_got("first ha");
	close(f.server);
	f.server = -1;
	settle();
	ask("lf\n");
	port_got(NO_SCHEDULER);
	assert_int_equal(accept4(f.listener, NULL, NULL, 0), -1);
	ask("second\n");
	accept_relay();
	server_got("second\n");
}

/* A server that reads nothing holds up its own requests only, and not without bound. */
static void a_server_that_does_not_read_bounds_what_is_kept(void **state)
{
	char block[4096];
	size_t sent = 0;
	ssize_t n;

	memset(block, 'q', sizeof(block));
	serve();
	ask("q\n");
	accept_relay();
	for (int refused = 0; refused < 50;) {
		n = write(f.port, block, sizeof(block));
		sent += n > 0 ? (size_t)n : 0;
		refused += n < 0;
		settle();
	}
	assert_true(f.stats.request.len >= STATS_CAP);
	assert_true(f.stats.request.len < STATS_CAP + 65536);
	assert_true(sent < 8u << 20);
}

static void three_ends_of_the_port_and_it_quits(void **state)
{
	shutdown(f.port, SHUT_WR);
	watch_serve(f.epoll);
	assert_int_equal(f.stats.port.fd, -1);
	assert_int_equal(f.stats.eofs, STATS_EOFS_MAX);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(no_scheduler_is_said_so_for_each_request),
		T(lines_pass_both_ways_over_one_connection),
		T(large_responses_pass_up_to_twice_the_cap),
		T(above_twice_the_cap_is_an_overflow),
		T(a_server_that_dies_in_its_answer_is_no_scheduler),
		T(the_rest_of_a_request_whose_server_died_goes_to_nobody),
		T(a_server_that_does_not_read_bounds_what_is_kept),
		T(three_ends_of_the_port_and_it_quits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
