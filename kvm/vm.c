/* SPDX-License-Identifier: GPL-2.0-only */
/* The VM's life: creation, devices, the events of its vCPUs, its end. */
#include "kvm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kvm/acpi_table.h"
#include "kvm/internal.h"
#include "kvm/trouble.h"

/* Serial output is collected this long before the reactor looks at it. */
#define SERIAL_DELAY_NS 5000000ull
/* A guest that panicked and neither resets nor powers off is ended after this. */
#define PANIC_GRACE_NS 5000000000ull
#define PANIC_TEXT_MAX 65536u

int vm_fail(struct vm_error *err, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	return -error;
}

const char *vm_end_name(enum vm_end end)
{
	static const char *const name[] = {
		[VM_RUNNING] = "running",
		[VM_POWEROFF] = "poweroff",
		[VM_RESET] = "reset",
		[VM_PANIC] = "panic",
		[VM_STOPPED] = "stopped",
		[VM_FATAL] = "fatal",
		[VM_TRIPLE_FAULT] = "triple-fault",
		[VM_HALTED] = "halted",
	};

	return name[end];
}

static void vm_ended(struct vm *vm, enum vm_end end, const char *detail)
{
	if (vm->end != VM_RUNNING)
		return;
	vm->end = end;
	if (vm->cfg.ended)
		vm->cfg.ended(vm->cfg.ctx, end, detail);
}

/* --- serial output ------------------------------------------------------- */

static void panic_append(struct vm *vm, const char *data, size_t len)
{
	if (len > PANIC_TEXT_MAX - 1 - vm->panic_len)
		len = PANIC_TEXT_MAX - 1 - vm->panic_len;
	memcpy(vm->panic_text + vm->panic_len, data, len);
	vm->panic_len += len;
	vm->panic_text[vm->panic_len] = '\0';
}

static bool is_trouble(const char *line)
{
	static const char *const marks[] = { TROUBLE_MARKS };

	for (unsigned i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (strstr(line, marks[i]))
			return true;
	return false;
}

/* Look for the panic line by line, and keep what follows the first trouble: an oops tells more than its panic. */
static void panic_scan(struct vm *vm, const uint8_t *data, size_t len)
{
	size_t from = vm->panic_len ? 0 : len; /* kept from here on */

	for (size_t i = 0; i < len; i++) {
		bool panics;

		if (data[i] != '\n' && vm->line_len < sizeof vm->line - 1) {
			vm->line[vm->line_len++] = (char)data[i];
			continue;
		}
		vm->line[vm->line_len] = '\0';
		panics = !vm->panicked && strstr(vm->line, PANIC_MARK);
		/* Of an old trouble so much that the panic had no room. */
		if (panics && vm->panic_len > PANIC_TEXT_MAX / 2) {
			vm->panic_len = 0;
			from = len;
		}
		if (!vm->panic_len && from == len && is_trouble(vm->line)) {
			panic_append(vm, vm->line, vm->line_len);
			from = i;
		}
		if (panics) {
			vm->panicked = true;
			timer_set(&vm->panic_timer, monotonic_ns() + PANIC_GRACE_NS);
		}
		vm->line_len = 0;
	}
	panic_append(vm, (const char *)data + from, len - from);
}

static void serial_drain(struct vm *vm)
{
	uint8_t buf[4096];
	size_t n;

	for (unsigned port = 0; port < 2; port++) {
		do {
			while ((n = uart_drain(&vm->com[port], buf, sizeof buf))) {
				if (port == 0)
					panic_scan(vm, buf, n);
				if (vm->cfg.serial_out)
					vm->cfg.serial_out(vm->cfg.ctx, port + 1, buf, n);
			}
		} while (uart_arm(&vm->com[port]));
	}
}

static void serial_due(struct timer *t)
{
	serial_drain(container_of(t, struct vm, serial_timer));
}

static void serial_woken(struct kick *k)
{
	struct vm *vm = container_of(k, struct vm, serial_kick);

	if (vm->input_full && !uart_input_full(&vm->com[0])) {
		vm->input_full = false;
		if (vm->cfg.serial_room)
			vm->cfg.serial_room(vm->cfg.ctx);
	}
	/* One wake for a burst of bytes, not one for each. */
	if (!vm->serial_timer.deadline_ns)
		timer_set(&vm->serial_timer, monotonic_ns() + SERIAL_DELAY_NS);
}

void vm_serial_input(struct vm *vm, const uint8_t *data, size_t len)
{
	uart_input(&vm->com[0], data, len);
	vm->input_full = uart_input_full(&vm->com[0]);
}

bool vm_serial_full(const struct vm *vm)
{
	return vm->input_full;
}

/* --- events -------------------------------------------------------------- */

static void event_woken(struct kick *k)
{
	struct vm *vm = container_of(k, struct vm, event_kick);
	enum vm_end end = (enum vm_end)atomic_load(&vm->requested_end);

	vm_park_check(vm);
	if (end == VM_RUNNING)
		return;
	serial_drain(vm); /* the text before the end belongs to it */
	if (vm->panicked && (end == VM_RESET || end == VM_TRIPLE_FAULT || end == VM_POWEROFF))
		end = VM_PANIC;
	vm_ended(vm, end, vm->end_detail);
}

static void panic_grace_over(struct timer *t)
{
	struct vm *vm = container_of(t, struct vm, panic_timer);

	serial_drain(vm);
	vm_ended(vm, VM_PANIC, "the guest panicked and stood still");
}

/* --- creation ------------------------------------------------------------ */

static const struct {
	unsigned cap;
	const char *name;
} needed[] = {
	{ KVM_CAP_IRQCHIP, "IRQCHIP" },		{ KVM_CAP_IOEVENTFD, "IOEVENTFD" },	  { KVM_CAP_IRQFD, "IRQFD" },
	{ KVM_CAP_USER_MEMORY, "USER_MEMORY" }, { KVM_CAP_SET_TSS_ADDR, "SET_TSS_ADDR" }, { KVM_CAP_PIT2, "PIT2" },
	{ KVM_CAP_EXT_CPUID, "EXT_CPUID" },
};

static int open_kvm(struct vm *vm, struct vm_error *err)
{
	vm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm_fd < 0 && errno == EACCES)
		return vm_fail(err, EACCES,
			       "/dev/kvm: permission denied; add yourself to group kvm, or use --host nested");
	if (vm->kvm_fd < 0)
		return vm_fail(err, errno, "/dev/kvm: %s; %s, or use --host nested", strerror(errno),
			       errno == EMFILE ? "raise the limit of open files" : "load kvm_intel or kvm_amd");
	if (ioctl(vm->kvm_fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return vm_fail(err, ENOTSUP, "/dev/kvm: not the KVM API of version %d", KVM_API_VERSION);
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, (unsigned long)needed[i].cap) <= 0)
			return vm_fail(err, ENOTSUP, "/dev/kvm: capability %s is missing; use --host nested",
				       needed[i].name);
	vm->fd = ioctl(vm->kvm_fd, KVM_CREATE_VM, 0ul);
	if (vm->fd < 0)
		return vm_fail(err, errno, "/dev/kvm: cannot create a VM: %s", strerror(errno));
	vm->run_size = (size_t)ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	return 0;
}

