/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "kvm/internal.h"

int vm_fail(struct vm_error *err, int error, const char *fmt, ...)
{
	va_list ap;

	err->fault = VM_FAULT_OTHER;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	return -error;
}

int vm_fail_as(struct vm_error *err, enum vm_fault fault, int error, const char *fmt, ...)
{
	va_list ap;

	err->fault = fault;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	return -error;
}

int vm_eventfd(int *fd, struct vm_error *err)
{
	*fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return *fd < 0 ? vm_fail(err, errno, "eventfd: %s", strerror(errno)) : 0;
}
