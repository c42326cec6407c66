#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""ktstr bench report in headless Chromium: what it requests, what its console says, what it shows at 1280 and 390 px, and
that its figures are those of ktstr bench compare. test_browser.py KTSTR; KTSTR_TEST_KEEP=DIR keeps pages and pictures."""
import html
import html.parser
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from plant import EVIL, plant_directory

ktstr = sys.argv[1]
chromium = shutil.which("chromium") or shutil.which("chromium-browser")
failed = 0


def check(name, good, said=""):
    global failed
    if not good:
        failed += 1
    print("%s: %s%s" % ("ok" if good else "not ok", name, "" if good else ": %s" % (said,)))


class Page(html.parser.HTMLParser):
    """Verdict tables as [{metric: {key: value}}], and all text."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.said, self.tags, self.row = [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        if tag == "table" and attrs.get("data-test"):
            self.tables.append({})
        if tag == "tr":
            self.row = self.tables[-1].setdefault(attrs["data-metric"], {}) if attrs.get("data-metric") else None
        if "data-key" in attrs and self.row is not None:
            value = attrs["data-value"]
            self.row[attrs["data-key"]] = value if attrs["data-key"] == "verdict" else None if value == "null" else float(value)

    def handle_data(self, data):
        self.said.append(data)


def browse(path, width, height, *words):
    """stdout and stderr."""
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--enable-logging=stderr",
             "--user-data-dir=" + profile, "--window-size=%d,%d" % (width, height), *words, "file://" + path],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
    return done.stdout, done.stderr


def requests_of(log):
    """What a page asked for, but for the page itself; requests of the browser's own have no initiator."""
    text = open(log).read().rstrip().rstrip(",")
    try:
        events = json.loads(text)["events"]
    except ValueError:
        events = json.loads(text + "]}")["events"]
    found = set()
    for event in events:
        params = event.get("params", {})
        if params.get("url") and params.get("initiator", "not an origin") != "not an origin":
            found.add(params["url"])
    return found


def console_of(stderr):
    return re.findall(r"^.*CONSOLE.*$", stderr, re.M)


def report(top, name, **planted):
    directory = plant_directory(os.path.join(top, name), **planted)
    path = os.path.join(top, name + ".html")
    subprocess.run([ktstr, "bench", "report", directory, "-o", path], check=True, capture_output=True)
    compared = subprocess.run([ktstr, "bench", "compare", directory, "--format", "json", "--fail-on", "none"],
                              capture_output=True, text=True)
    compared = json.loads(compared.stdout)
    return path, compared.get("comparisons", [compared])


def figures_equal(name, page, comparisons):
    """RPT-03"""
    compared = 0
    for shown, comparison in zip(page.tables, comparisons):
        for metric in comparison["metrics"]:
            for key, value in shown.get(metric["metric"], {}).items():
                there = metric
                for part in key.split("."):
                    there = there[part]
                compared += 1
                if there != value:
                    check("%s: %s %s" % (name, metric["metric"], key), False, "%s is not %s" % (value, there))
    check("%s: %d figures are those of compare" % (name, compared), compared >= 60 * len(comparisons))


def quiet(top, name, path):
    """RPT-01. The dumped page."""
    log = os.path.join(top, name + ".net.json")
    dom, said = browse(path, 1280, 900, "--dump-dom", "--log-net-log=" + log)
    check(name + ": no request", requests_of(log) == set(), requests_of(log))
    check(name + ": nothing on the console", console_of(said) == [], console_of(said))
    return Page(dom)


def noticed(top):
    """The two checks above do see a request and an error."""
    path, log = os.path.join(top, "loud.html"), os.path.join(top, "loud.net.json")
    with open(path, "w") as f:
        f.write('<!DOCTYPE html><img src="http://127.0.0.1:9/x.png"><script>console.error("loud")</script>')
    _, said = browse(path, 1280, 900, "--dump-dom", "--log-net-log=" + log)
    check("a request would be seen", "http://127.0.0.1:9/x.png" in requests_of(log), requests_of(log))
    check("an error would be seen", any("loud" in line for line in console_of(said)), said[-300:])


# Appended to a copy without the policy, in a frame, for a window is never narrower than 500 px: whether the
# page, or a part of it that does not scroll by itself, is wider than that.
PROBE = """<script>
const wide = [...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll") && !e.closest("svg") &&
	!e.closest("thead") && getComputedStyle(e).display !== "none" && e.getBoundingClientRect().right > innerWidth + 1);
const charts = [...document.querySelectorAll("svg.chart")].filter(e => e.getBoundingClientRect().height < 100);
parent.document.documentElement.setAttribute("data-probe", JSON.stringify({width: innerWidth, page:
	document.documentElement.scrollWidth, wide: wide.slice(0, 5).map(e => e.outerHTML.slice(0, 120)), small: charts.length}));
</script>"""


def fits(top, name, path, width):
    """RPT-02"""
    probe = os.path.join(top, "probe.html")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", open(path).read())
    text = html.escape(text.replace("</body>", PROBE + "</body>"))
    with open(probe, "w") as f:
        f.write('<!DOCTYPE html><iframe style="border:0" width="%d" height="900" srcdoc="%s"></iframe>' % (width, text))
    dom, _ = browse(probe, width + 100, 1000, "--dump-dom")
    found = json.loads(html.unescape(re.search(r'data-probe="([^"]*)"', dom).group(1)))
    check("%s: fits %d px" % (name, width), found["width"] == width and found["page"] <= width and not found["wide"], found)
    check("%s: charts have their height at %d px" % (name, width), found["small"] == 0, found)


def pictured(top, name, path, width):
    picture = os.path.join(top, "%s-%d.png" % (name, width))
    browse(path, width, 2400, "--screenshot=" + picture)
    with open(picture, "rb") as f:
        data = f.read()
    check("%s: a picture at %d px" % (name, width), data[1:4] == b"PNG" and struct.unpack(">I", data[16:20])[0] == width and
          len(data) > 30000, len(data))


def main():
    if not chromium:
        print("chromium is not installed: apt-get install chromium")
        return 77
    keep = os.environ.get("KTSTR_TEST_KEEP")
    with tempfile.TemporaryDirectory() as top:
        if keep:
            os.makedirs(keep, exist_ok=True)
        top = keep or top
        noticed(top)
        for name, planted in (("two", {}), ("sixteen", {"groups": 4, "sides": 4, "runs": 10}), ("evil", {"evil": EVIL, "runs": 6})):
            path, comparisons = report(top, name, **planted)
            page = quiet(top, name, path)
            check("%s: no script came of a name" % name, "script" not in page.tags)
            figures_equal(name, page, comparisons)
            for width in (1280, 390):
                fits(top, name, path, width)
                pictured(top, name, path, width)
            if name == "evil":
                check("evil: the name is text", EVIL in "".join(page.said))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
