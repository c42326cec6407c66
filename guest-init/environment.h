/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_GUEST_INIT_ENVIRONMENT_H
#define KTSTR_GUEST_INIT_ENVIRONMENT_H

#include <stddef.h>

/*
 * What the host records about this guest, as one JSON object for WIRE_JENV:
 *   kernel   string, as uname -r
 *   cpus     number of CPUs online
 *   sched_ext  name of the attached scheduler's ops, or null
 *   uptime_s   seconds since the kernel's start
 *   cmdline  string
 * Its length, below @size. Reads /proc and /sys.
 */
size_t environment_json(char *json, size_t size);
/* @text as a JSON string with its quotes; never cut inside an escape. Length. */
size_t environment_quote(char *json, size_t size, const char *text);

#endif
