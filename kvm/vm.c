/* SPDX-License-Identifier: GPL-2.0-only */
/* The VM's life: creation, devices, the events of its vCPUs, its end. */
#include "kvm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kvm/internal.h"

/* --- events -------------------------------------------------------------- */

static void event_woken(struct kick *k)
{
	struct vm *vm = container_of(k, struct vm, loop.event_kick);
	enum vm_end end = end_requested(vm);

	park_check(vm);
	if (end == VM_RUNNING)
		return;
	com_drain(vm); /* the text before the end belongs to it */
	if (vm->loop.panic.panicked &&
	    (end == VM_RESET || end == VM_TRIPLE_FAULT || end == VM_POWEROFF || end == VM_HALTED))
		end = VM_PANIC;
	end_now(vm, end, vm->shared.end_detail);
}

static void mail_woken(struct kick *k)
{
	struct vm *vm = container_of(k, struct vm, loop.mail_kick);

	mail_serve(vm);
	/* A vCPU whose answer is pending counts as parked from now on. */
	park_check(vm);
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
		return vm_fail_as(err, VM_FAULT_KVM_DENIED, EACCES, "/dev/kvm: permission denied");
	if (vm->kvm_fd < 0)
		return vm_fail_as(err, errno == EMFILE || errno == ENFILE ? VM_FAULT_DESCRIPTORS : VM_FAULT_KVM_MISSING,
				  errno, "/dev/kvm: %s", strerror(errno));
	if (ioctl(vm->kvm_fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return vm_fail_as(err, VM_FAULT_KVM_INCAPABLE, ENOTSUP, "/dev/kvm: not the KVM API of version %d",
				  KVM_API_VERSION);
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, (unsigned long)needed[i].cap) <= 0)
			return vm_fail_as(err, VM_FAULT_KVM_INCAPABLE, ENOTSUP, "/dev/kvm: capability %s is missing",
					  needed[i].name);
	vm->fd = ioctl(vm->kvm_fd, KVM_CREATE_VM, 0ul);
	if (vm->fd < 0)
		return vm_fail(err, errno, "/dev/kvm: cannot create a VM: %s", strerror(errno));
	vm->run_size = (size_t)ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	return 0;
}

/* A vCPU takes a descriptor, and one more while its statistics are read: many vCPUs exceed the default soft limit. */
static void raise_descriptors(unsigned n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= 512 + 2 * n)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Set the topology, within this KVM's limits. */
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
		return vm_fail_as(err, VM_FAULT_CPUS, EINVAL, "topology: %u CPUs, and this host's KVM takes at most %d",
				  vm->topology.n_cpus, cpus_max);
	if ((int)topology_apic_id_max(&vm->topology) >= ids_max)
		return vm_fail_as(err, VM_FAULT_APIC_IDS, EINVAL,
				  "topology: its APIC ids go up to %u, and this host's KVM takes them below %d",
				  topology_apic_id_max(&vm->topology), ids_max);
	raise_descriptors(vm->topology.n_cpus);
	return 0;
}

static int watch_threads(struct vm *vm, struct vm_error *err)
{
	int rc = vm_eventfd(&vm->mail_fd, err);

	if (!rc)
		rc = vm_eventfd(&vm->event_fd, err);
	if (rc)
		return rc;
	rc = kick_watch(vm->loop.r, &vm->loop.mail_kick, vm->mail_fd, mail_woken);
	if (!rc)
		rc = kick_watch(vm->loop.r, &vm->loop.event_kick, vm->event_fd, event_woken);
	if (!rc)
		rc = com_watch(vm);
	return rc ? vm_fail(err, -rc, "reactor: %s", strerror(-rc)) : 0;
}

int vm_create(struct vm **out, struct reactor *r, const struct vm_config *cfg, struct vm_error *err)
{
	struct vm *vm = calloc(1, sizeof *vm);
	int rc = -ENOMEM;

	if (!vm)
		return vm_fail(err, ENOMEM, "out of memory");
	vm->loop.r = r;
	vm->cfg = *cfg;
	vm->kvm_fd = vm->fd = vm->mail_fd = vm->event_fd = vm->serial_fd = -1;
	vm->uart_irq_fd[0] = vm->uart_irq_fd[1] = -1;
	vm->vcpu = calloc(cfg->topology ? cfg->topology->n_cpus : cfg->cpus, sizeof *vm->vcpu);
	if (!vm->vcpu || panic_watch_init(&vm->loop.panic)) {
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
		rc = irqchip_create(vm, err);
	if (!rc)
		rc = com_create(vm, err);
	if (!rc)
		rc = watch_threads(vm, err);
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

/* A request that a vCPU has posted when it is stopped stays unanswered. */
static void unwatch_all(struct vm *vm)
{
	kick_unwatch(&vm->loop.mail_kick);
	kick_unwatch(&vm->loop.event_kick);
	com_unwatch(vm);
}

void vm_stop(struct vm *vm)
{
	atomic_store(&vm->shared.stopping, true);
	vcpu_order_stop(vm);
	for (unsigned i = 0; i < vm->n_vcpus; i++) {
		if (!vm->vcpu[i].loop.running)
			continue;
		pthread_join(vm->vcpu[i].loop.thread, NULL);
		vm->vcpu[i].loop.running = false;
	}
	if (vm->serial_fd >= 0)
		com_drain(vm);
	if (vm->loop.end == VM_RUNNING)
		vm->loop.end = VM_STOPPED;
	unwatch_all(vm);
}

void vm_remove_devices(struct vm *vm)
{
	for (unsigned i = 0; i < vm->n_devices; i++)
		if (!device_remove(&vm->device[i]))
			vm->loop.ram_in_use = true;
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
	com_destroy(vm);
	close_fd(&vm->fd);
	if (!vm->loop.ram_in_use)
		ram_destroy(vm);
	device_pages_destroy(vm);
	close_fd(&vm->mail_fd);
	close_fd(&vm->event_fd);
	close_fd(&vm->kvm_fd);
	panic_watch_free(&vm->loop.panic);
	free(vm->cpuid);
	free(vm->vcpu);
	free(vm);
}

/* --- what it can tell ---------------------------------------------------- */

uint64_t vm_first_run_ns(const struct vm *vm)
{
	return atomic_load(&vm->shared.first_run_ns);
}

int vm_cpu_clock(const struct vm *vm, unsigned i, clockid_t *clock)
{
	const struct vcpu *v = &vm->vcpu[i];

	return v->loop.running ? -pthread_getcpuclockid(v->loop.thread, clock) : -ESRCH;
}

int vm_cpu_thread(const struct vm *vm, unsigned i)
{
	const struct vcpu *v = &vm->vcpu[i];
	int tid = atomic_load(&v->shared.tid);

	return v->loop.running && tid ? tid : -ESRCH;
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
		const struct vcpu_shared *v = &vm->vcpu[i].shared;

		out->mmio += v->exits_mmio;
		out->pio += v->exits_pio;
		out->serial += v->exits_serial;
		out->hlt += v->exits_hlt;
		out->intr += v->exits_intr;
		out->other += v->exits_other;
		out->mailbox += v->exits_mailbox;
	}
}
