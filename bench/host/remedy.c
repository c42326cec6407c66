/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/host/remedy.h"

#include <stdio.h>

#include "bench/base/say.h"

#define HUGE_PAGES "/sys/kernel/mm/hugepages/hugepages-"

static const struct {
	const char *option; /* that asked for it, or NULL */
	const char *remedy;
} remedies[VM_FAULTS] = {
	[VM_FAULT_KVM_DENIED] = { NULL, "add yourself to group kvm, or use --host nested" },
	[VM_FAULT_KVM_MISSING] = { NULL, "load kvm_intel or kvm_amd, or use --host nested" },
	[VM_FAULT_DESCRIPTORS] = { NULL, "raise the limit of open files (ulimit -n)" },
	[VM_FAULT_KVM_INCAPABLE] = { NULL, "use --host nested" },
	[VM_FAULT_REGISTER_PAGE] = { NULL, "use --register-page off" },
	[VM_FAULT_CPUS] = { NULL, "use fewer" },
	[VM_FAULT_APIC_IDS] = { NULL, "use fewer CPUs, or powers of two" },
	[VM_FAULT_THREAD_PRIORITY] = { NULL, "raise the limit of real-time priority (ulimit -r)" },
	[VM_FAULT_NO_KERNEL] = { NULL, "give a vmlinuz of an x86-64 kernel to --kernel" },
	[VM_FAULT_TRUNCATED_KERNEL] = { NULL, "fetch it again" },
	[VM_FAULT_CMDLINE] = { NULL, "shorten --append" },
	[VM_FAULT_GUEST_MEMORY] = { NULL, "raise --memory" },
	[VM_FAULT_HOST_MEMORY] = { NULL, "ask for less with --memory" },
	[VM_FAULT_PREFAULT_MEMORY] = { "--prefault", "ask for less with --memory" },
	[VM_FAULT_LOCK_MEMORY] = { "--mlock", "ask for less with --memory" },
	[VM_FAULT_PREFAULT] = { "--prefault", "it takes Linux 5.14 and that much memory" },
	[VM_FAULT_LOCK] = { "--mlock", "raise the limit of locked memory (ulimit -l)" },
	[VM_FAULT_COLLAPSE] = { "--madvise collapse", "leave it out, or use --hugepages 2M" },
	[VM_FAULT_MERGEABLE] = { "--madvise mergeable", "leave it out: this kernel has no KSM" },
	[VM_FAULT_DONTDUMP] = { "--madvise dontdump", "leave it out" },
	[VM_FAULT_PAGES_THP_OFF] = { "--hugepages thp", "write madvise to /sys/kernel/mm/transparent_hugepage/enabled, "
							"or use --hugepages auto" },
	[VM_FAULT_PAGES_THP] = { "--hugepages thp", "use --hugepages auto" },
	[VM_FAULT_PAGES_SMALL] = { "--hugepages off", "use --hugepages auto" },
	[VM_FAULT_PAGES_2M] = { "--hugepages 2M", "reserve them in " HUGE_PAGES "2048kB/nr_hugepages, or use "
						  "--hugepages auto" },
	[VM_FAULT_PAGES_1G] = { "--hugepages 1G", "reserve them in " HUGE_PAGES "1048576kB/nr_hugepages, or use "
						  "--hugepages auto" },
	[VM_FAULT_WHOLE_PAGES_2M] = { "--hugepages 2M", "use a --memory that is a multiple of 2M" },
	[VM_FAULT_WHOLE_PAGES_1G] = { "--hugepages 1G", "use a --memory that is a multiple of 1G" },
	[VM_FAULT_BIND_WHOLE_PAGES] = { "--host-nodes with --hugepages 1G", "give each node whole GiB with mem=" },
	[VM_FAULT_BIND] = { "--host-nodes", "see /sys/devices/system/node/has_memory for nodes with memory" },
};

const char *remedy_message(char message[REMEDY_MESSAGE], enum vm_fault fault, const char *text)
{
	const char *option = remedies[fault].option, *remedy = remedies[fault].remedy;

	snprintf(message, REMEDY_MESSAGE, "%s%s%s%s%s", option ? option : "", option ? ": " : "", text,
		 remedy ? "; " : "", remedy ? remedy : "");
	return message;
}

void remedy_say(const struct vm_error *err)
{
	char message[REMEDY_MESSAGE];

	say_error("%s", remedy_message(message, err->fault, err->text));
}
