#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# ktstr topo, and shapes that are refused: exit code 64 and one line that names the option and the remedy.
# usage: test_topo.sh KTSTR
ktstr=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
fail() {
	echo "FAILED: $*"
	failed=1
}

refused() { # CODE PATTERN ARGS...
	want=$1 pattern=$2
	shift 2
	"$ktstr" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
	[ "$code" -eq "$want" ] || fail "ktstr $*: exit code $code, not $want: $(cat "$dir/err")"
	[ "$(wc -l <"$dir/err")" -eq 1 ] || fail "ktstr $*: not one line: $(cat "$dir/err")"
	grep -q -- "$pattern" "$dir/err" || fail "ktstr $*: no '$pattern' in: $(cat "$dir/err")"
	grep -qE ';|: use ' "$dir/err" || fail "ktstr $*: no remedy in: $(cat "$dir/err")"
}

for bad in 0n1l1c1t 2n3l1c1t 1n2l4c 99999999999n1l1c1t 1n256l256c8t nonsense 1n1l1c1t:cores=0; do
	refused 64 "topology $bad: " run --host direct --topology $bad -- true
	refused 64 "topo $bad: " topo $bad
done
refused 64 '1n1l2c1t has 2' run --host direct --topology 1n1l2c1t --cpus 4 -- true
refused 64 'fewer nodes' run --host direct --topology numa8 --memory 64M -- true
refused 64 'make them agree' run --host direct --topology 2n2l1c1t:mem=256M --memory 1G -- true
refused 64 'raise --memory' run --host direct --topology 2n2l1c1t:mem=1G --memory 1G -- true
refused 64 'too little' run --host direct --topology 2n2l1c1t:mem=16M -- true
refused 64 '--topology-check maybe' run --host direct --topology-check maybe -- true
refused 64 '--hugepages 4M' run --host direct --hugepages 4M -- true
refused 64 '--madvise everything' run --host direct --madvise everything -- true
refused 64 'add --prefault' run --host direct --madvise collapse -- true
refused 64 'not merged' run --host direct --madvise mergeable --hugepages 2M -- true
refused 64 'name the mode' run --host direct --host-nodes 0 -- true
refused 64 'not a list' run --host direct --host-nodes bind:0,x -- true
refused 64 'one for each' run --host direct --topology numa2-far --host-nodes bind:0 -- true

"$ktstr" topo >"$dir/out" || fail "ktstr topo"
[ "$(grep -c ' [0-9]*n[0-9]*l[0-9]*c[0-9]*t ' "$dir/out")" -ge 24 ] || fail "ktstr topo: fewer than 24 presets"
"$ktstr" topo --json >"$dir/out" || fail "ktstr topo --json"
[ "$(grep -c '"shape"' "$dir/out")" -ge 24 ] || fail "ktstr topo --json: fewer than 24 presets"
"$ktstr" topo 2n2l2c2t:dist=31 --memory 512M >"$dir/out" || fail "ktstr topo SHAPE"
grep -q '^   1     1     256 MiB   31  10$' "$dir/out" || fail "ktstr topo SHAPE: node 1: $(cat "$dir/out")"
grep -q '^   7     1     1     1       1        7$' "$dir/out" || fail "ktstr topo SHAPE: CPU 7: $(cat "$dir/out")"
"$ktstr" topo max-cpu --json >"$dir/out" || fail "ktstr topo SHAPE --json"
[ "$(grep -c '"apic_id":' "$dir/out")" -eq 252 ] || fail "ktstr topo max-cpu --json"
exit $failed
