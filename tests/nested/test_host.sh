#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Modes and locks with stock guests: host.sh where KVM boots them, on this machine or in the nested host.
# usage: test_host.sh KTSTR HERD
set -euo pipefail
# shellcheck source=tests/nested/common
. "$(dirname "${BASH_SOURCE[0]}")/common" "$1"
herd=$(realpath "$2")
need_kernel default
if boots_here; then
	exec sh "$here/host.sh" "$ktstr" "$herd"
fi
need_nested
"${nested[@]}" --kernel default --memory 3G --file "$here/host.sh:/host.sh" "${tap[@]}" --file "$herd:/herd" -- \
	sh /host.sh "$ktstr" /herd </dev/null
