#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Checks by the #includes that rooms use only rooms below them, and that no files go round in a circle. test_arrows.sh ROOT
#  1. The rooms are listed below, the lowest first. A file includes files of its own room and of rooms before it.
#  2. A folder that is not listed is no room: its files may include nothing of the house, and nobody may include them.
#  3. A unit is NAME.c with NAME.h. Units must not include each other, directly or by way of others.
#  4. A header without a .c of its own is private to those who include it, and closes no circle.
#  5. Tests may include anything.
rooms='reactor virtio kvm guest-init bpf bench/base bench/parsers bench/workloads bench/cache bench/spec bench/session bench/initramfs bench/kernel bench/host
bench/nested bench/machine bench/cli bench/result bench/matrix bench/report bench/verb bench/lab'
known='virtio/blk/backing virtio/blk/file' # the one circle that is left: which engine a backing gets
set -euo pipefail

# FILE:LINE FROM TO, for each #include of a file of the house; a folder below a room belongs to the room.
arrows() { # ROOT
	cd "$1"
	grep -rnE --include='*.[ch]' '^#include "[^"]+/[^"]+"' reactor virtio kvm guest-init bpf bench |
		sed -E 's/^([^:]+):([0-9]+):#include "([^"]+)".*/\1:\2 \1 \3/'
}

check() { # ROOT: 0, or 1 after a line for each fault
	local loops
	(arrows "$1") >"$dir/arrows"
	awk -v rooms="$rooms" '
		function room(file, best, r) {
			best = ""
			for (r in rank)
				if (index(file, r "/") == 1 && length(r) > length(best))
					best = r
			return best
		}
		BEGIN { n = split(rooms, name, /[ \n]+/); for (i = 1; i <= n; i++) rank[name[i]] = i }
		{
			from = room($2); to = room($3)
			if (from == "" || to == "") { print $1 ": " $3 ": one of the two is in no room"; bad = 1 }
			else if (rank[to] > rank[from]) { print $1 ": " from " -> " to " runs up"; bad = 1 }
		}
		END { exit bad }' "$dir/arrows" || return 1
	# tsort(1) names the members of each circle on stderr.
	loops=$(while read -r _ from to; do
		from=${from%.[ch]} to=${to%.[ch]}
		if [ "$from" != "$to" ] && [ -e "$1/$from.c" ] && [ -e "$1/$to.c" ]; then echo "$from $to"; fi
	done <"$dir/arrows" | sort -u | grep -vx "$known" | tsort 2>&1 >/dev/null) && return
	printf 'a circle of includes: %s\n' "$(sed 's/^tsort: //; /input contains a loop/d' <<<"$loops" | tr '\n' ' ')"
	return 1
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
root=${1:?}
check "$root" || exit 1
[ "$(wc -l <"$dir/arrows")" -gt 500 ] || { echo "only $(wc -l <"$dir/arrows") includes found: is this the house?"; exit 1; }

# It would notice: an arrow that is turned round, a circle, a folder that is no room.
turned() { # TEXT FILE LINE
	rm -rf "$dir/house"
	mkdir "$dir/house"
	(cd "$root" && cp -r --parents reactor virtio kvm guest-init bpf bench "$dir/house")
	mkdir -p "$(dirname "$dir/house/$2")"
	echo "#include \"$3\"" >>"$dir/house/$2"
	if check "$dir/house" >"$dir/said" || ! grep -q "$1" "$dir/said"; then
		echo "not noticed: $2 includes $3"
		cat "$dir/said"
		exit 1
	fi
}
turned '^reactor/loop.c:.*: reactor -> virtio runs up' reactor/loop.c virtio/virtqueue.h
turned '^bench/base/size.h:.*: bench/base -> bench/verb runs up' bench/base/size.h bench/verb/verbs.h
turned 'circle of includes: .*bench/base/terminal' bench/base/terminal.c bench/base/fault.h
turned 'in no room' bench/attic/old.c bench/base/size.h
