/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/machine/run.h"

#include <errno.h>
#include <inttypes.h>
#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/base/say.h"
#include "bench/base/terminal.h"
#include "bench/host/facts.h"
#include "bench/kernel/elf.h"
#include "bench/machine/options.h"
#include "bench/machine/state.h"

#define SECOND_NS 1000000000ull
#define QUIESCE_NS (5 * SECOND_NS)    /* for a disk's requests in flight */
#define POWER_OFF_NS (20 * SECOND_NS) /* for the guest, once it told its exit code */
#define SHUTDOWN_NS (10 * SECOND_NS)  /* for the guest, from the wake byte to its exit code */
#define SQ_ENTRIES 256
#define SLOTS_BASE 192 /* of the reactor, without disks: some 60 are used; they decide the size of the ring */

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

__attribute__((format(printf, 2, 3))) static void tell(const struct machine *m, const char *fmt, ...)
{
	va_list ap;

	if (!m->o->verbose)
		return;
	fputs("ktstr: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

bool machine_converses(const struct machine *m)
{
	return m->job->argv || m->job->shell;
}

/* --- what the guest says ------------------------------------------------ */

static void tail_put(struct tail *t, const uint8_t *data, size_t len)
{
	size_t drop;

	if (len > TAIL_SIZE) {
		data += len - TAIL_SIZE;
		len = TAIL_SIZE;
	}
	drop = t->len + len > TAIL_SIZE ? t->len + len - TAIL_SIZE : 0;
	memmove(t->text, t->text + drop, t->len - drop);
	t->len -= drop;
	memcpy(t->text + t->len, data, len);
	t->len += len;
}

static void on_serial(void *ctx, unsigned port, const uint8_t *data, size_t len)
{
	struct machine *m = ctx;

	tail_put(&m->com[port - 1], data, len);
	if (port == 2)
		conversation_crash_text(&m->conversation, data, len);
	if (m->o->console)
		machine_show(m, &m->echo, data, len);
	if (!machine_converses(m) && port == 1)
		machine_show(m, &m->screen, data, len);
}

/* --- how it ends -------------------------------------------------------- */

static void on_vm_end(void *ctx, enum vm_end end, const char *detail)
{
	struct machine *m = ctx;

	snprintf(m->detail, sizeof(m->detail), "%s", detail ? detail : "");
	reactor_stop(m->r);
}

static void on_signal(struct signals *s, int signo)
{
	struct machine *m = container_of(s, struct machine, signals);

	if (signo == SIGWINCH) {
		machine_window(m);
		return;
	}
	if (!m->signo)
		m->signo = signo;
	reactor_stop(m->r);
}

static void on_deadline(struct timer *t)
{
	struct machine *m = container_of(t, struct machine, deadline);

	/* On its way out already. */
	if (m->session.exited)
		return;
	m->timed_out = true;
	/* What it wrote so far, its files and its log can still come. */
	if (m->session.payload_ns && !m->job->shell && !conversation_wake(&m->conversation, WAKE_VC_SHUTDOWN))
		timer_set(&m->power_off, monotonic_ns() + SHUTDOWN_NS);
	else
		reactor_stop(m->r);
}

static void on_power_off_late(struct timer *t)
{
	reactor_stop(container_of(t, struct machine, power_off)->r);
}

static bool has_disk_to_keep(const struct machine_options *o)
{
	for (unsigned i = 0; i < o->n_disks; i++)
		if (o->disk[i].blk.path && !o->disk[i].blk.read_only)
			return true;
	return false;
}

void machine_on_session_end(void *ctx, int code)
{
	struct machine *m = ctx;

	/* The escape key. */
	m->quit |= code == -ECANCELED;
	if (code < 0 && !m->quit)
		m->session_error = m->session_error ? m->session_error : code;
	/* Its disks are written when the code comes; that they are also clean takes an unmount. */
	if (code >= 0 && has_disk_to_keep(m->o) && !session_acknowledge(&m->session)) {
		timer_set(&m->power_off, monotonic_ns() + POWER_OFF_NS);
		return;
	}
	reactor_stop(m->r);
}

static int open_events(struct machine *m)
{
	int rc = conversation_open_events(&m->conversation, m->r);

	if (rc == -ENXIO)
		say_error("--events %s: nobody reads this fifo; start its reader first", m->o->conversation.events);
	else if (rc)
		say_error("--events %s: %s; %s", m->o->conversation.events, strerror(-rc),
			  rc == -EMFILE || rc == -ENFILE ? say_limit(-rc) : "name a file that can be written");
	return rc;
}

static int open_streams(struct machine *m)
{
	static const int signos[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH };
	int rc = signals_watch(m->r, &m->signals, signos, sizeof(signos) / sizeof(*signos), on_signal);

	if (!rc)
		rc = timer_open(m->r, &m->deadline, on_deadline);
	if (!rc)
		rc = timer_open(m->r, &m->power_off, on_power_off_late);
	if (!rc)
		rc = timer_open(m->r, &m->let_go, machine_on_let_go);
	if (!rc)
		rc = timer_open(m->r, &m->silence, machine_on_silence);
	if (!rc && m->o->timeout_ns)
		rc = timer_set(&m->deadline, monotonic_ns() + m->o->timeout_ns);
	if (!rc && m->o->console)
		rc = sink_open(m->r, &m->echo, STDERR_FILENO, MACHINE_SCREEN_HIGH, NULL);
	if (!rc)
		rc = conversation_open(&m->conversation, m->r, m->console, &m->o->conversation);
	if (!rc && open_events(m))
		return EXIT_UNAVAILABLE;
	if (!rc && machine_converses(m))
		rc = machine_session_open(m);
	if (!rc && !machine_converses(m))
		rc = machine_screen_open(m);
	if (rc)
		say_error("reactor: %s; %s", strerror(-rc), say_limit(-rc));
	return rc ? EXIT_INTERNAL : 0;
}

/* --- devices ------------------------------------------------------------ */

static int add(struct machine *m, struct virtio_device *d)
{
	struct vm_error err;
	int rc = vm_add_device(m->vm, d, &err);

	if (rc)
		say_error("%s", err.text);
	return rc ? EXIT_UNAVAILABLE : 0;
}

static int add_devices(struct machine *m)
{
	char why[512];
	int rc = console_create(&m->console, m->r);

	if (rc) {
		say_error("console: %s", strerror(-rc));
		return EXIT_INTERNAL;
	}
	rc = add(m, console_device(m->console));
	for (unsigned i = 0; i < m->o->n_disks && !rc; i++) {
		if (machine_disk_open(m, i, why, sizeof(why))) {
			say_error("--disk %s", why);
			return EXIT_UNAVAILABLE;
		}
		rc = add(m, blk_device(m->blk[i]));
	}
	if (rc || !m->o->nic.wanted)
		return rc;
	if (net_create(&m->net, m->r, &m->o->nic.net, why, sizeof(why))) {
		say_error("--net: %s", why);
		return EXIT_UNAVAILABLE;
	}
	return add(m, net_device(m->net));
}

static void choose_registers(struct machine *m)
{
	struct kvm_page_probe probe;
	int rc = host_probe_page(&probe);

	register_page_choose(m->o->register_page, rc, &probe, &m->registers);
	tell(m, "registers %s: %s", m->registers.used ? "in memory" : "by exits", m->registers.why);
}

static int open_kernel(struct machine *m)
{
	char why[512];
	int fd = machine_kernel_check(m->o);

	if (fd)
		return fd;
	fd = kernel_elf_open(m->o->image, why, sizeof(why));
	if (*why)
		say_error("%s", why);
	if (fd < 0)
		return fd == -ENOENT ? 0 : EXIT_UNAVAILABLE;
	m->kernel_fd = fd;
	return 0;
}

static void close_kernel(struct machine *m)
{
	if (m->kernel_fd)
		close(m->kernel_fd);
	m->kernel_fd = 0;
}

/*
 * Where an exit takes as long as that, kernel and initrd are copied into huge pages before the guest starts. Mapped,
 * each small page of their files is an exit or two, 24 000 of the 35 000 of a start: 6 of 11 s where KVM is nested in
 * an emulation. Where exits are cheap the guest starts at once, and guests share the files' pages.
 */
#define DEAR_EXIT_NS 100000u

static int create(struct machine *m)
{
	struct vm_config cfg = {
		.kernel = m->o->image,
		.initrd = m->o->initrd,
		.cpus = m->o->cpus,
		.memory = m->o->memory,
		.topology = &m->o->shape.topology,
		.backing = m->o->shape.backing,
		.serial_out = on_serial,
		.ended = on_vm_end,
		.serial_room = machine_on_serial_room,
		.ctx = m,
	};
	struct vm_error err;
	int rc;

	choose_registers(m);
	cfg.register_page = m->registers.used;
	rc = machine_host_take(&m->host, &m->o->host_cpus, &m->o->shape.topology);
	if (rc)
		return rc;
	machine_host_vm(m->host, &cfg.host);
	machine_host_memory(m->host, &m->o->shape.topology, &cfg.backing);
	cfg.backing.copy_images = m->registers.exits_ns >= DEAR_EXIT_NS;
	m->cmdline = machine_guest_cmdline(m->o, m->job);
	rc = m->cmdline ? 0 : EXIT_INTERNAL;
	if (!rc && machine_converses(m))
		rc = machine_archive_make(&m->archive, m->o, m->job);
	if (!rc)
		rc = open_kernel(m);
	if (rc)
		return rc;
	cfg.cmdline = m->cmdline;
	cfg.kernel_fd = m->kernel_fd;
	cfg.initrd_fd = m->archive.kept_fd;
	cfg.initrd_data = m->archive.own;
	cfg.initrd_size = m->archive.own_size;
	rc = host_reactor(&m->r, SQ_ENTRIES, SLOTS_BASE + m->o->n_disks * BLK_REACTOR_SLOTS);
	if (rc)
		return rc;
	machine_reactor_prepare(m);
	if (vm_create(&m->vm, m->r, &cfg, &err)) {
		say_error("%s", err.text);
		return EXIT_UNAVAILABLE;
	}
	rc = add_devices(m);
	if (!rc)
		rc = open_streams(m);
	return rc;
}

/* --- run and end -------------------------------------------------------- */

static int forget_program(struct dl_phdr_info *info, size_t size, void *ctx)
{
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t at = info->dlpi_addr + p->p_vaddr, from = at & ~4095ul;

		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W))
			madvise((void *)from, at + p->p_memsz - from, MADV_DONTNEED);
	}
	return 1; /* the first is this program */
}