/* The 8259s are there with the in-kernel irqchip, but our guests are told of
 * none: mask them, or a stray ExtINT would deliver one of the first vectors. */
static void mask_pics(struct vm *vm)
{
	for (uint32_t id = KVM_IRQCHIP_PIC_MASTER; id <= KVM_IRQCHIP_PIC_SLAVE; id++) {
		struct kvm_irqchip chip = { .chip_id = id };

		if (ioctl(vm->fd, KVM_GET_IRQCHIP, &chip))
			continue;
		chip.chip.pic.imr = 0xff;
		ioctl(vm->fd, KVM_SET_IRQCHIP, &chip);
	}
}

/* A vCPU is a descriptor, with its statistics two: many need more than what is given to begin with. */
static void raise_descriptors(unsigned n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= 512 + 2 * n)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* The shape of the machine, as far as this KVM goes. */
static int fit_topology(struct vm *vm, struct vm_error *err)
{
	char why[TOPOLOGY_WHY];
	int rc = 0, cpus_max, ids_max;

	if (vm->cfg.topology) {
		vm->topology = *vm->cfg.topology;
	} else {
		rc = topology_init(&vm->topology, 1, 1, vm->cfg.cpus, 1, why);
		if (!rc)
			rc = topology_finish(&vm->topology, why);
		if (!rc)
			rc = topology_share_memory(&vm->topology, vm->cfg.memory, why);
	}
	if (!rc)
		rc = cpuid_fit_topology(vm->cpuid, &vm->topology, why);
	if (rc)
		return vm_fail(err, -rc, "topology: %s", why);
	cpus_max = ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
	ids_max = ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPU_ID);
	if ((int)vm->topology.n_cpus > cpus_max)
		return vm_fail(err, EINVAL, "topology: %u CPUs, and this host's KVM takes at most %d; use fewer",
			       vm->topology.n_cpus, cpus_max);
	if ((int)topology_apic_id_max(&vm->topology) >= ids_max)
		return vm_fail(err, EINVAL,
			       "topology: its APIC ids go up to %u, and this host's KVM takes them below %d; use fewer "
			       "CPUs, or powers of two",
			       topology_apic_id_max(&vm->topology), ids_max);
	raise_descriptors(vm->topology.n_cpus);
	return 0;
}

