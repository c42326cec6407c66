/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kind of fault it was: the text beside it says what failed, on what and why; the remedy depends on how the VM was
 * asked for, and is its owner's to say.
 */
#ifndef KTSTR_KVM_FAULT_H
#define KTSTR_KVM_FAULT_H

enum vm_fault {
	VM_FAULT_OTHER, /* nothing that can be asked for differently */
	/* /dev/kvm */
	VM_FAULT_KVM_DENIED,	  /* no permission to open it */
	VM_FAULT_KVM_MISSING,	  /* it is not there, or does not answer */
	VM_FAULT_DESCRIPTORS,	  /* too many open files */
	VM_FAULT_KVM_INCAPABLE,	  /* it lacks a capability, or can't run the guest's code */
	VM_FAULT_REGISTER_PAGE,	  /* it can't do vm_config.register_page */
	VM_FAULT_CPUS,		  /* more CPUs than it takes */
	VM_FAULT_APIC_IDS,	  /* larger APIC ids than it takes */
	VM_FAULT_THREAD_PRIORITY, /* a vCPU's thread does not get its CPU or priority */
	/* What is booted */
	VM_FAULT_NO_KERNEL,	   /* a file that is no kernel for this machine */
	VM_FAULT_TRUNCATED_KERNEL, /* a kernel that is not whole */
	VM_FAULT_CMDLINE,	   /* a command line that is too long */
	VM_FAULT_GUEST_MEMORY,	   /* kernel and initrd do not fit into vm_config.memory */
	/* vm_backing */
	VM_FAULT_HOST_MEMORY, /* the host has not as much */
	VM_FAULT_PREFAULT_MEMORY,
	VM_FAULT_LOCK_MEMORY,
	VM_FAULT_PREFAULT, /* the host does not do it */
	VM_FAULT_LOCK,
	VM_FAULT_COLLAPSE,
	VM_FAULT_MERGEABLE,
	VM_FAULT_DONTDUMP,
	VM_FAULT_PAGES_THP_OFF, /* transparent huge pages are off */
	VM_FAULT_PAGES_THP,
	VM_FAULT_PAGES_SMALL,
	VM_FAULT_PAGES_2M, /* not enough of them are reserved */
	VM_FAULT_PAGES_1G,
	VM_FAULT_WHOLE_PAGES_2M, /* the memory is no multiple of them */
	VM_FAULT_WHOLE_PAGES_1G,
	VM_FAULT_BIND_WHOLE_PAGES, /* nor is that of a node which is to be bound */
	VM_FAULT_BIND,
	VM_FAULTS,
};

#endif
