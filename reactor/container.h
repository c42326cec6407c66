/* SPDX-License-Identifier: GPL-2.0-only */
/* From a pointer to a member to the struct that embeds it. */
#ifndef KTSTR_REACTOR_CONTAINER_H
#define KTSTR_REACTOR_CONTAINER_H

#include <stddef.h>

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
