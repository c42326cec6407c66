#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bench/package, with a stub of a build: what the package contains and needs, and that the same bytes come out again.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0
export SOURCE_DATE_EPOCH=1700000000

fail() {
	echo "FAILED: $*"
	failures=$((failures + 1))
}

for words in --frob "$dir/none" ". more"; do
	rc=0
	# shellcheck disable=SC2086 # two words
	"$root/bench/package" $words >/dev/null 2>"$dir/err" || rc=$?
	if [ $rc -ne 64 ] || ! grep -q '^ktstr: package: ' "$dir/err"; then fail "$words: exit code $rc, $(cat "$dir/err")"; fi
done
if ! command -v dpkg-shlibdeps >/dev/null || [ -n "$(bash -euc ". $root/bench/setup; packages_missing build package")" ]; then
	echo "no dpkg-shlibdeps, or a package of bench/packages is missing: no package is made" >&2
	exit 77
fi

# A build whose ktstr is a program with shared libraries, and whose guest-init is not.
mkdir "$dir/bin"
cat >"$dir/bin/meson" <<'STUB'
#!/bin/bash
case $1 in
setup) mkdir -p "${@: -2:1}" && touch "${@: -2:1}/build.ninja" ;;
install)
	to=$DESTDIR/usr
	mkdir -p "$to"/{bin,libexec/ktstr,share/man/man1,share/bash-completion/completions,share/zsh/site-functions,share/doc/ktstr}
	cp /bin/true "$to/bin/ktstr"
	cp /bin/busybox "$to/libexec/ktstr/guest-init" 2>/dev/null || echo text >"$to/libexec/ktstr/guest-init"
	for file in libexec/ktstr/setup share/man/man1/ktstr.1 share/bash-completion/completions/ktstr.bash \
		share/zsh/site-functions/_ktstr share/doc/ktstr/README.md share/doc/ktstr/LICENSE; do
		echo "$file" >"$to/$file"
	done
	;;
esac
STUB
printf '#!/bin/sh\necho "ninja: no work to do."\n' >"$dir/bin/ninja"
chmod +x "$dir"/bin/*
export KTSTR_BUILD_DIR=$dir/build PATH=$dir/bin:$PATH
mkdir "$dir/one" "$dir/two"
deb=$("$root/bench/package" "$dir/one" 2>"$dir/err") || { cat "$dir/err"; fail "exit code $?"; exit 1; }
version=$(sed -nE "s/^ +version: '(.*)',$/\1/p" "$root/meson.build")
[ "$deb" = "$dir/one/ktstr_${version}_$(dpkg --print-architecture).deb" ] || fail "it is named $deb"
if [ ! -d "$dir/build-package" ] || [ -e "$dir/build" ]; then fail "it was built in the build that is worked with"; fi

field() { dpkg-deb -f "$deb" "$1"; }
[ "$(field Version)" = "$version" ] || fail "Version: $(field Version)"
for need in apt busybox-static ca-certificates debian-archive-keyring kmod libc6; do
	grep -qE "(^|, )$need( \(|,|$)" <<<"$(field Depends)" || fail "does not depend on $need: $(field Depends)"
done
grep -qE '(^|, )dwarves(,|$)' <<<"$(field Suggests)" || fail "Suggests: $(field Suggests)"
grep -qE '(^|, )glibc \(= ' <<<"$(field Built-Using)" || fail "Built-Using: $(field Built-Using)"
dpkg-deb -c "$deb" >"$dir/list"
awk '$2 != "root/root"' "$dir/list" | grep -q . && fail "files that are not root's: $(cat "$dir/list")"
for file in usr/bin/ktstr usr/libexec/ktstr/setup usr/share/man/man1/ktstr.1.gz usr/share/doc/ktstr/{README.md,copyright,changelog.gz} \
	usr/share/bash-completion/completions/ktstr usr/share/zsh/vendor-completions/_ktstr; do
	grep -qF " ./$file" "$dir/list" || fail "$file is not in it"
done
dpkg-deb -x "$deb" "$dir/root"
dpkg-deb -e "$deb" "$dir/control"
(cd "$dir/root" && md5sum --quiet -c "$dir/control/md5sums") || fail "md5sums"
[ "$(wc -l <"$dir/control/md5sums")" -eq "$(find "$dir/root" -type f | wc -l)" ] || fail "a file is not in md5sums"
again=$("$root/bench/package" "$dir/two" 2>"$dir/err")
cmp "$deb" "$again" || fail "the same build makes another package"
[ $failures -eq 0 ] && echo "all as expected"
