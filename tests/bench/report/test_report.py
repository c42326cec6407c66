#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""ktstr bench report on planted results, by the page's own elements. test_report.py KTSTR"""
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

from plant import EVIL, plant_directory

X = "{http://www.w3.org/1999/xhtml}"
ktstr = sys.argv[1]
failed = 0


def check(name, good, said=""):
    global failed
    if not good:
        failed += 1
        print("not ok: %s%s" % (name, ": %s" % said if said else ""))


def run(*words):
    return subprocess.run([ktstr, "bench", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)


def page(directory, *words):
    done = run("report", directory, "-o", "-", *words)
    check("the page is written", done.returncode == 0, done.stderr)
    # Strict: whatever is not well-formed raises.
    return done.stdout, ElementTree.fromstring(done.stdout)


def text_of(element):
    return " ".join("".join(element.itertext()).split())


def figures_of(row):
    """What a row of a verdict table shows, by its key of the comparison's JSON."""
    found = {}
    for e in row.iter():
        if e.get("data-key"):
            value = e.get("data-value")
            found[e.get("data-key")] = None if value == "null" else value if e.get("data-key") == "verdict" else float(value)
    return found


def equal_figures(tree, comparisons):
    """RPT-03"""
    tables = [t for t in tree.iter(X + "table") if t.get("data-test")]
    check("a table for each comparison", len(tables) == len(comparisons), "%d of %d" % (len(tables), len(comparisons)))
    compared = 0
    for table, comparison in zip(tables, comparisons):
        rows = {r.get("data-metric"): figures_of(r) for r in table.iter(X + "tr") if r.get("data-metric")}
        check("the same metrics", list(rows) == [m["metric"] for m in comparison["metrics"]])
        for metric in comparison["metrics"]:
            for key, shown in rows.get(metric["metric"], {}).items():
                value = metric
                for part in key.split("."):
                    value = value[part]
                check("%s %s" % (metric["metric"], key), shown == value, "%s is not %s" % (shown, value))
                compared += 1
    check("there are figures", compared >= 11 * 6 * len(comparisons), compared)


def no_requests(name, text, tree):
    """RPT-01: nothing that a browser would fetch or run."""
    for e in tree.iter():
        for key, value in e.attrib.items():
            where = "%s: %s %s=%s" % (name, e.tag, key, value)
            check(where, key not in ("src", "srcset", "style", "action", "background", "data") and not key.startswith("on"))
            check(where, key != "href" or value.startswith("#") or value == "data:,")
        tag = e.tag.replace(X, "")
        check("%s: <%s>" % (name, tag), tag not in ("script", "iframe", "img", "object", "embed", "form", "base", "image", "use"))
    check("%s: a policy that forbids all" % name, "default-src 'none'" in text and "script-src" not in text)
    check("%s: no address in the style" % name, not re.search(r"@import|url\(", tree.find(X + "head/" + X + "style").text))


def labelled(name, tree):
    for e in tree.iter():
        if e.tag == X + "svg":
            check("%s: a chart has a name or is hidden" % name, e.get("aria-label") or e.get("aria-hidden") == "true")
        if e.tag in (X + "th",):
            check("%s: a head has its scope" % name, e.get("scope") in ("row", "col") or e.get("role") == "rowheader")
    ids = [e.get("id") for e in tree.iter() if e.get("id")]
    check("%s: ids are unique" % name, len(ids) == len(set(ids)))
    for e in tree.iter(X + "a"):
        check("%s: %s leads somewhere" % (name, e.get("href")), e.get("href")[1:] in ids)


def two_sides(top):
    directory = plant_directory(os.path.join(top, "two"))
    text, tree = page(directory)
    no_requests("two sides", text, tree)
    labelled("two sides", tree)
    compared = run("compare", directory, "--format", "json", "--fail-on", "none")
    equal_figures(tree, [json.loads(compared.stdout)])
    # RPT-02: each part is there, with something in it.
    said = text_of(tree)
    for part in ("Verdict", "Latency by percentile", "Boot by boot", "Noise of the host", "All runs", "Environment",
                 "What was run", "vCPU 1 moved between CPUs", "windows.vcpus.dilation", "ktstr bench run --out DIR", "p99.9"):
        check("the page has: %s" % part, part in said)
    rows = [r for r in tree.iter(X + "tr") if r.get("data-file")]
    check("all 22 runs", len(rows) == 22, len(rows))
    for state, reason in (("invalid", "vCPU 1 waited 31 %"), ("failed", "time-out")):
        check(state, any(state in text_of(r) and reason in text_of(r) for r in rows))
    shown = [int(text_of(r.find(X + "td"))) for r in rows]
    check("in the order they were run", shown == sorted(shown))
    paths = [e.get("class") for e in tree.iter(X + "path")]
    check("a band of each side of each workload", sum(c in ("band s0", "band s1") for c in paths) == 4)
    check("a mark of each boot and metric", sum(c in ("m s0", "m s1") for c in paths) >= 20 * 6)
    check("a mark of those that do not count", paths.count("gone") == 2 * 6)


def gates(top):
    directory = os.path.join(top, "two")
    for words in (("--threshold", "20%"), ("--metric", "*.p9*", "--alpha", "1%"), ("--correction", "bh")):
        compared = run("compare", directory, "--format", "json", "--fail-on", "none", *words)
        tree = page(directory, *words)[1]
        tables = [t for t in tree.iter(X + "table") if t.get("data-test")]
        verdicts = [figures_of(r)["verdict"] for r in tables[0].iter(X + "tr") if r.get("data-metric")]
        check("the gates of %s" % (words,), verdicts == [m["verdict"] for m in json.loads(compared.stdout)["metrics"]], verdicts)


def another_base(top):
    tree = page(os.path.join(top, "two"), "--base", "scx_flatcg")[1]
    table = next(t for t in tree.iter(X + "table") if t.get("data-test"))
    check("the base of --base", (table.get("data-base"), table.get("data-test")) == ("s1", "s0"))
    done = run("report", os.path.join(top, "two"), "--base", "no")
    check("a base that is not there", done.returncode == 69 and "--base no: no such cell" in done.stderr, done.stderr)


def sixteen_cells(top):
    directory = plant_directory(os.path.join(top, "16"), groups=4, sides=4, runs=30)
    text, tree = page(directory)
    check("16 cells of 30 boots are less than 2 MiB", len(text.encode()) < 2 << 20, len(text.encode()))
    labelled("16 cells", tree)
    compared = run("compare", directory, "--format", "json", "--fail-on", "none")
    equal_figures(tree, json.loads(compared.stdout)["comparisons"])
    check("an overview", "Overview" in text_of(tree))
    check("drift and modes are said", "drifts from boot to boot" in text_of(tree) and "two modes" in text_of(tree))


def shape(tree):
    return [e.tag for e in tree.iter() if e.tag not in (X + "wbr",)]


def hostile_names(top):
    """RPT-04: names are text, whatever they are: the elements are those of harmless names."""
    evil, tame = [page(plant_directory(os.path.join(top, name), runs=6, evil=bad))
                  for name, bad in (("evil", EVIL), ("tame", "x" * len(EVIL)))]
    check("no element comes of a name", shape(evil[1]) == shape(tame[1]))
    check("the names are text", EVIL in text_of(evil[1]) and "<script" not in evil[0])
    no_requests("evil", *evil)


def differing(top):
    """More than the scheduler differs: no verdict, as of compare, unless asked for."""
    directory = plant_directory(os.path.join(top, "kernels"), kernels=["7.3.4", "7.2.1"])
    tree = page(directory)[1]
    said = text_of(tree)
    check("no verdict across kernels", "Not judged: more than the scheduler differs" in said and "7.2.1" in said)
    rows = [figures_of(r)["verdict"] for r in tree.iter(X + "tr") if r.get("data-metric")]
    check("none of them", rows and set(rows) == {"not judged"}, rows)
    check("the delta is marked", any(r.get("class") == "differs" for r in tree.iter(X + "tr")))
    tree = page(directory, "--across")[1]
    rows = [figures_of(r)["verdict"] for r in tree.iter(X + "tr") if r.get("data-metric")]
    check("asked for", "worse" in rows, rows)


def broken(top):
    """A torn file and an empty cell are shown, and do not take the rest with them."""
    directory = plant_directory(os.path.join(top, "torn"), runs=6)
    with open(os.path.join(directory, "cells/s1/run-004.json"), "w") as f:
        f.write('{"schema":')
    tree = page(directory)[1]
    rows = [text_of(r) for r in tree.iter(X + "tr") if r.get("data-file")]
    check("a torn file", any("can't be read" in r for r in rows))
    check("no verdict", "has no verdict" in text_of(tree))
    for name in os.listdir(os.path.join(directory, "cells/s1")):
        os.remove(os.path.join(directory, "cells/s1", name))
    tree = page(directory)[1]
    check("an empty cell", "has no verdict" in text_of(tree))
    os.remove(os.path.join(directory, "matrix.json"))
    tree = page(directory)[1]
    check("without matrix.json", "no matrix.json" in text_of(tree) and "nothing to compare it with" in text_of(tree))


def refusals(top):
    for code, said, words in (
            (64, "name the directory", ()), (64, "a second directory", ("a", "b")),
            (69, "no-such", (os.path.join(top, "no-such"),)), (69, "no results in it", (os.path.join(top, "two/cells/s0/.."),)),
            (1, "can't be written", (os.path.join(top, "two"), "-o", os.path.join(top, "no/such/file")))):
        if said == "no results in it":
            os.mkdir(os.path.join(top, "empty"))
            words = (os.path.join(top, "empty"),)
        done = run("report", *words)
        check("refused: %s" % said, done.returncode == code and said in done.stderr, "%d %s" % (done.returncode, done.stderr))
    done = run("report", os.path.join(top, "two"))
    check("without -o", done.returncode == 0 and os.path.getsize(os.path.join(top, "two/report.html")) > 50000, done.stderr)


def main():
    with tempfile.TemporaryDirectory() as top:
        for test in (two_sides, gates, another_base, sixteen_cells, hostile_names, differing, broken, refusals):
            test(top)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
