#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""RES-08: exports have the key names, types and units of fio's and schbench's own JSON. test_export_json.py KTSTR GOLDEN-DIRECTORY"""
import json
import os
import subprocess
import sys
import tempfile

ktstr, golden = sys.argv[1:]
buckets = [[2000, 50], [4000, 40], [100000, 10]]
entry = {"metric": "completion_latency", "unit": "ns", "measured_ns": 2_000_000_000, "figures": [],
         "histogram": {"count": 100, "min": 2000, "max": 100000, "sum": 1260000, "buckets": buckets}}
result = {"schema": "ktstr-bench/1", "ktstr": "0", "validity": {"status": "valid", "reasons": []},
          "results": [dict(entry, workload=w) for w in ("yield", "io-randread", "io-fsync", "wakeup")],
          "machine": {"guest": {"environment": {"kernel": "7.3.4", "sched_ext": "mine"}}}}


def export(form, what, code=0):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "r.json")
        with open(path, "w") as f:
            json.dump(what, f)
        run = subprocess.run([ktstr, "bench", "export", "--format", form, path], capture_output=True, text=True)
    assert run.returncode == code, run
    return json.loads(run.stdout) if not code else run.stderr


def same_keys(ours, theirs, where):
    """What we have, they have under the same name and of the same type."""
    for key, value in ours.items():
        if where.endswith("bins") or where.endswith("job options"):
            assert key.isdigit() or key in ("name", "bs"), (where, key)
            continue
        assert key in theirs, (where, key)
        a, b = value, theirs[key]
        if key == "bins" or (isinstance(a, (int, float)) and isinstance(b, (int, float))):
            continue
        assert type(a) is type(b), (where, key, a, b)
        if isinstance(a, dict):
            same_keys(a, b, where + "." + key)


fio = export("fio", result)
theirs = json.load(open(os.path.join(golden, "fio-3.33.json+")))
assert [job["jobname"] for job in fio["jobs"]] == ["io-randread", "io-fsync"]
for job in fio["jobs"]:
    same_keys(job, theirs["jobs"][0], "job")
read, write = fio["jobs"][0]["read"], fio["jobs"][1]["write"]
assert fio["jobs"][0]["write"]["total_ios"] == 0 and read["clat_ns"] == write["clat_ns"]
assert read["total_ios"] == 100 and read["iops"] == 50 and read["bw_bytes"] == 50 * 4096 and read["runtime"] == 2000
clat = read["clat_ns"]
assert clat["percentile"].keys() == theirs["jobs"][0]["read"]["clat_ns"]["percentile"].keys()
assert clat["bins"] == {"2000": 50, "4000": 40, "99968": 10} or sum(clat["bins"].values()) == 100, clat["bins"]
assert clat["percentile"]["50.000000"] == 2000 and clat["percentile"]["99.000000"] == 100000 and clat["mean"] == 12600

sch = export("schbench", result)
theirs = json.load(open(os.path.join(golden, "schbench-24e32b8.json")))
same_keys(sch["normal"], theirs["normal"], "normal")
same_keys(sch["int"], theirs["int"], "int")
assert sch["int"]["wakeup_latency_pct50.0"] == 2 and sch["int"]["wakeup_latency_pct99.9"] == 100
assert sch["int"]["wakeup_latency_max"] == 100 and sch["int"]["runtime"] == 2
assert sch["normal"]["sched_ext"] == "mine" and sch["normal"]["version"] == "7.3.4"

# A result without such a workload is an error with its remedy.
result["results"] = result["results"][:1]
for form in ("fio", "schbench"):
    assert "; " in export(form, result, 69)
print("ok")
