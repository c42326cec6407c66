/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest kicks, sends itself an interrupt, and its handler reads and
 * acknowledges as a virtio driver does; on the one side of a device window that
 * is nothing but exits and ioeventfds, on the other of one whose registers are
 * read-only memory. Before each round it meets an exception that KVM injects:
 * some KVMs take a store into such memory right behind that for a fault in the
 * exception's own delivery, and give up (from Linux 6.14 on under QEMU's TCG,
 * whose VMCB keeps the type of an event that was delivered).
 */
#include "kvm/probe_page.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_mmio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kvm/bare.h"

#define WINDOW 0x180000u /* above the RAM */
#define WINDOW_SIZE 4096u
#define VECTOR 0x40
#define VECTOR_UD 6
#define TRIPS 8 /* in a round, as the code has it */
/* Rounds each way, the first as warm-up. The best one counts: on a busy machine most rounds took ten times as long. */
#define ROUNDS 12
#define EXITS_MAX (4 * TRIPS)
#define PATIENCE_NS 2000000000u /* for a round; an interrupt that gets lost leaves the guest in hlt */

/* clang-format off */
__asm__(".pushsection .rodata\n"
	".globl probe_page_begin, probe_page_isr, probe_page_ud, probe_page_end\n"
	"probe_page_begin:\n"
	" mov $0x180000, %edi\n"
	" mov $0x80f, %ecx\n mov $0x1ff, %eax\n xor %edx, %edx\n wrmsr\n"  /* the APIC is on */
	"1: ud2\n xor %ebx, %ebx\n mov $8, %esi\n"
	"2: movl $0, 0x50(%rdi)\n"					    /* QueueNotify */
	" mov $0x83f, %ecx\n mov $0x40, %eax\n xor %edx, %edx\n wrmsr\n"  /* self IPI */
	" sti\n hlt\n cli\n"
	" dec %esi\n jnz 2b\n"
	" mov %ebx, 0x70(%rdi)\n"					    /* Status: an exit on both sides */
	" jmp 1b\n"
	"probe_page_isr:\n"
	" mov 0x60(%rdi), %eax\n"					    /* InterruptStatus */
	" mov %eax, 0x64(%rdi)\n"					    /* InterruptACK */
	" add %eax, %ebx\n"
	" mov $0x80b, %ecx\n xor %eax, %eax\n xor %edx, %edx\n wrmsr\n"    /* EOI */
	" iretq\n"
	"probe_page_ud:\n"
	" addq $2, (%rsp)\n" /* past it */
	" iretq\n"
	"probe_page_end:\n"
	".popsection\n");
/* clang-format on */
extern const uint8_t probe_page_begin[], probe_page_isr[], probe_page_ud[], probe_page_end[];

