#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# --dry-run: the machine that would be, by the word; and that none of it came to be. usage: test_dry_run.sh KTSTR
set -u
ktstr=$(readlink -f "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
unset "${!KTSTR_@}"
export KTSTR_CONFIG=$dir/config KTSTR_CACHE_DIR=$dir/cache KTSTR_LOCK_DIR=$dir/locks HOME=$dir
mkdir "$dir/locks"
cd "$dir" || exit 1
failed=0 n=0

fail() {
	echo "FAILED: $*"
	sed 's/^/    /' err out
	failed=1
}

# golden WORDS...: what is expected comes on stdin; paths of this run are DIR, the host's kind is KIND, what every guest is told COMMON.
golden() {
	n=$((n + 1))
	"$ktstr" "$@" >out 2>err </dev/null || fail "$*: exit code $?"
	[ ! -s err ] || fail "$*: something on stderr"
	sed "s|$dir|DIR|g; /^host  /s|: .*|: KIND|; s|console=ttyS0 .* rdinit=/init|COMMON|" out >told
	diff - told || fail "$*: not as expected"
}

echo "no kernel" >kernel
truncate -s 1M disk.img
cat >config <<'CONFIG'
cpus = 3
net = yes
[run]
timeout = 90s
[bench]
duration = 2s
CONFIG

golden run --host nested --kernel kernel --dry-run -- echo a b <<'GOLDEN'
host         nested: KIND
mode         default; its CPUs are chosen in the nested host
kernel       DIR/kernel
cmdline      COMMON earlyprintk=serial
cpus         3, 1n1l3c1t
memory       1 GiB
net          loopback
registers    auto
poll         auto
timeout      90 s
command      echo a b
setting      cpus = 3 (DIR/config:1)
setting      net = yes (DIR/config:2)
setting      timeout = 90s (DIR/config:4)
GOLDEN

# Typed over the environment, the environment over the file.
export KTSTR_CPUS=5 KTSTR_MEMORY=512M
golden bench --host nested --kernel kernel --dry-run --cpus 1 --disk disk.img,ro --disk size=1M,iops=5 --file kernel:/k \
	--append "quiet nosmp" --mode performance --poll 50 --register-page on wakeup <<'GOLDEN'
host         nested: KIND
mode         performance; its CPUs are chosen in the nested host
kernel       DIR/kernel
cmdline      COMMON quiet nosmp earlyprintk=serial
cpus         1, 1n1l1c1t
memory       512 MiB
disk         disk.img,ro
disk         size=1048576,iops=5
net          loopback
registers    in memory
poll         50 us
file         kernel:/k
timeout      324 s
command      /ktstr/ktstr-workload --marks --duration=2000000000ns --warmup=200000000ns --seed=1 wakeup
setting      net = yes (DIR/config:2)
setting      duration = 2s (DIR/config:6)
setting      memory = 512M (KTSTR_MEMORY)
GOLDEN
unset KTSTR_CPUS KTSTR_MEMORY
: >config

# On this machine itself: whatever KVM it has, for nothing is made.
n=$((n + 1))
"$ktstr" run --host try --kernel kernel --cpus 1 --dry-run=json -- true >out 2>err || fail "--host try: exit code $?"
python3 - <<'PYTHON' || fail "the JSON is not as expected"
import json, os
plan = json.load(open("out"))
taken = plan["resources"]
assert plan["schema"] == "ktstr-plan/1" and plan["host"] == "direct" and plan["command"] == ["true"]
assert taken["mode"] == "default" and taken["where"] == "this machine" and taken["locks"] == "shared"
assert plan["settings"] == [] and plan["cpus"] == 1 and plan["topology"]["shape"] == "1n1l1c1t"
PYTHON
if [ "$(nproc)" -ge 2 ]; then
	n=$((n + 1))
	"$ktstr" run --host try --kernel kernel --cpus 1 --mode performance --dry-run -- true >out 2>err ||
		fail "--mode performance: exit code $?"
	grep -q '^mode  *performance on CPUs [0-9,-]* of LLCs [0-9]*, locks exclusive$' out || fail "the plan does not show the CPUs"
	grep -q '^pin  *vCPU 0 on CPU [0-9]*$' out || fail "no vCPU's CPU is told"
	grep -q '^pin  *reactor on CPU [0-9]*$' out || fail "no reactor's CPU is told"
fi
n=$((n + 1))
"$ktstr" run --host try --kernel kernel --cpus 254 --mode performance --dry-run -- true >out 2>err || fail "254: exit code $?"
grep -q '^mode  *performance; not to be had now: performance mode: 254 vCPUs and the reactor need 255 CPUs' out ||
	[ "$(nproc)" -gt 254 ] || fail "does not say that it can't be had"

# A kernel whose CPUs have to share one starts them one after the other, whatever makes them.
n=$((n + 1))
for cpus in 1 2; do
	"$ktstr" run --host try --kernel kernel --cpus $cpus --cpu-cap 1 --dry-run -- true >out 2>err || fail "$cpus on a share of 1: exit code $?"
	[ "$(grep -c '^cmdline .* cpuhp.parallel=0 ' out)" = $((cpus - 1)) ] || fail "$cpus on a share of 1: how they are started"
done
one=$(taskset -cp $$ | sed 's/.*: //; s/[,-].*//')
for cpus in 1 2; do
	taskset -c "$one" "$ktstr" run --host try --kernel kernel --cpus $cpus --dry-run -- true >out 2>err || fail "$cpus on 1: exit code $?"
	[ "$(grep -c '^cmdline .* cpuhp.parallel=0 ' out)" = $((cpus - 1)) ] || fail "$cpus on 1: how they are started"
done

# An early panic is heard: behind what else there is for the kernel, before what is init's, and not against the user's word.
n=$((n + 1))
for words in "loglevel=7|loglevel=7 earlyprintk=serial" "quiet -- -x|earlyprintk=serial quiet -- -x" "earlyprintk=ttyS1|earlyprintk=ttyS1"; do
	"$ktstr" run --host try --kernel kernel --append "${words%|*}" --dry-run -- true >out 2>err || fail "$words: exit code $?"
	grep -q "^cmdline .* rdinit=/init ${words#*|}\$" out || fail "$words: the command line"
done

n=$((n + 1))
"$ktstr" run --host nested --kernel kernel --stats= --dry-run -- true >out 2>err
[ $? -eq 64 ] || fail "--stats=: exit code"
grep -q '^ktstr: --stats: is empty; ' err || fail "--stats= is not told"

# What has no line else, as it was given; and what each node gets.
printf 'hugepages = thp\n' >config
env -u KTSTR_CPUS -u KTSTR_MEMORY "$ktstr" run --host nested --kernel kernel --dry-run --prefault --wake shutdown@5s --halt-poll 50us \
	--env A=b --env "C=d e" --cwd --modules needed --topology-check off --wake=vc-dump --net=mac=02:00:00:00:00:09 --topology 2n2l1c1t:mem=256M,768M -- true >out 2>err || fail "options: exit code $?"
for line in 'hugepages  *thp' 'prefault  *yes' 'wake  *shutdown@5s' 'wake  *vc-dump' 'env  *A=b' 'env  *C=d e' 'cwd  *\.' 'topology-check  *off' 'halt-poll  *50us' \
	'net  *loopback,mac=02:00:00:00:00:09' 'of nodes  *256 MiB, 768 MiB' 'host  *nested: as --host says'; do
	n=$((n + 1))
	grep -q "^$line$" out || fail "options: no line '$line'"
done

# What nobody typed gives way to what contradicts it.
rival() { # TEXT SETTINGS WORDS...: the plan has TEXT
	local text=$1 settings=$2
	shift 2
	n=$((n + 1))
	printf '%b' "$settings" >config
	env -u KTSTR_CPUS -u KTSTR_MEMORY "$ktstr" run --host nested --kernel kernel --dry-run "$@" -- true >out 2>err ||
		fail "$settings $*: exit code $?"
	grep -q "$text" out || fail "$settings $*: not '$text'"
}
rival '^cpus  *8, 8n8l1c1t$' 'cpus = 4\n' --topology numa8
rival '^cpus  *2, 1n1l2c1t$' 'topology = numa8\n' --cpus 2
rival '^cpus  *8, 8n8l1c1t$' 'cpus = 4\n[run]\ntopology = numa8\n'
rival '^memory  *1 GiB$' 'memory = 4G\n' --topology 2n2l1c1t:mem=512M,512M
rival '^memory  *4 GiB$' 'memory = 4G\n' --topology numa8
rival '^of nodes  *1 GiB, 3 GiB$' 'memory = 4G\n' --topology 2n2l1c1t:mem=1G,-
rival '^memory  *4 GiB$' 'memory = 4G\n[run]\ntopology = 2n2l1c1t:mem=512M,512M\n' --cpus 2
rival '^memory  *4 GiB$' 'topology = 2n2l1c1t:mem=512M,512M\n' --memory 4G
rival '^setting  *cpu-cap = 4 ' 'cpu-cap = 4\n[run]\nmode = performance\n' --mode shared
rival '^mode  *performance' 'mode = performance\n[run]\nno-perf-mode = no\n'
rival '^cpus  *2, 1n1l2c1t$' 'topology = numa8\n[run]\ntopology = 2n2l1c1t:mem=512M,512M\n' --memory 4G
rival '^mode  *performance' 'cpu-cap = 1\n' --mode performance
rival '^setting  *cpu-cap = 1 ' 'cpu-cap = 1\n' --mode shared
rival '^mode  *shared' 'mode = performance\n' --cpu-cap 1
rival '^mode  *performance' 'no-perf-mode = yes\n' --mode performance
rival '^mode  *shared' 'mode = performance\n' --no-perf-mode

# --- a spec ---------------------------------------------------------------------
: >config
mkdir -p tree sub kept/kernels/own/lib/modules/1.0
cp kernel tree/vmlinuz
cp kernel kept/kernels/own/vmlinuz
: >kept/kernels/own/lib/modules/1.0/modules.dep
printf '#!/bin/sh\n' >prog
chmod +x prog

# same VERB WORDS...: the plan of a run by its spec is that of the run by these words.
covered=' --kernel --host '
same() {
	local verb=$1 word
	shift
	n=$((n + 1))
	for word; do
		[ "$word" != -- ] || break
		case $word in --*) covered+=" ${word%%=*} " ;; esac
	done
	"$ktstr" "$verb" --dry-run=json "$@" >plan 2>err </dev/null || fail "$verb $*: exit code $?"
	python3 -c 'import json; print(json.dumps(json.load(open("plan"))["spec"]))' >spec
	"$ktstr" "$verb" --spec spec --dry-run=json "${extra[@]}" >out 2>err </dev/null || fail "$verb --spec of $*: exit code $?"
	cmp -s plan out || { fail "$verb --spec of $*: another plan"; diff plan out; }
	# The plan is a spec too, and stdin is a file.
	"$ktstr" "$verb" --spec - --dry-run=json "${extra[@]}" <plan >out 2>err || fail "$verb --spec - of $*: exit code $?"
	cmp -s plan out || fail "$verb --spec -, of the plan of $*: another plan"
}
extra=()
machine=(--host nested --kernel kernel)
same run "${machine[@]}" -- true
same run "${machine[@]}" --cpus 3 --memory 700M --append "quiet  x=\"y z\"" -- echo "a b" '' --host x --spec none -- "\$c"
same run "${machine[@]}" --append '' -- true
same run "${machine[@]}" --disk disk.img,ro,direct=on,serial=S --disk size=1M,iops=5,iops-burst=9,bps=4M,engine=sync,discard=on -- true
same run "${machine[@]}" --net -- true
same run "${machine[@]}" --net loopback,mac=02:00:00:00:00:09,mtu=9000 --poll off --register-page off -- true
same run "${machine[@]}" --net tap=tap0 --poll 50 --register-page on -- true
same run "${machine[@]}" --file prog --file prog:/x --file sub:/ --output sub/o --output p --stats s --events e -- /x
same run "${machine[@]}" --timeout 90s --wake shutdown@5s --wake vc-dump --console --verbose --scx-stats 100ms -- true
same run "${machine[@]}" --env A=b --env "C=d e" --env D= --cwd --modules needed -- true
same run "${machine[@]}" --cwd=sub -- true
# What kernels lack of sched_ext is kept.
KTSTR_CACHE_DIR=$dir/kept same run --host nested --kernel tree/vmlinuz --scheduler ./prog --scheduler-log log -- true
same run "${machine[@]}" --topology 2n2l1c1t:mem=256M,768M --topology-check off -- true
same run "${machine[@]}" --topology 2,2,1,1 --hugepages thp --prefault --mlock --madvise mergeable,dontdump --madvise collapse \
	--host-nodes bind:1,0 -- true
