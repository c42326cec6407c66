/* SPDX-License-Identifier: GPL-2.0-only */
/* What a kernel's BTF says of the functions that BPF schedulers call (kfuncs of sched_ext). */
#ifndef KTSTR_BENCH_KERNEL_BTF_H
#define KTSTR_BENCH_KERNEL_BTF_H

#define KERNEL_BTF_NAME 64

/*
 * From Linux 7.0 on the kernel itself passes a kfunc its last argument, a struct bpf_prog_aux. Such a function stands
 * in the BTF twice: scx_bpf_NAME without that argument, for programs, and scx_bpf_NAME_impl with it, for the verifier.
 * The build makes two of one; where it did not, the verifier refuses every program that calls the function ("cannot
 * find function scx_bpf_NAME_impl in BTF").
 */
struct kernel_btf_scx {
	unsigned kfuncs;	     /* of sched_ext; 0: the kernel has no sched_ext, or no BTF */
	unsigned lacking;	     /* of these, the ones that the verifier refuses */
	char first[KERNEL_BTF_NAME]; /* one of them, or "" */
};

/* @elf: the path of an ELF kernel. 0; -EBADMSG: not one of x86-64, or its BTF is damaged or of a kind unknown here; or
 * another -errno. */
int kernel_btf_scx(const char *elf, struct kernel_btf_scx *out);

#endif
