/* SPDX-License-Identifier: GPL-2.0-only */
/* What a user can do about a fault of a VM, in the words of ktstr's options. */
#ifndef KTSTR_BENCH_HOST_REMEDY_H
#define KTSTR_BENCH_HOST_REMEDY_H

#include "kvm/vm.h"

#define REMEDY_MESSAGE 768

/* "OPTION: TEXT; REMEDY", each as far as there is one. Returns @message. */
const char *remedy_message(char message[REMEDY_MESSAGE], enum vm_fault fault, const char *text);
/* The same, as an error on stderr. */
void remedy_say(const struct vm_error *err);

#endif
