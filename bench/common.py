# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: namespaces that are removed however it ends, options, progress, noise. What comes of the
rounds is in figures.py, the chart in plot.py."""
import argparse
import atexit
import os
import signal
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAB = f"bench{os.getpid()}"
namespaces = []
warned = []
build = os.path.join(TOP, "build")


class Failed(Exception):
    """Something that was to be measured, or needed for it, did not work; ends the benchmark if nobody goes on."""


def run(*command, **options):
    """Runs a command; its standard output."""
    result = subprocess.run(command, capture_output=True, text=True, **options)
    if result.returncode:
        raise Failed(f"{' '.join(command)}: {result.stderr.strip() or result.stdout.strip()}")
    return result.stdout


def say_failed(kind, error, trace):
    """Instead of a trace, where it says all."""
    if kind is Failed:
        print(f"error: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def mizar(*command, **options):
    return run("mizar", *command, **options)


def namespace(name):
    """A network namespace of ours; removed at the end."""
    namespaces.append(name)
    run("ip", "netns", "add", name)
    run("ip", "-n", name, "link", "set", "lo", "up")
    return name


def program(name):
    """A program of the build directory."""
    return os.path.join(build, name)


def inside(name, *command):
    """The command, to be run in a namespace."""
    return ["ip", "netns", "exec", name, *command]


def remove():
    """All namespaces and the lab: also what was made half."""
    while namespaces:
        subprocess.run(["ip", "netns", "del", namespaces.pop()], capture_output=True)
    subprocess.run(["mizar", "lab", "down", "--name", LAB], capture_output=True)


def tidy():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    remove()


def some_of(known):
    """Parses a list of words: all of them known ones."""
    def parse(text):
        names = {str(value): value for value in known}
        if not set(text.split(",")) <= set(names):
            raise argparse.ArgumentTypeError(f"'{text}' is not of {','.join(names)}")
        return [names[word] for word in text.split(",")]
    return parse


def start(doc, add_options=lambda parser: None):
    """Options, privilege, the build, and tidying up."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    name = os.path.basename(sys.argv[0])
    parser.add_argument("--json", action="store_true", help="JSON lines instead of the table")
    parser.add_argument("--svg", metavar="FILE", default=os.path.join(TOP, "build", "bench", f"{name}.svg"),
                        help=f"where the chart goes (default build/bench/{name}.svg)")
    parser.add_argument("--build", metavar="DIR", help="take this build as it is (default: what is not built in ./build is built)")
    add_options(parser)
    options = parser.parse_args()
    if os.geteuid():
        sys.exit("error: this needs root (namespaces, BPF): run it with sudo")
    script = f'top={TOP}; . {TOP}/scripts/common.sh; cd {TOP}; install_packages; build_tree build'
    if options.build:
        global build
        build = os.path.abspath(options.build)
    elif subprocess.run(["bash", "-c", script]).returncode:
        sys.exit(1)
    os.environ["PATH"] = program("src/cli") + ":" + os.environ["PATH"]
    os.environ["MIZAR_LAB"] = LAB
    sys.excepthook = say_failed
    atexit.register(tidy)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))
    return options


def progress(text):
    end = "\r" if sys.stderr.isatty() else "\n"
    print(f"\x1b[K{text}" if end == "\r" else text, end=end, file=sys.stderr, flush=True)


class Progress:
    """Steps of about equal length: which one runs, and how long the rest will take."""

    def __init__(self, n_steps):
        self.n_steps, self.n_done, self.begin = n_steps, 0, None

    def step(self, text):
        self.begin = self.begin or time.monotonic()
        left = (time.monotonic() - self.begin) / self.n_done * (self.n_steps - self.n_done) if self.n_done else None
        self.n_done += 1
        time_left = f", {int(left) // 60}:{int(left) % 60:02} left" if left is not None else ""
        progress(f"{self.n_done} of {self.n_steps}{time_left}: {text}")


def cpu_times():
    """Idle and all jiffies of the machine so far."""
    with open("/proc/stat") as file:
        times = [int(t) for t in file.readline().split()[1:9]]
    return times[3] + times[4], sum(times)


def wait_until_idle(seconds=5):
    """Waits while others use more than a tenth of the machine; if they do not stop, warns, and waits no more."""
    if warned:
        return
    for _ in range(int(seconds / 0.2)):
        idle, total = cpu_times()
        time.sleep(0.2)
        idle_now, total_now = cpu_times()
        if idle_now - idle >= 0.9 * (total_now - total):
            return
    warned.append(True)
    print("warning: the machine is busy with something else: the figures are unsteady", file=sys.stderr)
