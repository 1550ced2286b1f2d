#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Tunnel packets built and read by scapy: LAB H1-MAC H2-MAC NEAR-MAC. Runs in the peer's namespace (tests/net/peer.sh): sends from under0 as the
droplet `peer`, and looks at what the endpoint `near` gets; then the other way round. SEED in the environment repeats a run.
"""
import os
import random
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True  # nothing of root's in the source tree
from peer import VIRTUAL_MAC, counted, enter, packet_socket, receive

from scapy.config import conf
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_RR
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

LAB, H1_MAC, H2_MAC, NEAR_MAC = sys.argv[1:]
PEER, HOSTS = "172.31.0.9", {"172.31.0.1": H1_MAC, "172.31.0.2": H2_MAC}
H1, H2 = HOSTS
VNI = 7000
UDP_SEGMENT = 103 # linux/udp.h
PACKET_VNET_HDR = 15 # linux/if_packet.h
CLASSES = [0x0000, 0x0100, 0x0101, 0x0102, 0x0104, 0xfeff, 0xffff] # any but ours
seed = int(os.environ.get("SEED", time.time_ns() % 10**6))
rng = random.Random(seed)
conf.ipv6_enabled = False  # scapy shall not look at devices


def drops(host):
    """What the host has counted, by reason; near's stack itself causes two, any time."""
    return {name: n for name, n in counted(host, "drops").items() if name not in ("multicast", "link_local")}


def option(words, critical=False, classid=None, kind=None):
    return GeneveOptions(classid=rng.choice(CLASSES) if classid is None else classid,
                         type=(rng.randrange(128) if kind is None else kind) | critical << 7, reserved=rng.randrange(8), length=words,
                         data=rng.randbytes(4 * words))


