#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The loader's words, on this machine, of which it must not touch the scheduler. usage: test_loader.sh KTSTR KTSTR_SCX
set -u
ktstr=$1 scx=$2
failed=0
check() { # WHAT CONDITION...
	"${@:2}" || {
		echo "FAILED: $1"
		failed=1
	}
}
# shellcheck disable=SC2317 # check() calls it
code() { # CODE ARGS...
	"$scx" "${@:2}" >/dev/null 2>&1
	[ $? -eq "$1" ]
}

names=$("$scx" --list)
check "it has the schedulers" [ "$names" = $'fifo\nwrr\nstall' ]
check "ktstr offers the same" grep -q "\[${names//$'\n'/, }\]" <("$ktstr" run --help | tr -s ' \n' ' ')
check "--help" code 0 --help
check "nothing named" code 64
check "an unknown name" code 64 juggle -- true
check "an unknown option" code 64 --juggle
# Where the kernel could take one, this would.
if [ ! -e /sys/kernel/sched_ext/state ]; then
	check "a kernel without sched_ext" code 69 fifo -- true
	check "for programs, too" code 69 /bin/true -- true
fi
exit $failed
