/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vCPU threads: KVM_RUN and its exits. Accesses to serial ports and to registers without side effects are answered on
 * this thread; all others go through the mailbox to the reactor.
 */
#include <errno.h>
#include <linux/virtio_mmio.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm/internal.h"

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* --- exits --------------------------------------------------------------- */

static struct vm_device *device_at(struct vm *vm, uint64_t gpa)
{
	for (unsigned i = 0; i < vm->n_devices; i++)
		if (gpa - vm->device[i].base < VIRTIO_MMIO_SIZE && gpa >= vm->device[i].base)
			return &vm->device[i];
	return NULL;
}

/* The registers that a driver accesses for every interrupt: answered here, without the reactor. */
static bool interrupt_register(struct vm_device *vd, uint32_t offset, uint8_t *data, unsigned len, bool is_write)
{
	uint32_t value;

	/* Only the reactor may change the register page. */
	if (len != 4 || vd->vm->register_pages)
		return false;
	if (!is_write && offset == VIRTIO_MMIO_INTERRUPT_STATUS) {
		value = atomic_load(&vd->dev->interrupt_status);
		memcpy(data, &value, 4);
		return true;
	}
	if (is_write && offset == VIRTIO_MMIO_INTERRUPT_ACK) {
		memcpy(&value, data, 4);
		atomic_fetch_and(&vd->dev->interrupt_status, ~value);
		return true;
	}
	return false;
}

static void exit_ioapic(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	uint32_t offset = (uint32_t)(run->mmio.phys_addr - IOAPIC_BASE), value = 0;
	int rc;

	if (!run->mmio.is_write) {
		value = ioapic_read(&v->vm->shared.ioapic, offset);
		memset(run->mmio.data, 0, sizeof run->mmio.data);
		memcpy(run->mmio.data, &value, sizeof value);
		return;
	}
	memcpy(&value, run->mmio.data, run->mmio.len < sizeof value ? run->mmio.len : sizeof value);
	rc = ioapic_write(&v->vm->shared.ioapic, offset, value);
	if (rc)
		vm_request_end(v->vm, VM_FATAL, "IOAPIC: KVM refuses the guest's routes: %s", strerror(-rc));
}

static void exit_mmio(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	struct vm_device *vd = device_at(v->vm, run->mmio.phys_addr);
	struct mailbox *m = &v->shared.mail;

	count(&v->shared.exits_mmio);
	if (v->vm->split && run->mmio.phys_addr - IOAPIC_BASE < IOAPIC_SIZE) {
		exit_ioapic(v);
		return;
	}
	if (!vd) {
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0xff, sizeof run->mmio.data);
		return;
	}
	m->vd = vd;
	m->offset = (uint32_t)(run->mmio.phys_addr - vd->base);
	m->len = run->mmio.len;
	m->is_write = run->mmio.is_write;
	if (interrupt_register(vd, m->offset, run->mmio.data, m->len, m->is_write))
		return;
	memcpy(m->data, run->mmio.data, sizeof m->data);
	if (mail_post(v) && !m->is_write)
		memcpy(run->mmio.data, m->data, sizeof m->data);
}

static void port_out(struct vcpu *v, uint16_t port, uint8_t value)
{
	struct vm *vm = v->vm;

	if (port == PORT_I8042 && value == 0xfe)
		vm_request_end(vm, VM_RESET, "i8042 reset");
	else if (port == PORT_RESET && value == RESET_VALUE)
		vm_request_end(vm, VM_RESET, "ACPI reset register");
	else if (port == PORT_SLEEP_CONTROL && (value & 0x20) && (value >> 2 & 7) == SLEEP_TYPE_S5)
		vm_request_end(vm, VM_POWEROFF, "ACPI S5");
}

static uint8_t port_in(uint16_t port)
{
	/* 0x60/0x64: an i8042 that is never busy, so that the guest does not wait before it resets through it. */
	return port == PORT_I8042 || port == 0x60 || port == PORT_SLEEP_STATUS ? 0 : 0xff;
}

