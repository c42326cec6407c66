#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ktstr bench run with boots that cost nothing (stub). test_matrix.sh KTSTR STUB
# shellcheck disable=SC2016 # what the stub is to do
set -euo pipefail
ktstr=$1
export KTSTR_TEST_BENCH=$2 STUB
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# shellcheck source=tests/bench/expect.sh disable=SC1091
. "$(dirname "$0")/../expect.sh"
n=0

fresh() { # a directory for the stub and one for results; TEXT: what the stub does at each boot
	n=$((n + 1))
	STUB=$dir/stub$n results=$dir/out$n
	mkdir "$STUB"
	: >"$STUB/boots"
	[ $# -eq 0 ] || printf '%s\n' "$1" >"$STUB/behave"
}
check() { # WHAT CONDITION...
	local what=$1
	shift
	"$@" && return
	printf 'FAILED: %s: %s\n' "$what" "$*"
	{ find "$results" -type f 2>/dev/null | sort; } || true
	failures=$((failures + 1))
}
# shellcheck disable=SC2317 # called by expect
bench() { "$ktstr" bench run --out "$results" "$@"; }
sets() { # of the results that count: cell, index, seed
	jq -r '"\(.run.cell) \(.run.index) \(.run.seed)"' "$1"/cells/*/run-???.json | sort
}
boots() { grep -c "^begin" "$STUB/boots" || true; }

# --- BEN-01: the product, without a boot
fresh
expect "BEN-01: 16 cells" 0 '' '' "$ktstr" bench run --dry-run --kernel 7.3 --kernel 6.12 --topology 1n1l2c1t \
	--topology 1n2l4c1t -w wakeup -w messaging:groups=2 --sched EEVDF --sched fifo --runs 2
check "BEN-01: golden text" diff "$(dirname "$0")/dry-run.golden" "$dir/out"
check "BEN-01: no boot" test "$(boots)" = 0
expect "BEN-01: as JSON" 0 '"estimated_ns"' '' "$ktstr" bench run --dry-run=json --sched eevdf --sched fifo wakeup
check "BEN-01: each boot has its place" test "$(jq '[.order[].position] == [range(1; 21)]' "$dir/out")" = true
mapfile -t many < <(for i in $(seq 16); do printf -- '--kernel\n%s\n--topology\n%s\n-w\n%s\n' "$i" "$i" "$i"; done)
expect "BEN-01: too many" 64 '' 'more than 256 cells' "$ktstr" bench run --dry-run "${many[@]}"

# --- BEN-02: records
fresh
expect "BEN-02: two cells" 2 "inconclusive: n=3 can.t reach" 'boot 6 of 6' bench --sched eevdf --sched fifo --runs 3 --seed 7 wakeup
check "BEN-02: each run is a boot" test "$(boots)" = 6
check "BEN-02: boot ids differ" test "$(jq -r .run.boot_id "$results"/cells/*/run-???.json | sort -u | wc -l)" = 6
check "BEN-02: seeds" test "$(sets "$results" | tr '\n' ,)" = 'eevdf 1 7,eevdf 2 8,eevdf 3 9,fifo 1 7,fifo 2 8,fifo 3 9,'
check "BEN-02: positions" test "$(jq -r .run.position "$results"/cells/*/run-???.json | sort -n | tr '\n' ,)" = 1,2,3,4,5,6,
check "BEN-02: as it was booted" test "$(jq -rs 'sort_by(.run.position)[].run | "\(.cell) \(.seed)"' "$results"/cells/*/run-???.json)" = \
	"$(sed -n 's/^begin .* \([a-z]* [0-9]*\)$/\1/p' "$STUB/boots")"
sorted='def sorted: if type == "object" then keys_unsorted == keys and all(.[]; sorted) elif type == "array" then all(.[]; sorted) else true end; sorted'
for file in "$results"/matrix.json "$results"/cells/*/run-???.json; do
	check "RES-02: keys are sorted: $file" test "$(jq "$sorted" "$file")" = true
	check "a final newline: $file" test -z "$(tail -c 1 "$file")"
done
check "RES-01: no half results" test -z "$(find "$results" -name '.*' -type f)"
expect "RES-01: nothing is overwritten" 64 '' 'has results already; use --resume' bench --sched eevdf --sched fifo wakeup
expect "RES-01: other words" 64 '' 'made by other words' bench --resume --sched eevdf --sched wrr wakeup
expect "RES-01: more boots, without the words" 0 'same' 'boot 7 of 8' bench --resume --runs 4
check "RES-01: only those that are missing" test "$(boots)" = 8
expect "the verdict in a file" 0 '^$' '' bench --resume -o "$dir/verdict" --format json --progress none
check "the verdict in a file" test "$(jq -r .schema "$dir/verdict")" != null
check "RES-01: why there are no more" test "$(jq -r '.cells[].stop' "$results/state.json" | sort -u)" = complete

schemas=$(dirname "$0")/../../../bench/result
# shellcheck disable=SC2317 # called by check
schema() { python3 "$(dirname "$0")/../result/check_schema.py" "$schemas/ktstr-$1-1.schema.json" "${@:2}"; }
check "RES-02: matrix.json" schema matrix "$results/matrix.json"
check "RES-02: results" schema bench "$results"/cells/*/run-???.json

# --- BEN-05: --runs auto
fresh 'p50=$((1000 + RANDOM % 3))'
expect "BEN-05: precision" 0 '' 'boot 12 of' bench --sched eevdf --sched fifo --runs auto wakeup
check "BEN-05: six boots" test "$(boots)" = 12
check "BEN-05: its reason" test "$(jq -r '.cells[].stop' "$results/state.json" | sort -u)" = precision
fresh 'p50=$((seed % 2 ? 1000 : 1900))'
expect "BEN-05: ceiling" 2 '' 'boot 60 of 60' bench --sched eevdf --sched fifo --runs auto:1% wakeup
check "BEN-05: its reason" test "$(jq -r '.cells[].stop' "$results/state.json" | sort -u)" = ceiling
check "RES-02: matrix.json with auto" schema matrix "$results/matrix.json"
fresh 'sleep 0.2'
expect "BEN-05: time" 0 '' 'time limit was reached' bench --sched eevdf --runs 50 --time-limit 500ms wakeup
check "BEN-05: its reason" test "$(jq -r '.cells[].stop' "$results/state.json")" = time
expect "BEN-05: bad width" 64 '' 'not auto:WIDTH' bench --runs auto:x wakeup

# --- results that do not count
fresh 'if [ "$scheduler" = fifo ] && [ "$(grep -c "^begin.*fifo 1$" "$STUB/boots")" -lt 3 ] && [ "$seed" = 1 ]; then
	status=invalid reason="vCPU 1 waited" code=2; fi'
expect "invalid ones are repeated" 0 same '2 invalid so far.*2 invalid boots, repeated' bench --sched eevdf --sched fifo --runs 4 wakeup
check "and kept" test -e "$results/cells/fifo/run-001.invalid-2.json" -a -e "$results/cells/fifo/run-001.invalid-2.log"
check "with their reason" test "$(jq -r '.validity.reasons[0]' "$results/cells/fifo/run-001.invalid-1.json")" = "vCPU 1 waited"
check "the third counts" test "$(jq .run.attempt "$results/cells/fifo/run-001.json")" = 3
fresh '[ "$scheduler" != fifo ] || { echo "ktstr: it broke" >&2; exit 255; }'
expect "BEN-09: a failing cell" 1 '' 'fifo, run 1: failed: guest panic: it broke; no more tries.*4 boots failed' \
	bench --sched eevdf --sched fifo --runs 4 wakeup
check "twice each" test "$(cat "$results"/cells/fifo/run-00?.failed-[12].json | jq -s length)" = 8
check "the others went on" test "$(cat "$results"/cells/eevdf/run-00?.json | jq -s length)" = 4
fresh '[ "$scheduler" != fifo ] || { echo "ktstr: kernel 6.12 has no sched_ext" >&2; exit 69; }'
expect "BEN-11: a cell that can't be" 2 '' 'fifo: skipped: kernel 6.12 has no sched_ext' bench --sched eevdf --sched fifo --runs 3 wakeup
check "BEN-11: one try" test "$(grep -c 'begin.*fifo' "$STUB/boots")" = 1
check "BEN-11: in the state" test "$(jq -r '.cells[1].skipped' "$results/state.json")" = "kernel 6.12 has no sched_ext"
fresh
# shellcheck disable=SC2016
echo 'if [ "$scheduler" = fifo ] && [ "$kernel" = 6.12 ]; then echo "ktstr: no sched_ext" >&2; exit 69; fi' >"$STUB/refuse"
expect "BEN-11: known before" 2 'same' '6.12.fifo: skipped: no sched_ext' bench --kernel 7.3 --kernel 6.12 --sched eevdf --sched fifo --runs 4 wakeup
check "BEN-11: no boot of it" test "$(boots)" = 12
check "BEN-11: its record" test "$(jq -r '.validity | .status, .reasons[0]' "$results/cells/6.12+fifo/run-001.skipped-1.json" | tr '\n' ,)" = \
	'skipped,no sched_ext,'
# shellcheck disable=SC2016
echo '[ "$kernel" != 9 ] || { echo "ktstr: kernel 9: not in the cache" >&2; exit 69; }' >"$STUB/refuse"
results=$dir/none
expect "a kernel that is not there" 69 '' 'kernel 9: not in the cache' bench --kernel 9 --sched eevdf --sched fifo wakeup
check "nothing was made" test ! -e "$results"
fresh 'sleep 60'
export STUB_TIMEOUT_NS=1
expect "BEN-16: one that hangs" 1 '' 'failed: time-out' env KTSTR_TEST_GRACE_MS=200 "$ktstr" bench run --out "$results" --runs 1 wakeup
unset STUB_TIMEOUT_NS

# --- BEN-08: spellings
fresh
printf '# mine\nslow = fifo -s 20000\nfast = wrr\n' >"$dir/profiles"
printf '#!/bin/sh\n' >"$dir/scx_mine"
chmod +x "$dir/scx_mine"
cp "$dir/scx_mine" "$dir/my.bpf.o"
labels() { "$ktstr" bench run --dry-run=json --runs 1 "$@" | jq -r '.schedulers[] | "\(.label)=\(.text)"' | tr '\n' '|'; }
check "BEN-08: spellings" test "$(labels --sched eevdf --sched EEVDF --sched fifo --sched "$dir/scx_mine" \
	--sched "$dir/scx_mine:-v --slice 5" --sched "$dir/scx_mine -x" --sched "$dir/my.bpf.o" --sched "@$dir/profiles:fast")" = \
	"eevdf=eevdf|eevdf-2=eevdf|fifo=fifo|scx_mine=$dir/scx_mine|scx_mine-2='$dir/scx_mine' -v --slice 5|scx_mine-3=$dir/scx_mine -x|my=$dir/my.bpf.o|fast=wrr|"
check "BEN-08: a file of profiles" test "$(labels --sched "@$dir/profiles")" = 'slow=fifo -s 20000|fast=wrr|'
expect "BEN-08: no such profile" 64 '' 'has no profile none' bench --sched "@$dir/profiles:none" wakeup
echo 'what' >"$dir/bad"
expect "BEN-08: a bad line" 64 '' 'bad:1: not NAME = WORDS' bench --sched "@$dir/bad" wakeup
expect "BEN-08: no such program" 69 '' 'nowhere/x: No such file' bench --sched "$dir/nowhere/x" wakeup
expect "a dimension by an abbreviation" 0 '4 cells' '' "$ktstr" bench run --dry-run --kern 7.3 --kernel=6.12 --sched a --sched b
expect "--json is refused" 64 '' 'use --out' bench --json x wakeup

# --- BEN-06: side by side
fresh 'sleep 0.05'
export KTSTR_TEST_CPUS=12
expect "BEN-06: jobs" 0 '' '' bench --jobs auto -w a -w b -w c -w d -w e --sched eevdf --sched fifo --runs 4
# Guests have 2 CPUs, and one for the devices: four at once, and of one group never two.
check "BEN-06: the overlap table" test "$(awk '
	$1 == "begin" { bad += now[$4]++ > 0; if (++all > most) most = all }
	$1 == "end" { now[$4]--; all-- }
	END { print bad + 0, most }' "$STUB/boots")" = '0 4'
check "BEN-06: all of them" test "$(sets "$results" | wc -l)" = 40
expect "BEN-06: more than fit" 0 '' '2 guests of 2 CPUs side by side have CPUs of their own' "$ktstr" bench run --dry-run --jobs 200 -w a -w b
unset KTSTR_TEST_CPUS

# --- BEN-07: kill -9 at 50 moments; then the same set as without
fresh 'sleep 0.02'
words=(--sched eevdf --sched fifo -w a -w b --runs 30 --progress none)
RANDOM=16
"$ktstr" bench run --out "$results" "${words[@]}" >"$dir/out" 2>"$dir/err" &
for ((i = 0; i < 50; i++)); do
	sleep "0.0$((RANDOM % 90 + 10))"
	kill -KILL $! 2>/dev/null || true
	wait $! 2>/dev/null || true
	"$ktstr" bench run --out "$results" --resume "${words[@]}" >>"$dir/out" 2>>"$dir/err" &
done
wait $! || true
killed=$results
fresh
bench "${words[@]}" >"$dir/out" 2>"$dir/err" || true
check "BEN-07: the same set" diff <(sets "$killed") <(sets "$results")
check "BEN-07: of all" test "$(sets "$results" | wc -l)" = 120
check "BEN-07: nothing is torn" test -z "$(find "$killed" -name '.*' -type f)"
fresh 'sleep 5'
"$ktstr" bench run --out "$results" --runs 2 wakeup >"$dir/out" 2>"$dir/err" &
while [ "$(boots)" -lt 1 ]; do sleep 0.05; done
expect "one at a time" 69 '' 'another ktstr bench run works in it' bench --resume --runs 2 wakeup
kill -TERM $!
rc=0
wait $! || rc=$?
check "BEN-05: interrupted" test "$rc $(jq -r '.cells[].stop' "$results/state.json")" = '143 interrupted'

# --- in the nested host: a matrix from a file, and a copy of the directory with what there is
fresh
"$ktstr" bench run --dry-run=json --sched eevdf --sched fifo --runs 3 -w a -w b >"$dir/plan.json"
jq '{matrix: del(.order, .estimated_ns), check: {cpus: 2, cells: [.cells[] |
	{skip: (if .key == "b+fifo" then "no sched_ext" else "" end), timeout_ns: 0, run_ns: 1}]}}' "$dir/plan.json" >"$dir/inner.json"
