#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Verbs that run in the nested host, with a program in QEMU's place. usage: test_verbs.sh KTSTR FAKE_QEMU
set -u
# Started under nohup it would hand on that SIGHUP is ignored, and ktstr keeps that.
[ -n "${SIGHUP_IS_DEFAULT:-}" ] || SIGHUP_IS_DEFAULT=1 exec env --default-signal=HUP bash "$0" "$@"
ktstr=$(readlink -f "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
unset "${!KTSTR_@}"
export KTSTR_CONFIG=$dir/config KTSTR_CACHE_DIR=$dir/cache KTSTR_QEMU HOME=$dir
KTSTR_QEMU=$(readlink -f "$2")
cd "$dir" || exit 1
touch config
mkdir -p cache/kernels/nested/lib/modules/1.0
echo "no kernel" >cache/kernels/nested/vmlinuz
: >cache/kernels/nested/lib/modules/1.0/modules.dep
printf 'kernel/a/%s.ko\n' virtio_pci virtio_console virtio_blk kvm-amd >cache/kernels/nested/lib/modules/1.0/modules.builtin
# A bzImage with a 64-bit entry, as far as its header says.
{ head -c 514 /dev/zero; printf 'HdrS\x0f\x02'; head -c 9 /dev/zero; printf '\x01'; head -c 36 /dev/zero; printf '\x01'; head -c 457 /dev/zero; } >kernel
failed=0

# run PART CODE TEXT OPTION...: what QEMU plays, and ktstr's exit code and word then
run() {
	local code=0
	FAKE_QEMU=$1 timeout 60 "$ktstr" run --host nested --kernel kernel "${@:4}" -- true >out 2>err </dev/null || code=$?
	[ "$code" -eq "$2" ] && grep -q -- "$3" err && return
	echo "FAILED: $1 ${*:4}: exit code $code, not $2 with '$3'"
	sed 's/^/    /' err
	failed=1
}

# 2^32 s less the time that the nested host gets beside the guest's, and one second.
run late 0 '' --timeout 4294967177s
run late 0 '' --timeout 9000000000s
run line 0 '' --events events
run line 1 '/dev/full: can.t be written: No space' --events /dev/full

# spec VERB JSON WORDS...: what the nested host's ktstr is given is the verb with a spec, which is JSON; no other words
# but bench's own.
spec() {
	local code=0 verb=$1
	rm -f initrd # with --cwd it would be in the next
	FAKE_QEMU=line FAKE_INITRD=initrd timeout 60 "$ktstr" "$verb" --host nested "${@:3}" >out 2>err </dev/null || code=$?
	python3 - "$ktstr" "$verb" "$2" <<'PYTHON' && [ $code -eq 0 ] && return
import json, os, sys
image = open("initrd", "rb").read()
def file(name):  # of a cpio archive in the newc format, where a name follows a header of 110 bytes
    at = image.index(name + b"\0")
    while image[at - 110:at - 104] != b"070701":
        at = image.index(name + b"\0", at + 1)
    size, length = int(image[at - 56:at - 48], 16), int(image[at - 16:at - 8], 16)
    data = (at + length + 3) // 4 * 4
    return image[data:data + size]
words = file(b"ktstr/argv").split(b"\0")[:-1]
expected = [sys.argv[1], sys.argv[2], "--spec", "/ktstr/spec.json"]
if sys.argv[2] == "bench":
    expected += ["--duration=2000000000ns", "--warmup=200000000ns", "--seed=7", "wakeup", "--json", "-"]
assert words == [w.encode() for w in expected], words
spec, wanted = json.loads(file(b"ktstr/spec.json")), json.loads(sys.argv[3])
wanted.update(schema="ktstr-spec/1", host="direct")
wanted.setdefault("kernel", os.path.realpath("kernel"))
assert spec == wanted, spec
PYTHON
	echo "FAILED: $*: exit code $code, or another spec in the nested host"
	sed 's/^/    /' err
	failed=1
}
spec run '{"command": ["true", "--host", "x", "--spec", "y", "--", ""]}' --kernel kernel -- true --host x --spec y -- ''
spec run '{"command": ["prog", "--host", "x"], "files": [{"host": "kernel", "guest": "/prog"}]}' --kernel kernel \
	--file kernel:/prog prog --host x
printf 'cpus = 3\nnet = yes\n' >config
KTSTR_TIMEOUT=90s spec run '{"command": ["true"], "cpus": 3, "net": {}, "timeout_ns": 90000000000, "memory_bytes": 734003200}' \
	--kernel kernel --memory 700M -- true
: >config
truncate -s 1M disk.img
spec run '{"command": ["true"], "events": "/dev/fd/3", "console": true, "mode": "performance", "topology": "numa8",
	"disks": [{"path": "disk.img", "read_only": true}], "env": ["A=b"], "cwd": "."}' --kernel kernel --events e \
	--console --mode performance --topology numa8 --disk disk.img,ro --env A=b --cwd -- true