static struct uart *uart_at(struct vm *vm, uint16_t port)
{
	if (port >= PORT_COM1 && port < PORT_COM1 + 8)
		return &vm->shared.com[0];
	if (port >= PORT_COM2 && port < PORT_COM2 + 8)
		return &vm->shared.com[1];
	return NULL;
}

static void exit_pio(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	uint16_t port = run->io.port;
	struct uart *u = uart_at(v->vm, port);
	bool out = run->io.direction == KVM_EXIT_IO_OUT;

	count(u ? &v->shared.exits_serial : &v->shared.exits_pio);
	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		/* Our ports are one byte wide: of a wider access only the first byte counts. */
		if (!out)
			memset(data, 0xff, run->io.size);
		if (u && out)
			uart_write(u, port & 7, *data);
		else if (u)
			*data = uart_read(u, port & 7);
		else if (out)
			port_out(v, port, *data);
		else
			*data = port_in(port);
	}
}

static void internal_error(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	struct kvm_regs regs = { 0 };
	char bytes[3 * 15 + 1] = "", data[6 * 17 + 1] = "";

	ioctl(v->fd, KVM_GET_REGS, &regs);
	if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION && run->internal.ndata >= 3) {
		const uint8_t *insn = (const uint8_t *)&run->emulation_failure.insn_bytes;
		unsigned n = run->emulation_failure.insn_size;

		for (unsigned i = 0; i < n && i < 15; i++)
			snprintf(bytes + 3 * i, 4, " %02x", insn[i]);
	}
	for (unsigned i = 0; i < run->internal.ndata && i < 6 && !*bytes; i++)
		snprintf(data + strlen(data), sizeof(data) - strlen(data), " %llx",
			 (unsigned long long)run->internal.data[i]);
	if (v->vm->cfg.register_page && run->internal.suberror == KVM_INTERNAL_ERROR_DELIVERY_EV) {
		vm_request_fatal(v->vm, VM_FAULT_REGISTER_PAGE,
				 "vCPU %u: KVM internal error %u at rip 0x%llx: this KVM refuses an exception's store "
				 "into the register page",
				 v->index, run->internal.suberror, (unsigned long long)regs.rip);
		return;
	}
	vm_request_fatal(v->vm, VM_FAULT_KVM_INCAPABLE,
			 "vCPU %u: KVM internal error %u at rip 0x%llx,%s%s: this KVM can't run the kernel", v->index,
			 run->internal.suberror, (unsigned long long)regs.rip, *bytes ? " instruction" : " data",
			 *bytes ? bytes : data);
}

