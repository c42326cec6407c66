/* SPDX-License-Identifier: GPL-2.0-only */
/* machine_create(): everything is opened, allocated and checked, and no vCPU runs. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/base/say.h"
#include "bench/host/claim.h"
#include "bench/host/facts.h"
#include "bench/host/remedy.h"
#include "bench/kernel/elf.h"
#include "bench/machine/fingerprint.h"
#include "bench/machine/resolve.h"
#include "bench/machine/state.h"

#define SQ_ENTRIES 256
#define SLOTS_BASE 192 /* of the reactor, without disks: some 60 are used; they decide the size of the ring */

bool machine_converses(const struct machine *m)
{
	return m->job.argv || m->job.shell;
}

struct reactor *machine_reactor(struct machine *m)
{
	return m->r;
}

/* --- devices ------------------------------------------------------------ */

static int add(struct machine *m, struct virtio_device *d)
{
	struct vm_error err;
	int rc = vm_add_device(m->vm, d, &err);

	if (rc)
		remedy_say(&err);
	return rc ? EXIT_UNAVAILABLE : 0;
}

static int add_devices(struct machine *m)
{
	struct net_config net = nic_config(&m->o->nic);
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
	if (net_create(&m->net, m->r, &net, why, sizeof(why))) {
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
	if (m->o->verbose)
		fprintf(stderr, "ktstr: registers %s: %s\n", m->registers.used ? "in memory" : "by exits",
			m->registers.why);
}

/* --- the VM ------------------------------------------------------------- */

static int open_kernel(struct machine *m)
{
	char why[512];
	int fd = machine_kernel_check(m->resolved);

	if (fd)
		return fd;
	fd = kernel_elf_open(m->resolved->image, why, sizeof(why));
	if (*why)
		say_error("%s", why);
	if (fd < 0)
		return fd == -ENOENT ? 0 : EXIT_UNAVAILABLE;
	m->boot.kernel_fd = fd;
	return 0;
}

/* What the guest boots from: command line, kernel and initrd. */
static int make_boot(struct machine *m)
{
	int rc = 0;

	m->boot.cmdline = machine_guest_cmdline(m->resolved, &m->job);
	if (!m->boot.cmdline) {
		say_error("out of memory");
		return EXIT_INTERNAL;
	}
	if (machine_converses(m))
		rc = machine_archive_make(&m->boot.archive, m->resolved, &m->job);
	if (!rc)
		rc = open_kernel(m);
	if (!rc && m->job.fingerprint)
		m->boot.fingerprint =
			machine_fingerprint(m->resolved, m->boot.cmdline, &m->boot.archive, m->boot.kernel_fd);
	return rc;
}

/*
 * Where an exit takes at least this long, kernel and initrd are copied into huge pages before the guest starts. Mapped,
 * each small page of their files is an exit or two, 24 000 of the 35 000 of a start: 6 of 11 s where KVM is nested in
 * an emulation. Where exits are cheap the guest starts at once, and guests share the files' pages.
 */
#define DEAR_EXIT_NS 100000u

static int make_vm(struct machine *m)
{
	struct vm_config cfg = {
		.kernel = m->resolved->image,
		.kernel_fd = m->boot.kernel_fd,
		.initrd = m->o->initrd,
		.initrd_fd = m->boot.archive.kept_fd,
		.initrd_data = m->boot.archive.own,
		.initrd_size = m->boot.archive.own_size,
		.cmdline = m->boot.cmdline,
		.cpus = m->resolved->cpus,
		.memory = m->resolved->memory,
		.topology = &m->resolved->topology,
		.backing = m->o->shape.backing,
		.register_page = m->registers.used,
		.statistics = m->job.watch_host,
		.serial_out = machine_on_serial,
		.ended = machine_on_vm_end,
		.serial_room = machine_on_serial_room,
		.ctx = m,
	};
	struct vm_error err;

	machine_host_vm(m->job.host, &cfg.host);
	machine_host_memory(m->job.host, &m->resolved->topology, &cfg.backing);
	cfg.backing.copy_images = m->registers.exits_ns >= DEAR_EXIT_NS;
	if (!vm_create(&m->vm, m->r, &cfg, &err))
		return 0;
	remedy_say(&err);
	return EXIT_UNAVAILABLE;
}

/* --- streams ------------------------------------------------------------ */

static int open_timers(struct machine *m)
{
	struct machine_ending *e = &m->ending;
	int rc = timer_open(m->r, &e->deadline, machine_on_deadline);

	if (!rc)
		rc = timer_open(m->r, &e->power_off, machine_on_power_off_late);
	if (!rc)
		rc = timer_open(m->r, &e->silence, machine_on_silence);
	if (!rc && m->o->timeout_ns)
		rc = timer_set(&e->deadline, monotonic_ns() + m->o->timeout_ns);
	return rc;
}

static int open_events(struct machine *m)
{
	int rc = conversation_open_events(&m->talk.conversation, m->r);

	if (rc == -ENXIO)
		say_error("--events %s: nobody reads this fifo; start its reader first", m->o->conversation.events);
	else if (rc)
		say_error("--events %s: %s; %s", m->o->conversation.events, strerror(-rc),
			  rc == -EMFILE || rc == -ENFILE ? say_limit(-rc) : "name a file that can be written");
	return rc;
}

static int open_streams(struct machine *m)
{
	int rc = open_timers(m);

	if (!rc)
		rc = machine_echo_open(m);
	if (!rc)
		rc = conversation_open(&m->talk.conversation, m->r, m->console, &m->o->conversation);
	if (!rc && open_events(m))
		return EXIT_UNAVAILABLE;
	if (!rc)
		rc = machine_converses(m) ? machine_session_open(m) : machine_screen_open(m);
	if (rc)
		say_error("reactor: %s; %s", strerror(-rc), say_limit(-rc));
	return rc ? EXIT_INTERNAL : 0;
}

static int make(struct machine *m)
{
	int rc;

	choose_registers(m);
	rc = make_boot(m);
	if (!rc)
		rc = host_reactor(&m->r, SQ_ENTRIES, SLOTS_BASE + m->o->n_disks * BLK_REACTOR_SLOTS);
	if (rc)
		return rc;
	machine_reactor_prepare(m);
	rc = make_vm(m);
	if (!rc)
		rc = add_devices(m);
	return rc ? rc : open_streams(m);
}

int machine_create(struct machine **out, const struct machine_resolved *resolved, const struct machine_job *job)
{
	struct machine *m = calloc(1, sizeof(*m));
	int rc;

	if (!m) {
		say_error("out of memory");
		return EXIT_INTERNAL;
	}
	m->resolved = resolved;
	m->o = resolved->spec;
	m->job = *job;
	m->ending.start_ns = monotonic_ns();
	m->noise = job->watch_host ? calloc(1, sizeof(*m->noise)) : NULL;
	rc = make(m);
	if (rc)
		machine_free(m);
	else
		*out = m;
	return rc;
}
