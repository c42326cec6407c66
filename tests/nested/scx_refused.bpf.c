/* SPDX-License-Identifier: GPL-2.0-only */
/* A scheduler that no verifier lets pass: it reads beyond an array, at an index that nothing bounds. */
#include "bpf/scx.bpf.h"

static u64 slices[4] = { SCX_SLICE_DFL, SCX_SLICE_DFL, SCX_SLICE_DFL, SCX_SLICE_DFL };

SEC("struct_ops/refused_enqueue")
void BPF_PROG(refused_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 *slice = slices;

	/* Else the compiler, which knows the array's size, may leave the fault out. */
	barrier_var(slice);
	dsq_insert(p, SCX_DSQ_GLOBAL, slice[p->flags], enq_flags);
}

SEC(".struct_ops")
struct sched_ext_ops scheduler = {
	.enqueue = (void *)refused_enqueue,
	.exit = (void *)scheduler_exit,
	.name = "test_refused",
};
