/* SPDX-License-Identifier: GPL-2.0-only */
/* A block device on a fault backing (or a file), a reactor and a driver. */
#ifndef KTSTR_TESTS_VIRTIO_BLK_FIXTURE_H
#define KTSTR_TESTS_VIRTIO_BLK_FIXTURE_H

#include <linux/virtio_blk.h>

#include "tests/virtio/driver.h"
#include "tests/virtio/fault_backing.h"
#include "virtio/blk.h"
#include "virtio/blk/device.h"

#define BLK_F_V1 (1ull << VIRTIO_F_VERSION_1)
#define BLK_F_ALL                                                                                                      \
	(BLK_F_V1 | 1ull << VIRTIO_BLK_F_SIZE_MAX | 1ull << VIRTIO_BLK_F_SEG_MAX | 1ull << VIRTIO_BLK_F_FLUSH |        \
	 1ull << VIRTIO_RING_F_EVENT_IDX)
#define STATUS_UNSET 0xee

struct blk_fixture {
	struct reactor *r;
	struct blk *blk;
	struct fault_backing fault;
	struct driver d;
};

/* One request of the driver's: header, one data buffer, status byte. */
struct blk_io {
	uint64_t header, data, status; /* guest addresses */
	uint32_t len;
	int head;
};

/* On a fault backing of @size bytes, 32 MiB of guest memory, not started. */
void blk_fixture_open(struct blk_fixture *f, const struct blk_config *cfg, size_t size);
/* On what @cfg names. */
void blk_fixture_open_file(struct blk_fixture *f, const struct blk_config *cfg);
/* Negotiate, one queue of @size. */
void blk_fixture_start(struct blk_fixture *f, uint64_t features, uint16_t size);
/* Both, with all features and a queue of 256, on a disk whose every sector is different. */
void blk_fixture_patterned(struct blk_fixture *f, const struct blk_config *cfg, size_t size);
void blk_fixture_close(struct blk_fixture *f);

/* Guest memory for a request with @len data bytes. */
struct blk_io blk_io_new(struct blk_fixture *f, uint32_t len);
/* Make it available; @len 0: no data descriptor. Not kicked. Asserts room. */
void blk_io_add(struct blk_fixture *f, struct blk_io *io, uint32_t type, uint64_t sector);
uint8_t *blk_io_data(struct blk_fixture *f, const struct blk_io *io);
uint8_t blk_io_status(struct blk_fixture *f, const struct blk_io *io);

/* Let the reactor run until nothing happens any more. */
void blk_settle(struct blk_fixture *f);
/* Add, kick, wait for it: its status; *@used_len its used length. */
uint8_t blk_do(struct blk_fixture *f, struct blk_io *io, uint32_t type, uint64_t sector, uint32_t *used_len);
/* A chain of one's own: header of @type and @sector, then @segs, then, with
 * @status not 0, one status byte. Kicks and settles. Returns the head. */
int blk_chain(struct blk_fixture *f, uint32_t type, uint64_t sector, const struct driver_seg *segs, unsigned n,
	      uint64_t status);
/* Guest memory for @len bytes of data. */
uint64_t blk_buffer(struct blk_fixture *f, uint32_t len);
uint8_t blk_status_at(const struct blk_fixture *f, uint64_t gpa);
/* As blk_chain(), with a status byte, which it returns; asserts that it is
 * answered with used length 1 and that the backing saw nothing. */
uint8_t blk_refused(struct blk_fixture *f, uint32_t type, uint64_t sector, const struct driver_seg *segs, unsigned n);
/* Take one used entry that must be there; its length. */
uint32_t blk_take_used(struct blk_fixture *f, int head);

#endif
