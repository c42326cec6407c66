#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Where io_uring is forbidden ktstr says so and does without. test_no_ring.sh KTSTR
set -uo pipefail

forbid=(strace -f -o /dev/null -e trace=io_uring_setup -e inject=io_uring_setup:error=EPERM)
if ! "${forbid[@]}" true 2>/dev/null; then
	echo "skipped: strace can't forbid a system call here"
	exit 77
fi
text=$("${forbid[@]}" "$1" doctor 2>&1)
grep -q 'no ring: Operation not permitted' <<<"$text" && grep -q 'devices use epoll' <<<"$text" && exit 0
echo "$text" >&2
exit 1
