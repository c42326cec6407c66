#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Schedulers in stock guests: scx.sh where KVM boots them, on this machine or in the nested host.
# usage: test_scx.sh KTSTR [KTSTR_SCX SCX_PROGRAM [CASE]...]; the cases are in scx.sh. KTSTR_TEST_ATTACHMENTS=3: how often
# a scheduler is attached on 1, 2, 4 and 8 CPUs each
set -euo pipefail
# shellcheck source=tests/nested/common
. "$(dirname "${BASH_SOURCE[0]}")/common" "$1"
scx=${2:+$(realpath "$2")} program=${3:+$(realpath "$3")}
shift $(($# < 3 ? $# : 3))
[ -x "$scx" ] || skip "built without clang: no schedulers"
need_kernel default
old=
kernels=(--kernel default)
if have_kernel 6.12; then
	old=6.12
	kernels+=(--kernel 6.12)
fi
if boots_here; then
	exec sh "$here/scx.sh" "$ktstr" "$scx" "$program" "$old" "$@"
fi
need_nested
"${nested[@]}" "${kernels[@]}" --memory 3G --file "$here/scx.sh:/scx.sh" "${tap[@]}" \
	--file "$here/scx_faults.sh:/scx_faults.sh" --file "$program" --file "$scx" --file "$(dirname "$scx")/scx_fifo.bpf.o" \
	--file "$(dirname "$scx")/../bench/workloads/ktstr-workload" \
	--env "KTSTR_TEST_ATTACHMENTS=${KTSTR_TEST_ATTACHMENTS:-3}" -- sh /scx.sh "$ktstr" "$scx" "$program" "$old" "$@" </dev/null
