#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""RES-06, RES-07, RPT-05, TRU-09, -10, -12, -13, -15, BEN-17: what ktstr bench compare prints of planted results, in all
its formats. test_formats.py KTSTR SCHEMAS"""
import csv
import io
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

ktstr, schemas = sys.argv[1], pathlib.Path(sys.argv[2])
here = pathlib.Path(__file__).parent
failed = 0
NESTED = "nested: timings are not those of hardware"


def ok(name, condition, *more):
    global failed
    if not condition:
        print("not ok:", name, *more, sep="\n  ")
        failed = 1


def lowest(v):
    """The lowest value of v's bucket, as bench/base/hist.h has them."""
    shift = max(0, v.bit_length() - 11)
    return v >> shift << shift


def histogram(values):
    counts = {}
    for v in values:
        counts[lowest(v)] = counts.get(lowest(v), 0) + 1
    return {"count": len(values), "min": min(values), "max": max(values), "sum": sum(values),
            "buckets": [[k, counts[k]] for k in sorted(counts)]}


def boot(path, values, ops=None, hardware=True, debug=(), validity=None, workload="wakeup", more=()):
    """One result file. @values: the latencies."""
    results = [{"workload": w, "metric": f"{w}_latency", "unit": "ns", "rate_per_s": 1e9 / sorted(v)[len(v) // 2],
                "figures": [], "histogram": histogram(v)} for w, v in [(workload, values), *more]]
    host = {"kind": "hardware KVM" if hardware else NESTED, "timings_of_hardware": hardware, "kernel": "6.12.95",
            "cpu": "AMD EPYC 7763" if hardware else "QEMU TCG CPU version 2.5+", "resources": {"mode": "performance"}}
    guest = {"memory_bytes": 1 << 30, "kernel_debug_options": list(debug), "topology": {"shape": "1n2l4c1t"},
             "environment": {"kernel": "7.3.4", "sched_ext": ops}}
    whole = {"schema": "ktstr-bench/1", "ktstr": "0", "results": results,
             "machine": {"ktstr": "0", "host": host, "guest": guest}}
    if validity:
        whole["validity"] = validity
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole))


def spread(i, n=10, width=0.02):
    """Boots around 1, in an order without a trend."""
    return 1 + width * ((i * 7 % n) - (n - 1) / 2) / n


def latencies(median, n=2000, slow=20, factor=10):
    """n samples, of which @slow are @factor times as long as the median."""
    v = [int(median * (0.8 + 0.4 * k / n)) for k in range(n)]
    return v[: n - slow] + [int(median * factor)] * slow


def side(name, median, boots=10, width=0.02, **k):
    for i in range(boots):
        boot(root / "cells" / name / f"run-{i + 1:03}.json", latencies(median * spread(i, width=width)), **k)


def compare(*words, code=None, path=None):
    p = subprocess.run([ktstr, "bench", "compare", *(path or [str(root)]), *words], capture_output=True, text=True,
                       env={**os.environ, "KTSTR_CONFIG": "/dev/null"})
    if code is not None:
        ok(f"exit code of {words}", p.returncode == code, p.returncode, p.stdout, p.stderr)
    return p.stdout


def check_schema(kind, *files):
    p = subprocess.run([sys.executable, here.parent / "result" / "check_schema.py", schemas / f"ktstr-{kind}-1.schema.json",
                        *files], capture_output=True, text=True)
    ok(f"schema {kind}", not p.returncode, p.stdout, p.stderr)


def width(name, text, most):
    ok(f"{name}: {most} columns", all(len(line) <= most for line in text.splitlines()), text)
    ok(f"{name}: no escape sequence", "\033" not in text)


def cells(*schedulers):
    (root / "matrix.json").write_text(json.dumps({
        "schema": "ktstr-matrix/1", "bench": ["--duration", "1s"], "order_seed": 7, "seed": 1, "runs": 10, "kernels": [],
        "topologies": [], "workloads": [{"label": "wakeup", "text": "wakeup"}],
        "schedulers": [{"label": k, "text": s} for k, s in schedulers],
        "cells": [{"key": k, "group": 0, "label": k, "kernel": None, "topology": None, "workload": "wakeup", "scheduler": s}
                  for k, s in schedulers]}))


