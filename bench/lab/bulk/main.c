/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ktstr-bulk: a VMM with nothing but a console, for bench/lab/compare: port 1 goes and COM1 to stdout as they come,
 * port 2 to /dev/null and from /dev/zero, as fast as the guest takes part. What QEMU does with -chardev file.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/size.h"
#include "bench/lab/plane/alloc.h"
#include "bench/session/session.h"
#include "bench/spec/poll.h"
#include "kvm/vm.h"
#include "reactor/container.h"
#include "virtio/console.h"

enum { EXIT_USAGE = 64, EXIT_UNAVAILABLE = 69 };

#define PATIENCE_NS 5000000000ull
#define SINK_HIGH (1u << 20)
/* Both ways; from then on everything should be as large as it will ever be. */
#define WARM_UP_BYTES (8u << 20)

static const char usage[] =
	"usage: ktstr-bulk KERNEL INITRD CMDLINE MEMORY [page]\n\n"
	"A guest whose port \"ktstr-bulk\" and COM1 are our stdout, and whose port \"ktstr-stats\" swallows what is "
	"written and\n"
	"never runs dry. One CPU. With \"page\" it reads device registers from memory. Ends with the guest, or by "
	"SIGTERM; then figures on stderr, as JSON.\n";

struct bulk {
	struct reactor *r;
	struct vm *vm;
	struct console *console;
	struct signals signals;
	struct sink out[CONSOLE_PORTS];
	struct source zeroes;
	bool warm;
	uint64_t warm_bytes, warm_allocations;
};

static uint64_t moved(const struct bulk *b)
{
	const struct console_counters *c = console_counters(b->console);

	return c->port[CONSOLE_PORT_STATS].tx_bytes + c->port[CONSOLE_PORT_STATS].rx_bytes;
}

static void note_warm(struct bulk *b)
{
	const struct console_counters *c = console_counters(b->console);

	if (b->warm || c->port[CONSOLE_PORT_STATS].tx_bytes < WARM_UP_BYTES ||
	    c->port[CONSOLE_PORT_STATS].rx_bytes < WARM_UP_BYTES)
		return;
	b->warm = true;
	b->warm_bytes = moved(b);
	b->warm_allocations = allocations();
}

static void on_bytes(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct bulk *b = ctx;

	note_warm(b);
	sink_put(&b->out[port], data, len);
	console_hold(b->console, port, sink_full(&b->out[port]));
}

static void on_drained(struct sink *s)
{
	struct bulk *b = container_of(s, struct bulk, out[CONSOLE_PORT_BULK]);

	console_hold(b->console, CONSOLE_PORT_BULK, false);
}

static void on_zeroes_drained(struct sink *s)
{
	struct bulk *b = container_of(s, struct bulk, out[CONSOLE_PORT_STATS]);

	console_hold(b->console, CONSOLE_PORT_STATS, false);
}

static void on_zeroes(struct source *s, const uint8_t *data, int res)
{
	struct bulk *b = container_of(s, struct bulk, zeroes);

	if (res <= 0)
		return;
	note_warm(b);
	console_send(b->console, CONSOLE_PORT_STATS, data, (size_t)res);
	if (console_backlog(b->console, CONSOLE_PORT_STATS) > SESSION_BACKLOG_MAX)
		source_pause(s, true);
}

static void on_backlog(void *ctx, unsigned port)
{
	source_pause(&((struct bulk *)ctx)->zeroes, false);
}

static void on_signal(struct signals *s, int signo)
{
	reactor_stop(s->r);
}

static void ended(void *ctx, enum vm_end end, const char *detail)
{
	fprintf(stderr, "ktstr-bulk: the guest ended: %s: %s\n", vm_end_name(end), detail);
	reactor_stop(((struct bulk *)ctx)->r);
}

static void on_serial(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct bulk *b = ctx;

	if (port == 1)
		sink_put(&b->out[CONSOLE_PORT_BULK], data, len);
}

