/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/lab/frames/way.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_mmio.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/base/hist.h"
#include "bench/lab/plane/alloc.h"
#include "kvm/by_caller.h"
#include "kvm/vm.h"
#include "reactor/container.h"
#include "virtio/net/backend.h"

#define WARM_UP_NS 100000000ull
#define MORE_TIME 100 /* times that a busy machine gets until a frame has come back */
#define PATIENCE_NS 5000000000ull
#define COM1 0x3f8

const char *const way_names[WAYS] = { "on the exit", "reactor", "reactor, page", "reactor, poll",
				      "reactor, page, poll" };

/* What the clocks and counters said at one moment. */
struct mark {
	uint64_t ns, frames, exits, outside_ns, vcpu_ns, reactor_ns, interrupts, allocations;
};

struct bed {
	enum way way;
	struct reactor *r;
	struct vm *vm;
	struct net *net;
	struct timer deadline;
	struct net_backend tap; /* notes the time, then hands on to the loopback */
	const struct net_backend *loopback;
	uint64_t last_ns; /* of the frame before */
	uint64_t outside_ns;
	bool measuring, ended;
	char said[128]; /* by the guest, when it fails */
	size_t said_len;
	struct hist gaps;
};

static cpu_set_t allowed; /* when the program began */

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts = { 0 };

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* --- the device ------------------------------------------------------------ */

static int timed_send(struct net_backend *b, const struct net_frame *f)
{
	struct bed *bed = container_of(b, struct bed, tap);
	struct net_backend loopback = { .ops = bed->loopback->ops, .net = b->net };
	uint64_t now = monotonic_ns();

	if (bed->measuring)
		hist_record(&bed->gaps, now - bed->last_ns);
	bed->last_ns = now;
	return loopback.ops->send(&loopback, f);
}

/* The loopback it hands on to belongs to the bed. */
static int timed_destroy(struct net_backend *b)
{
	return 0;
}

static const struct net_backend_ops timed_ops = {
	.name = "loopback, timed",
	.send = timed_send,
	.destroy = timed_destroy,
};

/* --- a kick that is an exit ------------------------------------------------ */

/* A device drains a ring at most once round in a call, and would go on in the reactor, which has no turn here. */
static void handle_mmio(struct bed *bed, struct kvm_run *run)
{
	struct virtio_device *d = net_device(bed->net);
	uint64_t offset = run->mmio.phys_addr - by_caller_device_base(bed->vm, 0);

	if (offset >= VIRTIO_MMIO_SIZE)
		return;
	if (!run->mmio.is_write)
		virtio_mmio_read(d, (uint32_t)offset, run->mmio.data, run->mmio.len);
	else if (offset != VIRTIO_MMIO_QUEUE_NOTIFY)
		virtio_mmio_write(d, (uint32_t)offset, run->mmio.data, run->mmio.len);
	else
		do
			virtio_mmio_write(d, (uint32_t)offset, run->mmio.data, run->mmio.len);
		while (virtq_pending(&d->vq[1]));
}

static void hear(struct bed *bed, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len && bed->said_len < sizeof(bed->said) - 1; i++)
		bed->said[bed->said_len++] = (char)data[i];
}

static void handle_pio(struct bed *bed, struct kvm_run *run)
{
	if (run->io.port == COM1)
		hear(bed, (uint8_t *)run + run->io.data_offset, 1);
	else
		bed->ended = true;
}

/* The vCPU on this thread, which handles all that comes out of it, until @deadline_ns. */
static int run_vcpu(struct bed *bed, uint64_t deadline_ns)
{
	struct kvm_run *run;
	uint64_t out = 0;

	while (!bed->ended && out < deadline_ns) {
		int rc = by_caller_run(bed->vm, &run);

		out = monotonic_ns();
		if (rc == -EINTR || rc == -EAGAIN)
			continue;
		if (rc < 0)
			return rc;
		if (run->exit_reason == KVM_EXIT_MMIO)
			handle_mmio(bed, run);
		else if (run->exit_reason == KVM_EXIT_IO)
			handle_pio(bed, run);
		else {
			snprintf(bed->said, sizeof(bed->said), "KVM exit %u", run->exit_reason);
			return -EPROTO;
		}
		bed->outside_ns += monotonic_ns() - out;
	}
	return bed->ended ? -EPROTO : 0;
}

