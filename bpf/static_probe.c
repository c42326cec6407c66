/* SPDX-License-Identifier: GPL-2.0-only */
/* Not part of any program: meson tries to link it, to see if libbpf can be linked statically with all that it needs. */
#include <bpf/libbpf.h>

int main(void)
{
	struct bpf_object *object = bpf_object__open_mem("", 0, NULL);

	return bpf_object__load(object) || !bpf_map__attach_struct_ops(NULL);
}
