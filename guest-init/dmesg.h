/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_GUEST_INIT_DMESG_H
#define KTSTR_GUEST_INIT_DMESG_H

#include "guest-init/bulk.h"

/* The end of the kernel's log, as DMSG frames. 0 or -errno. */
int dmesg_send(struct bulk *bulk);

#endif
