#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Every acceptance row of the transport, the block device and its backing is named by the test that pins it.
# usage: test_rows.sh TESTS-DIRECTORY; prints "ROW: FILE..." for each, and fails for those without.
cd "$1" || exit 70
missing=0

rows() { # PREFIX LAST
	i=1
	while [ "$i" -le "$2" ]; do
		row=$(printf '%s-%02d' "$1" "$i")
		files=$(grep -rlw --include='*.c' --include='*.sh' -e "$row" . | grep -v test_rows.sh | sed 's/.*\///' | sort |
			tr '\n' ' ')
		echo "$row: $files"
		[ -n "$files" ] || [ "$row" = BLK-68 ] || missing=$((missing + 1))
		i=$((i + 1))
	done
}
rows MM 25
rows BLK 69
rows BAK 17

# BLK-68: atomics, drain, drain_validation, drain_late, handler, fsm, poison, proptest
for file in test_virtqueue_thread.c test_blk_notify.c test_blk_refused.c test_blk_order.c test_blk.c test_mmio.c \
	test_virtqueue.c test_blk_chaos.c ../fuzz/fuzz_blk.c; do
	[ -s "virtio/$file" ] || { echo "BLK-68: no $file"; missing=$((missing + 1)); }
done

[ "$missing" -eq 0 ] || { echo "$missing without a test" >&2; exit 1; }