spec run '{"command": [{"hex": "ff"}], "files": [{"host": "kernel", "guest": "/x"}]}' --kernel kernel --file kernel:/x -- $'\xff'
spec shell '{"shell": true}' --kernel kernel
spec shell '{"shell": true, "command": ["top", "-b"]}' --kernel kernel -- top -b
spec bench '{"cpus": 1, "timeout_ns": 324200000000}' --kernel kernel --cpus 1 --duration 2s --seed 7 --json - wakeup
printf '{"schema":"ktstr-spec/1","host":"nested","kernel":"kernel","cpus":4,"command":["true"]}' >spec.json
spec run '{"command": ["true"], "cpus": 4}' --spec spec.json

# A matrix goes there as a whole: what each cell needs, the image for what would be another kernel there, and the results that
# there are. Nothing comes back from this QEMU, which must not pass for a result.
mkdir k
cp kernel k/kernel # here the config is ktstr's
echo '#!/bin/sh' >scx_mine
chmod +x scx_mine
code=0
FAKE_QEMU=line FAKE_INITRD=initrd timeout 60 "$ktstr" bench run --host nested --kernel k/kernel --kernel ./k/kernel --sched eevdf \
	--sched './scx_mine:-v' --out r --runs 2 --duration 1s --disk disk.img -w wakeup >out 2>err </dev/null || code=$?
python3 - "$ktstr" <<'PYTHON' || code=-1
import json, os, sys
image = open("initrd", "rb").read()
def file(name):
    at = image.index(name + b"\0")
    while image[at - 110:at - 104] != b"070701":
        at = image.index(name + b"\0", at + 1)
    size, length = int(image[at - 56:at - 48], 16), int(image[at - 16:at - 8], 16)
    data = (at + length + 3) // 4 * 4
    return image[data:data + size]
here = os.getcwd()
words = [w.decode() for w in file(b"ktstr/argv").split(b"\0")[:-1]]
assert words == [sys.argv[1], "bench", "run", "--matrix=/ktstr/matrix.json", "--out", here + "/r", "--jobs", "1", "--progress",
                 "plain"], words
whole = json.loads(file(b"ktstr/matrix.json"))
m = whole["matrix"]
assert [k["text"] for k in m["kernels"]] == 2 * [os.path.realpath("k/kernel")], m
assert [k["label"] for k in m["kernels"]] == ["kernel", "kernel-2"], m
assert [s["text"] for s in m["schedulers"]] == ["eevdf", "'./scx_mine' -v"], m
assert len(m["cells"]) == len(whole["check"]["cells"]) == 4 and not any(c["skip"] for c in whole["check"]["cells"]), whole
assert file(here[1:].encode() + b"/scx_mine") == b"#!/bin/sh\n"
assert json.loads(file(here[1:].encode() + b"/r/matrix.json"))["kernels"][0]["text"] == "k/kernel"
PYTHON
if [ $code -ne 1 ] || ! grep -q '8 boots left no result in r' err; then
	echo "FAILED: a matrix in the nested host: exit code $code"
	sed 's/^/    /' err
	failed=1
fi

# A benchmark whose report goes into a pipe that nobody empties: SIGHUP ends it, but not under nohup; SIGTERM always does.
mkfifo stuck
sleep 1000 <>stuck &
reader=$!
trap 'kill "$reader"; rm -rf "$dir"' EXIT
# stuck_report EXPECTED SIGNAL...: its exit code after these, a second apart
stuck_report() {
	local expected=$1 pid code=0 i
	shift
	FAKE_QEMU=flood "$ktstr" bench --host nested --kernel kernel >stuck 2>err </dev/null &
	pid=$!
	sleep 4
	for signal in "$@"; do
		kill -"$signal" "$pid"
		sleep 1
	done
	for ((i = 0; i < 200; i++)); do
		[ -d "/proc/$pid" ] || break
		sleep 0.1
	done
	kill -KILL "$pid" 2>/dev/null && echo "it had to be killed" >>err
	wait "$pid" || code=$?
	[ "$code" -eq "$expected" ] && return
	echo "FAILED: a stuck report, $*: exit code $code, not $expected"
	sed 's/^/    /' err
	failed=1
}
stuck_report 143 TERM
stuck_report 129 HUP
trap '' HUP
stuck_report 143 HUP TERM
trap - HUP
exit $failed
