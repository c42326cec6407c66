#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# WRK-14: ktstr bench list says of each workload what it measures and what can be asked of it. test_list.sh KTSTR
set -euo pipefail
ktstr=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
fail() { echo "FAILED: $*" && failed=1; }

"$ktstr" bench list io-randread >"$dir/out"
diff -u - "$dir/out" <<'GOLDEN' || fail "io-randread"
io-randread: 4 KiB direct reads at random offsets: from the call to its return
  measures    completion_latency (ns, less is better); reads per second (more is better)
  also called IoRandRead
  file        file or block device of the guest [/dev/vda]
  threads     threads
              number from 1 to 256 [1]
  depth       requests in flight of each thread
              number from 1 to 64 [1]
  rate        requests per second of each thread, by a timetable from which their latency counts; 0: as fast as they come back
              number from 0 to 1000000 [0]
GOLDEN
"$ktstr" bench list FutexPingPong | grep -q '^futex: ' || fail "an alias"
"$ktstr" bench list >"$dir/all"
"$ktstr" bench list --json >"$dir/json"
python3 - "$dir/json" "$dir/all" <<'PYTHON' || fail "JSON"
import json, sys
found = json.load(open(sys.argv[1]))
assert found["schema"] == "ktstr-workloads/1"
names = [w["name"] for w in found["workloads"]]
assert names == ["wakeup", "messaging", "pipe", "futex", "fork", "yield", "affinity-churn", "fair", "compute", "periodic",
                 "io-randread", "io-randwrite", "io-fsync", "io-tmpfs", "net"], names
assert [l.split(":")[0] for l in open(sys.argv[2]) if l[0] != " "] == names
for w in found["workloads"]:
    assert w["latency"]["unit"] == "ns" and w["latency"]["more_is_better"] is False
    assert w["rate"]["more_is_better"] is True and w["what"]
    for o in w["options"]:
        assert {"name", "kind", "what", "default"} <= o.keys(), o
period = next(o for w in found["workloads"] if w["name"] == "periodic" for o in w["options"] if o["name"] == "period")
assert period["kind"] == "time" and period["default"] == 10_000_000, period
PYTHON
code=0
"$ktstr" bench list juggle >"$dir/out" 2>"$dir/err" || code=$?
if [ $code -ne 64 ] || ! grep -q "juggle: no such workload" "$dir/err"; then fail "an unknown one: $code"; fi
exit $failed
