# SPDX-License-Identifier: Apache-2.0
"""What bench/datapath measures, each between two ends: from a namespace to an address in another. Senders run on the first
CPU, receivers on the second, ahead of all other processes. Each returns a list of values."""
import functools
import subprocess
import sys
import time

from common import Failed, inside, program, run

OFFERED = 20000  # packets a second for `cpu`: below what the slowest path carries


@functools.cache
def has_priority():
    if subprocess.run(["chrt", "-f", "1", "true"], capture_output=True).returncode == 0:
        return True
    print("warning: no real-time priority here: what others run disturbs more", file=sys.stderr)
    return False


def ahead(command, rank):
    """The command, ahead of all that others run: it disturbs little then."""
    return ["chrt", "-f", str(rank), *command] if has_priority() else command


def on(cpu, end, *command):
    return inside(end.name, "taskset", "-c", str(cpu), *ahead(command, 2))


class Server:
    """A program that serves one measurement, in the namespace of the end; ended with the block."""

    def __init__(self, cpu, end, *command):
        self.command = " ".join((*command, "in", end.name))
        self.process = subprocess.Popen(on(cpu, end, *command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def ready(self, word):
        """Waits for the line that says so."""
        for line in self.process.stdout:
            if word in line:
                return
        raise Failed(f"{self.command}: ended before it was ready")

    def result(self):
        """What it prints until it ends by itself."""
        try:
            out = self.process.communicate(timeout=20)[0]
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.command}: does not end")
        if self.process.returncode:
            raise Failed(f"{self.command}: status {self.process.returncode}")
        return out


def tcp(n_streams, source, target, seconds):
    """Gbit/s that arrive."""
    with Server(1, target, "iperf3", "-s", "-1", "-p", "5201", "--forceflush") as server:
        server.ready("listening")
        out = run(*on(0, source, "iperf3", "-c", target.address, "-p", "5201", "-t", str(seconds), "-C", "cubic", "-P", str(n_streams),
                      "--connect-timeout", "3000", "-f", "m"))
        server.result()
    line = [line for line in out.splitlines() if "receiver" in line][-1]
    return [float(line.split("Mbits/sec")[0].split()[-1]) / 1000]


tcp1, tcp4 = functools.partial(tcp, 1), functools.partial(tcp, 4)


def udp64(source, target, seconds):
    """Thousands of 64-byte packets a second that arrive."""
    with Server(1, target, program("bench/udp_rate"), "receive", "5202", str(seconds)) as server:
        server.ready("ready")
        run(*on(0, source, program("bench/udp_rate"), "send", target.address, "5202", str(seconds + 0.2), "64"))
        rate = float(server.result())
    if not rate:
        raise Failed(f"{source.name} to {target.name}: nothing arrived")
    return [rate / 1000]


def rr(source, target, seconds):
    """Request and response of 64 bytes by TCP, both ends on the first CPU: p50 and p99 in µs."""
    with Server(0, target, program("bench/rr"), "serve", "5203") as server:
        server.ready("ready")
        p50, p99, _ = run(*on(0, source, program("bench/rr"), "ask", target.address, "5203", str(seconds), "64")).split()
    return [float(p50), float(p99)]


def taken(seconds):
    """CPUs that somebody else has: the measured programs, interrupts, softirqs."""
    return float(run(*ahead([program("bench/soak"), str(seconds)], 1)))


def cpu(source, target, seconds):
    """ns of CPU for each packet of 64 bytes, at a rate that every path carries, less what the idle machine takes."""
    idle = taken(seconds)
    with Server(1, target, program("bench/udp_rate"), "receive", "5202", str(seconds + 0.5)) as server:
        server.ready("ready")
        with Server(0, source, program("bench/udp_rate"), "send", target.address, "5202", str(seconds + 1), "64", str(OFFERED)):
            time.sleep(0.2)
            load = taken(seconds)
            rate = float(server.result())
    if rate < 0.95 * OFFERED:
        raise Failed(f"{source.name} to {target.name}: {rate:.0f} of {OFFERED} packets a second arrived")
    if load <= idle:
        raise Failed("the machine is too busy with something else to tell what a packet costs")
    return [(load - idle) / rate * 1e9]
