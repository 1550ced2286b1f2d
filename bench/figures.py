# SPDX-License-Identifier: Apache-2.0
"""Figures of interleaved rounds: medians, ratios, and how they are shown."""
import json
import os
import statistics
import sys

from common import Failed
from plot import number, plot


def short(value):
    return round(value, 4)


class Figures:
    """{name: [(ours, peer or None, bare or None), ...]}, a tuple a round. A ratio is the median of the rounds' ratios, ours by
    the other's: what drifts from round to round hits both alike."""

    def __init__(self):
        self.rounds = {}
        self.facts = {}
        self.failed = []

    def add(self, name, unit, ours, peer_name=None, peer=None, bare=None, better="higher"):
        """One round of a name. The peer is what a user would pick instead; bare is what neither can beat."""
        self.facts[name] = unit, peer_name, better
        self.rounds.setdefault(name, []).append((ours, peer, bare))

    def fail(self, what, error):
        """A measurement that gave nothing: the others go on, and the benchmark fails in the end."""
        self.failed.append(what)
        print(f"error: {what}: {error}", file=sys.stderr)

    def record(self, name):
        unit, peer_name, better = self.facts[name]
        ours, peer, bare = zip(*self.rounds[name])
        record = {"name": name, "value": short(statistics.median(ours)), "unit": unit,
                  "min": short(min(ours)), "max": short(max(ours))}
        if len(ours) >= 100:
            record["p99"] = short(sorted(ours)[len(ours) * 99 // 100])
        if peer_name:
            ratios = [o / p for o, p in zip(ours, peer) if p]
            if not ratios:
                raise Failed(f"{name}: {peer_name} gave nothing")
            record |= {"peer": peer_name, "peer_value": short(statistics.median(peer)), "ratio": short(statistics.median(ratios)),
                       "ratio_min": short(min(ratios)), "ratio_max": short(max(ratios)), "better": better}
        if all(bare):
            record |= {"bare_value": short(statistics.median(bare)),
                       "bare_ratio": short(statistics.median(o / b for o, b in zip(ours, bare)))}
        return record

    def records(self):
        return [self.record(name) for name in self.rounds]

    def table(self):
        yield f"{'':44}{'median':>10} {'min':>9} {'max':>9}  {'unit':7} {'peer':>16} {'ratio (min .. max)':>22}  {'bare':>5}  better"
        for r in self.records():
            peer = f"{r['peer']} {number(r['peer_value'])}" if "peer" in r else f"p99 {number(r['p99'])}" if "p99" in r else ""
            ratio = f"{r['ratio']:.2f} ({r['ratio_min']:.2f} .. {r['ratio_max']:.2f})" if "peer" in r else ""
            bare = f"{r['bare_ratio']:.2f}" if "bare_ratio" in r else ""
            yield (f"{r['name']:44}{number(r['value']):>10} {number(r['min']):>9} {number(r['max']):>9}  {r['unit']:7} {peer:>16} "
                   f"{ratio:>22}  {bare:>5}  {r.get('better', '')}").rstrip()

    def show(self, options):
        """The table, or JSON lines; and the chart. Ends the benchmark if a measurement failed."""
        print("\n".join(json.dumps(record) for record in self.records()) if options.json else "\n".join(self.table()))
        os.makedirs(os.path.dirname(os.path.abspath(options.svg)), exist_ok=True)
        plot(self, options.svg)
        print(f"chart: {options.svg}", file=sys.stderr)
        if self.failed:
            raise Failed(f"{len(self.failed)} measurements gave nothing: {', '.join(dict.fromkeys(self.failed))}")
