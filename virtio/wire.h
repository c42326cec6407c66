/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The TLV stream of port 1, between guest and host, and between the two sides of a nested host. A frame is a 16-byte
 * little-endian header and a payload of at most 16 MiB:
 *   msg_type u32 | length u32 | crc32 u32 | pad u32 (0)
 * The CRC is IEEE CRC-32 of the payload.
 */
#ifndef KTSTR_VIRTIO_WIRE_H
#define KTSTR_VIRTIO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_HEADER_SIZE 16u
#define WIRE_PAYLOAD_MAX (16u << 20)
#define WIRE_CHUNK_MAX (64u << 10) /* the most that our writers put into one frame */
/* Bytes of stdin, give or take a chunk, that the host sends before WIRE_STAK says they were taken: a command that does
 * not read must not block the port for everything else. */
#define WIRE_INPUT_WINDOW (512u << 10)
#define WIRE_INPUT_STEP (64u << 10) /* taken bytes that one WIRE_STAK reports */

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
	/* our additions; payloads for which upstream has its own serialisation are JSON here */
	WIRE_SINP = 0x53494e50, /* host to guest: stdin chunk; empty: end of input */
	WIRE_JMET = 0x4a4d4554, /* one line of JSON from the guest's metric descriptor */
	WIRE_FOUT = 0x464f5554, /* chunk of a file for the host: path, NUL, bytes; ended by FEND */
	WIRE_FEND = 0x46454e44, /* end of that file: path, NUL */
	WIRE_FDEL = 0x4644454c, /* path, NUL: the guest removed this file of an output directory; with a text after
				   it: it could not read the file, for that reason */
	WIRE_JENV = 0x4a454e56, /* JSON: the guest's kernel, scheduler, CPUs, uptime */
	WIRE_EACK = 0x4541434b, /* host to guest, empty: EXIT has arrived, power off (if the option ack_exit is set) */
	WIRE_WAKE = 0x57414b45, /* the effect of a wake byte: u8 wake byte, then text */
	WIRE_WSIZ = 0x5753495a, /* host to guest: the terminal's size, u16 rows, u16 columns */
	WIRE_STAK = 0x5354414b, /* guest to host: u32, how many more bytes of stdin the command has taken */
	WIRE_JTOP =
		0x4a544f50, /* JSON: whether the guest's kernel sees the requested topology (guest-init/topology.h) */
	/* only between the guest's programs and its init, never on the port */
	WIRE_GLAT = 0x474c4154, /* to init: answer once the latch of this wake byte (u8) is set */
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
/* Internal to guest and coordinator, never part of a verdict. */
bool wire_type_internal(uint32_t type);

/* IEEE CRC-32; of no bytes it is 0. */
uint32_t wire_crc32(const void *data, size_t len);
/* Fill @h for a payload of @len <= WIRE_PAYLOAD_MAX bytes. */
void wire_header_init(struct wire_header *h, uint32_t type, const void *payload, size_t len);

/*
 * Incremental parser. @frame gets the frames in order, also those with a wrong CRC (crc_ok is false). A frame of
 * unknown type is only counted; unknown_type is the type of the last one, for a warning. A pad that is not zero is
 * counted and accepted.
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
/* 0 or -ENOMEM. A length above WIRE_PAYLOAD_MAX drops the buffered bytes and the rest of @data; the next call begins
 * with a header. */
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

/* SNRQ and SNRP; text is padded with NULs. */
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
