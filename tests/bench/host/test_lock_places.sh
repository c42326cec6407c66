#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ktstr locks finds holders where stat(2) tells another device than /proc/locks does: on a layer of overlayfs, in a
# subvolume of btrfs (where mkfs.btrfs is). usage: test_lock_places.sh KTSTR
set -u
ktstr=$(readlink -f "$1")
if [ "${2-}" != inside ]; then
	unshare -m true 2>/dev/null || {
		echo "skipped: no mount namespace for this user" >&2
		exit 77
	}
	exec unshare -m "$BASH" "$0" "$ktstr" inside
fi
dir=$(mktemp -d)
trap 'cd /; umount -R "$dir"/* 2>/dev/null; rm -rf "$dir"' EXIT
failed=0 n=0

holder_in() { # DIR WHERE
	local pid
	n=$((n + 1))
	# Its taker stays alive: in a container the kernel lists no lock of one that is gone.
	flock -F -s "$1/ktstr-cpu-0.lock" sleep 100 &
	pid=$!
	for _ in $(seq 100); do
		flock -n -x "$1/ktstr-cpu-0.lock" true || break
		sleep 0.05
	done
	KTSTR_LOCK_DIR=$1 "$ktstr" locks >"$dir/out" 2>&1
	grep -q "^cpu-0  *shared  *$pid " "$dir/out" || {
		echo "FAILED: $2: no holder, though pid $pid is one:"
		sed 's/^/    /' "$dir/out"
		failed=1
	}
	kill $pid
	wait $pid 2>/dev/null
	KTSTR_LOCK_DIR=$1 "$ktstr" locks >"$dir/out" 2>&1
	grep -q '^no locks are held' "$dir/out" || {
		echo "FAILED: $2: a holder, though there is none"
		failed=1
	}
}

mkdir "$dir/plain" "$dir/lower" "$dir/upper" "$dir/merged" "$dir/btrfs"
holder_in "$dir/plain" "the temporary directory"
mount -t tmpfs none "$dir/lower" && mkdir "$dir/upper/up" "$dir/upper/work" &&
	mount -t overlay -o "lowerdir=$dir/lower,upperdir=$dir/upper/up,workdir=$dir/upper/work,xino=off" none "$dir/merged" 2>/dev/null &&
	holder_in "$dir/merged" "overlayfs"
if command -v mkfs.btrfs >/dev/null && truncate -s 128M "$dir/image" && mkfs.btrfs -q "$dir/image" >/dev/null 2>&1 &&
	mount -o loop "$dir/image" "$dir/btrfs" 2>/dev/null; then
	btrfs subvolume create "$dir/btrfs/locks" >/dev/null
	holder_in "$dir/btrfs/locks" "a subvolume of btrfs"
else
	echo "not tried: btrfs" >&2
fi
[ $n -gt 1 ] || {
	echo "skipped: neither overlayfs nor btrfs can be mounted" >&2
	[ $failed -ne 0 ] || exit 77
}
echo "$n places"
exit $failed