expect "nested: the first half" 0 '^$' 'boot 9 of 9' "$ktstr" bench run --matrix "$dir/inner.json" --out "$results" --progress plain
check "nested: no cell that is skipped" test "$(sets "$results" | tr '\n' ,)" = \
	'a+eevdf 1 1,a+eevdf 2 2,a+eevdf 3 3,a+fifo 1 1,a+fifo 2 2,a+fifo 3 3,b+eevdf 1 1,b+eevdf 2 2,b+eevdf 3 3,'
check "nested: matrix.json is not its own" test ! -e "$results/matrix.json"
rm "$results/cells/a+fifo/run-002.json"
expect "nested: only what is missing" 0 '^$' 'boot 9 of 9: a.fifo, run 2' "$ktstr" bench run --matrix "$dir/inner.json" --out "$results" --progress plain
check "nested: one boot more" test "$(boots)" = 10
echo '{}' >"$dir/inner.json"
expect "nested: no such file" 70 '' 'not what ktstr bench run writes' "$ktstr" bench run --matrix "$dir/inner.json" --out "$results"

# --- RES-11: no room, no right
if unshare -rm true 2>/dev/null; then
	fresh
	mkdir "$results"
	export results ktstr
	expect "RES-11: not enough room is known before" 69 '' 'are free, and the results may need' unshare -rm sh -c \
		'mount -t tmpfs -o size=1M none "$results" && exec "$ktstr" bench run --out "$results" --runs 20 wakeup'
	check "RES-11: no boot" test "$(boots)" = 0
	fresh '[ "$seed" -lt 3 ] || head -c 1M /dev/zero >"$(dirname "$json")/full" 2>/dev/null || true'
	mkdir "$results"
	expect "RES-11: a disk that fills" 1 '^2$' "can.t be written: No space left" unshare -rm sh -c \
		'mount -t tmpfs -o size=1M none "$results" && { "$ktstr" bench run --out "$results" --runs 6 wakeup; rc=$?; ls "$results"/cells/*/run-???.json | wc -l
		rm "$results"/cells/eevdf/full; exit $rc; }'
	check "RES-11: and no more boots" test "$(boots)" = 3