same run "${machine[@]}" --host-nodes interleave:0,3 --hugepages off -- true
same run "${machine[@]}" --mode shared --cpu-cap 2 --wait 5s --bypass-llc-locks --halt-poll 50us -- true
same run "${machine[@]}" --no-perf-mode --halt-poll off -- true
same run "${machine[@]}" --mode performance --halt-poll auto -- true
KTSTR_CACHE_DIR=$dir/kept same run --host nested --kernel own --module x --modules all -- true
same run "${machine[@]}" --initrd disk.img
same run --host try --kernel kernel -- true
cp prog $'pr\xf6g'
same run "${machine[@]}" --file $'pr\xf6g:/x' -- echo $'\xff'
same shell "${machine[@]}" --cpus 1 --disk size=1M
same shell "${machine[@]}" -- sh -c 'exit 3'
"$ktstr" run --spec spec --dry-run=json >out 2>err || fail "run --spec of a shell: exit code $?"
cmp -s plan out || fail "run --spec of a shell: another plan"
extra=(--seed 7 --duration 1s wakeup)
same bench "${machine[@]}" --cpus 1 --disk disk.img,ro "${extra[@]}"
extra=()
n=$((n + 1))
for option in $("$ktstr" run --help | grep -oE '^ {2,6}(-[a-z], )?--[a-z][a-z-]+' | grep -oE -- '--[a-z][a-z-]+$' |
	grep -vxE -- '--(help|spec|dry-run)'); do
	case $covered in *" $option "*) ;; *) fail "no spec has $option" ;; esac
