#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Plant the directory of a ktstr bench run: plant.py DIR [--groups N] [--sides N] [--runs N] [--workloads N] [--evil]

The figures are made up from a fixed seed. Some runs do not count, one side drifts and one has two modes, so that a report
has something to show."""
import argparse
import json
import math
import os
import random

SCHEDULERS = ["eevdf", "scx_flatcg", "scx_simple", "scx_central", "scx_qmap", "scx_pair"]
WORKLOADS = ["wakeup", "messaging", "pipe", "futex"]
EVIL = "<script>alert(1)</script>\"'&<b>"


def histogram(rng, center, count=2500):
    """Log-normal with a tail, in buckets of 2 %."""
    buckets = {}
    total, low, high = 0, None, None
    for _ in range(count):
        value = center * math.exp(rng.gauss(0, 0.25)) * (1 + (9 * rng.random() if rng.random() < 0.03 else 0))
        value = int(1.02 ** int(math.log(value, 1.02)))
        buckets[value] = buckets.get(value, 0) + 1
        total += value
        low = value if low is None else min(low, value)
        high = value if high is None else max(high, value)
    # Values below 2048 have a bucket each, in other octaves there are 1024.
    pairs = {}
    for value, n in buckets.items():
        step = max(1, 1 << max(0, value.bit_length() - 11))
        pairs[value // step * step] = pairs.get(value // step * step, 0) + n
    return {"count": count, "min": low, "max": high, "sum": total, "buckets": sorted(map(list, pairs.items()))}


def result(rng, name, workloads, kernel, shape, side, index, runs):
    results = []
    for place, workload in enumerate(workloads):
        factor = [1, 1.12, 1.0, 0.9, 1.3, 1.02][side % 6] if place % 2 == 0 else [1, 1.0, 0.93, 1.2, 1.01, 1][side % 6]
        if side % 6 == 2:
            factor *= 1 + 0.25 * index / runs  # drifts
        if side % 6 == 3 and rng.random() < 0.4:
            factor *= 1.35  # two modes
        center = (50000 + 90000 * place) * factor * math.exp(rng.gauss(0, 0.012))
        results.append({"workload": workload, "metric": workload + "_latency", "unit": "ns", "seed": index,
                        "rate_per_s": 1e9 / center * math.exp(rng.gauss(0, 0.01)), "figures": [],
                        "histogram": histogram(rng, center)})
    waited = abs(rng.gauss(0, 0.01))
    return {
        "schema": "ktstr-bench/1", "ktstr": "0", "results": results,
        "noise": {"notes": ["vCPU 1 moved between CPUs 3 times"] if rng.random() < 0.3 else [],
                  "windows": [{"vcpus": [{"on_cpu_ns": 10 ** 9, "delay_ns": int(1e9 * waited), "dilation": 1 + waited},
                                         {"on_cpu_ns": 9 * 10 ** 8, "delay_ns": 0, "dilation": 1.0}],
                               "pressure": {"cpu_some_us": int(1e4 * waited)}, "kvm": {"exits": rng.randrange(9000, 12000)}}]},
        "machine": {
            "ktstr": "0", "host": {"kind": "hardware", "cpu": "Planted CPU 3000", "kernel": "6.12.0",
                                   "resources": {"mode": "performance"}},
            "guest": {"memory_bytes": 1 << 30, "topology": {"shape": shape},
                      "environment": {"kernel": kernel, "boot_id": "%032x" % rng.getrandbits(128),
                                      "sched_ext": None if side == 0 else name}}}}


def failed(rng, position):
    return {"schema": "ktstr-bench/1", "ktstr": "0", "results": [], "exit_code": 124,
            "validity": {"status": "failed", "reasons": ["time-out: the guest did not end in time"]},
            "run": {"position": position, "attempt": 1}}


def write(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        json.dump(value, f)


def cells_of(groups, sides, evil):
    for group in range(groups):
        for side in range(sides):
            name = SCHEDULERS[side % len(SCHEDULERS)]
            if evil and side:
                name = evil
            yield {"key": "g%d+s%d" % (group, side) if groups > 1 else "s%d" % side, "group": group, "label": name,
                   "kernel": None, "topology": ["1n2l4c1t", "1n1l2c1t", "2n4l8c2t", "1n1l8c1t"][group % 4],
                   "workload": None, "scheduler": name}


def plant_boot(rng, directory, cell, position, index, side, runs, workloads, kernel, evil):
    """The run that counts, perhaps after one that does not. The position of the last."""
    name = os.path.join(directory, "cells", cell["key"], "run-%03d" % (index + 1))
    run = result(rng, cell["label"], workloads, kernel, cell["topology"], side, index, runs)
    run["run"] = {"cell": cell["key"], "index": index + 1, "position": position, "attempt": 1,
                  "boot_id": run["machine"]["guest"]["environment"]["boot_id"]}
    if index == 2 and side == 1:
        write(name + ".failed-1.json", failed(rng, position))
        position += 1
    if index == 4 and side == 0:
        reason = evil or "noise: vCPU 1 waited 31 % of the time for the host"
        write(name + ".invalid-1.json", dict(run, validity={"status": "invalid", "reasons": [reason]}))
        position += 1
    run["run"] = dict(run["run"], position=position, attempt=1 + (position != run["run"]["position"]))
    write(name + ".json", run)
    return position


def plant_directory(directory, groups=1, sides=2, runs=10, workloads=2, seed=1, evil=None, kernels=("7.3.4",)):
    """@evil: what all names are, where it is given; @kernels: of the sides."""
    rng = random.Random(seed)
    names = [WORKLOADS[i % len(WORKLOADS)] + (str(i) if i >= len(WORKLOADS) else "") for i in range(workloads)]
    if evil:
        names[0] = evil[:20]
    cells = list(cells_of(groups, sides, evil))
    position = 0
    for index in range(runs):
        for at, cell in enumerate(cells):
            side = at % sides
            kernel = evil or kernels[side % len(kernels)]
            position = plant_boot(rng, directory, cell, position + 1, index, side, runs, names, kernel, evil)
    write(os.path.join(directory, "matrix.json"), {
        "schema": "ktstr-matrix/1", "bench": ["--memory", "1G"] + names, "order_seed": 1, "seed": 1, "runs": runs, "kernels": [],
        "topologies": [], "workloads": [], "cells": cells,
        "schedulers": [{"label": c["label"], "text": c["scheduler"]} for c in cells[:sides]]})
    return directory


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir")
    for what, default in (("groups", 1), ("sides", 2), ("runs", 10), ("workloads", 2), ("seed", 1)):
        parser.add_argument("--" + what, type=int, default=default)
    parser.add_argument("--evil", action="store_const", const=EVIL, help="names that are markup")
    args = vars(parser.parse_args())
    plant_directory(args.pop("dir"), **args)


if __name__ == "__main__":
    main()
