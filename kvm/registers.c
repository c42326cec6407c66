/* SPDX-License-Identifier: GPL-2.0-only */
/* What a silent vCPU is doing: its registers, and whether it is halted for good. */
#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "kvm/internal.h"

#define RFLAGS_IF 0x200u
#define PAGE 4096u
/* Consecutive checks: an NMI or another CPU's INIT may still wake a CPU that is halted with interrupts off. */
#define HALTED_CHECKS 2u

enum { CHECK_NONE, CHECK_GOES_ON, CHECK_NOT_STARTED, CHECK_HALTED };

static uint32_t mp_state(const struct vcpu *v)
{
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };

	return ioctl(v->fd, KVM_GET_MP_STATE, &mp) ? KVM_MP_STATE_RUNNABLE : mp.mp_state;
}

static bool is_not_started(uint32_t mp)
{
	return mp == KVM_MP_STATE_UNINITIALIZED || mp == KVM_MP_STATE_INIT_RECEIVED || mp == KVM_MP_STATE_SIPI_RECEIVED;
}

/* Runs on the vCPU's thread, outside KVM_RUN. */
void vcpu_check(struct vcpu *v)
{
	struct kvm_regs regs = { .rflags = RFLAGS_IF };
	uint32_t mp = mp_state(v);
	int result = CHECK_GOES_ON;

	if (is_not_started(mp))
		result = CHECK_NOT_STARTED;
	else if (mp == KVM_MP_STATE_HALTED && !ioctl(v->fd, KVM_GET_REGS, &regs) && !(regs.rflags & RFLAGS_IF))
		result = CHECK_HALTED;
	atomic_store(&v->shared.check_rip, regs.rip);
	atomic_store(&v->shared.check, result);
}

static const struct vcpu *halted_for_good(const struct vm *vm)
{
	const struct vcpu *halted = NULL;

	for (unsigned i = 0; i < vm->n_vcpus; i++) {
		const struct vcpu *v = &vm->vcpu[i];
		int check = atomic_load(&v->shared.check);

		if (check != CHECK_HALTED && check != CHECK_NOT_STARTED)
			return NULL;
		if (check == CHECK_HALTED && !halted)
			halted = v;
	}
	return halted;
}

void vm_check_halted(struct vm *vm)
{
	const struct vcpu *v = halted_for_good(vm);

	vm->loop.checks_halted = v ? vm->loop.checks_halted + 1 : 0;
	if (vm->loop.checks_halted >= HALTED_CHECKS) {
		vm_request_end(vm, VM_HALTED, "vCPU %u halted with interrupts off at rip 0x%llx, and no other runs",
			       v->index, (unsigned long long)atomic_load(&v->shared.check_rip));
		return;
	}
	for (unsigned i = 0; i < vm->n_vcpus; i++) {
		struct vcpu *ask = &vm->vcpu[i];

		atomic_store(&ask->shared.check, CHECK_NONE);
		atomic_store(&ask->shared.check_wanted, true);
		vcpu_kick(ask);
	}
}

int vm_registers(const struct vm *vm, unsigned i, struct vm_registers *out)
{
	const struct vcpu *v;
	struct kvm_regs r;
	struct kvm_sregs s;
	uint32_t mp;

	if (i >= vm->n_vcpus)
		return -ENOENT;
	v = &vm->vcpu[i];
	if (vm_cpu_state(vm, i) == VM_CPU_RUNS)
		return -EBUSY;
	if (ioctl(v->fd, KVM_GET_REGS, &r) || ioctl(v->fd, KVM_GET_SREGS, &s))
		return -errno;
	mp = mp_state(v);
	*out = (struct vm_registers){
		.state = is_not_started(mp)	     ? "not started"
			 : mp == KVM_MP_STATE_HALTED ? "halted"
						     : "running",
		.interrupts_off = !(r.rflags & RFLAGS_IF),
		.name = { "rip", "rsp", "rflags", "cr2", "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp",  "r8",
			  "r9",	 "r10", "r11",	  "r12", "r13", "r14", "r15", "cr0", "cr3", "cr4", "efer", "cs" },
		.value = { r.rip, r.rsp, r.rflags, s.cr2, r.rax, r.rbx, r.rcx,	r.rdx,
			   r.rsi, r.rdi, r.rbp,	   r.r8,  r.r9,	 r.r10, r.r11,	r.r12,
			   r.r13, r.r14, r.r15,	   s.cr0, s.cr3, s.cr4, s.efer, s.cs.selector },
	};
	return 0;
}

unsigned vm_stack(const struct vm *vm, unsigned i, uint64_t *words, unsigned max)
{
	struct kvm_translation at = { 0 };
	struct kvm_regs r;
	unsigned n = 0;

	if (i >= vm->n_vcpus || vm_cpu_state(vm, i) == VM_CPU_RUNS || ioctl(vm->vcpu[i].fd, KVM_GET_REGS, &r))
		return 0;
	for (r.rsp &= ~7ull; n < max; n++, r.rsp += sizeof *words) {
		if (!n || !(r.rsp & (PAGE - 1))) {
			at = (struct kvm_translation){ .linear_address = r.rsp };
			if (ioctl(vm->vcpu[i].fd, KVM_TRANSLATE, &at) || !at.valid)
				break;
		}
		if (guest_memory_read(&vm->mem, at.physical_address + (r.rsp - at.linear_address), &words[n],
				      sizeof *words))
			break;
	}
	return n;
}
