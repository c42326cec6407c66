#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Shapes of machines: topology.sh where KVM boots stock guests, on this machine or in the nested host.
# usage: test_topology.sh KTSTR [--all | SHAPE...]
# Without a shape a few small ones; --all: every preset of up to 64 CPUs (half an hour where guests are nested).
set -euo pipefail
# shellcheck source=tests/nested/common
. "$(dirname "${BASH_SOURCE[0]}")/common" "$1"
shift
shapes=("$@")
[ $# -gt 0 ] || shapes=(smt-only tiny-2llc smt-2llc uneven-2llc numa2-far cxl-1 cxl-cache "1n2l1c1t:cores=2,1")
if [ "${1:-}" = --all ]; then
	mapfile -t shapes < <("$ktstr" topo | awk 'NR > 1 && $2 <= 64 {print $1}')
fi
find_kernels
# The matrix of all by the newest kernel, the few by each.
[ $# -eq 0 ] || kernels=("${KTSTR_TEST_KERNEL:-${kernels[0]}}")
if boots_here; then
	exec sh "$here/topology.sh" "$ktstr" "${kernels[*]}" "${shapes[@]}"
fi
need_nested
args=(--memory 4G --file "$here/topology.sh:/topology.sh" "${tap[@]}")
[ "${kernels[0]}" = default ] || args+=(--kernel default)
for k in "${kernels[@]}"; do args+=(--kernel "$k"); done
"${nested[@]}" "${args[@]}" -- sh /topology.sh "$ktstr" "${kernels[*]}" "${shapes[@]}" </dev/null
