#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Manual pages and completions say all that --help says, and are what man and the shells take. usage: test_manual.sh KTSTR
set -u
ktstr=$(readlink -f "$1")
built=$(dirname "$ktstr")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
unset "${!KTSTR_@}"
export KTSTR_CONFIG=/dev/null KTSTR_CACHE_DIR=$dir/cache
cd "$dir" || exit 1
failed=0 n=0

fail() {
	echo "FAILED: $*"
	failed=1
}

verbs=$("$ktstr" --help | sed -n '/^  [a-z]/s/^  \([a-z]*\) .*/\1/p' | sed '/^ktstr$/d; /^the$/d' | sort -u)
[ "$(wc -w <<<"$verbs")" -ge 7 ] || fail "too few verbs: $verbs"
"$ktstr" manual bash >ktstr.bash || fail "bash"
"$ktstr" manual zsh >_ktstr || fail "zsh"
"$ktstr" manual fish >ktstr.fish || fail "fish"
"$ktstr" manual man >ktstr.1 || fail "ktstr.1"

# Its own verbs, as "bench run".
for verb in $verbs; do
	while read -r own; do verbs+=$'\n'"$verb $own"; done < <("$ktstr" "$verb" --help | sed -n '/^ Verbs of its own:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p')
done
grep -q '^bench compare$' <<<"$verbs" || fail "bench has no verbs of its own: $verbs"

# Each option of each verb's --help has its place in all four.
while read -r words; do
	verb=${words/ /-} case=${words/ /\\\\ }
	# shellcheck disable=SC2086 # it may be two words
	"$ktstr" manual man $words >"ktstr-$verb.1" || fail "ktstr-$verb.1"
	cmp -s "ktstr-$verb.1" "$built/ktstr-$verb.1" || fail "ktstr-$verb.1 is not what was built: is it in bench/meson.build?"
	grep -q "ktstr.-${verb//-/.-}" ktstr.1 "ktstr-${words% *}.1" || fail "no page tells of $verb"
	# shellcheck disable=SC2086
	for option in $("$ktstr" $words --help | grep -oE '^ {2,6}(-[a-z], )?--[a-z][a-z-]+' | grep -oE -- '--[a-z-]+' | grep -v '^--help$'); do
		n=$((n + 1))
		grep -qF -- "\\-\\-$(sed 's/^--//; s/-/\\-/g' <<<"$option")\\fR" "ktstr-$verb.1" || fail "ktstr-$verb.1: no $option"
		sed -n "/^\t\t$case) words=/p" ktstr.bash | grep -qF -- " $option" || fail "bash: no $verb $option"
		sed -n "/^\t$case)/,/;;/p" _ktstr | grep -qE -- "'\*${option}[=[]" || fail "zsh: no $verb $option"
		grep -qE "from ${words#* }' -l ${option#--} " ktstr.fish || fail "fish: no $verb $option"
	done
done <<<"$verbs"
[ $n -gt 50 ] || fail "only $n options were found"
grep -q 'KTSTR_LOCK_DIR' ktstr.1 || fail "ktstr.1: no environment"

# What reads them has nothing to say.
have() { command -v "$1" >/dev/null || {
	echo "not looked at by $1, which is not here"
	return 1
}; }
for page in *.1; do
	if have mandoc; then mandoc -Tlint -W warning "$page" >lint || fail "mandoc: $(head -n 3 lint)"; fi
	if have man; then
		LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l "$page" >text 2>lint
		[ ! -s lint ] || fail "man: $(head -n 3 lint)"
		if grep -qE 'NAME' text; then :; else fail "man shows nothing of $page"; fi
	fi
done
bash -n ktstr.bash || fail "bash's syntax"
if have zsh; then zsh -n _ktstr || fail "zsh's syntax"; fi
if have fish; then fish -n ktstr.fish || fail "fish's syntax"; fi

# bash completes. complete TEXT WORDS...: the last word is being typed; TEXT is among what is offered.
# shellcheck disable=SC1091
. ./ktstr.bash
complete_() {
	COMP_WORDS=(ktstr "$@") COMP_CWORD=$#
	_ktstr
	printf '%s\n' "${COMPREPLY[@]}"
}
touch somefile
expect() {
	local text=$1
	shift
	n=$((n + 1))
	complete_ "$@" | grep -qxF -- "$text" || fail "bash: '$text' is not offered behind: ktstr $*"
}
expect run r
expect bench ''
expect --memory run --mem
expect performance run --mode p
expect performance run --mode = per
expect shared shell --mode ''
expect somefile run --kernel some
expect somefile run --file some
expect somefile run -- cat some
expect --duration bench --dur
expect --watch locks ''
expect vmlinux kernel ''
expect io-randread bench io
expect compare bench com
expect --format bench compare --for
expect junit bench compare --format ju
expect somefile bench show some
expect --duration bench run --dur
# shellcheck disable=SC2317 # the completions do
ktstr() { "$ktstr" "$@"; } # as the completions call it
expect numa2-4llc topo numa2
expect numa8 run --topology nu
unset -f ktstr
[ -z "$(complete_ run --cpus 3)" ] || fail "bash: something is offered for a number"
if complete_ '' | grep -q manual; then fail "bash: a hidden verb is offered"; fi
if "$ktstr" --help | grep -q 'ktstr manual\|^  manual'; then fail "--help tells of a hidden verb"; fi

# Bad words are one line.
for words in "" "tex" "man fly" "man run x" "bash x"; do
	# shellcheck disable=SC2086
	"$ktstr" manual $words >out 2>err && fail "manual $words: taken"
	if [ "$(grep -c '^ktstr: .*; ' err)" -ne 1 ] || [ "$(wc -l <err)" -ne 1 ] || [ -s out ]; then fail "manual $words: $(cat err)"; fi
done

echo "$n options and completions"
exit $failed
