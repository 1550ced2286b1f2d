# SPDX-License-Identifier: Apache-2.0
"""What bench/datapath measures on: one lab, with the peers over the same hosts and the same underlay devices.

	h1            h2          h3           h4         h5          hosts of the lab, joined by one bridge
	a, c          b, d        bouncer      divider    bouncer     ours, VPC without direct path: a, b, c in one network, d in another
	e             f           bouncer      divider                VPC with direct path: e, f in one network
	g             i           bouncer      divider    bouncer     VPC with direct path that divides: g, i in two networks
	x1, x3        x2                                              VXLAN: bridge and VXLAN device on h1 and h2
	h1 itself     h2 itself                                       bare
	v1 --- v2                                                     a plain veth pair, bare of the same host
"""
import json
import time

from common import LAB, Failed, inside, mizar, namespace, remove, run
from measure import tcp1

PLACES = [f"h{i}" for i in range(1, 6)]
ROLES = PLACES[2:]  # hosts that bounce or divide, and have no endpoints
VPCS = {"v": ["--direct-path=false"], "w": [], "u": ["--divide"]}
NETWORKS = {  # VPC, addresses, bouncer
    "n": ("v", "10.1.0.0/24", "h3"), "m": ("v", "10.2.0.0/24", "h5"), "p": ("w", "10.1.0.0/24", "h3"),
    "q": ("u", "10.1.0.0/24", "h3"), "r": ("u", "10.2.0.0/24", "h5"),
}
ENDPOINTS = {  # network, host, address
    "a": ("n", "h1", "10.1.0.11"), "b": ("n", "h2", "10.1.0.12"), "c": ("n", "h1", "10.1.0.13"), "d": ("m", "h2", "10.2.0.14"),
    "e": ("p", "h1", "10.1.0.11"), "f": ("p", "h2", "10.1.0.12"), "g": ("q", "h1", "10.1.0.11"), "i": ("r", "h2", "10.2.0.12"),
}
PATIENCE = 5  # seconds until locations are learned
TRIES = 3     # to measure one path while its packets take no other
ETH_HLEN = 14


class End:
    """A namespace to send from or to receive in, and its address; the endpoint that it is, if any."""

    def __init__(self, name, address, endpoint_name=None):
        self.name, self.address, self.endpoint = name, address, endpoint_name


def lab_up(*options):
    """On a busy machine the kernel's verifier takes its time, for each host."""
    mizar("lab", "up", "--name", LAB, "--hosts", str(len(PLACES)), "--timeout", "300", *options)


def schedulable(*hosts):
    """New bouncers and dividers go to these hosts alone; those that are there stay."""
    mizar("apply", "-f", "-", input="".join(
        f"---\n{{apiVersion: mizar.com/v1, kind: Droplet, metadata: {{name: {place}}}, spec: {{address: 172.31.0.{i}, "
        f"unschedulable: {'false' if place in hosts else 'true'}}}}}\n" for i, place in enumerate(PLACES, 1)))


def network(name, vpc, cidr, *bouncers):
    schedulable(*bouncers)
    mizar("create", "network", name, "--vpc", vpc, "--cidrs", cidr, "--bouncers", str(len(bouncers)))
    mizar("wait", "network", name, "--for", "Provisioned", "--timeout", "10")


def endpoint(name, network_name, host, address, place=None):
    """On the host, in a namespace of its own or in that of the place."""
    end = End(place.name if place else namespace(f"{LAB}-{name}"), address, name)
    mizar("create", "endpoint", name, "--network", network_name, "--addresses", address)
    mizar("attach", name, "--host", host, "--netns", end.name)
    mizar("wait", "endpoint", name, "--for", "Provisioned", "--timeout", "10")
    return end


def overlay():
    schedulable("h4")
    for name, options in VPCS.items():
        mizar("create", "vpc", name, "--dividers", "1", *options)
        mizar("wait", "vpc", name, "--for", "Provisioned", "--timeout", "10")
    for name, facts in NETWORKS.items():
        network(name, *facts)
    return {name: endpoint(name, *facts) for name, facts in ENDPOINTS.items()}


def count(host, counter, what="stats", unit="packets"):
    """Packets (or bytes) that the host counted so far; what: stats or drops."""
    counts = json.loads(mizar("host", what, "--all", "--host", host, "-o", "json"))
    return next(int(c[unit]) for c in counts if c["name"] == counter)


def pair(one, two, one_name, two_name, mtu):
    """A veth pair between two namespaces, both ends up."""
    run("ip", "-n", one, "link", "add", one_name, "mtu", str(mtu), "type", "veth", "peer", "name", two_name, "mtu", str(mtu),
        "netns", two)
    run("ip", "-n", one, "link", "set", one_name, "up")
    run("ip", "-n", two, "link", "set", two_name, "up")


def pass_netfilter():
    """Bridges show no packet to iptables: only where br_netfilter is loaded would they, and it costs them a fifth."""
    for place in ("h1", "h2", "net"):
        run(*inside(f"{LAB}-{place}", "sysctl", "-e", "-q", "-w", *(f"net.bridge.bridge-nf-call-{what}=0" for what in (
            "iptables", "ip6tables", "arptables"))))