/* --- both ways ------------------------------------------------------------- */

static void ended(void *ctx, enum vm_end end, const char *detail)
{
	struct bed *bed = ctx;

	bed->ended = true;
	reactor_stop(bed->r);
}

static void serial_out(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	hear(ctx, data, len);
}

/* The n-th CPU that this process may use; the last one when there are fewer. */
static int nth_cpu(unsigned n)
{
	int last = 0;

	if (!CPU_COUNT(&allowed))
		sched_getaffinity(0, sizeof(allowed), &allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		last = cpu;
		if (!n--)
			break;
	}
	return last;
}

/* A CPU for each thread: left to themselves on a busy machine, one that busy-waits may sit on the other's. The vCPU has
 * the second one, also where it is run by this thread. */
static void pin_this_thread(const struct bed *bed)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(nth_cpu(bed->way == WAY_EXIT ? 1 : 0), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void time_over(struct timer *t)
{
	reactor_stop(t->r);
}

static int bed_create(struct bed *bed, const char *guest, const struct load *load, struct vm_error *err)
{
	char cmdline[32];
	struct net_config net = { 0 };
	struct net_backend *loopback;
	const int vcpu_cpu = nth_cpu(1);
	struct vm_config cfg = {
		.kernel = guest,
		.cmdline = cmdline,
		.cpus = 1,
		.memory = VM_MEMORY_MIN,
		.register_page = bed->way == WAY_PAGE || bed->way == WAY_PAGE_POLL,
		.host = { .vcpu_cpu = &vcpu_cpu },
		.serial_out = serial_out,
		.ended = ended,
		.ctx = bed,
	};
	int rc = reactor_create(&bed->r, 256, 1024); /* as in the VMM */

	snprintf(cmdline, sizeof(cmdline), "%u %u", load->window, load->bytes);
	if (rc) {
		snprintf(err->text, sizeof(err->text), "no io_uring: %s", strerror(-rc));
		return rc;
	}
	if (load->busy_wait_ns)
		reactor_busy_wait(bed->r, load->busy_wait_ns);
	rc = timer_open(bed->r, &bed->deadline, time_over);
	if (!rc)
		rc = vm_create(&bed->vm, bed->r, &cfg, err);
	if (!rc)
		rc = net_loopback_open(&loopback);
	if (rc)
		return rc;
	bed->loopback = loopback;
	bed->tap.ops = &timed_ops;
	rc = net_create_over(&bed->net, bed->r, &net, &bed->tap, err->text, sizeof(err->text));
	if (!rc)
		rc = vm_add_device(bed->vm, net_device(bed->net), err);
	if (rc)
		return rc;
	return bed->way == WAY_EXIT ? by_caller_start(bed->vm, err) : vm_start(bed->vm, err);
}

static void bed_destroy(struct bed *bed)
{
	if (bed->vm)
		vm_stop(bed->vm);
	if (bed->vm)
		vm_remove_devices(bed->vm);
	if (bed->net && net_device(bed->net)->irq_fd >= 0)
		close(net_device(bed->net)->irq_fd);
	net_destroy(bed->net);
	if (bed->loopback)
		bed->loopback->ops->destroy((struct net_backend *)bed->loopback);
	if (bed->deadline.r)
		timer_close(&bed->deadline);
	vm_destroy(bed->vm);
	if (bed->r)
		reactor_destroy(bed->r, PATIENCE_NS);
}

static int bed_run(struct bed *bed, uint64_t deadline_ns)
{
	int rc;

	if (bed->way == WAY_EXIT)
		return run_vcpu(bed, deadline_ns);
	rc = timer_set(&bed->deadline, deadline_ns);
	if (!rc)
		rc = reactor_run(bed->r);
	return bed->ended ? -EPROTO : rc;
}

/* For @ns, and on a busy machine until a frame has come back. */
static int bed_go_on(struct bed *bed, uint64_t ns)
{
	uint64_t before = net_counters(bed->net)->rx_packets;
	int rc = 0;

	for (unsigned i = 0; i < MORE_TIME && !rc && net_counters(bed->net)->rx_packets == before; i++)
		rc = bed_run(bed, monotonic_ns() + ns);
	if (!rc && net_counters(bed->net)->rx_packets == before)
		rc = -ETIME;
	return rc;
}

static struct mark mark_now(const struct bed *bed)
{
	clockid_t vcpu = CLOCK_THREAD_CPUTIME_ID;
	struct vm_exits exits;

	if (bed->way != WAY_EXIT)
		vm_cpu_clock(bed->vm, 0, &vcpu);
	vm_exits(bed->vm, &exits);
	return (struct mark){
		.ns = monotonic_ns(),
		.frames = net_counters(bed->net)->rx_packets,
		.exits = exits.mmio + exits.pio + exits.serial + exits.hlt + exits.intr + exits.other,
		.outside_ns = bed->outside_ns,
		.vcpu_ns = clock_ns(vcpu),
		.reactor_ns = bed->way == WAY_EXIT ? 0 : clock_ns(CLOCK_THREAD_CPUTIME_ID),
		.interrupts = net_device(bed->net)->interrupts,
		.allocations = allocations(),
	};
}

static void account(struct sample *s, const struct bed *bed, const struct load *load, const struct mark *from,
		    const struct mark *to)
{
	double n = (double)(to->frames - from->frames), ns = (double)(to->ns - from->ns);
	bool no_exits = to->exits == from->exits;

	*s = (struct sample){
		.frames = n,
		.frames_per_s = n * 1e9 / ns,
		.mean_us = load->window == 1 ? ns / n / 1e3 : 0,
		.p50_us = load->window == 1 ? (double)hist_quantile(&bed->gaps, 500000) / 1e3 : 0,
		.p99_us = load->window == 1 ? (double)hist_quantile(&bed->gaps, 990000) / 1e3 : 0,
		.exits = (double)(to->exits - from->exits) / n,
		.outside_us = bed->way == WAY_EXIT ? (double)(to->outside_ns - from->outside_ns) / n / 1e3
			      : no_exits	   ? 0
						   : -1,
		.vcpu_cpu_us = (double)(to->vcpu_ns - from->vcpu_ns) / n / 1e3,
		.reactor_cpu_us = (double)(to->reactor_ns - from->reactor_ns) / n / 1e3,
		.interrupts = (double)(to->interrupts - from->interrupts) / n,
		.allocations = to->allocations - from->allocations,
	};
}

int way_measure(enum way way, const char *guest, const struct load *load, uint64_t ns, struct sample *s, char *why,
		unsigned why_size)
{
	static struct bed bed; /* the histogram is large */
	struct vm_error err = { 0 };
	struct mark from, to;
	int rc;

	memset(&bed, 0, sizeof(bed));
	bed.way = way;
	hist_init(&bed.gaps);
	rc = bed_create(&bed, guest, load, &err);
	assert(allocations()); /* creating it took some: else the linker wrapped nothing */
	if (!rc)
		pin_this_thread(&bed);
	if (!rc)
		rc = bed_go_on(&bed, WARM_UP_NS);
	if (!rc) {
		bed.measuring = true;
		from = mark_now(&bed);
		rc = bed_go_on(&bed, ns);
		to = mark_now(&bed);
	}
	if (rc)
		snprintf(why, why_size, "%s%s%s", err.text[0] ? err.text : strerror(-rc),
			 bed.said[0] ? ": guest: " : "", bed.said);
	else
		account(s, &bed, load, &from, &to);
	bed_destroy(&bed);
	return rc;
}
