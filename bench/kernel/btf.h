/* SPDX-License-Identifier: GPL-2.0-only */
/* The kfuncs of sched_ext, which BPF schedulers call, in a kernel's BTF. */
#ifndef KTSTR_BENCH_KERNEL_BTF_H
#define KTSTR_BENCH_KERNEL_BTF_H

#define KERNEL_BTF_NAME 64

/*
 * Since Linux 7.0 the kernel itself passes some kfuncs their last argument, a struct bpf_prog_aux. The BTF has two
 * functions for each of them: scx_bpf_NAME without that argument, for programs, and scx_bpf_NAME_impl with it, for the
 * verifier. The kernel's build creates the second one. If it did not, the verifier refuses every program that calls the
 * function ("cannot find function scx_bpf_NAME_impl in BTF").
 */
struct kernel_btf_scx {
	unsigned kfuncs;	     /* of sched_ext; 0: the kernel has no sched_ext, or no BTF */
	unsigned lacking;	     /* of these, the ones that the verifier refuses */
	char first[KERNEL_BTF_NAME]; /* one of them, or "" */
};

/*
 * @elf: the path of an ELF kernel. 0; -EBADMSG: not for x86-64, or its BTF is damaged or has unknown kinds; or another
 * -errno.
 */
int kernel_btf_scx(const char *elf, struct kernel_btf_scx *out);

#endif
