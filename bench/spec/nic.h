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
#include <stdint.h>

#include "virtio/net.h"

struct nic {
	bool wanted;
	char tap[IF_NAMESIZE]; /* "": loopback */
	uint8_t mac[6];	       /* all zero: the default */
	uint16_t mtu;	       /* 0: not offered */
};

/* @text NULL: nothing but the card. 0; or -EINVAL, and @why says which word is wrong and the remedy. */
int nic_parse(const char *text, struct nic *out, char *why, size_t why_size);
/* Six bytes in hexadecimal with colons between, of one card. 0 or -EINVAL. */
int nic_mac_parse(uint8_t mac[6], const char *text);
/* The name of a network interface. 0 or -EINVAL. */
int nic_tap_check(const char *name);
#define NIC_TEXT 96
/* As an argument of --net, "loopback" for one with nothing else. */
const char *nic_unparse(const struct nic *n, char text[NIC_TEXT]);
/* What the device is made with. Points into @n. */
struct net_config nic_config(const struct nic *n);
/* Whether @word is meant for --net, which takes a value but needs none. */
bool nic_is_value(const char *word);

#endif
