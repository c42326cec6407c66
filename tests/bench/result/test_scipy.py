#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""TRU-02, -03, -04, -06, -12: the statistics of bench/result beside scipy's, on seeded values. test_scipy.py ORACLE"""
import itertools
import math
import subprocess
import sys

try:
    import numpy as np
    from scipy import stats
except ImportError as e:
    print(f"skipped: {e}; install python3-scipy")
    sys.exit(77)

oracle = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
rng = np.random.default_rng(20261130)
failed = 0


def ask(what, a, b=()):
    numbers = " ".join(repr(float(x)) for x in (*a, *b))
    oracle.stdin.write(f"{what} {len(a)} {len(b)} {numbers}\n")
    oracle.stdin.flush()
    return [float(x) for x in oracle.stdout.readline().split()]


def expect(name, got, want, within):
    global failed
    for g, w in zip(got, want, strict=True):
        if not (math.isnan(g) and math.isnan(w)) and not abs(g - w) <= within * max(1, abs(w)):
            print(f"{name}: {g} for {w}")
            failed += 1
            return


def values(n, ties=False):
    v = np.exp(rng.normal(0, 0.05, n)) * 1000
    return np.round(v / 40) if ties else v


def by_counting(a, b):
    """Mann-Whitney with ties, from the definition: all ways to share out the midranks."""
    ranks = stats.rankdata(np.concatenate([a, b]))
    seen = ranks[: len(a)].sum()
    sums = [sum(c) for c in itertools.combinations(ranks, len(a))]
    below = sum(s <= seen + 1e-9 for s in sums) / len(sums)
    above = sum(s >= seen - 1e-9 for s in sums) / len(sums)
    return min(1, 2 * min(below, above))


for i in range(1000):  # TRU-02
    v = values(int(rng.integers(2, 41)), ties=i % 3 == 0)
    n, s = len(v), np.sort(v)
    k = next((k for k in range(n // 2, 0, -1) if 1 - 2 * stats.binom.cdf(k - 1, n, 0.5) >= 0.95), 0)
    interval = [s[k - 1], s[n - k], 1 - 2 * stats.binom.cdf(k - 1, n, 0.5)] if k else [math.nan] * 3
    expect("summary", ask("summary", v), [np.median(v), v.mean(), stats.variation(v, ddof=1), s[0], s[-1], *interval], 1e-12)
for i in range(1000):  # TRU-03: exact, no ties
    a, b = values(int(rng.integers(1, 21))), values(int(rng.integers(1, 21)))
    expect("exact", ask("mw", a, b), [stats.mannwhitneyu(a, b, method="exact").pvalue], 1e-9)
for i in range(100):  # exact with ties
    a, b = values(int(rng.integers(1, 7)), True), values(int(rng.integers(1, 7)), True)
    expect("ties", ask("mw", a, b), [by_counting(a, b)], 1e-9)
for i in range(300):  # more than 20 a side: normal, ties and continuity
    a, b = values(int(rng.integers(21, 80)), i % 2), values(int(rng.integers(3, 80)), i % 2)
    expect("normal", ask("mw", a, b), [stats.mannwhitneyu(a, b, method="asymptotic").pvalue], 1e-6)
expect("all alike", ask("mw", [5.0] * 30, [5.0] * 30), [1], 0)
for i in range(500):  # TRU-12
    v = values(int(rng.integers(3, 34)), i % 2)
    if len(set(v)) < 2:
        continue
    want = stats.kendalltau(range(len(v)), v, method="asymptotic" if len(set(v)) < len(v) else "exact")
    expect("drift", ask("drift", v), [want[0], want[1]], 1e-9)
for i in range(200):  # TRU-06
    p = rng.random(int(rng.integers(1, 30))) ** 2
    n, order = len(p), np.argsort(p, kind="stable")
    step_down, step_up = np.empty(n), np.empty(n)
    step_down[order] = np.minimum(1, np.maximum.accumulate(p[order] * (n - np.arange(n))))
    step_up[order] = np.minimum(1, np.minimum.accumulate((p[order] * n / (1 + np.arange(n)))[::-1])[::-1])
    expect("Holm", ask("holm", p), step_down, 1e-12)
    expect("Benjamini-Hochberg", ask("bh", p), step_up, 1e-12)
for i in range(20):  # TRU-04: beside another bootstrap; what is left is their resampling
    a, b = values(10), values(12) * 1.05
    ratio, low, high, _ = ask("ratio", a, b)
    r = np.median(b[rng.integers(0, 12, (9999, 12))], axis=1) / np.median(a[rng.integers(0, 10, (9999, 10))], axis=1)
    expect("ratio", [ratio], [np.median(b) / np.median(a)], 1e-12)
    expect("its interval", [low, high], np.quantile(r, [0.025, 0.975]), 0.015)
oracle.stdin.close()
sys.exit(1 if failed or oracle.wait() else 0)
