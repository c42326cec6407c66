#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bench/kernel/fetch with a small Debian archive of its own, by the real apt: which kernel becomes the default, what takes the place
# of a series that is gone, and what is said of it. No network, no root.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
for tool in apt-get dpkg-deb depmod; do
	PATH=$PATH:/sbin command -v $tool >/dev/null || { echo "no $tool here"; exit 77; }
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
unset KTSTR_SUITES
export KTSTR_CACHE_DIR=$dir/cache KTSTR_MIRROR=file://$dir/archive APT_CONFIG=$dir/apt.conf LC_ALL=C
# The archive is not signed.
cat >"$APT_CONFIG" <<'CONF'
Acquire::AllowInsecureRepositories "true";
APT::Get::AllowUnauthenticated "true";
CONF
# shellcheck source=tests/bench/expect.sh
. "$root/tests/bench/expect.sh"

link_is() { # NAME RELEASE
	[ "$(readlink "$dir/cache/kernels/$1")" = "$2" ] && return
	echo "FAILED: $1 is $(readlink "$dir/cache/kernels/$1" || echo no kernel), not $2"
	failures=$((failures + 1))
}

# --- the archive -------------------------------------------------------------

# deb SUITE PACKAGE DEPENDS FILE...: each FILE has its path as its content
deb() {
	local suite=$1 package=$2 depends=$3 file pool=$dir/archive/pool/$2.deb
	shift 3
	mkdir -p "$dir/deb/DEBIAN" "$dir/archive/pool" "$dir/archive/dists/$suite/main/binary-amd64"
	printf 'Package: %s\nVersion: 1\nArchitecture: amd64\nMaintainer: none\nDescription: none\n' "$package" >"$dir/deb/DEBIAN/control"
	[ -z "$depends" ] || echo "Depends: $depends" >>"$dir/deb/DEBIAN/control"
	for file; do mkdir -p "$dir/deb/${file%/*}" && echo "${2:-$file}" >"$dir/deb/$file"; done
	for file in "$dir"/deb/{usr/,}lib/modules/*/x.ko; do [ ! -e "$file" ] || cp "$dir/x.ko" "$file"; done
	for file in "$dir"/deb/boot/config-* "$dir"/deb/usr/lib/modules/*/config; do
		[ ! -e "$file" ] || echo CONFIG_SCHED_CLASS_EXT=y >"$file"
	done
	dpkg-deb -Znone -b "$dir/deb" "$pool" >/dev/null
	{
		cat "$dir/deb/DEBIAN/control"
		printf 'Filename: pool/%s.deb\nSize: %s\nSHA256: %s\n\n' "$package" "$(stat -c %s "$pool")" "$(sha256sum <"$pool" | cut -d' ' -f1)"
	} >>"$dir/archive/dists/$suite/main/binary-amd64/Packages"
	rm -rf "$dir/deb"
}

printf '__attribute__((section(".modinfo"), used)) static const char d[] = "depends=";' | gcc -c -xc -o "$dir/x.ko" -

# As Debian has them since 7.0, and before.
kernel() { # SUITE RELEASE
	local kind
	deb "$1" "linux-image-$2" "linux-base-$2 (= 1), linux-binary-$2 (= 1), linux-modules-$2 (= 1)" usr/share/doc/x
	deb "$1" "linux-binary-$2" "" "usr/lib/modules/$2/vmlinuz"
	for kind in base modules; do deb "$1" "linux-$kind-$2" "" "usr/lib/modules/$2/$([ $kind = base ] && echo config || echo x.ko)"; done
}
old_kernel() { deb "$1" "linux-image-$2" "" "boot/vmlinuz-$2" "boot/config-$2" "lib/modules/$2/x.ko"; }

