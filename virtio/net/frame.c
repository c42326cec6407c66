/* SPDX-License-Identifier: GPL-2.0-only */
/* Chains and frames: all is decided on the copied descriptors first; moving the bytes can't fail then. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "virtio/net/internal.h"

/* No checksum, no segmentation, one buffer (5.1.6.4). */
static const uint8_t rx_header[NET_HEADER_SIZE] = { [10] = 1 };

/* Total bytes; -EINVAL: a segment has the wrong direction, or its address wraps. */
static int64_t check_shape(const struct virtq_chain *chain, bool writable)
{
	uint64_t total = 0;

	if (chain->malformed)
		return -EINVAL;
	for (unsigned i = 0; i < chain->n; i++) {
		const struct virtq_seg *s = &chain->seg[i];

		if (s->writable != writable || (s->len && s->gpa + (s->len - 1) < s->gpa))
			return -EINVAL;
		total += s->len;
	}
	return (int64_t)total;
}

/* Host ranges of the first @len bytes of @chain: the count, or -EFAULT. */
static int map_chain(const struct guest_memory *m, const struct virtq_chain *chain, size_t len, struct iovec *iov)
{
	unsigned n = 0;

	for (unsigned i = 0; i < chain->n && len; i++) {
		size_t part = chain->seg[i].len < len ? chain->seg[i].len : len;
		int ret;

		if (!part)
			continue;
		ret = guest_memory_iov(m, chain->seg[i].gpa, part, iov + n, NET_IOV_MAX - n);
		if (ret < 0)
			return -EFAULT;
		n += (unsigned)ret;
		len -= part;
	}
	return (int)n;
}

int net_decode_tx(struct net *n, struct net_frame *f)
{
	int64_t total = check_shape(&n->tx_chain, false);
	size_t skip = NET_HEADER_SIZE;
	struct iovec *iov = n->tx_iov;
	int count;

	if (total < NET_HEADER_SIZE)
		return -EINVAL;
	if ((size_t)total - NET_HEADER_SIZE > n->frame_max)
		return -EMSGSIZE;
	count = map_chain(n->dev.mem, &n->tx_chain, (size_t)total, iov);
	if (count < 0)
		return -EINVAL;
	/* The header has no field that was negotiated: it is skipped unread. */
	while (count && skip >= iov->iov_len) {
		skip -= iov->iov_len;
		iov++;
		count--;
	}
	if (count) {
		iov->iov_base = (uint8_t *)iov->iov_base + skip;
		iov->iov_len -= skip;
	}
	*f = (struct net_frame){
		.iov = iov, .n = (unsigned)count, .len = (size_t)total - NET_HEADER_SIZE, .head = n->tx_chain.head
	};
	return 0;
}

/* Where the next byte goes. */
struct cursor {
	const struct iovec *iov;
	size_t off;
};

static void cursor_put(struct cursor *to, const void *data, size_t len)
{
	const uint8_t *from = data;

	while (len) {
		size_t part = to->iov->iov_len - to->off;

		if (part > len)
			part = len;
		/* memmove: a hostile driver may have given the same memory to both rings. */
		memmove((uint8_t *)to->iov->iov_base + to->off, from, part);
		from += part;
		len -= part;
		to->off += part;
		if (to->off == to->iov->iov_len)
			*to = (struct cursor){ .iov = to->iov + 1 };
	}
}

int net_fill_rx(struct net *n, const struct iovec *iov, unsigned count, size_t len)
{
	int64_t room = check_shape(&n->rx_chain, true);
	struct cursor to = { .iov = n->rx_iov };
	size_t left;

	assert(len <= NET_FRAME_MAX);
	if (room < NET_HEADER_SIZE)
		return -EINVAL;
	if ((int64_t)len > room - NET_HEADER_SIZE) {
		if (n->whole_frames)
			return -EMSGSIZE;
		n->counters.rx_truncated++;
		len = (size_t)room - NET_HEADER_SIZE;
	}
	if (map_chain(n->dev.mem, &n->rx_chain, NET_HEADER_SIZE + len, n->rx_iov) < 0)
		return -EFAULT;
	cursor_put(&to, rx_header, sizeof(rx_header));
	left = len;
	for (unsigned i = 0; i < count && left; i++) {
		size_t part = iov[i].iov_len < left ? iov[i].iov_len : left;

		cursor_put(&to, iov[i].iov_base, part);
		left -= part;
	}
	assert(!left);
	return (int)(NET_HEADER_SIZE + len);
}
