#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks make of their rounds: medians of ratios, JSON records, a chart that is well-formed and whole."""
import contextlib
import io
import json
import os
import sys
import tempfile
import xml.etree.ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(sys.argv[1], "bench"))
from common import Failed
from figures import Figures
from plot import ticks

SVG = "{http://www.w3.org/2000/svg}"


class Options:
    def __init__(self, as_json, svg):
        self.json, self.svg = as_json, svg


def shown(figures, as_json, svg):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        figures.show(Options(as_json, svg))
    return out.getvalue()


def check(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got!r}, not {wanted!r}")


GOALS = {"heal/move/repaired": {"value": 100}, "heal/move/lost": {"max": 0},
         "datapath/tc/1500/gso/bouncer/rr_p50": {"ratio": 0.5, "bare_ratio": 0.1}}
figures = Figures(GOALS.get)
# The second round was slow for all: the ratios do not show it, a ratio of medians would.
for ours, peer, bare in ((8, 4, 16), (3, 1, 5), (10, 4, 20)):
    figures.add("datapath/tc/1500/gso/bouncer/tcp1", "Gbit/s", ours, "vxlan", peer, bare)
    figures.add("datapath/tc/1500/gso/bouncer/rr_p50", "us", peer, "vxlan", ours, bare, "lower")
for i in range(100):
    figures.add("provision/a<b>&c", "ms", i)
for repaired, lost in ((3, 0), (110, 0), (90, 1)):
    figures.add("heal/move/repaired", "ms", repaired, better="lower")
    figures.add("heal/move/lost", "packets", lost, better="lower")

with tempfile.TemporaryDirectory() as directory:
    svg = os.path.join(directory, "new", "chart.svg")
    tcp, rr, alone, repaired, lost = (json.loads(line) for line in shown(figures, True, svg).splitlines())
    check("a record", tcp, {
        "name": "datapath/tc/1500/gso/bouncer/tcp1", "value": 8, "unit": "Gbit/s", "min": 3, "max": 10, "peer": "vxlan",
        "peer_value": 4, "ratio": 2.5, "ratio_min": 2.0, "ratio_max": 3.0, "better": "higher", "bare_value": 16, "bare_ratio": 0.5})
    check("better", rr["better"], "lower")
    check("without a peer", alone, {"name": "provision/a<b>&c", "value": 49.5, "unit": "ms", "min": 0, "max": 99, "p99": 99})
    check("goals", [(r["goal"], r["reached"]) for r in (rr, repaired, lost)],
          list(zip((GOALS[r["name"]] for r in (rr, repaired, lost)), (False, True, False))))
    table = shown(figures, False, svg).splitlines()
    check("the table's lines", len(table), 6)
    check("goals in words", [line.split("lower")[1].strip() for line in (table[2], *table[4:])],
          ["<= 0.5, bare_ratio <= 0.1 MISSED", "<= 100 reached", "max <= 0 MISSED"])

    chart = xml.etree.ElementTree.parse(svg).getroot()
    check("bars", len(chart.findall(f"{SVG}rect")), 5 + 1)
    check("marks of bare ratios", len(chart.findall(f"{SVG}path")), 2)
    width, height = float(chart.get("width")), float(chart.get("height"))
    for element in chart.iter(f"{SVG}text"):
        if not (0 <= float(element.get("x")) <= width and 0 <= float(element.get("y")) <= height):
            sys.exit(f"outside of the chart: {element.text}")

    figures.fail("datapath/tc/1500/gso/bouncer/udp64", "nothing arrived")
    try:
        shown(figures, False, svg)
        sys.exit("a failed measurement was forgotten")
    except Failed as error:
        check("the failed one is named", "bouncer/udp64" in str(error), True)

for end in (0.003, 0.97, 1, 2.4, 18, 417, 1e6):
    marks = ticks(end)
    if marks[0] != 0 or marks[-1] < end or not 3 <= len(marks) <= 6:
        sys.exit(f"marks of an axis up to {end}: {marks}")
