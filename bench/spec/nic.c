/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/spec/nic.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool nic_is_value(const char *word)
{
	return word && (!strncmp(word, "tap=", 4) || !strncmp(word, "mac=", 4) || !strncmp(word, "mtu=", 4) ||
			!strcmp(word, "loopback") || !strncmp(word, "loopback,", 9));
}

/* Six bytes in hexadecimal, two digits each. The zero address would be read as "the default". */
int nic_mac_parse(uint8_t mac[6], const char *text)
{
	uint8_t any = 0;

	for (unsigned i = 0; i < 6; i++, text += 3) {
		unsigned byte;

		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
		    text[2] != (i < 5 ? ':' : '\0') || sscanf(text, "%2x", &byte) != 1)
			return -EINVAL;
		any |= mac[i] = (uint8_t)byte;
	}
	return any && !(mac[0] & 1) ? 0 : -EINVAL;
}

int nic_tap_check(const char *name)
{
	return *name && strlen(name) < IF_NAMESIZE && !strchr(name, '/') ? 0 : -EINVAL;
}

static int parse_word(struct nic *n, const char *word, bool first, char *why, size_t size)
{
	if (first && !strcmp(word, "loopback"))
		return 0;
	if (first && !strncmp(word, "tap=", 4)) {
		if (nic_tap_check(word + 4)) {
			snprintf(why, size, "%s: not the name of a network interface; it has 1 to %zu characters", word,
				 sizeof(n->tap) - 1);
			return -EINVAL;
		}
		strcpy(n->tap, word + 4);
		return 0;
	}
	if (!strncmp(word, "mac=", 4)) {
		if (!nic_mac_parse(n->mac, word + 4))
			return 0;
		snprintf(why, size, "%s: not an address of one card; write it as mac=02:00:00:00:00:01", word);
		return -EINVAL;
	}
	if (!strncmp(word, "mtu=", 4)) {
		char *end;
		unsigned long mtu = strtoul(word + 4, &end, 10);

		if (isdigit((unsigned char)word[4]) && !*end && mtu >= NET_MTU_MIN && mtu <= UINT16_MAX) {
			n->mtu = (uint16_t)mtu;
			return 0;
		}
		snprintf(why, size, "%s: not an MTU; write %u to %u bytes", word, NET_MTU_MIN, UINT16_MAX);
		return -EINVAL;
	}
	snprintf(why, size, "%s: not known here; write [loopback|tap=NAME][,mac=ADDRESS][,mtu=BYTES]", word);
	return -EINVAL;
}

int nic_parse(const char *text, struct nic *out, char *why, size_t why_size)
{
	char words[128], *at = words, *word;
	bool first = true;
	int rc = 0;

	*out = (struct nic){ .wanted = true };
	if (!text)
		return 0;
	if (strlen(text) >= sizeof(words)) {
		snprintf(why, why_size, "%.20s...: too long; write [loopback|tap=NAME][,mac=ADDRESS][,mtu=BYTES]",
			 text);
		return -EINVAL;
	}
	strcpy(words, text);
	for (; !rc && (word = strsep(&at, ",")); first = false)
		rc = parse_word(out, word, first, why, why_size);
	return rc;
}

const char *nic_unparse(const struct nic *n, char text[NIC_TEXT])
{
	static const uint8_t none[6];
	int len = snprintf(text, NIC_TEXT, "%s%s", *n->tap ? "tap=" : "", *n->tap ? n->tap : "loopback");

	if (memcmp(n->mac, none, sizeof(none)))
		len += snprintf(text + len, NIC_TEXT - (size_t)len, ",mac=%02x:%02x:%02x:%02x:%02x:%02x", n->mac[0],
				n->mac[1], n->mac[2], n->mac[3], n->mac[4], n->mac[5]);
	if (n->mtu)
		snprintf(text + len, NIC_TEXT - (size_t)len, ",mtu=%u", n->mtu);
	return text;
}

struct net_config nic_config(const struct nic *n)
{
	struct net_config net = { .tap = *n->tap ? n->tap : NULL, .mtu = n->mtu };

	memcpy(net.mac, n->mac, sizeof(net.mac));
	return net;
}
