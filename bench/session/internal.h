/* SPDX-License-Identifier: GPL-2.0-only */
/* Between session.c, which owns a session, and dispatch.c, which takes the guest's frames. */
#ifndef KTSTR_BENCH_SESSION_INTERNAL_H
#define KTSTR_BENCH_SESSION_INTERNAL_H

#include "bench/session/session.h"

/* dispatch.c: a frame came; for the parser, whose context is the session. */
void session_dispatch(void *session, uint32_t type, const uint8_t *payload, size_t len, bool crc_ok);

/* session.c: the session cannot go on. */
void session_fail(struct session *s, int error);
/* A frame to the guest. 0 or -errno. */
int session_send(struct session *s, uint32_t type, const void *payload, size_t len);
/* The guest's command wrote this to its stdout or stderr. */
void session_put(struct session *s, struct sink *k, const uint8_t *payload, size_t len);
/* The command starts and can take input. 0 or -errno. */
int session_open_stdin(struct session *s);
/* The guest took some of it. */
void session_input_go_on(struct session *s);

#endif