/* KVM keeps the LAPICs, with ids of 32 bits; the IOAPIC is ours, and nobody misses PICs and PIT. */
static int create_split_irqchip(struct vm *vm, struct vm_error *err)
{
	struct kvm_enable_cap ids = {
		.cap = KVM_CAP_X2APIC_API,
		.args = { KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK },
	};
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { IOAPIC_PINS } };

	if (ioctl(vm->fd, KVM_ENABLE_CAP, &split) || ioctl(vm->fd, KVM_ENABLE_CAP, &ids))
		return vm_fail(
			err, errno,
			"topology: its APIC ids go up to %u, and this host's KVM has no x2APIC ids beyond 254 (%s); "
			"use fewer CPUs, or powers of two",
			topology_apic_id_max(&vm->topology), strerror(errno));
	ioapic_init(&vm->ioapic, vm->fd);
	vm->split = true;
	return 0;
}

static int create_irqchip(struct vm *vm, struct vm_error *err)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	uint64_t identity_map = IDENTITY_MAP_ADDR;

	if (ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map) || ioctl(vm->fd, KVM_SET_TSS_ADDR, TSS_ADDR))
		return vm_fail(err, errno, "/dev/kvm: no place for its own pages: %s", strerror(errno));
	if (topology_apic_id_max(&vm->topology) >= ACPI_X2APIC_FIRST)
		return create_split_irqchip(vm, err);
	if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) || ioctl(vm->fd, KVM_CREATE_PIT2, &pit))
		return vm_fail(err, errno, "/dev/kvm: no in-kernel irqchip: %s", strerror(errno));
	mask_pics(vm);
	return 0;
}

int vm_irqfd(struct vm *vm, int fd, unsigned gsi, struct vm_error *err)
{
	struct kvm_irqfd irqfd = { .fd = (uint32_t)fd, .gsi = gsi };

	if (ioctl(vm->fd, KVM_IRQFD, &irqfd))
		return vm_fail(err, errno, "irqfd for GSI %u: %s", gsi, strerror(errno));
	return 0;
}

int vm_eventfd(int *fd, struct vm_error *err)
{
	*fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return *fd < 0 ? vm_fail(err, errno, "eventfd: %s", strerror(errno)) : 0;
}

static int create_serial(struct vm *vm, struct vm_error *err)
{
	static const unsigned gsi[2] = { GSI_COM1, GSI_COM2 };
	int rc = vm_eventfd(&vm->serial_fd, err);

	for (unsigned i = 0; i < 2 && !rc; i++) {
		rc = vm_eventfd(&vm->uart_irq_fd[i], err);
		if (!rc)
			rc = vm_irqfd(vm, vm->uart_irq_fd[i], gsi[i], err);
		if (!rc)
			uart_init(&vm->com[i], vm->uart_irq_fd[i], vm->serial_fd, &vm->stopping);
	}
	return rc;
}

static int create_sources(struct vm *vm, struct vm_error *err)
{
	int rc = vm_eventfd(&vm->mail_fd, err);

	if (!rc)
		rc = vm_eventfd(&vm->event_fd, err);
	if (rc)
		return rc;
	rc = kick_watch(vm->r, &vm->mail_kick, vm->mail_fd, mail_serve);
	if (!rc)
		rc = kick_watch(vm->r, &vm->event_kick, vm->event_fd, event_woken);
	if (!rc)
		rc = kick_watch(vm->r, &vm->serial_kick, vm->serial_fd, serial_woken);
	if (!rc)
		rc = timer_open(vm->r, &vm->serial_timer, serial_due);
	if (!rc)
		rc = timer_open(vm->r, &vm->panic_timer, panic_grace_over);
	return rc ? vm_fail(err, -rc, "reactor: %s", strerror(-rc)) : 0;
}

