/* SPDX-License-Identifier: GPL-2.0-only */
/* A scheduler that ends itself as struct ender_order says: by an error, or by an exit with a code; until then as fifo.
 */
#include "bpf/scx.bpf.h"
#include "tests/nested/scx_program.h"

extern void scx_bpf_error_bstr(char *fmt, unsigned long long *data, u32 data__sz) __ksym __weak;
extern void scx_bpf_exit_bstr(s64 code, char *fmt, unsigned long long *data, u32 data__sz) __ksym __weak;

struct ender_order order SEC(ENDER_ORDER);

static u64 first_ns;
static char error_text[] = "the test asked for an error";
static char exit_text[] = "the test asked for an exit";

/* No short cut to an idle CPU: each task is queued, so the order is carried out soon. */
SEC("struct_ops/ender_select_cpu")
s32 BPF_PROG(ender_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	return prev_cpu;
}

SEC("struct_ops/ender_enqueue")
void BPF_PROG(ender_enqueue, struct task_struct *p, u64 enq_flags)
{
	unsigned long long data[1] = { 0 };
	u64 now = bpf_ktime_get_ns();

	dsq_insert(p, SCX_DSQ_GLOBAL, SCX_SLICE_DFL, enq_flags);
	if (!first_ns)
		first_ns = now;
	if (order.how == ENDER_NEVER || now - first_ns < order.after_ns)
		return;
	if (order.how == ENDER_ERROR)
		scx_bpf_error_bstr(error_text, data, sizeof(data));
	else
		scx_bpf_exit_bstr((s64)order.code, exit_text, data, sizeof(data));
	order.how = ENDER_NEVER;
}

SEC(".struct_ops")
struct sched_ext_ops scheduler = {
	.select_cpu = (void *)ender_select_cpu,
	.enqueue = (void *)ender_enqueue,
	.exit = (void *)scheduler_exit,
	.name = "test_ender",
};