/* False: the vCPU can't go on, and its thread ends. */
static bool handle_exit(struct vcpu *v)
{
	struct kvm_run *run = v->run;

	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		exit_mmio(v);
		return true;
	case KVM_EXIT_IO:
		exit_pio(v);
		return true;
	case KVM_EXIT_HLT:
		count(&v->shared.exits_hlt);
		return true;
	case KVM_EXIT_INTR:
		count(&v->shared.exits_intr);
		return true;
	case KVM_EXIT_SHUTDOWN:
		vm_request_end(v->vm, VM_TRIPLE_FAULT, "triple fault on vCPU %u", v->index);
		break;
	case KVM_EXIT_IOAPIC_EOI: /* for level-triggered interrupts, of which we have none */
		return true;
	case KVM_EXIT_SYSTEM_EVENT:
		vm_request_end(v->vm, run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN ? VM_POWEROFF : VM_RESET,
			       "system event %u", run->system_event.type);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		internal_error(v);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		vm_request_end(v->vm, VM_FATAL, "vCPU %u: the CPU refused to enter the guest, reason 0x%llx", v->index,
			       (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
		break;
	default:
		vm_request_end(v->vm, VM_FATAL, "vCPU %u: unexpected KVM exit %u", v->index, run->exit_reason);
		break;
	}
	count(&v->shared.exits_other);
	return false;
}

static void *vcpu_main(void *arg)
{
	struct vcpu *v = arg;
	struct vm *vm = v->vm;

	atomic_store(&v->shared.tid, gettid());
	while (vcpu_obey(v)) {
		if (atomic_load_explicit(&v->shared.check_wanted, memory_order_relaxed) &&
		    atomic_exchange(&v->shared.check_wanted, false))
			vcpu_check(v);
		if (v->index == 0 && !atomic_load_explicit(&vm->shared.first_run_ns, memory_order_relaxed))
			atomic_store(&vm->shared.first_run_ns, monotonic_ns());
		if (ioctl(v->fd, KVM_RUN, 0) == 0) {
			v->own.exit_pending = true;
			if (!handle_exit(v))
				break;
			continue;
		}
		if (errno != EINTR && errno != EAGAIN) {
			vm_request_end(vm, VM_FATAL, "vCPU %u: KVM_RUN: %s", v->index, strerror(errno));
			break;
		}
		v->own.exit_pending = false;
		count(&v->shared.exits_intr);
	}
	vcpu_ended(v);
	return NULL;
}

/* --- life ---------------------------------------------------------------- */

static void on_kick(int signo)
{
	(void)signo;
}

int vcpu_create(struct vm *vm, unsigned index, struct vm_error *err)
{
	struct vcpu *v = &vm->vcpu[index];
	struct topology_cpu cpu;

	v->vm = vm;
	v->index = index;
	/* KVM uses the vCPU's id as its APIC id. */
	topology_cpu(&vm->topology, index, &cpu);
	v->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)cpu.apic_id);
	if (v->fd < 0)
		return vm_fail(err, errno, "vCPU %u: %s", index, strerror(errno));
	vm->n_vcpus = index + 1;
	if (vm->cfg.statistics) {
		v->stats_fd = ioctl(v->fd, KVM_GET_STATS_FD, NULL);
		v->stats_fd = v->stats_fd < 0 ? -errno : v->stats_fd;
	}
	v->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED) {
		v->run = NULL;
		return vm_fail(err, errno, "vCPU %u: %s", index, strerror(errno));
	}
	/* Before the registers: KVM refuses EFER.LME before CPUID has long mode. */
	return cpuid_set(vm, v, err);
}

int vcpu_start(struct vcpu *v, struct vm_error *err)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };
	struct sigaction sa = { .sa_handler = on_kick };
	sigset_t all, old;
	pthread_attr_t attr;
	char name[16];
	int rc = host_thread_attr(v, &attr, err);

	if (rc)
		return rc;
	sigaction(SIGRTMIN, &sa, NULL);
	vcpu_order_first(v);
	/* A vCPU thread takes only its kick signal and fault signals: a fault whose signal is blocked kills the process
	 * without running its handler. */
	sigfillset(&all);
	sigdelset(&all, SIGRTMIN);
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&v->loop.thread, &attr, vcpu_main, v);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (rc && (v->vm->cfg.host.vcpu_cpu || v->vm->cfg.host.fifo_priority))
		return vm_fail_as(err, VM_FAULT_THREAD_PRIORITY, rc,
				  "vCPU %u: no thread on its CPU with its priority: %s", v->index, strerror(rc));
	if (rc)
		return vm_fail(err, rc, "vCPU %u: no thread: %s", v->index, strerror(rc));
	v->loop.running = true;
	/* Named by its creator: the thread itself may not have run yet. */
	snprintf(name, sizeof name, "vcpu%u", v->index);
	pthread_setname_np(v->loop.thread, name);
	return 0;
}

void vcpu_destroy(struct vcpu *v)
{
	if (v->run)
		munmap(v->run, v->vm->run_size);
	if (v->stats_fd > 0)
		close(v->stats_fd);
	v->stats_fd = 0;
	if (v->fd > 0)
		close(v->fd);
	v->run = NULL;
	v->fd = -1;
}
