/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scheduler with a planted fault, for tests: behaves as fifo for one second, then drops every user-space task that it
 * should queue, until the kernel's watchdog ejects it.
 */
#include "bpf/scx.bpf.h"

#define GOOD_NS 1000000000ull
#define WATCHDOG_MS 2000

static u64 first_ns;

/* No short cut to an idle CPU: each task is queued, and can be lost. */
SEC("struct_ops/stall_select_cpu")
s32 BPF_PROG(stall_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return prev_cpu;
}

SEC("struct_ops/stall_enqueue")
void BPF_PROG(stall_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 now = bpf_ktime_get_ns();

	if (!first_ns)
		first_ns = now;
	if (now - first_ns >= GOOD_NS && !(p->flags & PF_KTHREAD))
		return;
	dsq_insert(p, SCX_DSQ_GLOBAL, SCX_SLICE_DFL, enq_flags);
}

SEC(".struct_ops")
struct sched_ext_ops scheduler = {
	.select_cpu = (void *)stall_select_cpu,
	.enqueue = (void *)stall_enqueue,
	.exit = (void *)scheduler_exit,
	.timeout_ms = WATCHDOG_MS,
	.name = "ktstr_stall",
};
