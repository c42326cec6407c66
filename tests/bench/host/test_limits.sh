#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Where something fails for a lack of descriptors, or because a lock does not come, the remedy is for that and not for
# what usually goes wrong there. test_limits.sh KTSTR GUEST: a guest of our own, for any /dev/kvm.
set -u
ktstr=$1 guest=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0 n=0 events=0 done=0

if ! [ -r /dev/kvm ] || ! [ -w /dev/kvm ]; then
	echo "skipped: no /dev/kvm" >&2
	exit 77
fi
export KTSTR_LOCK_DIR=$dir/locks KTSTR_CACHE_DIR=$dir/cache
mkdir "$dir/locks" "$dir/cache"

# A process that keeps the lock of taking, as one that was stopped does: 10 s, while the rest goes on elsewhere.
flock -F "$dir/locks/ktstr-take.lock" sleep 100 &
holder=$!
until ! flock -n -x "$dir/locks/ktstr-take.lock" true; do sleep 0.05; done
"$ktstr" run --host try --cpus 1 --kernel "$guest" --initrd "$0" --timeout 60s </dev/null >"$dir/late" 2>&1 &
late=$!

# Ever more descriptors, until there are enough.
for limit in $(seq 6 80); do
	n=$((n + 1))
	(
		ulimit -n "$limit"
		exec "$ktstr" run --host try --bypass-llc-locks --cpus 1 --kernel "$guest" --initrd "$0" --timeout 60s --net \
			--disk size=1M --events "$dir/events"
	) </dev/null >"$dir/out" 2>&1 && {
		done=1
		break
	}
	[ "$(wc -l <"$dir/out")" -le 3 ] || echo "many lines at $limit"
	if grep -qE 'load kvm_intel|that can be written|LOCK_DIR|build all of' "$dir/out"; then
		echo "FAILED: with $limit descriptors: a remedy for something else:"
		sed 's/^/    /' "$dir/out"
		failed=1
	fi
	if grep -q 'Too many open files' "$dir/out" && ! grep -q 'Too many open files.*open files' "$dir/out"; then
		echo "FAILED: with $limit descriptors: no remedy:"
		sed 's/^/    /' "$dir/out"
		failed=1
	fi
	if grep -q -- '--events' "$dir/out"; then events=$((events + 1)); fi
done
[ $done -eq 1 ] || {
	echo "FAILED: 80 descriptors do not suffice"
	failed=1
}
[ $events -le 2 ] || {
	echo "FAILED: $events failures are laid on --events"
	failed=1
}

wait $late
code=$?
[ $code -eq 69 ] || {
	echo "FAILED: exit code $code while the lock is kept"
	failed=1
}
if ! grep -q "ktstr-take.lock: pid $holder has held it for 10 s.*; end or continue that process" "$dir/late" ||
	grep -q LOCK_DIR "$dir/late"; then
	echo "FAILED: the lock that does not come is told otherwise:"
	sed 's/^/    /' "$dir/late"
	failed=1
fi
kill $holder
echo "$n limits"
exit $failed
