/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The TLV stream of port 1, shared by guest and host (and by the two sides of
 * a nested host). A frame is a 16-byte little-endian header and a payload:
 *   msg_type u32 | length u32 | crc32 u32 | pad u32 (0)
 * The CRC is IEEE CRC-32 over the payload only. At most 16 MiB a payload.
 */
#ifndef KTSTR_VIRTIO_WIRE_H
#define KTSTR_VIRTIO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_HEADER_SIZE 16u
#define WIRE_PAYLOAD_MAX (16u << 20)
#define WIRE_CHUNK_MAX (64u << 10) /* what our writers put into one frame */
/* Bytes of stdin that the host sends ahead of WIRE_STAK, but for a chunk: a command that reads none leaves the port to
 * everything else. */
#define WIRE_INPUT_WINDOW (512u << 10)
#define WIRE_INPUT_STEP (64u << 10) /* taken bytes that WIRE_STAK tells at once */

enum wire_type {
	/* ktstr's own tags and layouts */
	WIRE_STIM = 0x5354494d,
	WIRE_SCST = 0x53435354,
	WIRE_SCEN = 0x5343454e,
	WIRE_SCPP = 0x53435050,
	WIRE_SCRR = 0x53435252,
	WIRE_EXIT = 0x45584954, /* i32 exit code */
	WIRE_TEST = 0x54455354,
	WIRE_SCDX = 0x53434458,
	WIRE_CRSH = 0x43525348,
	WIRE_PMET = 0x504d4554,
	WIRE_RAWO = 0x5241574f,
	WIRE_PRAW = 0x50524157,
	WIRE_SNRQ = 0x534e5251,
	WIRE_SNRP = 0x534e5250,
	WIRE_SRDY = 0x53524459, /* system ready, empty */
	WIRE_SOUT = 0x534f5554, /* guest stdout chunk */
	WIRE_SERR = 0x53455252, /* guest stderr chunk */
	WIRE_SCLG = 0x53434c47,
	WIRE_LIFE = 0x4c494645, /* u8 phase, then an optional reason text */
	WIRE_KADR = 0x4b414452,
	WIRE_EXCX = 0x45584358,
	WIRE_DMSG = 0x444d5347, /* kernel log text */
	WIRE_PROB = 0x50524f42,
	WIRE_KORQ = 0x4b4f5251,
	WIRE_KORP = 0x4b4f5250,
	WIRE_WPRF = 0x57505246,
	/* ours; payloads that ktstr has in a serialisation of its own are JSON here */
	WIRE_SINP = 0x53494e50, /* host to guest: stdin chunk; empty: end of input */
	WIRE_JMET = 0x4a4d4554, /* one line of JSON from the guest's metric descriptor */
	WIRE_FOUT = 0x464f5554, /* a file brought back: path, NUL, chunk; see FEND */
	WIRE_FEND = 0x46454e44, /* end of a file brought back: path, NUL */
	WIRE_JENV = 0x4a454e56, /* JSON: the guest's kernel, scheduler, CPUs, uptime */
	WIRE_EACK = 0x4541434b, /* host to guest, empty: EXIT arrived, power off (asked for by the option ack_exit) */
	WIRE_WAKE = 0x57414b45, /* what a wake byte did: u8 wake byte, then text */
	WIRE_WSIZ = 0x5753495a, /* host to guest: the terminal's size, u16 rows, u16 columns */
	WIRE_STAK = 0x5354414b, /* guest to host: u32, so many more bytes of stdin were taken by the command */
	WIRE_JTOP =
		0x4a544f50, /* JSON: whether the guest's kernel sees the topology asked for (guest-init/topology.h) */
	/* between a guest's programs and its init only, never on the port */
	WIRE_GLAT = 0x474c4154, /* to init: answer when the latch of this wake byte (u8) is set */
	WIRE_GACK = 0x4741434b, /* from init: i32, 0 or a negative errno */
};

enum wire_life {
	WIRE_LIFE_INIT = 1,
	WIRE_LIFE_PAYLOAD = 2,
	WIRE_LIFE_SCHED_DIED = 3,
	WIRE_LIFE_SCHED_NOT_ATTACHED = 4
};

/* Little-endian on the wire; both ends are little-endian (asserted). */
struct wire_header {
	uint32_t type, length, crc32, pad;
};

bool wire_type_known(uint32_t type);
/* Between the guest and the coordinator: never part of a verdict. */
bool wire_type_internal(uint32_t type);

/* IEEE CRC-32; 0 for no bytes. */
uint32_t wire_crc32(const void *data, size_t len);
/* Fill @h for a payload of @len <= WIRE_PAYLOAD_MAX bytes. */
void wire_header_init(struct wire_header *h, uint32_t type, const void *payload, size_t len);

/*
 * Incremental parser. Frames come to @frame in order, one with a wrong CRC
 * too (crc_ok false). One of an unknown type does not: it is counted, and
 * unknown_type names the last, for its user to warn of. A pad that is not zero
 * is counted and accepted.
 */
struct wire_parser {
	uint8_t *buf;
	size_t len, cap;
	uint64_t frames, bad_crc, oversize, bad_pad, unknown, discarded;
	uint32_t unknown_type;
	void (*frame)(void *ctx, uint32_t type, const uint8_t *payload, size_t len, bool crc_ok);
	void *ctx;
};
void wire_parser_init(struct wire_parser *p,
		      void (*frame)(void *ctx, uint32_t type, const uint8_t *payload, size_t len, bool crc_ok),
		      void *ctx);
/* 0 or -ENOMEM. A length above WIRE_PAYLOAD_MAX drops what is buffered and the
 * rest of @data; the next call starts with a header. */
int wire_parser_feed(struct wire_parser *p, const void *data, size_t len);
void wire_parser_free(struct wire_parser *p);

/* STIM */
struct wire_stimulus {
	uint32_t elapsed_ms;
	uint16_t step_index, op_count;
	uint32_t op_kinds; /* bit mask */
	uint16_t cgroup_count, worker_count;
	uint64_t total_iterations;
};

/* SNRQ and SNRP; texts are padded with NUL. */
enum wire_snapshot_kind { WIRE_SNAPSHOT_CAPTURE = 1, WIRE_SNAPSHOT_WATCH = 2 };
enum wire_snapshot_status { WIRE_SNAPSHOT_OK = 1, WIRE_SNAPSHOT_ERR = 2 };
struct wire_snapshot {
	uint32_t request_id;  /* not 0 */
	uint32_t kind_status; /* of a request enum wire_snapshot_kind, of a reply enum wire_snapshot_status */
	char text[64];	      /* tag, or reason */
};

/* Wake bytes, host to guest on port 0 */
#define WAKE_VC_DUMP 0xd1
#define WAKE_VC_SHUTDOWN 0xd3
#define WAKE_BPF_WRITE_DONE 0xbf
#define WAKE_ACCESSOR_READY 0xac

#endif