def options():
    """Some, in any order, of any length, at most as many as fit."""
    ret, room = [], rng.choice([0, 8, 40, 128, 252])
    while room >= 4 and rng.random() < 0.9:
        words = rng.randrange(min(32, room // 4))
        ret.append(option(words))
        room -= 4 * (words + 1)
    return ret


def inner(ipv6=None, **kind):
    """From far to near, with bytes that no other packet has."""
    payload = UDP(sport=rng.randrange(1, 65536), dport=5003) / Raw(rng.randbytes(rng.choice([16, 17, 100, 999])))
    if rng.random() < 0.5 if ipv6 is None else ipv6:
        ip = IPv6(src="fd00:2::9", dst="fd00:1::2", hlim=rng.randrange(2, 256), tc=rng.randrange(64) << 2, fl=rng.randrange(1 << 20), **kind)
        return ip / IPv6ExtHdrDestOpt() / payload if rng.random() < 0.3 else ip / payload
    ip = IP(src="10.0.2.9", dst="10.0.1.2", ttl=rng.randrange(2, 256), tos=rng.randrange(64) << 2, id=rng.randrange(65536), **kind)
    return ip / payload


def tunnel(packet, opts=(), host=None, ip={}, udp={}, geneve={}, vlan=None):
    """The whole frame to a host; ip, udp and geneve change fields of the outer headers."""
    host = host or rng.choice(list(HOSTS))
    opts = list(opts)
    size = sum(4 + 4 * o.length for o in opts)
    outer = IP(**{"src": PEER, "dst": host, "flags": "DF", **ip}) / UDP(**{"sport": rng.randrange(1024, 65536), "dport": 6081, "chksum": 0, **udp})
    # Its own idea of optionlen lacks a bit in version 2.5.
    head = GENEVE(**{"vni": VNI, "proto": 0x6558, "options": opts, "optionlen": size // 4,
                     "critical": any(o.type & 0x80 for o in opts), "reserved": rng.randrange(64), "reserved2": rng.randrange(256), **geneve})
    frame = Ether(dst=VIRTUAL_MAC, src="0a:00:00:00:00:99")
    return bytes(Ether(dst=HOSTS[host], src="02:00:00:00:00:99") / outer / head / (frame / Dot1Q(vlan=vlan) if vlan else frame) / packet)


def delivered(packet):
    """What near gets: other MACs. The hop between networks was the sender's to take."""
    return bytes(Ether(dst=NEAR_MAC, src=VIRTUAL_MAC) / packet)


def routed(packet):
    """What far gets of near: far is in another network."""
    packet = packet.copy()
    if IPv6 in packet:
        packet.hlim -= 1
    else:
        packet.ttl -= 1
    return packet


def arrives(name, packet, frame):
    mark = bytes(packet)[-16:]
    under.send(frame)
    try:
        got = receive(eth, lambda f: f.endswith(mark))
        assert got == delivered(packet), f"got {got.hex()}, not {delivered(packet).hex()}"
    except AssertionError as error:
        sys.exit(f"{name}: {error}; sent {frame.hex()} (SEED={seed})")


def accepted():
    for i in range(200):
        packet = inner()
        arrives(f"random options {i}", packet, tunnel(packet, options()))
    shapes = {"31 and 30 words": [option(31), option(30)], "30 and 31 words": [option(30), option(31)],
              "63 empty options": [option(0) for _ in range(63)], "every length": [option(w) for w in range(9)]}
    for name, opts in shapes.items():
        for host in HOSTS:
            packet = inner()
            arrives(f"{name} to {host}", packet, tunnel(packet, opts, host))
    for n in range(1, 11):
        packet = inner()
        arrives(f"{4 * n} bytes of outer IP options", packet, tunnel(packet, options(), ip={"options": [IPOption_NOP()] * (4 * n)}))
    packet = inner()
    arrives("outer record route", packet, tunnel(packet, ip={"options": [IPOption_RR(routers=["0.0.0.0"] * 3)]}))
    packet = inner()
    arrives("a right outer UDP checksum", packet, tunnel(packet, udp={"chksum": None}))
    packet = inner()
    arrives("bytes behind the outer packet", packet, tunnel(packet) + bytes(20))
    packet = inner(ipv6=False, options=[IPOption_NOP()] * 8)
    arrives("inner IP options", packet, tunnel(packet))


def refused():
    """(reason, frame): each is sent to h1, near's host."""
    good = IP(src="10.0.2.9", dst="10.0.1.2") / UDP(dport=5003) / Raw(bytes(100))
    return [
        ("geneve_critical", tunnel(good, [option(2, critical=True)], H1)),
        ("geneve_critical", tunnel(good, [option(4), option(0), option(0, critical=True), option(1)], H1)),
        ("geneve_critical", tunnel(good, [option(1, critical=True, classid=0xff4d, kind=0x7f)], H1)),
        ("geneve_options", tunnel(good, [option(1)], H1, geneve={"critical": 1})),
        ("geneve_options", tunnel(good, [option(3)], H1, geneve={"optionlen": 3})),
        ("geneve_options", tunnel(good, [option(3), option(0)], H1, geneve={"optionlen": 5, "options": [option(3), GeneveOptions(length=1)]})),
        ("geneve_options", tunnel(good, [], H1, geneve={"optionlen": 63})),
        ("geneve_control", tunnel(good, [], H1, geneve={"oam": 1})),
        ("geneve_version", tunnel(good, [], H1, geneve={"version": 1})),
        ("geneve_protocol", tunnel(good, [], H1, geneve={"proto": 0x0800})),
        ("inner_protocol", tunnel(good, [], H1, vlan=7)),
        ("outer_malformed", tunnel(good, [], H1, udp={"len": 2000})),
        ("outer_malformed", tunnel(good, [], H1, udp={"len": 12})),
        ("inner_malformed", tunnel(inner(ipv6=False, len=1400), [], H1)),
        ("inner_malformed", tunnel(inner(ipv6=True, plen=1400), [], H1)),
        ("no_vpc", tunnel(good, [], H1, geneve={"vni": VNI + 1, "proto": 0x88b5})), # given back, and never sent
        ("unknown_host", tunnel(good, [], H1, ip={"src": "172.31.0.77"})),
        ("unknown_host", tunnel(good, [], H1, ip={"src": H1})),
    ]


def checksum_at(off):
    """Sends from near, with a checksum that is still to be written there."""
    start = 20 # the first that the kernel takes
    return lambda frame: partial.send(struct.pack("<BBHHHH", 1, 0, 0, 0, start, off - start) + frame)


def from_near(packet):
    return bytes(Ether(dst=VIRTUAL_MAC, src=NEAR_MAC) / packet / Raw(bytes(64)))


def rewritten():
    """(reason, frame, how it is sent): what near lets the kernel write over its own headers, after they were looked at."""
    v4, v6 = from_near(IP(src="10.0.1.2", dst="10.0.2.9") / UDP()), from_near(IPv6(src="fd00:1::2", dst="fd00:2::9") / ICMPv6EchoRequest())
    return [("inner_malformed", frame, checksum_at(off)) for frame, off in
            ((v4, 28), (v4, 32), (v4, 34), (v4, 36), (v6, 28), (v6, 36), (v6, 52), (v6, 54))]


def named_drops():
    cases = [(reason, frame, lambda frame: under.send(frame)) for reason, frame in refused()]
    # Two tunnel packets as one super-packet, as UDP GRO makes them: what lies behind the first is not for whom the first is.
    one, two = (tunnel(IP(src="10.0.2.9", dst="10.0.1.2") / UDP(dport=5003) / Raw(bytes(100)), host=H1, geneve={"vni": v})[42:] for v in (VNI, VNI + 1))
    datagrams.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(one))
    if os.environ.get("MIZAR_TRANSIT") != "xdp": # there none comes as one
        cases.append(("inner_malformed", one + two, lambda both: datagrams.sendto(both, (H1, 6081))))
    for reason, frame, send in cases + rewritten():
        before = drops("h1")
        send(frame)
        deadline = time.monotonic() + 3
        while (after := drops("h1")) == before and time.monotonic() < deadline:
            pass
        expected = {**before, reason: before[reason] + 1}
        changed = {r: after[r] - before[r] for r in after if after[r] != before[r]}
        if after != expected:
            sys.exit(f"{reason}: counted {changed}; sent {frame.hex()} (SEED={seed})")


def rebuilt():
    """What leaves the tunnel towards the peer is, field for field, what scapy makes of it."""
    packets = [IP(src="10.0.1.2", dst="10.0.2.9") / UDP(sport=1, dport=2), IP(src="10.0.1.2", dst="10.0.2.9", tos=0xb8) / TCP(),
               IP(src="10.0.1.2", dst="10.0.2.9", options=[IPOption_NOP()] * 4) / ICMP(), IPv6(src="fd00:1::2", dst="fd00:2::9") / TCP(),
               IPv6(src="fd00:1::2", dst="fd00:2::9", tc=0x20) / UDP(dport=9), IPv6(src="fd00:1::2", dst="fd00:2::9") / ICMPv6EchoRequest()]
    for packet in packets:
        mark = rng.randbytes(16)
        packet /= Raw(mark)
        eth.send(bytes(Ether(dst=VIRTUAL_MAC, src=NEAR_MAC) / packet))
        got = receive(under, lambda f: f.endswith(mark))
        read = Ether(got)
        # The peer is asked now and then where far is, which it need not answer.
        assert GENEVE in read and [(o.classid, o.type) for o in read[GENEVE].options] in ([], [(0xff4d, 0x01)]), repr(read)
        assert read[GENEVE].vni == VNI and read[IP].src == H2, repr(read)
        assert bytes(read[GENEVE].payload.payload) == bytes(routed(packet)), f"{bytes(packet).hex()} became {got.hex()}"
        for layer in read.iterpayloads():
            layer.raw_packet_cache = None
            for field in ("len", "plen", "ihl", "optionlen") + (("chksum", "cksum") if layer is not read[UDP] else ()):
                if field in layer.fields:
                    delattr(layer, field)
        assert bytes(read) == got, f"scapy makes {bytes(read).hex()} of {got.hex()}"


under = packet_socket("under0")
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
enter(f"{LAB}-default-near")
eth = packet_socket("eth0")
partial = packet_socket("eth0")
partial.setsockopt(263, PACKET_VNET_HDR, 1) # SOL_PACKET
accepted()
named_drops()
rebuilt()
print(f"SEED={seed}: all as told")