done

# What the settings add is in the spec, and a run by it asks them no more.
printf 'cpus = 3\nnet = yes\n' >config
n=$((n + 1))
KTSTR_MEMORY=700M "$ktstr" run "${machine[@]}" --dry-run=json -- true >plan
printf 'cpus = 5\ntimeout = 3s\ncolour = red\n' >config
KTSTR_MEMORY=800M "$ktstr" run --spec plan --dry-run=json >out 2>err || fail "--spec beside settings: exit code $?"
python3 - <<'PYTHON' || fail "settings count beside --spec"
import json
plan, out = json.load(open("plan")), json.load(open("out"))
assert [s["name"] for s in plan.pop("settings")] == ["cpus", "net", "memory"] and out.pop("settings") == []
assert plan == out
PYTHON
: >config

# What is typed beside it replaces what it says, key by key, wherever it stands; a list as a whole.
n=$((n + 1))
"$ktstr" run "${machine[@]}" --cpus 3 --memory 700M --disk size=1M --disk size=2M --env A=1 --wake vc-dump --file prog:/a \
	--output o --madvise mergeable --dry-run=json -- echo a >plan
"$ktstr" run --cpus 5 --disk size=3M --env B=2 --spec plan --env C=3 --madvise dontdump --dry-run=json -- echo b >out 2>err ||
	fail "options beside --spec: exit code $?"
