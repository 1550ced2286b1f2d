# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: namespaces that are removed however it ends, rounds, ratios, output."""
import atexit
import json
import os
import signal
import statistics
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, "build")
LAB = f"bench{os.getpid()}"
namespaces = []
warned = []


def run(*command, **options):
    """Runs a command; its standard output. Its errors end the benchmark."""
    result = subprocess.run(command, capture_output=True, text=True, **options)
    if result.returncode:
        sys.exit(f"error: {' '.join(command)}: {result.stderr.strip() or result.stdout.strip()}")
    return result.stdout


def mizar(*command, **options):
    return run("mizar", *command, **options)


def namespace(name):
    """A network namespace of ours; removed at the end."""
    run("ip", "netns", "add", name)
    namespaces.append(name)
    run("ip", "-n", name, "link", "set", "lo", "up")
    return name


def inside(name, *command):
    """The command, to be run in a namespace."""
    return ["ip", "netns", "exec", name, *command]


def tidy():
    for name in namespaces:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
    subprocess.run(["mizar", "lab", "down", "--name", LAB], capture_output=True)


def start(doc, add_options=lambda parser: None):
    """Options, privilege, the build, and tidying up."""
    import argparse
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--json", action="store_true", help="JSON lines instead of the table")
    add_options(parser)
    options = parser.parse_args()
    if os.geteuid():
        sys.exit("error: this needs root (namespaces, BPF): run it with sudo")
    script = f'top={TOP}; . {TOP}/scripts/common.sh; cd {TOP}; install_packages; build_tree build'
    if subprocess.run(["bash", "-c", script]).returncode:
        sys.exit(1)
    os.environ["PATH"] = os.path.join(BUILD, "src", "cli") + ":" + os.environ["PATH"]
    os.environ["MIZAR_LAB"] = LAB
    atexit.register(tidy)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(130))
    return options


def progress(text):
    end = "\r" if sys.stderr.isatty() else "\n"
    print(f"\x1b[K{text}" if end == "\r" else text, end=end, file=sys.stderr, flush=True)


def cpu_times():
    """Idle and all jiffies of the machine so far."""
    with open("/proc/stat") as file:
        times = [int(t) for t in file.readline().split()[1:9]]
    return times[3] + times[4], sum(times)


def wait_until_idle(seconds=5):
    """Waits while others use more than a tenth of the machine; warns, once, if they do not stop."""
    for _ in range(int(seconds / 0.2)):
        idle, total = cpu_times()
        time.sleep(0.2)
        idle_now, total_now = cpu_times()
        if idle_now - idle >= 0.9 * (total_now - total):
            return
    if not warned:
        warned.append(True)
        print("warning: the machine is busy with something else: the figures are unsteady", file=sys.stderr)


class Figures:
    """Figures of interleaved rounds: {name: [(ours, peer or None), ...]}."""

    def __init__(self):
        self.rounds = {}
        self.units = {}
        self.peers = {}

    def add(self, name, unit, ours, peer_name=None, peer=None):
        self.units[name], self.peers[name] = unit, peer_name
        self.rounds.setdefault(name, []).append((ours, peer))

    def records(self):
        for name, rounds in self.rounds.items():
            ours = [r[0] for r in rounds]
            record = {"name": name, "value": round(statistics.median(ours), 4), "unit": self.units[name],
                      "min": round(min(ours), 4), "max": round(max(ours), 4)}
            if len(ours) >= 100:
                record["p99"] = round(sorted(ours)[len(ours) * 99 // 100], 4)
            if self.peers[name]:
                ratios = [o / p for o, p in rounds if p]
                record |= {"peer": self.peers[name], "peer_value": round(statistics.median(r[1] for r in rounds), 4),
                           "ratio": round(statistics.median(ratios), 3),
                           "ratio_min": round(min(ratios), 3), "ratio_max": round(max(ratios), 3)}
            yield record

    def show(self, as_json):
        progress("")
        if as_json:
            for record in self.records():
                print(json.dumps(record))
            return
        print(f"{'':44}{'median':>10} {'min':>9} {'max':>9}  {'unit':6} {'peer':>16} {'ratio (min .. max)':>24}")
        for r in self.records():
            peer = f"{r['peer']} {r['peer_value']:.4g}" if "peer" in r else f"p99 {r['p99']:.4g}" if "p99" in r else ""
            ratio = f"{r['ratio']:.2f} ({r['ratio_min']:.2f} .. {r['ratio_max']:.2f})" if "peer" in r else ""
            print(f"{r['name']:44}{r['value']:>10.4g} {r['min']:>9.4g} {r['max']:>9.4g}  {r['unit']:6} {peer:>16} {ratio:>24}")
