# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Sourced by tests of programs: runs one, and counts in $failures what is not as expected. $dir: a directory for its output.
# shellcheck disable=SC2154 # $dir

failures=0

expect() { # WHAT CODE STDOUT-PATTERN STDERR-PATTERN CMD...
	local what=$1 code=$2 out=$3 err=$4 rc=0
	shift 4
	"$@" >"$dir/out" 2>"$dir/err" </dev/null || rc=$?
	if [ "$rc" -ne "$code" ] || [[ ! $(<"$dir/out") =~ $out ]] || [[ ! $(<"$dir/err") =~ $err ]]; then
		printf 'FAILED: %s: exit %s (expected %s)\nstdout: %s\nstderr: %s\n' "$what" "$rc" "$code" \
			"$(cat "$dir/out")" "$(cat "$dir/err")"
		failures=$((failures + 1))
	fi
}