GOLDEN_LKML = """\
wakeup on 1n2l4c1t: Linux 7.3.4, base eevdf, new ./scx_slow -v (slow_1.0);
guest under ktstr VERSION on AMD EPYC 7763, Linux 6.12.95 (hardware KVM).
Medians over boots; p: Mann-Whitney, Holm over 3 metrics. Repeat: ktstr
bench run --out DIR -w wakeup --sched eevdf --sched './scx_slow -v' --runs
10 --order-seed 7 --duration 1s

metric                      base(CV)        new(CV)   %change       p     n
wakeup_latency p50       200 us (1%)    210 us (1%)    +5.0%*   3e-05    10
wakeup_latency p99       239 us (1%)    251 us (1%)    +5.0%*   3e-05    10
rate                   5.00 k/s (1%)  4.76 k/s (1%)    -4.8%*   3e-05    10
*: better or worse: p below 0.05, and beyond 3%
"""

with tempfile.TemporaryDirectory() as directory:
    root = pathlib.Path(directory) / "r"
    side("eevdf", 200_000)
    side("slow", 210_000, ops="slow_1.0")
    cells(("eevdf", "eevdf"), ("slow", "./scx_slow -v"))
    boot(root / "cells/slow/run-003.invalid-1.json", latencies(9_000_000),
         validity={"status": "invalid", "reasons": ["vCPU 1 waited 31 % for the host"]})
    check_schema("matrix", root / "matrix.json")
    check_schema("bench", *sorted(root.glob("cells/*/run-*.json")))

    # The verdict for people.
    text = compare(code=1)
    width("text", text, 80)
    for part in ("wakeup on 1n2l4c1t, kernel 7.3.4, base eevdf, new ./scx_slow -v (slow_1.0);\n  10+10 boots, ABBA\n",
                 "metric ", "base (CV)", "new (CV)", "change [95%]", "verdict\n",
                 "wakeup_latency p50, wakeup_latency p99 worse: p 3.2e-05 (Holm, 3 metrics),\n  beyond 3% and 500 ns.",
                 "These runs find, 95 times of 100, changes from",
                 "invalid: 1 of 11 runs of ./scx_slow -v (vCPU 1 waited 31 % for the host); not\n  counted."):
        ok(f"text has {part!r}", part in text, text)
    ok("no caveat on hardware", "worse*" not in text, text)

    # A mail.
    version = subprocess.run([ktstr, "--version"], capture_output=True, text=True).stdout.split()[1]
    lkml = compare("--format", "lkml", code=1)
    width("lkml", lkml, 75)
    ok("lkml is the golden one", lkml.replace(version, "VERSION").split() == GOLDEN_LKML.split(), lkml)
    ok("two cells of one directory are repeated alike",
       compare("--format", "lkml", path=[str(root / "cells/eevdf"), str(root / "cells/slow")]).split("Repeat: ")[1:] != [])
    table = [line for line in lkml.splitlines() if "(1%)" in line]
    ok("its table to the letter", table == [line for line in GOLDEN_LKML.splitlines() if "(1%)" in line], lkml)

    # JSON, and what is in it.
    out = root / "compare.out"
    ok("-o leaves stdout empty", compare("--format", "json", "-o", str(out), code=1) == "")
    check_schema("compare", out)
    ok("- is stdout", json.loads(compare("--format", "json", "-o", "-")) == json.loads(out.read_text()))
    whole = json.loads(out.read_text())
    ok("three metrics, worse", [m["verdict"] for m in whole["metrics"]] == ["worse"] * 3, whole)
    ok("not counted", whole["test"]["not_counted"]["invalid"]["runs"] == 1, whole)
    before = out.read_text()
    compare("-o", str(root / "none" / "x"), code=1)
    ok("a failure to write leaves what was there", out.read_text() == before)

    # JUnit: names, nesting and counts as junit-10.xsd has them.
    tree = ET.fromstring(compare("--format", "junit", code=1).encode())
    ok("testsuites", tree.tag == "testsuites" and [s.tag for s in tree] == ["testsuite"])
    for suite in tree:
        cases = suite.findall("testcase")
        ok("testsuite's children", [c.tag for c in suite] == ["properties"] + ["testcase"] * len(cases))
        ok("testsuite's attributes", set(suite.attrib) == {"name", "tests", "failures", "errors", "skipped", "time"})
        for what, tag in (("failures", "failure"), ("skipped", "skipped"), ("errors", "error")):
            ok(f"count of {what}", int(suite.get(what)) == len(suite.findall(f"testcase/{tag}")))
        ok("count of tests", int(suite.get("tests")) == len(cases) == 3)
        for case in cases:
            ok("testcase's attributes", set(case.attrib) == {"name", "classname", "time"} and float(case.get("time")) >= 0)
            ok("testcase's children", [c.tag for c in case if c.tag != "system-out"] in (["failure"], ["skipped"], []))
    ok("three failures", len(tree.findall("*/testcase/failure")) == 3)
    tree = ET.fromstring(compare("--format", "junit", "--fail-on", "none", code=0).encode())
    ok("none with --fail-on none", not tree.findall("*/testcase/failure"))

    # TAP, by perl's own parser.
    tap = compare("--format", "tap", code=1)
    perl = subprocess.run(["perl", "-MTAP::Parser", "-e", "undef $/; my $p = TAP::Parser->new({tap => <STDIN>}); $p->run;"
                           "print join ' ', $p->tests_planned, $p->tests_run, scalar $p->failed, scalar $p->skipped,"
                           "scalar $p->parse_errors, $p->version"], input=tap, capture_output=True, text=True)
    if "Can't locate TAP/Parser.pm" in perl.stderr:
        print("TAP::Parser of perl-modules is not here")
    else:
        ok("TAP", perl.stdout == "3 3 3 0 0 13", perl.stdout, perl.stderr, tap)

    # CSV.
    rows = list(csv.DictReader(io.StringIO(compare("--format", "csv", code=1), newline=""), strict=True))
    ok("CSV", [r["metric"] for r in rows] == [m["metric"] for m in whole["metrics"]], rows)
    ok("CSV's figures are JSON's", all(abs(float(r["ratio"]) - m["ratio"]) < 1e-8
                                       for r, m in zip(rows, whole["metrics"])), rows)
    ok("one row for all columns", all(None not in r and None not in r.values() for r in rows), rows)

    # BEN-17: named beside each verdict, in each format.
    side("eevdf", 200_000, hardware=False, debug=["LOCKDEP", "KASAN"])
    side("slow", 210_000, ops="slow_1.0", hardware=False, debug=["LOCKDEP", "KASAN"])
    text = compare(code=1)
    width("text", text, 80)
    ok("beside each verdict", text.count("worse*\n") == 3, text)
    for part in ("emulated", NESTED, "debug kernel: "):
        ok(f"the text says {part}", "\n* " + part in text, text)
        for name in ("markdown", "csv", "junit", "tap", "lkml", "json"):
            ok(f"{name} says {part}", part in " ".join(compare("--format", name).split()))

    # Names from outside stay text.
    hostile = '<script>alert("1 & 2")</script>,|#\033[31m\n'
    side("slow", 210_000, ops=hostile, workload='w"<&>|')
    side("eevdf", 200_000, workload='w"<&>|')
    cells(("eevdf", "eevdf"), ("slow", hostile))
    for name in ("text", "markdown", "csv", "junit", "tap", "lkml", "json"):
        ok(f"{name}: no escape sequence", "\033" not in compare("--format", name, code=1))
    ET.fromstring(compare("--format", "junit").encode())
    width("hostile text", compare(), 80)
    ok("markdown", "<script>" not in compare("--format", "markdown").replace("\\<script", ""))
    rows = list(csv.DictReader(io.StringIO(compare("--format", "csv"), newline=""), strict=True))
    ok("CSV's columns", len(rows) == 3 and rows[0]["new"].startswith('<script>alert("1 & 2")</script>,|#?'), rows)
    cells(("eevdf", "eevdf"), ("../slow", "x"))
    compare(code=69)

    # TRU-09: too few samples. N=500 tells a median and no p99.
    two = [str(root / "cells/few"), str(root / "cells/many")]
    for i in range(10):
        boot(root / f"cells/few/run-{i}.json", latencies(200_000 * spread(i), n=500))
        boot(root / f"cells/many/run-{i}.json", latencies(200_000 * spread(i), n=2000))
    text = compare(path=two, code=0)
    ok("n/a (N=500)", [w for line in text.splitlines() if "p99" in line for w in line.split()][2:5] == ["n/a", "(N=500)", "239"],
       text)
    # Two of ten boots have enough: it is not more boots that are wanted.
    for i in range(2):
        boot(root / f"cells/few/run-{i}.json", latencies(200_000 * spread(i), n=2000))
    words = " ".join(compare(path=two, code=2).split())
    ok("n=2 of 10 boots", "n=2 can't reach 0.05; run longer (--duration), for more boots to have it." in words, words)
    ok("boots without it are counted", "wakeup_latency p99: boots with too few samples for it, which do not count here: 8." in words,
       words)

    # TRU-10, TRU-12: two modes, drift. A third of these boots is slower; and one boot after the other is.
    for i in range(12):
        boot(root / f"cells/modes/run-{i:02}.json", latencies(200_000 * spread(i, 12, 0.01) * (1.3 if i % 3 == 0 else 1)))
        boot(root / f"cells/drift/run-{i:02}.json", latencies(200_000 * (1 + 0.01 * i)))
    text = compare(path=[str(root / "cells/modes"), str(root / "cells/drift")])
    words = " ".join(text.split())
    ok("two modes", "wakeup_latency p50 of modes has 2 modes: 8 + 4 boots" in words, text)
    ok("drift", "wakeup_latency p50 of drift drifts from boot to boot (tau +1.00," in words, text)
    ok("no drift of the other", "of modes drifts" not in words, text)

    # TRU-13: where the variance is. Boots that differ, of exact samples; and boots alike, of few and wide ones.
    rng = random.Random(5)
    for i in range(8):
        for name in ("between-a", "between-b"):
            boot(root / f"cells/{name}/run-{i}.json", latencies(200_000 * rng.uniform(0.9, 1.1)))
        for name in ("within-a", "within-b"):
            boot(root / f"cells/{name}/run-{i}.json", [int(200_000 * rng.lognormvariate(0, 1)) for _ in range(100)])
    for name, advice in (("between", "more boots help, longer runs do not."), ("within", "longer runs help more than more boots.")):
        text = compare("--metric", "*p50", path=[str(root / f"cells/{name}-a"), str(root / f"cells/{name}-b")], code=2)
        words = " ".join(text.split())
        ok(f"variance {name}", "Variance between boots: " in words and advice in words, text)
        ok("how many boots", "boots a side would" in words, text)

    # TRU-15: a change of the tail alone is seen there alone.
    for i in range(10):
        boot(root / f"cells/tail-a/run-{i}.json", latencies(200_000 * spread(i, width=0.004), n=10000, slow=50))
        boot(root / f"cells/tail-b/run-{i}.json", latencies(200_000 * spread(i, width=0.004), n=10000, slow=50, factor=20))
    tail = [str(root / "cells/tail-a"), str(root / "cells/tail-b")]
    quantiles = {q["quantile"]: q for q in json.loads(compare("--format", "json", path=tail))["quantiles"]}
    ok("quantiles", sorted(quantiles) == [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999], quantiles)
    ok("only the tail differs", [q for q in sorted(quantiles) if not quantiles[q]["low"] <= 1 <= quantiles[q]["high"]] == [0.999],
       quantiles)
    text = compare("--quantiles", path=tail)
    width("quantiles", text, 80)
    ok("so does the table", [line.split()[1] for line in text.splitlines() if line.endswith(" differs")] == ["p99.9"], text)

    # Several workloads are told apart.
    for name, factor in (("two-a", 1), ("two-b", 1.1)):
        for i in range(6):
            boot(root / f"cells/{name}/run-{i}.json", latencies(200_000 * spread(i, 6)),
                 more=[("messaging", latencies(90_000 * factor * spread(i, 6)))])
    text = compare(path=[str(root / "cells/two-a"), str(root / "cells/two-b")], code=1)
    width("two workloads", text, 80)
    ok("headings", "\nwakeup (wakeup_latency)\n  p50 " in text and "\nmessaging (messaging_latency)\n  p50 " in text, text)

    # A cell that never counted is named, and costs the others nothing.
    side("eevdf", 200_000)
    side("slow", 210_000)
    boot(root / "cells/dead/run-001.failed-1.json", latencies(1000), validity={"status": "failed", "reasons": ["time-out"]})
    cells(("eevdf", "eevdf"), ("dead", "./dead"), ("slow", "./scx_slow"))
    p = subprocess.run([ktstr, "bench", "compare", str(root)], capture_output=True, text=True)
    ok("a dead cell", p.returncode == 1 and "cell dead: no valid run; 1 failed: time-out" in p.stderr and "scx_slow" in p.stdout,
       p.returncode, p.stdout, p.stderr)

sys.exit(failed)
