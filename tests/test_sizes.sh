#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Checks that no file of the product is over 450 lines and no function over 60. test_sizes.sh ROOT
# A function counts from its opening brace in column 0 to its closing one, as clang-format puts them.
# Exempt are those below; one that is no longer too long must be removed from its list.
rooms='reactor virtio kvm guest-init bpf bench'
tables='' # FILE:FUNCTION of functions that are one table
# To be cut:
long_files=''
long_functions=''
set -euo pipefail

# FILE LINES for each file, and FILE:FUNCTION LINES for each function, that is too long.
too_long() { # ROOT
	# shellcheck disable=SC2016,SC2086
	(cd "$1" && find $rooms -name '*.[ch]' -print0) | sort -z | (cd "$1" && xargs -0 awk '
		function ended() { if (lines > 450) print file, lines }
		FNR == 1 { ended(); file = FILENAME; start = 0 }
		{ lines = FNR }
		/^[A-Za-z_].*\(/ {
			name = $0
			sub(/^__attribute__\(\(.*\)\) /, "", name)
			sub(/\(.*/, "", name)
			sub(/.*[ *]/, "", name)
		}
		/^\{/ { start = FNR }
		/^\}/ && start {
			if (FNR - start + 1 > 60)
				print FILENAME ":" name, FNR - start + 1
			start = 0
		}
		END { ended() }')
}

check() { # ROOT: 0, or 1 after a line for each fault
	local what lines bad=0
	too_long "$1" >"$dir/found"
	while read -r what lines; do
		case " $tables $long_files $long_functions " in
		*" $what "*) ;;
		*) echo "$what: $lines lines; cut it" && bad=1 ;;
		esac
	done <"$dir/found"
	for what in $tables $long_files $long_functions; do
		grep -q "^$what " "$dir/found" || { echo "$what: not too long; remove it from the list in tests/test_sizes.sh" && bad=1; }
	done
	return $bad
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
root=${1:?}
check "$root" || exit 1
[ "$(cd "$root" && find bench -name '*.c' | wc -l)" -gt 100 ] || { echo "few files found: is this the house?"; exit 1; }

# It would notice: a file of 451 lines, a function of 61, one of the list that is short. 450 and 60 pass.
copy() {
	rm -rf "$dir/house"
	mkdir "$dir/house"
	# shellcheck disable=SC2086
	(cd "$root" && cp -r $rooms "$dir/house")
}
lines() { # COUNT
	local n
	for ((n = 0; n < $1; n++)); do printf '\t;\n'; done
}
notices() { # TEXT
	if check "$dir/house" >"$dir/said" || ! grep -q "$1" "$dir/said"; then
		echo "not noticed: $1"
		cat "$dir/said"
		exit 1
	fi
}
copy
lines 450 >"$dir/house/bench/base/new.h"
printf 'static int short(int a,\n\t\t int b)\n{\n%s\n}\n' "$(lines 58)" >"$dir/house/bench/base/new.c"
check "$dir/house"
lines 451 >"$dir/house/bench/base/new.h"
notices '^bench/base/new.h: 451 lines'
printf '__attribute__((noreturn)) static int *long(int a)\n{\n%s\n}\n' "$(lines 59)" >>"$dir/house/bench/base/new.c"
notices '^bench/base/new.c:long: 61 lines'
copy
# shellcheck disable=SC2086
set -- $long_files
[ $# = 0 ] || { : >"$dir/house/$1" && notices "^$1: not too long"; }