int vm_create(struct vm **out, struct reactor *r, const struct vm_config *cfg, struct vm_error *err)
{
	struct vm *vm = calloc(1, sizeof *vm);
	int rc = -ENOMEM;

	if (!vm)
		return vm_fail(err, ENOMEM, "out of memory");
	vm->r = r;
	vm->cfg = *cfg;
	vm->kvm_fd = vm->fd = vm->mail_fd = vm->event_fd = vm->serial_fd = -1;
	vm->uart_irq_fd[0] = vm->uart_irq_fd[1] = -1;
	vm->vcpu = calloc(cfg->topology ? cfg->topology->n_cpus : cfg->cpus, sizeof *vm->vcpu);
	vm->panic_text = calloc(1, PANIC_TEXT_MAX);
	if (!vm->vcpu || !vm->panic_text) {
		vm_fail(err, ENOMEM, "out of memory");
		goto err_destroy;
	}
	rc = open_kvm(vm, err);
	if (!rc)
		rc = cpuid_open(vm, err);
	if (!rc)
		rc = fit_topology(vm, err);
	if (!rc)
		rc = ram_create(vm, err);
	if (!rc && cfg->register_page)
		rc = device_pages_create(vm, err);
	if (!rc)
		rc = create_irqchip(vm, err);
	if (!rc)
		rc = create_serial(vm, err);
	if (!rc)
		rc = create_sources(vm, err);
	if (!rc)
		host_setup(vm);
	for (unsigned i = 0; !rc && i < vm->topology.n_cpus; i++)
		rc = vcpu_create(vm, i, err);
	if (rc)
		goto err_destroy;
	*out = vm;
	return 0;

err_destroy:
	vm_destroy(vm);
	return rc;
}

/* --- run and end --------------------------------------------------------- */

int vm_start(struct vm *vm, struct vm_error *err)
{
	int rc = boot_load(vm, err);

	for (unsigned i = 0; i < vm->n_vcpus && !rc; i++)
		rc = vcpu_start(&vm->vcpu[i], err);
	if (rc)
		vm_stop(vm);
	return rc;
}

/* What a vCPU that was stopped in the middle of an exit has posted is answered by nobody. */
static void unwatch_all(struct vm *vm)
{
	kick_unwatch(&vm->mail_kick);
	kick_unwatch(&vm->event_kick);
	kick_unwatch(&vm->serial_kick);
	timer_close(&vm->serial_timer);
	timer_close(&vm->panic_timer);
}

void vm_stop(struct vm *vm)
{
	atomic_store(&vm->stopping, true);
	vcpu_order_stop(vm);
	for (unsigned i = 0; i < vm->n_vcpus; i++) {
		if (!vm->vcpu[i].running)
			continue;
		pthread_join(vm->vcpu[i].thread, NULL);
		vm->vcpu[i].running = false;
	}
	if (vm->serial_fd >= 0)
		serial_drain(vm);
	if (vm->end == VM_RUNNING)
		vm->end = VM_STOPPED;
	unwatch_all(vm);
}

void vm_remove_devices(struct vm *vm)
{
	for (unsigned i = 0; i < vm->n_devices; i++)
		if (!device_remove(&vm->device[i]))
			vm->ram_in_use = true;
	vm->n_devices = 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void vm_destroy(struct vm *vm)
{
	if (!vm)
		return;
	unwatch_all(vm);
	vm_remove_devices(vm);
	for (unsigned i = 0; i < vm->n_vcpus; i++)
		vcpu_destroy(&vm->vcpu[i]);
	for (unsigned i = 0; i < 2; i++)
		if (vm->com[i].stopping)
			uart_free(&vm->com[i]);
	close_fd(&vm->fd);
	if (!vm->ram_in_use)
		ram_destroy(vm);
	device_pages_destroy(vm);
	for (unsigned i = 0; i < 2; i++)
		close_fd(&vm->uart_irq_fd[i]);
	close_fd(&vm->mail_fd);
	close_fd(&vm->event_fd);
	close_fd(&vm->serial_fd);
	close_fd(&vm->kvm_fd);
	free(vm->panic_text);
	free(vm->cpuid);
	free(vm->vcpu);
	free(vm);
}

/* --- what it can tell ---------------------------------------------------- */

enum vm_end vm_state(const struct vm *vm)
{
	return vm->end;
}

const char *vm_panic_text(const struct vm *vm)
{
	return vm->panicked ? vm->panic_text : "";
}

uint64_t vm_first_run_ns(const struct vm *vm)
{
	return atomic_load(&vm->first_run_ns);
}

void vm_host_facts(const struct vm *vm, struct vm_host_facts *out)
{
	*out = vm->host;
}

const struct guest_memory *vm_memory(const struct vm *vm)
{
	return &vm->mem;
}

void vm_exits(const struct vm *vm, struct vm_exits *out)
{
	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < vm->n_vcpus; i++) {
		const struct vcpu *v = &vm->vcpu[i];

		out->mmio += v->exits_mmio;
		out->pio += v->exits_pio;
		out->serial += v->exits_serial;
		out->hlt += v->exits_hlt;
		out->intr += v->exits_intr;
		out->other += v->exits_other;
		out->mailbox += v->exits_mailbox;
	}
}
