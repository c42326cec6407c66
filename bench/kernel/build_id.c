/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/kernel/build_id.h"

#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "bench/kernel/notes.h"

bool kernel_build_id(int elf, const char *image, char hex[BUILD_ID_HEX])
{
	int fd = elf ? elf : open(image, O_RDONLY | O_CLOEXEC);
	uint8_t id[BUILD_ID_HEX / 2];
	int size = fd < 0 ? -1 : notes_find(fd, "GNU", NT_GNU_BUILD_ID, id, sizeof(id));

	if (!elf && fd >= 0)
		close(fd);
	if (size <= 0 || size > (int)sizeof(id))
		return false;
	for (int i = 0; i < size; i++)
		snprintf(hex + 2 * i, 3, "%02x", id[i]);
	return true;
}