struct side {
	struct bare guest;
	int kick, ack; /* eventfds that nobody reads */
	uint8_t *page; /* or NULL */
	uint64_t best_ns;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int add_eventfd(struct side *s, int *fd, uint32_t offset, uint32_t value)
{
	struct kvm_ioeventfd io = {
		.addr = WINDOW + offset,
		.len = 4,
		.datamatch = value,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};

	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	io.fd = *fd;
	return *fd < 0 || ioctl(s->guest.vm, KVM_IOEVENTFD, &io) ? -errno : 0;
}

static int add_page(struct side *s)
{
	struct kvm_userspace_memory_region region = {
		.slot = 1,
		.flags = KVM_MEM_READONLY,
		.guest_phys_addr = WINDOW,
		.memory_size = WINDOW_SIZE,
	};
	uint32_t status = 1;

	s->page = mmap(NULL, WINDOW_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->page == MAP_FAILED) {
		s->page = NULL;
		return -errno;
	}
	memcpy(s->page + VIRTIO_MMIO_INTERRUPT_STATUS, &status, sizeof status);
	region.userspace_addr = (uint64_t)(uintptr_t)s->page;
	return ioctl(s->guest.vm, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

static int side_create(struct side *s, int kvm, bool with_page)
{
	const struct bare_gate gates[] = {
		{ VECTOR, (size_t)(probe_page_isr - probe_page_begin) },
		{ VECTOR_UD, (size_t)(probe_page_ud - probe_page_begin) },
	};
	const struct bare_code code = {
		.bytes = probe_page_begin,
		.size = (size_t)(probe_page_end - probe_page_begin),
		.gates = gates,
		.n_gates = sizeof gates / sizeof gates[0],
	};
	int rc = bare_create(&s->guest, kvm, &code);

	if (!rc)
		rc = add_eventfd(s, &s->kick, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	if (!rc)
		rc = add_eventfd(s, &s->ack, VIRTIO_MMIO_INTERRUPT_ACK, 1);
	return rc || !with_page ? rc : add_page(s);
}

static void side_free(struct side *s)
{
	bare_free(&s->guest);
	if (s->page)
		munmap(s->page, WINDOW_SIZE);
	if (s->kick >= 0)
		close(s->kick);
	if (s->ack >= 0)
		close(s->ack);
}

/* --- a bound on KVM_RUN ------------------------------------------------------ */

static void on_tick(int signo)
{
	(void)signo;
}

struct ticks {
	timer_t timer;
	struct sigaction old;
};

/* Signal this thread periodically, which takes it out of KVM_RUN. */
static int ticks_start(struct ticks *t)
{
	struct sigaction sa = { .sa_handler = on_tick };
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN };
	struct itimerspec often = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	ev._sigev_un._tid = gettid();
	if (timer_create(CLOCK_MONOTONIC, &ev, &t->timer))
		return -errno;
	sigaction(SIGRTMIN, &sa, &t->old);
	timer_settime(t->timer, 0, &often, NULL);
	return 0;
}

static void ticks_stop(struct ticks *t)
{
	timer_delete(t->timer);
	sigaction(SIGRTMIN, &t->old, NULL);
}

/* --- rounds ------------------------------------------------------------------ */

/* 1: the round is over. 0: go on. Or a negative errno. */
static int handle_exit(struct kvm_run *run)
{
	uint64_t offset = run->mmio.phys_addr - WINDOW;
	uint32_t value = 1;

	if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		return -ENOTSUP;
	if (run->exit_reason != KVM_EXIT_MMIO || run->mmio.len != sizeof value)
		return -EPROTO;
	if (!run->mmio.is_write && offset == VIRTIO_MMIO_INTERRUPT_STATUS) {
		memcpy(run->mmio.data, &value, sizeof value);
		return 0;
	}
	memcpy(&value, run->mmio.data, sizeof value);
	return run->mmio.is_write && offset == VIRTIO_MMIO_STATUS && value == TRIPS ? 1 : -EPROTO;
}

static int run_round(struct side *s)
{
	uint64_t from = now_ns(), ns;
	int rc = 0;

	for (unsigned i = 0; i < EXITS_MAX && !rc; i++) {
		if (!ioctl(s->guest.vcpu, KVM_RUN, 0))
			rc = handle_exit(s->guest.run);
		else if (errno != EINTR && errno != EAGAIN)
			rc = -errno;
		else if (now_ns() - from > PATIENCE_NS)
			rc = -ETIMEDOUT;
	}
	if (rc != 1)
		return rc ? rc : -EPROTO;
	ns = (now_ns() - from) / TRIPS;
	if (!s->best_ns || ns < s->best_ns)
		s->best_ns = ns;
	return 0;
}

static void say_why(struct kvm_page_probe *out, const struct side *s, int rc)
{
	if (rc == -ENOTSUP && s->guest.run && s->guest.run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		snprintf(out->why, sizeof out->why,
			 "this KVM refuses to emulate what comes behind an exception (internal error %u)",
			 s->guest.run->internal.suberror);
	else if (rc == -EPROTO || rc == -ETIMEDOUT)
		snprintf(out->why, sizeof out->why,
			 "on this KVM interrupts and registers did not come as they should with it");
	else
		snprintf(out->why, sizeof out->why, "this KVM has none: %s", strerror(-rc));
}

/* Alternate both ways, so that other load on the machine affects both. */
static int run_rounds(struct side *exits, struct side *page, int *page_rc)
{
	struct ticks ticks;
	int rc = ticks_start(&ticks);

	if (rc)
		return rc;
	for (unsigned i = 0; i < ROUNDS && !rc; i++) {
		rc = run_round(exits);
		if (!rc && !*page_rc)
			*page_rc = run_round(page);
	}
	ticks_stop(&ticks);
	return rc;
}

int kvm_probe_page(struct kvm_page_probe *out)
{
	struct side exits = { .kick = -1, .ack = -1 }, page = { .kick = -1, .ack = -1 };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), rc, page_rc;

	memset(out, 0, sizeof *out);
	if (kvm < 0)
		return -errno;
	rc = side_create(&exits, kvm, false);
	page_rc = side_create(&page, kvm, true);
	if (!rc)
		rc = run_rounds(&exits, &page, &page_rc);
	out->works = !rc && !page_rc;
	out->exits_ns = exits.best_ns;
	out->page_ns = out->works ? page.best_ns : 0;
	if (!rc && page_rc)
		say_why(out, &page, page_rc);
	/* That is a definite answer: another try would fail the same way. */
	if (rc == -ENOTSUP) {
		say_why(out, &exits, rc);
		rc = 0;
	}
	side_free(&exits);
	side_free(&page);
	close(kvm);
	return rc;
}
