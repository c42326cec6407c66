/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The grammar of --net: [loopback|tap=NAME][,mac=AA:BB:CC:DD:EE:FF][,mtu=BYTES].
 * Without any of it the card echoes each frame, has the default address, and
 * leaves the MTU to the driver.
 */
#ifndef KTSTR_BENCH_SPEC_NIC_H
#define KTSTR_BENCH_SPEC_NIC_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "virtio/net.h"

struct nic {
	bool wanted;
	struct net_config net; /* tap points into this struct */
	char tap[IF_NAMESIZE];
};

/* @text NULL: nothing but the card. 0; or -EINVAL, and @why says which word is
 * wrong and the mend. */
int nic_parse(const char *text, struct nic *out, char *why, size_t why_size);
/* Whether @word is meant for --net, which takes a value but needs none. */
bool nic_is_value(const char *word);

#endif
