#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In a guest: what ktstr-scx makes of each fault that a scheduler's program may have. usage: scx_faults.sh PROGRAM
# A line for each case: NAME CODE STDOUT|LAST WORD; cases that leave their scheduler attached come last.
program=$1

# try NAME COMMAND SCHEDULER...: the scheduler's words are quoted by the caller
try() {
	name=$1 command=$2
	shift 2
	ktstr-scx "$@" -- sh -c "$command" >out 2>err </dev/null
	echo "$name $? $(tr '\n' ' ' <out)|$(grep '^ktstr-scx: ' err | tail -n 1)"
	sed "s/^/$name: /" err >&2
}
long='i=0; while [ $i -lt 600 ]; do sleep 0.1; i=$((i + 1)); done; echo late'

cp "$program" "/tmp/a program"
printf '#!/bin/sh\n%s "$@"\n' "$program" >/tmp/script
printf '#!/bin/sh\nexec %s "$@"\n' "$program" >/tmp/exec-script
printf '#!/no/such/interpreter\n' >/tmp/no-interpreter
cp "$program" /tmp/not-executable
chmod 755 /tmp/script /tmp/exec-script /tmp/no-interpreter
chmod 644 /tmp/not-executable
echo needed >/tmp/file

try fine 'echo ran; exit 7' "$program"
try words 'echo ran' "'/tmp/a program' --echo 'two words' it\\'s \"\" last"
grep -c '^a program: scx-program: word \[\(two words\|it.s\|last\|\)\]$' err | sed 's/^/words-seen 0 /'
try script 'echo ran' "/tmp/script"
try exec-script 'echo ran' "/tmp/exec-script"
try file 'echo ran' "$program --need /tmp/file"
try slow 'echo ran' "$program --slow 3"
printf '#!/bin/sh\nprintf no-end-of-line\nexit 3\n' >/tmp/no-end
chmod 755 /tmp/no-end
try no-end 'echo late' /tmp/no-end
try noise 'echo ran' "$program --noise 20000"
try restart 'cat /sys/kernel/sched_ext/enable_seq >/dev/null; sleep 4; cat /sys/kernel/sched_ext/state' "$program --restart 1"
try stall "$long" "$program --stall"
try error "$long" "$program --error"
try exits "$long" "$program --exit"
try exits-code "$long" "$program --exit-code 5 --code 3"
try dies 'echo late' "$program --die-at-once"
try refused 'echo late' "$program --refused"
sed -n '/BEGIN PROG LOAD LOG/,/END PROG LOAD LOG/p' err | wc -l | sed 's/^/refused-log 0 /'
try missing 'echo late' /tmp/missing
try no-interpreter 'echo late' /tmp/no-interpreter
try not-executable 'echo late' /tmp/not-executable
try needs 'echo late' "$program --need /tmp/nothing"
try no-scheduler 'echo late' /bin/true
try hang-at-end 'echo ran' "$program --hang-at-end"
try pin-link 'echo ran' "$program --pin-link"
try second 'echo late' "$program"
