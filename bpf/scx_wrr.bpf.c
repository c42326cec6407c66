/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Weighted round robin: one queue for all CPUs as in fifo, and a slice proportional to the task's weight, so that CPU
 * time is shared by weight. The granularity is coarse: a slice ends at a tick (4 ms at 250 Hz), and its bounds, which
 * keep the queue moving, clamp the shares beyond nice -9 and 13.
 */
#include "bpf/scx.bpf.h"

#define TURN_MIN 1000000ull
#define TURN_MAX 160000000ull
#define WEIGHT_DFL 100 /* of nice 0 */

static u64 turn(const struct task_struct *p)
{
	u64 ns = SCX_SLICE_DFL * p->scx.weight / WEIGHT_DFL;

	return ns < TURN_MIN ? TURN_MIN : ns > TURN_MAX ? TURN_MAX : ns;
}

SEC("struct_ops/wrr_select_cpu")
s32 BPF_PROG(wrr_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	bool is_idle = false;
	s32 cpu = scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &is_idle);

	if (is_idle)
		dsq_insert(p, SCX_DSQ_LOCAL, turn(p), 0);
	return cpu;
}

SEC("struct_ops/wrr_enqueue")
void BPF_PROG(wrr_enqueue, struct task_struct *p, u64 enq_flags)
{
	dsq_insert(p, SCX_DSQ_GLOBAL, turn(p), enq_flags);
}

SEC(".struct_ops")
struct sched_ext_ops scheduler = {
	.select_cpu = (void *)wrr_select_cpu,
	.enqueue = (void *)wrr_enqueue,
	.exit = (void *)scheduler_exit,
	.name = "ktstr_wrr",
};