fi
if [ "$(id -u)" -ne 0 ]; then
	fresh
	mkdir -m 555 "$results"
	expect "RES-11: read-only" 69 '' 'Permission denied' bench --runs 1 wakeup
fi
fresh
: >"$results"
expect "RES-11: a file" 69 '' 'Not a directory' bench --runs 1 wakeup

# --- RPT-06: progress
fresh
expect "RPT-06: plain in a pipe" 0 '' 'boot 2 of 3: eevdf, run 2; [0-9]+s to go' bench --runs 3 wakeup
check "RPT-06: no control characters" test "$(grep -c $'\r' "$dir/err")" = 0
fresh
expect "RPT-06: none" 0 '^$' '^$' bench --runs 3 --progress none wakeup
fresh 'sleep 1.2'
expect "RPT-06: a line on a terminal" 0 '' '' script -qec "$ktstr bench run --out $results --runs 2 wakeup" "$dir/tty"
check "RPT-06: it is rewritten" grep -q $'\r\033\\[K.*boot 1 of 2: eevdf, run 1, 1s' "$dir/tty"

# --- commands' words stay theirs
fresh
expect "words of a command" 0 '"--runs",' '' "$ktstr" bench run --dry-run=json --runs 1 -- fio --runs 3
exit $((failures > 0))
