#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own C schedulers in stock guests: schedulers.sh where KVM boots them, on this machine or in the nested host.
# usage: test_schedulers.sh KTSTR KTSTR_SCX CASE [CPUS]...; the cases are in schedulers.sh.
# KTSTR_TEST_ROUNDS  how often each scheduler is attached, run and measured with each number of CPUs [5, 1 and 1]
# KTSTR_TEST_KERNEL  the guests' kernel [default]
set -euo pipefail
# shellcheck source=tests/nested/common
. "$(dirname "${BASH_SOURCE[0]}")/../nested/common" "$1"
scx=${2:+$(realpath "$2")}
shift 2
own=$here/../schedulers
[ -x "$scx" ] || skip "built without clang: no loader of schedulers"
kernel=${KTSTR_TEST_KERNEL:-default} rounds=${KTSTR_TEST_ROUNDS:-0} code=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
programs=$(KTSTR_BUILD_DIR=$(dirname "$scx")/.. "$own/build" --kernel "$kernel" 2>"$log") || code=$?
cat "$log" >&2
[ "$code" -ne 69 ] || skip "$(sed -n '$s/^ktstr: //p' "$log")"
[ "$code" -eq 0 ] || exit "$code"
need_kernel "$kernel"
old=
kernels=(--kernel "$kernel")
if have_kernel 6.12; then
	old=6.12
	kernels+=(--kernel 6.12)
fi
if boots_here; then
	exec sh "$own/schedulers.sh" "$ktstr" "$scx" "$programs" "$kernel" "$old" "$rounds" "$@"
fi
need_nested
files=()
for program in "$programs"/scx_*; do files+=(--file "$program"); done
# Beside it, as here.
place=$(dirname "$own/schedulers.sh")
"${nested[@]}" "${kernels[@]}" --memory 3G --file "$own/schedulers.sh:$place/schedulers.sh" \
	--file "$here/tap.sh:$place/../nested/tap.sh" --file "$scx" "${files[@]}" \
	--file "$(dirname "$scx")/../bench/workloads/ktstr-workload" -- \
	sh "$place/schedulers.sh" "$ktstr" "$scx" "$programs" "$kernel" "$old" "$rounds" "$@" </dev/null