released() { # CODENAME SUITE
	local lists=$dir/archive/dists/$1
	mkdir -p "$lists/main/binary-amd64"
	touch "$lists/main/binary-amd64/Packages"
	printf 'Origin: Debian\nSuite: %s\nCodename: %s\nDate: %s\nArchitectures: amd64\nComponents: main\nSHA256:\n %s %s main/binary-amd64/Packages\n' \
		"$2" "$1" "$(date -Ru)" "$(sha256sum <"$lists/main/binary-amd64/Packages" | cut -d' ' -f1)" \
		"$(stat -c %s "$lists/main/binary-amd64/Packages")" >"$lists/Release"
}
release_all() {
	released new-backports stable-backports
	released old-backports oldstable-backports
	released old oldstable
	released new stable
	local alias
	for alias in new:stable old:oldstable; do
		mkdir -p "$dir/archive/dists/${alias#*:}"
		cp "$dir/archive/dists/${alias%:*}/Release" "$dir/archive/dists/${alias#*:}/InRelease"
	done
}

kernel new-backports 9.0.4+x-cloud-amd64
kernel new-backports 9.1.1+x-cloud-amd64
kernel new-backports 9.1.10+x-cloud-amd64
# Its other parts have left the archive.
deb new-backports linux-image-9.2.0+x-cloud-amd64 "linux-base-9.2.0+x-cloud-amd64 (= 1), linux-modules-9.2.0+x-cloud-amd64 (= 1)"
deb new-backports linux-source-9.0 "" usr/src/linux-source-9.0.tar.xz
old_kernel old-backports 6.12.9+x-cloud-amd64
old_kernel old 6.1.0-50-cloud-amd64
release_all

# What ktstr kernel check says, for kernels that are not real ones: those of $dir/lacking are not complete.
cat >"$dir/ktstr" <<'KTSTR'
#!/bin/bash
dir=$(dirname "$0") name=$(basename "$(dirname "$3")")
grep -qx "$name" "$dir/lacking" || exit 0
echo "$name: its BTF lacks 3 of 7 kfuncs; use another"
exit 1
KTSTR
chmod +x "$dir/ktstr"
export KTSTR_PROGRAM=$dir/ktstr

# --- the default -------------------------------------------------------------

fetch=$root/bench/kernel/fetch
echo 9.1.10+x-cloud-amd64 >"$dir/lacking"
expect "default" 0 '/kernels/9.0.4\+x-cloud-amd64$' '9.1.10\+x-cloud-amd64: not the default: its BTF lacks 3 of 7 kfuncs' "$fetch" kernel default
link_is default 9.0.4+x-cloud-amd64
link_is 9.1 9.1.10+x-cloud-amd64
expect "warm cache" 0 '/kernels/9.0.4\+x-cloud-amd64$' '^$' env KTSTR_MIRROR=file:///none "$fetch" kernel default
expect "what is available" 0 '9.1 +new-backports +9.1.10\+x-cloud-amd64 +2 releases, in the cache
9.0 +new-backports +9.0.4\+x-cloud-amd64 +in the cache, the default
6.12 +old-backports +6.12.9\+x-cloud-amd64 *
6.1 +old +6.1.0-50-cloud-amd64' '' "$fetch" available
[[ $(<"$dir/out") != *9.2* ]] || { echo "FAILED: a kernel whose parts are gone is available"; failures=$((failures + 1)); }