static int open_ports(struct bulk *b)
{
	static const int signos[] = { SIGTERM, SIGINT };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int rc = null < 0 || zero < 0 ? -errno : 0;

	if (!rc)
		rc = sink_open(b->r, &b->out[CONSOLE_PORT_BULK], STDOUT_FILENO, SINK_HIGH, on_drained);
	if (!rc)
		rc = sink_open(b->r, &b->out[CONSOLE_PORT_STATS], null, SINK_HIGH, on_zeroes_drained);
	if (!rc)
		rc = signals_watch(b->r, &b->signals, signos, 2, on_signal);
	if (rc)
		return rc;
	console_consume(b->console, CONSOLE_PORT_BULK, on_bytes, b);
	console_consume(b->console, CONSOLE_PORT_STATS, on_bytes, b);
	console_on_backlog(b->console, CONSOLE_PORT_STATS, SESSION_BACKLOG_LOW, on_backlog, b);
	return source_open(b->r, &b->zeroes, zero, WIRE_CHUNK_MAX, on_zeroes);
}

static int create(struct bulk *b, char **argv, bool page, struct vm_error *err)
{
	struct vm_config cfg = { .kernel = argv[1],
				 .initrd = argv[2],
				 .cmdline = argv[3],
				 .cpus = 1,
				 .register_page = page,
				 .serial_out = on_serial,
				 .ended = ended,
				 .ctx = b };
	const char *why;
	int rc;

	if (size_parse(argv[4], &cfg.memory)) {
		snprintf(err->text, sizeof(err->text), "%s: no size of memory", argv[4]);
		return -EINVAL;
	}
	rc = reactor_create(&b->r, 256, 1024); /* as in ktstr */
	/* As the whole VMM does. */
	if (!rc)
		reactor_busy_wait(b->r,
				  poll_choose(&(struct poll_choice){ 0 }, 1, sysconf(_SC_NPROCESSORS_ONLN) > 1, &why));
	if (!rc)
		rc = vm_create(&b->vm, b->r, &cfg, err);
	if (!rc)
		rc = console_create(&b->console, b->r);
	if (!rc)
		rc = vm_add_device(b->vm, console_device(b->console), err);
	if (!rc)
		rc = open_ports(b);
	return rc ? rc : vm_start(b->vm, err);
}

static void report(const struct bulk *b)
{
	const struct console_counters *c = console_counters(b->console);
	struct vm_exits e;

	vm_exits(b->vm, &e);
	fprintf(stderr,
		"{\"tx_bytes\": %llu, \"rx_bytes\": %llu, \"mmio_exits\": %llu, \"interrupts\": %llu, \"warm_bytes\": "
		"%llu, "
		"\"warm_allocations\": %llu}\n",
		(unsigned long long)c->port[CONSOLE_PORT_STATS].tx_bytes,
		(unsigned long long)c->port[CONSOLE_PORT_STATS].rx_bytes, (unsigned long long)e.mmio,
		(unsigned long long)console_device(b->console)->interrupts,
		(unsigned long long)(b->warm ? moved(b) - b->warm_bytes : 0),
		(unsigned long long)(b->warm ? allocations() - b->warm_allocations : 0));
}

static void destroy(struct bulk *b)
{
	if (b->vm)
		vm_stop(b->vm);
	if (b->out[CONSOLE_PORT_BULK].r)
		sink_flush(&b->out[CONSOLE_PORT_BULK], monotonic_ns() + PATIENCE_NS);
	/* First all that calls somebody, for closing a stream steps the ring; the VM last. */
	source_shut(&b->zeroes);
	for (unsigned i = 0; i < CONSOLE_PORTS; i++)
		sink_shut(&b->out[i]);
	if (b->signals.r)
		signals_unwatch(&b->signals);
	if (b->vm)
		vm_remove_devices(b->vm);
	if (b->console)
		console_destroy(b->console);
	source_close(&b->zeroes);
	for (unsigned i = 0; i < CONSOLE_PORTS; i++)
		sink_close(&b->out[i]);
	vm_destroy(b->vm);
	if (b->r)
		reactor_destroy(b->r, PATIENCE_NS);
}

int main(int argc, char **argv)
{
	struct bulk b = { 0 };
	struct vm_error err = { 0 };
	int rc;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc != 5 && (argc != 6 || strcmp(argv[5], "page"))) {
		fprintf(stderr, "ktstr-bulk: four arguments are wanted, and perhaps \"page\"; see --help\n");
		return EXIT_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	rc = create(&b, argv, argc == 6, &err);
	if (!rc)
		rc = reactor_run(b.r);
	if (rc)
		fprintf(stderr, "ktstr-bulk: %s\n", err.text[0] ? err.text : strerror(-rc));
	else
		report(&b);
	destroy(&b);
	return rc ? EXIT_UNAVAILABLE : 0;
}