/*
 * What the start needed and the run does not: pages of the heap, and of this program, which come back from the page
 * cache where they are wanted again. By then the guest runs.
 */
static void forget_start(void)
{
	malloc_trim(0);
	dl_iterate_phdr(forget_program, NULL);
}

static int run(struct machine *m)
{
	struct vm_error err;
	int rc = machine_host_apply(m->host, m->r);

	if (rc)
		return rc;
	if (vm_start(m->vm, &err)) {
		say_error("%s", err.text);
		return EXIT_UNAVAILABLE;
	}
	m->started = true;
	timer_set(&m->silence, monotonic_ns() + SECOND_NS);
	/* The guest's memory has it now. */
	machine_archive_free(&m->archive);
	close_kernel(m);
	forget_start();
	tell(m, "%u CPUs run %s", m->o->cpus, m->o->image);
	rc = reactor_run(m->r);
	m->end_ns = monotonic_ns();
	/* Before the report is made, which takes memory of its own. */
	machine_resident(m);
	if (rc < 0) {
		say_error("reactor: %s", strerror(-rc));
		return EXIT_INTERNAL;
	}
	return 0;
}

/* Requests of all disks that are still in flight. */
static unsigned quiesce(struct machine *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->o->n_disks; i++)
		n += m->blk[i] ? blk_quiesce(m->blk[i]) : 0;
	return n;
}

