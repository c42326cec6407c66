/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/spec/shape.h"

const char *const vm_pages_names[] = { [VM_PAGES_AUTO] = "auto",
				       [VM_PAGES_THP] = "thp",
				       [VM_PAGES_SMALL] = "off",
				       [VM_PAGES_2M] = "2M",
				       [VM_PAGES_1G] = "1G" };
const char *const vm_bind_names[] = { [VM_BIND_NONE] = "none",
				      [VM_BIND_STRICT] = "bind",
				      [VM_BIND_PREFERRED] = "preferred",
				      [VM_BIND_INTERLEAVE] = "interleave" };
