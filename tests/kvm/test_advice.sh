#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# kvm/ says what failed, and names no option of ktstr's: the remedy is bench/host/remedy.c's. test_advice.sh ROOT
set -uo pipefail
found=$(grep -nE '"[^"]*--[a-z]' "${1:?}"/kvm/*.[ch])
[ $? -eq 1 ] || { printf 'kvm/ names options:\n%s\n' "$found"; exit 1; }
