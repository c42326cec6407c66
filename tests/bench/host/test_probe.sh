#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What KVM is, is asked once a boot and once a load of its modules, and by nobody else's answer.
# usage: test_probe.sh KTSTR
set -u
ktstr=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export KTSTR_CACHE_DIR=$dir/cache
unset KTSTR_NESTED
echo none >"$dir/kernel"
kind=$("$ktstr" doctor --kvm-kind)
if [ "$kind" != software ]; then
	echo "KVM is $kind here: what was remembered can't be seen in an error"
	exit 77
fi
failed=0

expect() { # WHAT TEXT
	timeout 60 "$ktstr" run --host direct --kernel "$dir/kernel" -- true >/dev/null 2>"$dir/err" </dev/null
	grep -q "$2" "$dir/err" || { echo "FAILED: $1: $(<"$dir/err")"; failed=1; }
}

expect "the first time" cmpxchg16b
[ ! -e "$dir/cache" ] || { echo "FAILED: a cache was made"; failed=1; }
mkdir "$dir/cache"
expect "with a cache" cmpxchg16b
sed -i '3s/.*/as remembered; so it is/' "$dir/cache/kvm-kind"
expect "what is remembered" "as remembered"
sed -i '1s/^..../0000/' "$dir/cache/kvm-kind"
expect "what was remembered in another boot" cmpxchg16b
sed -i '3s/.*/as remembered; so it is/; 1s/.$/x/' "$dir/cache/kvm-kind"
expect "what was remembered of another /dev/kvm" cmpxchg16b
: >"$dir/cache/kvm-kind"
expect "an empty answer" cmpxchg16b

# There is one nested host, and in it what KVM is counts as it does outside.
KTSTR_NESTED=1 timeout 60 "$ktstr" run --host nested --kernel "$dir/kernel" -- true >/dev/null 2>"$dir/err" </dev/null
grep -q "this is the nested host already" "$dir/err" || { echo "FAILED: a nested host in the nested host"; failed=1; }
KTSTR_NESTED=1 timeout 60 "$ktstr" run --kernel "$dir/kernel" -- true >/dev/null 2>"$dir/err" </dev/null
grep -q -e "--host direct: .*cmpxchg16b" "$dir/err" || { echo "FAILED: a nested host is started in the nested host: $(<"$dir/err")"; failed=1; }

# Whether guests have cmpxchg16b follows from the nested host's CPU.
unset KTSTR_NESTED_CPU_MODEL
"$ktstr" doctor | grep -q '^good  cmpxchg16b ' || { echo "FAILED: doctor misses cmpxchg16b"; failed=1; }
KTSTR_NESTED_CPU_MODEL=max,-cx16 "$ktstr" doctor | grep -q '^fair  cmpxchg16b  *guests lack it.*-cpu max,-cx16$' ||
	{ echo "FAILED: doctor sees no lack of cmpxchg16b"; failed=1; }
exit $failed
