# SPDX-License-Identifier: Apache-2.0
"""What bench/heal measures on: hosts of a lab, networks and endpoints made for each round, streams of numbered packets.

	h1: senders     h2: receivers     h3, h4, h5: bouncers, dividers, and where receivers go
"""
import contextlib
import itertools
import json
import subprocess
import time

from common import LAB, Failed, inside, mizar, namespace, namespaces, program, remove, run
from measure import ahead
from topology import End, PLACES, count, endpoint, lab_up, network, schedulable, traffic

RTS_BYTES = 36  # the option in a packet
PATIENCE = 15                    # seconds until the lab is whole again


class Stream:
    """Numbered packets from an end to an address, for some seconds; it runs while the block does, and has its result after it."""

    def __init__(self, source, target, *places, seconds, rate=1000, flows=1, burst=1, echo=False, cpu=None):
        command = [program("bench/udp_sequence"), "--rate", str(rate), "--seconds", str(seconds), "--flows", str(flows), "--burst", str(burst)]
        command += ["--linger", "0.2"] + ["--echo"] * echo + [source.name, target.address, *(place.name for place in places or [target])]
        pinned = [] if cpu is None else ["taskset", "-c", str(cpu)]
        self.process = subprocess.Popen(pinned + ahead(command, 2), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.seconds, self.result = seconds, None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.process.kill()
        try:
            out = self.process.communicate(timeout=self.seconds + 5)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise Failed("udp_sequence does not end")
        if not kind:
            if self.process.returncode:
                raise Failed(f"udp_sequence: status {self.process.returncode}")
            self.result = json.loads(out)

    def __getitem__(self, name):
        return self.result[name]

    def reached(self, place):
        """When the first packet came to the place."""
        if self.result["places"][place]["first"] is None:
            raise Failed("no packet reached the new place")
        return self.result["places"][place]["first"]


def status(kind, name):
    return json.loads(mizar("get", kind, name, "-o", "json"))["status"]


def out_of_order(end):
    """TCP segments that came before an earlier one so far, into the namespace."""
    with_names = [line.split() for line in run(*inside(end.name, "cat", "/proc/net/netstat")).splitlines() if line.startswith("TcpExt:")]
    return int(dict(zip(*with_names))["TCPOFOQueue"])


class Lab:
    """The hosts; what a round made goes with clear()."""

    def __init__(self, lease):
        self.lease, self.numbers, self.made = lease, itertools.count(1), []

    def __enter__(self):
        lab_up("--transit", "tc", "--mizard-options", f"--lease {self.lease}")
        return self

    def __exit__(self, *_):
        remove()

    def vpc(self, *options, on=("h4",), n_dividers=1):
        name = f"v{next(self.numbers)}"
        schedulable(*on)
        mizar("create", "vpc", name, "--dividers", str(n_dividers), *options)
        self.made.append(("vpc", name))
        mizar("wait", "vpc", name, "--for", "Provisioned", "--timeout", str(PATIENCE))
        self.until_used("vpc", name, "dividers", n_dividers)
        return name

    def until_used(self, kind, name, role, n):
        """One is enough to be Provisioned; a host that was cut off a moment ago comes later."""
        end = time.monotonic() + PATIENCE
        while len(json.loads(mizar("get", kind, name, "-o", "json"))["status"].get(role, [])) < n:
            if time.monotonic() > end:
                raise Failed(f"{kind} {name} has no {n} {role} that are used")
            time.sleep(0.02)

    def network(self, vpc, subnet=1, on=("h3",)):
        """The network 10.SUBNET.0.0/16 of the VPC, with a bouncer on each of these hosts."""
        name = f"n{next(self.numbers)}"
        self.made.append(("network", name))
        network(name, vpc, f"10.{subnet}.0.0/16", *on)
        self.until_used("network", name, "bouncers", len(on))
        return name

    def end(self, network_name, host, address, place=None):
        """An endpoint on the host, in a namespace of its own or in that of the place."""
        name = f"e{next(self.numbers)}"
        self.made.append(("endpoint", name))
        return endpoint(name, network_name, host, address, place)

    def delete(self, end):
        mizar("delete", "endpoint", end.endpoint, "--wait")
        self.made.remove(("endpoint", end.endpoint))

    def pair(self, *options):
        """Two endpoints of a new network, which know nothing of each other."""
        name = self.network(self.vpc(*options))
        return self.end(name, "h1", "10.1.0.11"), self.end(name, "h2", "10.1.0.12")

    def place(self):
        """A namespace for an endpoint to come."""
        return End(namespace(f"{LAB}-p{next(self.numbers)}"), None)

    def clear(self):
        while self.made:
            mizar("delete", *self.made.pop())
        for name in [name for name in namespaces if name.startswith(f"{LAB}-")]:
            namespaces.remove(name)
            run("ip", "netns", "del", name)

    def counts(self, counter, unit="packets"):
        return sum(count(host, counter, unit=unit) for host in PLACES)

    def bytes_out(self):
        """Bytes on the underlay that hosts sent so far."""
        return sum(traffic(f"{LAB}-{host}", "under0")[0] for host in PLACES)

    def rows(self, host, table):
        return json.loads(mizar("host", "tables", table, "--host", host, "-o", "json"))

    @contextlib.contextmanager
    def receive_on(self, host, cpu):
        """Its NIC is worked for by this CPU alone, which finds several packets at once, as on a real one."""
        def choose(mask):
            write = f"for queue in /sys/class/net/under0/queues/rx-*; do echo {mask:x} > $queue/rps_cpus; done"
            run(*inside(f"{LAB}-{host}", "sh", "-c", write))
        choose(1 << cpu)
        try:
            yield
        finally:
            choose(0)

    @contextlib.contextmanager
    def cut(self, host):
        """Its cable is out for as long as the block lasts; then the lab is whole again."""
        port = ["ip", "-n", f"{LAB}-net", "link", "set", host]
        run(*port, "down")
        try:
            yield
        finally:
            run(*port, "up")
        end = time.monotonic() + PATIENCE
        while not status("droplet", host).get("connected"):
            if time.monotonic() > end:
                raise Failed(f"{host} did not come back")
            time.sleep(0.1)
