#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""RES-03, RES-04, RPT-07: what ktstr bench export and show print of planted results. The encoding is decoded here, and by
hdr-histogram-js where node finds it (NODE_PATH). test_export.py KTSTR"""
import base64
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import zlib

ktstr = sys.argv[1]
failed = 0
PERCENTILES = [1, 25, 50, 75, 90, 99, 99.9, 99.99, 100]


def ok(name, condition, *more):
    global failed
    if not condition:
        print("not ok:", name, *more, sep="\n  ")
        failed = 1


def run(*words, code=0):
    p = subprocess.run([ktstr, "bench", *words], capture_output=True, text=True)
    ok(f"exit code of {words}", p.returncode == code, p.returncode, p.stderr)
    return p.stdout if not code else p.stderr


def lowest(v):
    shift = max(0, v.bit_length() - 11)
    return v >> shift << shift


def index(v):
    """HdrHistogram's, for 3 digits from 1 on: 2048 buckets of width 1, then 1024 an octave."""
    shift = max(0, v.bit_length() - 11)
    return shift * 1024 + (v >> shift)


def counts_of(values):
    counts = {}
    for v in values:
        counts[lowest(v)] = counts.get(lowest(v), 0) + 1
    return counts


def plant(path, workloads, **more):
    results = []
    for name, values in workloads:
        counts = counts_of(values)
        results.append({"workload": name, "metric": "latency", "unit": "ns", "measured_ns": 2_000_000_000, "duration_ns": 10 ** 9,
                        "config": {"workers": 4}, "histogram": {
                            "count": len(values), "min": min(values), "max": max(values), "sum": sum(values),
                            "buckets": [[k, counts[k]] for k in sorted(counts)]}})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schema": "ktstr-bench/1", "ktstr": "0", "results": results, "machine": {
        "host": {"kind": "hardware KVM", "timings_of_hardware": True, "cpu": "AMD EPYC 7763", "kernel": "6.12.95",
                 "resources": {"mode": "performance"}},
        "guest": {"memory_bytes": 1 << 30, "topology": {"shape": "1n2l4c1t"}, "environment": {"kernel": "7.3.4"}}}, **more}))


def decode(text):
    """{index: count} of a compressed V2 histogram, by the description of its format."""
    data = base64.b64decode(text, validate=True)
    cookie, length = struct.unpack(">II", data[:8])
    ok("compressed cookie and length", cookie == 0x1C849314 and length == len(data) - 8)
    data = zlib.decompress(data[8:])
    cookie, length, offset, digits, low, high, ratio = struct.unpack(">IIIIQQd", data[:40])
    ok("head", (cookie, length, offset, digits, low, ratio) == (0x1C849313, len(data) - 40, 0, 3, 1, 1.0))
    ok("highest", high >= 1 << 42)
    counts, at, bucket = {}, 40, 0
    while at < len(data):
        v = shift = 0
        for i in range(9):
            byte = data[at]
            at += 1
            v |= (byte if i == 8 else byte & 0x7F) << shift
            shift += 7
            if i < 8 and not byte & 0x80:
                break
        v = v >> 1 ^ -(v & 1)
        if v > 0:
            counts[bucket] = v
            bucket += 1
        else:
            bucket += -v or 1
    return counts


