#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs of ktstr bench for test_workloads.sh, which judges them: for each a line "== NAME CODE LAST-WORD" and its JSON.
# POSIX sh, for it runs under busybox too. usage: workloads.sh KTSTR OLD_KERNEL
ktstr=$1 old=$2
cd "$(mktemp -d)" || exit 70

bench() { # NAME WORDS...
	name=$1
	shift
	"$ktstr" bench --host direct --timeout 240s --seed 9 --json json "$@" >out 2>err </dev/null
	echo "== $name $? $(tail -n 1 err)"
	[ ! -e json ] || cat json
	rm -f json
}

bench shares --cpus 1 --duration 4s fair:threads=3,weights=100:300:100 fair:threads=4,nice=5 fair:threads=3,idle=1
bench moves --topology 2n4l2c2t --duration 2s compute:threads=20,set=64k+bg=io:1
bench cgroups --cpus 2 --duration 10s "compute+bg=fork:1+cgroup=weight:1000/cpuset:0,max:60%+bg-cgroup=weight:10"
bench devices --duration 2s io-randread:depth=8 io-fsync:depth=4 io-randwrite:rate=100 io-tmpfs net
bench scheduler --duration 1s --scheduler fifo wakeup wakeup:rate=100
bench stall --duration 2s --scheduler stall wakeup
bench controller --duration 1s --append cgroup_disable=cpu wakeup+cgroup=weight:10
[ -z "$old" ] || bench old --duration 1s --kernel "$old" --scheduler fifo wakeup