def vxlan(mtu):
    """On h1 and h2 a bridge with a VXLAN device and endpoints."""
    ends = {}
    for host, other, names in ((1, 2, ("x1", "x3")), (2, 1, ("x2",))):
        place = f"{LAB}-h{host}"
        run("ip", "-n", place, "link", "add", "vbr0", "type", "bridge")
        run("ip", "-n", place, "link", "add", "vx0", "mtu", str(mtu - 50), "type", "vxlan", "id", "7", "local", f"172.31.0.{host}",
            "remote", f"172.31.0.{other}", "dstport", "4789", "dev", "under0")
        run("ip", "-n", place, "link", "set", "vx0", "master", "vbr0", "up")
        run("ip", "-n", place, "link", "set", "vbr0", "up")
        for name in names:
            ends[name] = End(namespace(f"{LAB}-{name}"), f"10.3.0.{name[1:]}")
            pair(place, ends[name].name, name, "eth0", mtu - 50)
            run("ip", "-n", place, "link", "set", name, "master", "vbr0")
            run("ip", "-n", ends[name].name, "address", "add", f"{ends[name].address}/24", "dev", "eth0")
    return ends


def veth(mtu):
    """A plain veth pair between two namespaces."""
    ends = {name: End(namespace(f"{LAB}-{name}"), f"10.4.0.{name[1:]}") for name in ("v1", "v2")}
    pair(ends["v1"].name, ends["v2"].name, "eth0", "eth0", mtu)
    for end in ends.values():
        run("ip", "-n", end.name, "address", "add", f"{end.address}/24", "dev", "eth0")
    return ends


def ping(source, target):
    run(*inside(source.name, "ping", "-n", "-q", "-c", "2", "-i", "0.1", "-W", "2", target.address))


def traffic(place, device):
    """Bytes and packets sent so far."""
    path = f"/sys/class/net/{device}/statistics"
    return [int(n) for n in run(*inside(place, "cat", f"{path}/tx_bytes", f"{path}/tx_packets")).split()]


class Lab:
    """All of it, for a transit and an MTU; gone with the block."""

    def __init__(self, transit, mtu):
        self.name, self.transit, self.mtu, self.underlay = f"{transit}/{mtu}", transit, mtu, "gso"

    def __enter__(self):
        lab_up("--mtu", str(self.mtu), "--transit", self.transit)
        pass_netfilter()
        self.ends = overlay() | vxlan(self.mtu) | veth(self.mtu)
        self.ends |= {f"h{i}": End(f"{LAB}-h{i}", f"172.31.0.{i}") for i in (1, 2)}
        return self

    def __exit__(self, *_):
        remove()

    def devices(self):
        """Of the underlay: those of the hosts, and the bridge's ports."""
        return [(f"{LAB}-{place}", "under0") for place in PLACES] + [(f"{LAB}-net", place) for place in PLACES]

    def set_underlay(self, underlay):
        """seg: nobody sends more than a frame; hosts merge what they receive, as with a NIC. The bridge must not."""
        if underlay == self.underlay:
            return
        send, merge = ("on", "off") if underlay == "gso" else ("off", "on")
        for place, device in self.devices():
            run(*inside(place, "ethtool", "-K", device, "tso", send, "gso", send, "gro", merge if device == "under0" else "off"))
        self.underlay = underlay

    def reach(self, pairs):
        """Addresses are resolved, and every path is there."""
        for source, target in pairs:
            ping(self.ends[source], self.ends[target])

    def passing(self, function):
        """What the function returns, and the hosts that sent tunnel packets on meanwhile."""
        before = [count(host, "forward") for host in ROLES]
        result = function()
        return result, [host for host, then in zip(ROLES, before) if count(host, "forward") > then]

    def learn(self, source, target, hosts):
        """Pings until packets go by these hosts and no other; locations may have been forgotten meanwhile."""
        end = time.monotonic() + PATIENCE
        while self.passing(lambda: ping(self.ends[source], self.ends[target]))[1] != hosts:
            if time.monotonic() > end:
                raise Failed(f"{source} to {target}: packets do not go by {' and '.join(hosts) or 'no other host'}")

    def by(self, source, target, hosts, function):
        """Measures; all packets must go by these hosts, and by no other. On a busy machine a lease may run out before it begins."""
        for _ in range(TRIES):
            self.learn(source, target, hosts)
            result, passed = self.passing(function)
            if passed == hosts:
                return result
        raise Failed(f"{source} to {target}: not by {' and '.join(hosts) or 'no other host'}, but by {' and '.join(passed) or 'none'}")

    def check_underlay(self, underlay):
        """That packets are as they should be: a bulk of TCP over all hosts tells by the bytes of a packet."""
        self.set_underlay(underlay)
        source, target = ("a", "d") if underlay == "seg" else ("h1", "h2")
        before = [traffic(*device) for device in self.devices()]
        tcp1(self.ends[source], self.ends[target], 1)
        after = [traffic(*device) for device in self.devices()]
        sizes = [(now[0] - then[0]) / max(now[1] - then[1], 1) for now, then in zip(after, before)]
        frame = self.mtu + ETH_HLEN
        if underlay == "seg" and not frame / 2 < max(sizes) <= frame:
            raise Failed(f"underlay of frames of the MTU: packets of {max(sizes):.0f} bytes with an MTU of {self.mtu}")
        if underlay == "gso" and max(sizes) <= frame:
            raise Failed(f"underlay that passes super-packets: packets of {max(sizes):.0f} bytes with an MTU of {self.mtu}")