python3 - <<'PYTHON' || fail "options beside --spec: another spec"
import json
assert json.load(open("out"))["spec"] == {
    "schema": "ktstr-spec/1", "host": "nested", "kernel": "kernel", "cpus": 5, "memory_bytes": 700 << 20,
    "backing": {"dontdump": True}, "disks": [{"size_bytes": 3 << 20}], "command": ["echo", "b"], "env": ["B=2", "C=3"],
    "files": [{"host": "prog", "guest": "/a"}], "outputs": ["o"], "wakes": [{"wake": "vc-dump"}]}
PYTHON

# refused CODE TEXT WORDS...: stdin is the spec
refused() {
	n=$((n + 1))
	"$ktstr" "${@:3}" --dry-run >out 2>err
	if [ $? -ne "$1" ] || [ "$(wc -l <err)" -ne 1 ] || ! grep -qF -- "$2" err || ! grep -q '; ' err; then
		fail "$*: not refused so"
	fi
}
refused 64 '--spec -: disks[1].iops: is a string; ' run --spec - <<<'{"schema":"ktstr-spec/1","disks":[{"path":"a"},{"path":"b","iops":"3k"}]}'
refused 64 '--spec -: colour: no such key; ' run --spec - <<<'{"schema":"ktstr-spec/1","colour":"red"}'
refused 64 '--spec -: line 2, column 0: ' run --spec - <<<'{"schema"'
refused 64 '--spec -: schema: is missing' run --spec - <<<'{}'
refused 64 '--spec spec: --spec - is given too; ' run --spec - --spec spec <<<'{"schema":"ktstr-spec/1"}'
refused 64 'no command; ' run --spec - <<<'{"schema":"ktstr-spec/1"}'
refused 64 '--scheduler nosuch: neither ' run --spec - <<<'{"schema":"ktstr-spec/1","kernel":"kernel","scheduler":"nosuch","command":["true"]}'
refused 64 'leave shell out of it' bench --spec - <<<'{"schema":"ktstr-spec/1","kernel":"kernel","shell":true}'
refused 69 "--spec none: can't be read: No such file" run --spec none </dev/null

[ -z "$(ls locks)" ] || fail "locks were taken"
[ ! -e cache ] || fail "a cache was made"
echo "$n plans"
exit $failed