def quantile(values, percent):
    """By the nearest rank."""
    values = sorted(values)
    return values[max(0, -(-len(values) * round(percent * 1e6) // 10 ** 8) - 1)]


rng = random.Random(11)
with tempfile.TemporaryDirectory() as directory:
    root = pathlib.Path(directory)
    boots = [[int(rng.lognormvariate(11, 2)) for _ in range(20000)] for _ in range(3)]
    boots[1][:3] = [0, 1, (1 << 43) - 1]
    for i, values in enumerate(boots):
        plant(root / f"cell/run-{i}.json", [("wakeup", values), ("a,b c", [7] * 300)])
    plant(root / "cell/run-9.invalid-1.json", [("wakeup", [5])], validity={"status": "invalid", "reasons": ["host was busy"]})

    # RES-04: a line for each boot and workload, which holds what was measured, to the bucket.
    log = run("export", str(root / "cell")).splitlines()
    ok("head of the log", log[0] == "#[Histogram log format version 1.3]" and log[3].startswith('"StartTimestamp"'), log[:4])
    lines = [line.split(",") for line in log[4:]]
    ok("lines", [line[0] for line in lines] == ["Tag=wakeup", "Tag=a_b_c"] * 3, [line[:4] for line in lines])
    ok("one after the other", [float(line[1]) for line in lines] == [0, 2, 4, 6, 8, 10])
    for values, line in zip(boots, lines[::2]):
        ok("maximum in ms", abs(float(line[3]) - max(values) / 1e6) < 1e-5)
        want = {}
        for v in values:
            want[index(v)] = want.get(index(v), 0) + 1
        ok("decoded counts", decode(line[4]) == want)

    # The same by hdr-histogram-js.
    script = """const h = require("hdr-histogram-js");
        const out = JSON.parse(require("fs").readFileSync(0)).map(t => { const d = h.decodeFromCompressedBase64(t);
            return [d.totalCount, ...%s.map(p => d.getValueAtPercentile(p))]; });
        console.log(JSON.stringify(out));""" % PERCENTILES
    try:
        node = subprocess.run(["node", "-e", script], input=json.dumps([line[4] for line in lines]), capture_output=True, text=True)
    except FileNotFoundError:
        node = None
    if node and not node.returncode:
        for values, got in zip([v for b in boots for v in (b, [7] * 300)], json.loads(node.stdout)):
            ok("hdr-histogram-js: count", got[0] == len(values), got)
            ok("hdr-histogram-js: percentiles", [lowest(v) for v in got[1:]] == [lowest(quantile(values, p)) for p in PERCENTILES],
               got, [quantile(values, p) for p in PERCENTILES])
        print("hdr-histogram-js agrees")
    else:
        print("hdr-histogram-js is not here")

    # The distribution, of all valid boots.
    text = run("export", str(root / "cell"), "--format", "hgrm", "--workload", "wakeup").splitlines()
    values = sorted(v for b in boots for v in b)
    rows = [line.split() for line in text[2:] if not line.startswith("#")]
    ok("hgrm: from 0 to 1", float(rows[0][1]) == 0 and float(rows[-1][1]) == 1 and int(rows[-1][2]) == len(values), rows[-1])
    ok("hgrm: steps", len(rows) > 40 and [float(r[1]) for r in rows] == sorted(float(r[1]) for r in rows))
    for value, level, below, *_ in rows:
        want = quantile(values, 100 * float(level)) if float(level) else values[0]
        ok(f"hgrm at {level}", lowest(int(float(value))) == lowest(want), value, want)
        ok(f"hgrm: count at {level}", int(below) == sum(lowest(v) <= lowest(int(float(value))) for v in values) if int(below) % 97 == 0
           else int(below) >= float(level) * len(values) - 1)
    ok("hgrm: mean", abs(float(text[-3].split("=")[1].split(",")[0]) - sum(values) / len(values)) < 1, text[-3])
    ok("two workloads", "two distributions" in run("export", str(root / "cell"), "--format", "hgrm", code=69))
    run("export", str(root / "none"), code=69)
    run("export", code=64)
    out = root / "out.hlog"
    ok("-o", run("export", str(root / "cell"), "-o", str(out)) == "" and out.read_text().splitlines() == log)

    # RPT-07, RES-03: what was run.
    plant(root / "r/cells/eevdf/run-001.json", [("wakeup", boots[0])])
    plant(root / "r/cells/slow/run-001.json", [("wakeup", boots[0])], fingerprint={
        "kernel": {"release": "7.3.4", "build_id": "ab" * 20, "config_sha256": "cd" * 32, "image_sha256": None, "cmdline": "x"},
        "scheduler": {"sha256": "ef" * 32, "argv": ["./scx_slow", "-v"], "ops": "slow"},
        "tool": {"version": "0", "commit": "0123456789ab"}, "initramfs": {"sha256": None}, "topology": "1n2l4c1t"})
    plant(root / "r/cells/slow/run-002.failed-1.json", [("wakeup", [5])], validity={"status": "failed", "reasons": ["time-out"]})
    schedulers = [("eevdf", "eevdf"), ("slow", "./scx_slow -v")]
    (root / "r/matrix.json").write_text(json.dumps({
        "schema": "ktstr-matrix/1", "bench": ["--duration", "1s"], "order_seed": 7, "seed": 3, "runs": 10, "kernels": [],
        "topologies": [], "workloads": [], "schedulers": [{"label": k, "text": s} for k, s in schedulers],
        "cells": [{"key": k, "group": 0, "label": k, "kernel": None, "topology": None, "workload": None, "scheduler": s}
                  for k, s in schedulers]}))
    page = run("show", str(root / "r"))
    ok("80 columns", all(len(line) <= 80 for line in page.splitlines() if str(root) not in line), page)
    words = " ".join(page.split())
    for part in ("asked for ktstr bench run --out DIR --sched eevdf --sched './scx_slow -v' --runs 10 --order-seed 7 --duration 1s",
                 "2 cells, runs: 10 each, order seed 7, seed 3", "cell slow runs 1 valid 1 failed: time-out",
                 f"kernel 7.3.4, build-id {'ab' * 20}, configuration {'cd' * 8}",
                 f"scheduler ./scx_slow -v, ops slow, SHA-256 {'ef' * 8}", "guest 1n2l4c1t, 1 GiB",
                 "host AMD EPYC 7763, Linux 6.12.95 (hardware KVM), mode performance", "ktstr 0, commit 0123456789ab",
                 "workload wakeup for 1 s, workers=4"):
        ok(f"show has {part!r}", part in words, page)
    ok("hlog of both", [line.split(",")[0] for line in run("export", str(root / "r")).splitlines()[4:]] ==
       ["Tag=eevdf/wakeup", "Tag=slow/wakeup"])

    # RES-03, TRU-14: two builds of one release differ.
    def fingerprint(build):
        return {"kernel": {"release": "7.3.4", "build_id": build, "config_sha256": None, "image_sha256": None, "cmdline": "x"},
                "scheduler": None, "tool": {"version": "0", "commit": "c"}, "initramfs": {"sha256": None}, "topology": None}
    for side, build in (("one", "11"), ("two", "22"), ("three", "11")):
        for i in range(4):
            plant(root / side / f"run-{i}.json", [("wakeup", boots[0])], fingerprint=fingerprint(build))
    p = subprocess.run([ktstr, "bench", "compare", root / "one", root / "two"], capture_output=True, text=True)
    ok("another build is refused", p.returncode == 2 and not p.stdout and "kernel build: 11 in one, 22 in two" in p.stderr, p)
    ok("--across", "same" in run("compare", "--across", str(root / "one"), str(root / "two")))
    ok("the same build", "same" in run("compare", str(root / "one"), str(root / "three")))
    plant(root / "one/run-9.json", [("wakeup", boots[0])], fingerprint=fingerprint("33"))
    ok("builds mixed", "kernel build: differs between the boots of one" in run("compare", str(root / "one"), str(root / "three"), code=2))

sys.exit(failed)