static bool written(const struct machine *m)
{
	if (m->session_open && !session_written(&m->session))
		return false;
	if ((m->screen.r && !sink_idle(&m->screen)) || !events_idle(&m->conversation.events))
		return false;
	if (!scheduler_output_idle(&m->scheduler_output))
		return false;
	return !m->echo.r || sink_idle(&m->echo);
}

/* A reader may be as slow as it likes; only a signal and the time-out cut it short. */
static void write_out(struct machine *m)
{
	uint64_t now = monotonic_ns(), deadline = m->start_ns + m->o->timeout_ns;

	if (deadline < now + QUIESCE_NS)
		deadline = now + QUIESCE_NS;
	while (!written(m) && !m->signo && !m->unread) {
		if ((m->o->timeout_ns ? reactor_step_until(m->r, deadline) : reactor_step(m->r, true)) < 0)
			break;
		m->unread = m->o->timeout_ns && monotonic_ns() >= deadline;
	}
	if (m->unread || m->signo)
		terminal_leave_stuck_stderr();
	if (m->unread)
		say_error("what reads the output does not take it, and what was left of it is lost; raise --timeout");
	if (m->unshown)
		say_error("%" PRIu64 " bytes of the guest's console are lost, for nobody read them", m->unshown);
	if (m->net && net_counters(m->net)->rx_truncated)
		say_error("--net: %" PRIu64 " frames were longer than the guest's buffers and came cut; give it mtu=N",
			  net_counters(m->net)->rx_truncated);
}

/* Stop the guest, take its last words, bring the disks to rest. How many requests did not come to theirs. */
static unsigned stop(struct machine *m)
{
	uint64_t deadline;
	unsigned n;

	vm_stop(m->vm);
	/* There is nobody left to take it. */
	source_shut(&m->keys);
	source_shut(&m->session.in);
	timer_clear(&m->deadline);
	timer_clear(&m->power_off);
	timer_clear(&m->let_go);
	timer_clear(&m->silence);
	conversation_stop(&m->conversation);
	if (m->console && m->started)
		console_final_drain(m->console);
	write_out(m);
	deadline = monotonic_ns() + QUIESCE_NS;
	while ((n = quiesce(m)))
		if (reactor_step_until(m->r, deadline) <= 0 && monotonic_ns() >= deadline)
			return n;
	return 0;
}

