/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTSTR_GUEST_INIT_OUTPUTS_H
#define KTSTR_GUEST_INIT_OUTPUTS_H

#include "guest-init/bulk.h"

/* Send each file of the NULL-terminated @paths as WIRE_FOUT chunks, each led by the path and a NUL, and a WIRE_FEND. A
 * missing file is skipped; other read errors are printed on stderr. 0 or -errno of the port. */
int outputs_send(struct bulk *bulk, char *const *paths);
/* One of them, open as @fd. 0; -errno of the port; or an errno of the file: then it has no WIRE_FEND. */
int outputs_send_file(struct bulk *bulk, const char *path, int fd);

#endif
