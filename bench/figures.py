# SPDX-License-Identifier: Apache-2.0
"""Figures of interleaved rounds: medians, ratios, and how they are shown."""
import json
import math
import os
import statistics
import sys

from common import Failed
from plot import number, plot


def short(value):
    return round(value, 4)


def reaches(record):
    """Whether the figure is as good as is wanted: none of the goal's fields is worse."""
    sign = -1 if record["better"] == "lower" else 1
    return all(sign * record.get(field, -sign * math.inf) >= sign * wanted for field, wanted in record["goal"].items())


def goal_text(record):
    """">= 1.1 reached", "<= 0.85, bare_ratio <= 1.2 missed"; the main field goes without saying."""
    if "goal" not in record:
        return ""
    sign = "<=" if record["better"] == "lower" else ">="
    main = "ratio" if "ratio" in record else "value"
    wanted = ", ".join(f"{'' if field == main else field + ' '}{sign} {number(wanted)}" for field, wanted in record["goal"].items())
    return f"{wanted} {'reached' if record['reached'] else 'MISSED'}"


class Figures:
    """{name: [(ours, peer or None, bare or None), ...]}, a tuple a round. A ratio is the median of the rounds' ratios, ours by
    the other's: what drifts from round to round hits both alike."""

    def __init__(self, goal=lambda name: None):
        """goal: what is wanted of a name, {field of its record: the worst that will do}, or None."""
        self.goal = goal
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
        goal = self.goal(name)
        if goal:
            record |= {"better": better, "goal": goal}
            record["reached"] = reaches(record)
        return record

    def records(self):
        return [self.record(name) for name in self.rounds]

    def table(self):
        yield (f"{'':44}{'median':>10} {'min':>9} {'max':>9}  {'unit':7} {'peer':>16} {'ratio (min .. max)':>22}  {'bare':>5}  "
               f"{'better':6}  goal")
        for r in self.records():
            peer = f"{r['peer']} {number(r['peer_value'])}" if "peer" in r else f"p99 {number(r['p99'])}" if "p99" in r else ""
            ratio = f"{r['ratio']:.2f} ({r['ratio_min']:.2f} .. {r['ratio_max']:.2f})" if "peer" in r else ""
            bare = f"{r['bare_ratio']:.2f}" if "bare_ratio" in r else ""
            yield (f"{r['name']:44}{number(r['value']):>10} {number(r['min']):>9} {number(r['max']):>9}  {r['unit']:7} {peer:>16} "
                   f"{ratio:>22}  {bare:>5}  {r.get('better', ''):6}  {goal_text(r)}").rstrip()

    def show(self, options):
        """The table, or JSON lines; and the chart. Ends the benchmark if a measurement failed."""
        print("\n".join(json.dumps(record) for record in self.records()) if options.json else "\n".join(self.table()))
        os.makedirs(os.path.dirname(os.path.abspath(options.svg)), exist_ok=True)
        plot(self, options.svg)
        print(f"chart: {options.svg}", file=sys.stderr)
        if self.failed:
            raise Failed(f"{len(self.failed)} measurements gave nothing: {', '.join(dict.fromkeys(self.failed))}")
