#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# One fuzzer for SECONDS from its corpus, if it has one; what it finds new is not kept, what makes it fail is.
# usage: smoke.sh SECONDS FUZZER CORPUS
set -u
dir=$(mktemp -d) || exit 70
trap 'rm -rf "$dir"' EXIT
seconds=$1 fuzzer=$2 corpus=$3
mkdir "$dir/new"
set -- "$dir/new"
[ ! -d "$corpus" ] || set -- "$@" "$corpus"
"$fuzzer" -seed=1 -max_total_time="$seconds" -max_len=2048 -print_final_stats=1 -artifact_prefix="${fuzzer##*/}-" "$@" \
	>"$dir/log" 2>&1
code=$?
[ $code -eq 0 ] || tail -n 60 "$dir/log"
grep number_of_executed_units "$dir/log"
exit $code
