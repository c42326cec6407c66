#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A ktstr with shared libraries, as distributions without static ones build it: whatever it puts into the nested host and
# into guests brings its own. usage: test_dynamic.sh KTSTR
set -euo pipefail
# shellcheck source=tests/nested/common
. "$(dirname "${BASH_SOURCE[0]}")/common" "$1"
need_kernel default
need_nested
cases=
# shellcheck source=tests/nested/tap.sh
. "$here/tap.sh"

"$ktstr" doctor >out
report "the doctor sees the shared libraries" \
	has 'programs  *ktstr with [0-9]* shared libraries; ktstr-scx with [0-9]* shared libraries'

# A program whose library lies in a directory that only ld.so's configuration names: in the nested host ktstr has to find
# it again. This machine's configuration stays as it is, for the mounts are seen by this boot alone.
mkdir lib conf
echo 'int answer(void) { return 42; }' >lib.c
echo 'int answer(void); int main(void) { return answer() != 42; }' >main.c
gcc -shared -fPIC -o lib/libktstranswer.so lib.c
gcc -o answers main.c -Llib -lktstranswer
echo "$dir/lib" >conf/answer.conf
cp /etc/ld.so.conf.d/* conf/
cat >boot <<'BOOT'
mount --bind conf /etc/ld.so.conf.d
ldconfig -C "$PWD/ld.so.cache" -f /etc/ld.so.conf
mount --bind ld.so.cache /etc/ld.so.cache
exec "$ktstr" run --host nested --scheduler fifo --file answers -- \
	sh -c "cat /sys/kernel/sched_ext/root/ops; $PWD/answers && echo answered"
BOOT
export ktstr
PATH=$PATH:/usr/sbin:/sbin unshare --mount --map-root-user bash -eu boot >out 2>err </dev/null && code=0 || code=$?
report "the loader of schedulers runs in the guest" has '^ktstr_fifo$'
report "a program finds the library that ld.so.conf names" has '^answered$'
echo "1..$n"
