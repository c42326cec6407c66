/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of sched_ext that our schedulers use, declared by hand: CO-RE relocates the offsets, so that one object
 * runs on every kernel that has the fields. Names are the kernel's, with the kernel's meaning.
 */
#ifndef KTSTR_BPF_SCX_BPF_H
#define KTSTR_BPF_SCX_BPF_H

#include <stdbool.h>

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u8 u8;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;
typedef __s64 s64;

#define BPF_MAP_TYPE_RINGBUF 27

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/scx_exit.h"

/* enum scx_dsq_id_flags, scx_public_consts; task_struct.flags */
#define SCX_DSQ_GLOBAL (1ull << 63 | 1)
#define SCX_DSQ_LOCAL (1ull << 63 | 2)
#define SCX_SLICE_DFL 20000000ull
#define PF_KTHREAD 0x00200000u

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sched_ext_entity {
	u32 weight;
};

struct task_struct {
	unsigned int flags;
	struct sched_ext_entity scx;
};

enum scx_exit_kind { SCX_EXIT_NONE };

struct scx_exit_info {
	enum scx_exit_kind kind;
	s64 exit_code;
	const char *reason;
	char *msg;
	char *dump;
};

#pragma clang attribute pop

/* The members that we set; libbpf finds the kernel's by name. */
struct sched_ext_ops {
	s32 (*select_cpu)(struct task_struct *p, s32 prev_cpu, u64 wake_flags);
	void (*enqueue)(struct task_struct *p, u64 enq_flags);
	void (*exit)(struct scx_exit_info *info);
	u32 timeout_ms;
	char name[128];
};

/*
 * Only kfuncs that every kernel's BTF describes completely. Some kernels (Debian's 7.2.12) were built with BTF in which
 * half of the kfuncs lack what their loading needs: scx_bpf_create_dsq, scx_bpf_kick_cpu, scx_bpf_error_bstr and others
 * ("cannot find function scx_bpf_create_dsq_impl in BTF"). So the queues here are the kernel's own. ktstr kernel check
 * says it of a kernel.
 */
extern s32 scx_bpf_select_cpu_dfl(struct task_struct *p, s32 prev_cpu, u64 wake_flags, bool *is_idle) __ksym;
extern void scx_bpf_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags) __ksym __weak;
/* The same, as 6.12 names it. */
extern void scx_bpf_dispatch(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags) __ksym __weak;

static __always_inline void dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags)
{
	if (scx_bpf_dsq_insert)
		scx_bpf_dsq_insert(p, dsq_id, slice, enq_flags);
	else
		scx_bpf_dispatch(p, dsq_id, slice, enq_flags);
}

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SCX_EXIT_RING_SIZE);
} exits SEC(".maps");

/* ops.exit of them all. */
SEC("struct_ops/scheduler_exit")
void BPF_PROG(scheduler_exit, struct scx_exit_info *info)
{
	struct scx_exit_record *r = bpf_ringbuf_reserve(&exits, sizeof(*r), 0);

	if (!r)
		return;
	r->kind = (int)info->kind;
	r->code = info->exit_code;
	bpf_probe_read_kernel_str(r->reason, sizeof(r->reason), info->reason);
	bpf_probe_read_kernel_str(r->msg, sizeof(r->msg), info->msg);
	bpf_probe_read_kernel_str(r->dump, sizeof(r->dump), info->dump);
	bpf_ringbuf_submit(r, 0);
}

#endif
