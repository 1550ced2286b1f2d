#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the model of the direct path (learn.pml) exhaustively, in every shape below: spin makes a program of it,
which walks all states. Then it leaves out one rule of the protocol at a time, which must be found.

	run.py                        what a unit test has time for
	run.py --all                  larger shapes too: minutes, and 3 GB
	run.py --trace NAME=VALUE...  one shape, by the variables of learn.pml; prints how an assertion fails
"""
import os
import subprocess
import sys
import tempfile

MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "learn.pml")
BASE = {"at_h2": 3, "at_b": 4, "same": 1, "two_way": 1, "lossy": 1, "moves": 1, "sends": 2, "lapses": 1}
BETWEEN = "divides=1 same=0"
QUIET = "migrate=1 lossy=0 lapses=0"

SHAPES = [
    "",
    "two_way=0 sends=1",
    "at_b=1",
    "at_b=2",
    "at_b=2 at_c=3 sends=1",
    "at_h2=1",
    "at_h2=1 at_b=2",
    "moves=3 lapses=0 sends=1",
    "at_b=2 at_c=5 moves=2 sends=1",
    "divides=1 at_v=6 sends=1",
    "divides=1 at_v=2 sends=1",
    "divides=1 at_v=6 at_b=2",
    f"{BETWEEN} at_v=6 sends=1",
    f"{BETWEEN} at_v=6 sends=1 two_way=0",
    f"{BETWEEN} at_v=1 sends=1",
    f"{BETWEEN} at_v=2 sends=1",
    f"{BETWEEN} at_v=4 sends=1",
    f"{BETWEEN} at_b=1 at_v=6 sends=1",
    f"{BETWEEN} at_b=2 at_v=3 sends=1",
    f"{QUIET} sends=3",
    f"{QUIET} moves=2 at_b=2",
    f"{QUIET} moves=2 at_h2=1",
    f"{QUIET} moves=2 divides=1 at_v=6",
    f"{QUIET} moves=2 {BETWEEN} at_v=6",
]
LARGE = [
    "moves=2",
    "at_c=5",
    "at_b=2 at_c=3",
    "divides=1 at_v=6",
    "divides=1 at_v=2",
    f"{BETWEEN} at_v=1",
    f"{BETWEEN} at_v=6 sends=1 two_way=0 moves=2",
    f"{QUIET} moves=2 sends=3",
    "sends=3 lapses=0",
    f"{BETWEEN} at_v=6",
    f"{BETWEEN} at_v=2",
    f"{BETWEEN} at_v=4",
    f"{BETWEEN} at_h2=1 at_v=6 sends=1",
    f"{BETWEEN} at_b=1 at_v=6",
    f"{BETWEEN} at_b=2 at_v=3",
    f"{QUIET} moves=3 sends=3 divides=1 at_v=6",
]
FAULTS = {  # by number, as learn.pml has them, with a shape that finds it
    1: ("nothing is given back", f"{QUIET} divides=1 at_v=6"),
    2: ("a divider without a row does not make its sender ask", f"{BETWEEN} at_v=6"),
    3: ("a tombstone forwards where the source must be proven", f"{QUIET} divides=1 at_v=6"),
    4: ("the host before this one may not give back", f"{QUIET} sends=3 divides=1 at_v=6"),
    5: ("a tombstone outlives the return of its endpoint", "moves=3 lapses=0 sends=1"),
    6: ("a divider asks a bouncer that gave back once more", f"{BETWEEN} at_b=2 at_v=3 lapses=0"),
    7: ("a host learns that it is itself the way", f"{BETWEEN} at_v=2 sends=1 lapses=0"),
}


def variables(shape):
    values = {**BASE, **dict(pair.split("=") for pair in shape.split())}
    return {**os.environ, **{name: str(value) for name, value in values.items()}}


def build(folder):
    subprocess.run(["spin", "-a", MODEL], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["gcc", "-w", "-O2", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=3000", "-DVECTORSZ=2048", "-o", "pan",
                    "pan.c"], cwd=folder, check=True)


def check(folder, shape):
    """Returns what failed, or None, and how many states there are."""
    out = subprocess.run(["./pan", "-m100000"], cwd=folder, env=variables(shape), text=True, check=True,
                         stdout=subprocess.PIPE).stdout
    failed = [line for line in out.splitlines() if line.startswith("pan:1:")]
    states = next(line.split()[0] for line in out.splitlines() if "states, stored" in line)
    if not failed and ("errors: 0" not in out or "Search not completed" in out):
        failed = [out]
    return failed[0] if failed else None, int(states)


def trace(folder, shape):
    failed, states = check(folder, shape)
    print(failed or f"{states} states, all well")
    if not failed:
        return 0
    out = subprocess.run(["./pan", "-r"], cwd=folder, env=variables(shape), text=True, check=False,
                         stdout=subprocess.PIPE).stdout
    print("\n".join(line for line in out.splitlines() if line.startswith("model: ")))
    return 1


def main():
    with tempfile.TemporaryDirectory() as folder:
        build(folder)
        if sys.argv[1:2] == ["--trace"]:
            return trace(folder, " ".join(sys.argv[2:]))
        n_failed = 0
        for shape in SHAPES + (LARGE if sys.argv[1:] == ["--all"] else []):
            failed, states = check(folder, shape)
            n_failed += bool(failed)
            print(f"{states:9} states  {shape or 'all apart'}{': ' + failed if failed else ''}", flush=True)
        for number, (what, shape) in FAULTS.items():
            failed, states = check(folder, f"{shape} fault={number}")
            n_failed += not failed
            print(f"{states:9} states  {'found' if failed else 'NOT FOUND'}: {what}", flush=True)
        return n_failed != 0


sys.exit(main())
