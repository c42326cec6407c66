/* SPDX-License-Identifier: GPL-2.0-only */

#include "bench/spec/conversation.h"

#include <errno.h>
#include <string.h>

#include "bench/base/size.h"
#include "virtio/wire.h"

const char *const wake_names[WAKE_KINDS] = { "vc-dump", "shutdown", "bpf-write-done", "accessor-ready" };
const uint8_t wake_bytes[WAKE_KINDS] = { WAKE_VC_DUMP, WAKE_VC_SHUTDOWN, WAKE_BPF_WRITE_DONE, WAKE_ACCESSOR_READY };

const char *wake_name(uint8_t byte)
{
	for (unsigned i = 0; i < WAKE_KINDS; i++)
		if (wake_bytes[i] == byte)
			return wake_names[i];
	return "none";
}

int conversation_wake_parse(struct conversation_options *o, const char *arg)
{
	const char *at = strchr(arg, '@');
	size_t len = at ? (size_t)(at - arg) : strlen(arg);
	struct wake_request wake = { 0 };

	while (wake.kind < WAKE_KINDS &&
	       (strlen(wake_names[wake.kind]) != len || memcmp(wake_names[wake.kind], arg, len)))
		wake.kind++;
	if (wake.kind == WAKE_KINDS || (at && duration_parse(at + 1, &wake.at_ns)))
		return -EINVAL;
	if (o->n_wakes == CONVERSATION_WAKES_MAX)
		return -E2BIG;
	o->wakes[o->n_wakes++] = wake;
	return 0;
}