# Debian moves on: what is cached stays until it is asked anew.
kernel new-backports 9.3.1+x-cloud-amd64
release_all
expect "a newer one, not asked" 0 '/kernels/9.0.4\+x-cloud-amd64$' '^$' "$fetch" kernel default
find "$dir/cache/apt" -name '*Packages*' -exec touch -h -d '2020-01-01' {} +
expect "would be the default" 0 '9.3 .*would be the default: ktstr kernel fetch --refresh' '' "$fetch" available
expect "a newer one" 0 '/kernels/9.3.1\+x-cloud-amd64$' 'unpack kernel 9.3.1' "$fetch" --refresh kernel default
link_is default 9.3.1+x-cloud-amd64
# By hand it is the user's own choice.
ln -sfn 9.0.4+x-cloud-amd64 "$dir/cache/kernels/default"
expect "the user's own default" 0 '/kernels/9.0.4\+x-cloud-amd64$' '^$' "$fetch" kernel default
# One that an older version chose is chosen anew.
rm "$dir/cache/kernels/.default"
expect "an older version's default" 0 '/kernels/9.3.1\+x-cloud-amd64$' '9.0.4.* was chosen by an older version' "$fetch" kernel default
link_is default 9.3.1+x-cloud-amd64
# None is complete: the newest, and not all are downloaded.
printf '%s+x-cloud-amd64\n' 9.3.1 9.1.10 9.0.4 >"$dir/lacking"
expect "none complete" 0 '/kernels/9.3.1\+x-cloud-amd64$' 'none of the 3 newest series loads all schedulers; it is the newest' "$fetch" --refresh kernel default
[ ! -e "$dir/cache/kernels/6.12.9+x-cloud-amd64" ] || { echo "FAILED: all series were downloaded"; failures=$((failures + 1)); }

# --- series and releases that are gone ----------------------------------------

expect "a series" 0 '/kernels/6.12.9\+x-cloud-amd64$' 'unpack' "$fetch" kernel 6.12
link_is 6.12 6.12.9+x-cloud-amd64
link_is nested 6.12.9+x-cloud-amd64
expect "a series that is gone" 0 '/kernels/6.1.0-50-cloud-amd64$' \
	"kernel 5.10: Debian's archive does not have it any more; the nearest that it has is 6.1.0-50-cloud-amd64: name it as 6.1" "$fetch" kernel 5.10
[ ! -e "$dir/cache/kernels/5.10" ] || { echo "FAILED: 5.10 stands for another series"; failures=$((failures + 1)); }
expect "one that is there, with the gone" 0 '/kernels/6.1.0-50-cloud-amd64$' 'name it as 6.1' "$fetch" kernel 5.10
expect "a release that is superseded" 0 '/kernels/9.1.10\+x-cloud-amd64$' 'the nearest that it has is 9.1.10.*name it as 9.1' "$fetch" kernel 9.1.0+x-cloud-amd64
expect "a series to come" 69 '^$' 'kernel 9.9: no such cloud kernel in new-backports old-backports old new; see ktstr kernel list' "$fetch" kernel 9.9
expect "named suites" 69 '^$' 'kernel 9.9: no such cloud kernel in old;' env KTSTR_SUITES=old "$fetch" kernel 9.9

ln -sfn 9.0.4+x-cloud-amd64 "$dir/cache/kernels/default"
expect "the default's source" 0 '/sources/linux-source-9.0.tar.xz$' 'unpack' "$fetch" source default
expect "no such source" 69 '^$' 'linux-source-9.3: not in' "$fetch" source 9.3
expect "no series" 64 '^$' "source 'x': no series" "$fetch" source x

# --- the host of bench/lab/debian-host -----------------------------------------

mkdir "$dir/cache/qemu-10"
printf '#!/bin/sh\necho "QEMU emulator version 10.0.11 (Debian)"\n' >"$dir/cache/qemu-10/qemu-system-x86_64"
chmod +x "$dir/cache/qemu-10/qemu-system-x86_64"
expect "debian-host: the newest in the cache" 0 '/kernels/9.3.1\+x-cloud-amd64$' '^$' env KTSTR_MIRROR=file:///none "$fetch" debian-host
link_is debian-host 9.3.1+x-cloud-amd64
mv "$dir/cache/kernels" "$dir/cache/kernels.before"
expect "debian-host: the newest in the archive" 0 '/kernels/9.3.1\+x-cloud-amd64$' 'unpack kernel 9.3.1' "$fetch" debian-host
link_is debian-host 9.3.1+x-cloud-amd64
expect "debian-host: warm cache" 0 '/kernels/9.3.1\+x-cloud-amd64$' '^$' env KTSTR_MIRROR=file:///none "$fetch" debian-host

[ "$failures" -eq 0 ] && echo "all as expected"
