/* SPDX-License-Identifier: GPL-2.0-only */
/* The file backing's insides, shared by its opening (backing.c) and its I/O (file.c). */
#ifndef KTSTR_VIRTIO_BLK_FILE_H
#define KTSTR_VIRTIO_BLK_FILE_H

#include "virtio/blk/backing.h"
#include "virtio/virtqueue.h"

#define BOUNCE_BYTES (64u << 10) /* one operation's; longer ones go in pieces */

struct file_backing {
	struct backing b;
	struct reactor *r;
	int fd;				  /* through the page cache */
	int direct_fd;			  /* O_DIRECT; -1 without */
	unsigned mem_align, offset_align; /* what direct_fd asks for; powers of two */
	uint8_t *bounce;		  /* VIRTQ_SIZE_MAX times BOUNCE_BYTES, touched only when used */
	uint64_t file_size;		  /* end of the storage as far as is known */
};

extern const struct backing_ops file_uring_ops, file_sync_ops, file_inline_ops;

#endif
