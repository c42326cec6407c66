#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ktstr bench in stock guests, where KVM boots them, on this machine or in the nested host: BEN-09, -11, -15, WRK-05, -06,
# -08 to -12. A suite of its own, run by name. usage: test_workloads.sh KTSTR KTSTR_SCX KTSTR_WORKLOAD
set -euo pipefail
# shellcheck source=tests/nested/common
. "$(dirname "${BASH_SOURCE[0]}")/common" "$1"
scx=$(realpath "$2") workload=$(realpath "$3")
need_kernel default
old=
kernels=(--kernel default)
if have_kernel 6.12; then
	old=6.12
	kernels+=(--kernel 6.12)
fi
runs=$(mktemp)
trap 'rm -f "$runs"' EXIT
if boots_here; then
	sh "$here/workloads.sh" "$ktstr" "$old" >"$runs"
else
	need_nested
	"${nested[@]}" "${kernels[@]}" --memory 3G --file "$here/workloads.sh:/workloads.sh" --file "$scx" --file "$workload" -- \
		sh /workloads.sh "$ktstr" "$old" </dev/null >"$runs"
fi
python3 - "$runs" <<'PYTHON'
import json, re, sys

runs, decoder, n = {}, json.JSONDecoder(), 0
for part in re.split(r"^== ", open(sys.argv[1]).read(), flags=re.M)[1:]:
    head, _, rest = part.partition("\n")
    name, code, word = (head + "  ").split(" ", 2)
    runs[name] = (int(code), word.strip(), decoder.raw_decode(rest)[0] if rest.startswith("{") else None)


def report(text, ok, why=""):
    global n
    n += 1
    print(("ok" if ok else "not ok"), n, "-", text)
    if not ok:
        print("#", why)


def run(name, code=0):
    got, word, result = runs.get(name, (-1, "did not run", None))
    # A slow machine's few samples say nothing about what is checked here.
    ok = got == code or (not code and got == 1 and "samples are fewer" in word)
    report(f"{name}: exit code {code}", ok, f"{got}: {word}")
    return result or {"results": [], "validity": {"status": "none", "reasons": []}}


def figures(result):
    return {f["name"]: f["value"] for f in result["figures"]}


shares = run("shares")["results"]
report("WRK-05: weights 100:300:100 within 5 %", shares and figures(shares[0])["share_error_max"] < 0.05,
       [figures(r) for r in shares])
report("WRK-05: nobody starved, and each has its longest gap",
       len(shares) == 3 and all(figures(r)["not_starved"] and all(w["max_gap_ns"] for w in r["workers"]) for r in shares))
moves = run("moves")["results"]
f = figures(moves[0]) if moves else {"migrations_seen": -1}
report("WRK-06: moves by distance add up to all",
       f["migrations_seen"] == sum(f.get("migrations_" + d, 0) for d in ("smt", "llc", "node", "far")), f)
report("WRK-06, WRK-11: the kernel counted no fewer", moves and moves[0]["workers_sum"]["migrations"] >= f["migrations_seen"],
       moves and moves[0]["workers_sum"])
cgroups = run("cgroups")["results"]
stat = cgroups[0]["around"]["cpu_stat"] if cgroups else {"usage_usec": 0, "nr_throttled": 0}
ours = (cgroups[0]["workers_sum"]["run_ns"] + cgroups[0]["main_thread"]["run_ns"]) / 1000 if cgroups else 1
report("WRK-10: a cgroup's cpu.max throttles", stat["nr_throttled"] > 0, stat)
report(f"WRK-11: threads add up to cpu.stat ({ours:.0f} of {stat['usage_usec']} us)",
       abs(ours - stat["usage_usec"]) < 0.01 * stat["usage_usec"])
devices = run("devices")["results"]
report("WRK-08: each kind of request has samples", len(devices) == 5 and all(r["samples"] > 0 for r in devices))
net = figures(devices[4]) if len(devices) == 5 else {}
report("WRK-09: all frames came back", net.get("frames_sent", 0) > 0 and net["frames_lost"] == 0 and
       net["frames_sent"] == net["frames_received"], net)
scheduler = run("scheduler")
report("BEN-09: attached all through the window: valid", scheduler["validity"]["status"] == "valid", scheduler["validity"])
report("BEN-15: the host saw both edges of each window, in order",
       len(scheduler["results"]) == 2 and
       all(r["window"]["marked"] and 0 < r["window"]["host_begin_ns"] < r["window"]["host_end_ns"] and
           r["window"]["host_end_ns"] - r["window"]["host_begin_ns"] >= r["measured_ns"] * 0.99
           for r in scheduler["results"]))
report("WRK-12: operations have a hash", all(r["operations"]["hash"] != "0" * 16 for r in scheduler["results"]))
report("WRK-01: schbench's keys", all("wakeup_latency_pct99.0" in r["schbench"]["int"] for r in scheduler["results"]))
stall = run("stall", 1)
report("BEN-09: a scheduler that the kernel ends: failed, with its reason and its dump",
       stall["validity"]["status"] == "failed" and "runnable task stall" in stall["validity"]["reasons"][0] and
       stall["machine"]["guest"]["scheduler"]["exit"].get("dump"), stall["validity"])
report("WRK-10: refused without the controller", "no controller cpu" in str(runs.get("controller")) or
       runs.get("controller", (0,))[0] == 69, runs.get("controller"))
if "old" in runs:
    report("BEN-11: a kernel without sched_ext is skipped", run("old", 77)["validity"]["status"] == "skipped")
print(f"1..{n}")
PYTHON