/* What may call somebody does so no more. Nothing here steps the ring. */
static void shut(struct machine *m)
{
	vm_remove_devices(m->vm);
	source_shut(&m->keys);
	session_shut(&m->session);
	conversation_shut(&m->conversation);
	sink_shut(&m->screen);
	sink_shut(&m->echo);
	sink_shut(&m->scheduler_output.file);
	timer_close(&m->let_go);
	timer_close(&m->silence);
	timer_close(&m->power_off);
	timer_close(&m->deadline);
}

/*
 * Closing a stream and destroying a device step the ring, where handlers of all the others run: so first nothing calls
 * anybody any more, then everything goes, guest memory last. False: I/O of a disk or the network on guest memory did
 * not end; memory and ring stay.
 */
static bool destroy(struct machine *m)
{
	bool idle = true;

	shut(m);
	if (m->console)
		console_destroy(m->console);
	m->console = NULL;
	source_close(&m->keys);
	if (m->session_open)
		session_close(&m->session);
	scheduler_output_close(&m->scheduler_output);
	conversation_close(&m->conversation);
	sink_close(&m->screen);
	sink_close(&m->echo);
	for (unsigned i = 0; i < m->o->n_disks; i++)
		if (m->blk[i] && blk_destroy(m->blk[i], QUIESCE_NS))
			idle = false;
	/* Only now may others write. What did not end may still write itself. */
	if (idle)
		machine_disks_unlock(m);
	if (m->net && net_destroy(m->net))
		idle = false;
	if (idle)
		vm_destroy(m->vm);
	return idle;
}

static void write_stats(const struct machine_options *o, const json_t *facts, int *code)
{
	if (!o->stats || json_dump_file(facts, o->stats, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) == 0)
		return;
	say_error("--stats %s: can't be written: %s", o->stats, strerror(errno));
	if (!*code)
		*code = EXIT_FAILED;
}

/* The last event is the end, which is known only now. */
static void flush_events(struct machine *m, int *code)
{
	int rc = events_flush(&m->conversation.events, monotonic_ns() + QUIESCE_NS);

	if (!rc)
		return;
	say_error("--events %s: can't be written: %s", m->o->conversation.events, strerror(-rc));
	if (!*code)
		*code = EXIT_FAILED;
}

static void flush_scheduler_log(struct machine *m, int *code)
{
	int rc = scheduler_output_flush(&m->scheduler_output, monotonic_ns() + QUIESCE_NS);

	if (!rc)
		return;
	say_error("--scheduler-log %s: can't be written: %s", m->o->scheduler_log, strerror(-rc));
	if (!*code)
		*code = EXIT_FAILED;
}

int machine_run(const struct machine_options *o, const struct machine_job *job, struct machine_result *result)
{
	struct machine m = { .o = o, .job = job, .start_ns = monotonic_ns() };
	void (*sigpipe)(int) = signal(SIGPIPE, SIG_IGN);
	int code;

	memset(result, 0, sizeof(*result));
	code = create(&m);
	if (!code)
		code = run(&m);
	if (m.vm) {
		unsigned stuck = stop(&m);

		terminal_restore();
		/* Then nothing is left that a signal may not cut short. */
		outputs_end(&m.outputs, m.session.exited && !m.timed_out && !m.signo);
		signals_unwatch(&m.signals);
		if (!code)
			code = machine_verdict(&m, result);
		if (m.started) {
			result->facts = machine_facts(&m, code);
			write_stats(o, result->facts, &code);
			flush_events(&m, &code);
			flush_scheduler_log(&m, &code);
		}
		/* Memory that a request may still write to must stay: the process ends soon, with all of it. */
		if (stuck)
			say_error("%u requests of disks did not end within 5 s; look at what is below them", stuck);
		if (stuck && !code)
			code = EXIT_INTERNAL;
		if (!stuck && destroy(&m) && m.r)
			reactor_destroy(m.r, QUIESCE_NS);
	} else if (m.r) {
		reactor_destroy(m.r, QUIESCE_NS);
	}
	machine_host_free(m.host);
	if (m.outputs_open)
		outputs_free(&m.outputs);
	json_decref(m.scheduler);
	for (unsigned i = 0; i < o->n_disks; i++)
		free(m.disk_times[i]);
	json_decref(m.topology_check);
	machine_archive_free(&m.archive);
	close_kernel(&m);
	free(m.cmdline);
	signal(SIGPIPE, sigpipe);
	return result->code = code;
}
