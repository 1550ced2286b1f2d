#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Frames that a kernel might merge: LAB geneve|vxlan. Sends tunnel packets from h1's under0, as a known host, to h2, which keeps what it merges
for 100 ms; and looks at what the endpoints default/b and other/b, both 10.0.1.3, get. The same tenant's packets of one stream become one;
nothing else does, whatever the headers say.
"""
import ctypes
import json
import os
import socket
import struct
import subprocess
import sys

LAB, KIND = sys.argv[1:]
VNI, OTHER = 7000, 7001
SIZE = 1000
PIECES = [bytes([65 + i]) * SIZE for i in range(5)]
A, B, A6, B6 = "10.0.1.2", "10.0.1.3", "fd00:1::2", "fd00:1::3"
MACS = b"\x02\x6d\x7a\0\0\1" + b"\2\0\0\0\0\7"
MERGED = 5 * SIZE


def enter(place):
    with open(f"/run/netns/{LAB}-{place}") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0):
            sys.exit(f"{place}: {os.strerror(ctypes.get_errno())}")


def packet_socket(place, device):
    enter(place)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((device, 0))
    s.settimeout(0.3)
    return s


def mac(place):
    return bytes.fromhex(subprocess.run(["ip", "netns", "exec", f"{LAB}-{place}", "cat", "/sys/class/net/under0/address"], check=True,
                                        stdout=subprocess.PIPE, text=True).stdout.strip().replace(":", ""))


def checksum(b):
    total = int.from_bytes(b + b"\0" * (len(b) & 1), "big") % 0xffff
    return ~(total or 0xffff) & 0xffff


def ip(proto, payload, tos=0, ttl=64, size=None, ipv6=False, ends=(A, B)):
    if ipv6:
        return struct.pack("!IHBB", 6 << 28 | tos << 20, len(payload), proto, ttl) + address(A6) + address(B6) + payload
    head = struct.pack("!BBHHHBBH", 0x45, tos, size or 20 + len(payload), 0, 0x4000, ttl, proto, 0) + address(ends[0]) + address(ends[1])
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def summed(off, proto, payload, ipv6=False, ends=(A, B)):
    """With its checksum, at off."""
    src, dst = (A6, B6) if ipv6 else ends
    sum_ = checksum(address(src) + address(dst) + struct.pack("!II", len(payload), proto) + payload)
    return payload[:off] + struct.pack("!H", sum_ or 0xffff) + payload[off + 2:]


def tcp(i, data=None, damage=0, ipv6=False, ends=(A, B)):
    data = PIECES[i] if data is None else data
    segment = struct.pack("!HHIIBBHHH", 1000, 2000, 1 + len(data) * i, 1, 0x50, 0x10, 1000, 0, 0) + data
    segment = summed(16, 6, segment, ipv6, ends)
    return segment[:-1] + bytes([segment[-1] ^ damage])


def udp(i, ipv6=False):
    return summed(6, 17, struct.pack("!HHHH", 1000, 2000, 8 + SIZE, 0) + PIECES[i], ipv6)


def frame(packet, last=7):
    return MACS[:11] + bytes([last]) + (b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet


def tunnel(inner, vni=VNI, reserved=0, options=b"", port=40000, tos=0, ttl=64, to="172.31.0.2", head=None):
    geneve = (head or struct.pack("!BBH", len(options) // 4, 0, 0x6558)) + struct.pack("!I", vni << 8 | reserved) + options + inner
    outer = struct.pack("!HHHH", port, 6081, 8 + len(geneve), 0) + geneve
    return H2 + H1 + b"\x08\0" + ip(17, outer, tos, ttl, ends=("172.31.0.1", to))


def forged(i, inner):
    """Options that look like Ethernet, IP and TCP, to whoever takes them for the packet; then the inner frame is TCP's data."""
    ends, behind = ("192.0.2.1", "192.0.2.2"), bytes(2) + inner
    packet = ip(6, tcp(i, behind, ends=ends), ends=ends)
    return tunnel(inner, options=struct.pack("!HBB", 0x100, 1, 13) + bytes(8) + b"\x08\0" + packet[:40] + bytes(2))


def received(s):
    while True:
        try:
            got, sender = s.recvfrom(65600)
        except TimeoutError:
            return
        if sender[2] != socket.PACKET_OUTGOING and len(got) > SIZE // 2:
            yield got


def sizes(name, frames, mine, others=()):
    """Bytes of data in each packet that arrives at default/b, and at other/b."""
    for f in frames:
        under.send(f)
    got = []
    for s, expected in ((b, mine), (other, others)):
        packets = list(received(s))
        heads = [14 + (20 if g[12:14] == b"\x08\0" else 40) + (20 if g[23 if g[12:14] == b"\x08\0" else 20] == 6 else 8) for g in packets]
        data = [g[head:] for g, head in zip(packets, heads)]
        if sorted(map(len, data)) != sorted(expected):
            sys.exit(f"{name}: packets of {list(map(len, data))} bytes arrive, not {list(expected)}")
        got.append(data)
    return got


def drops():
    out = subprocess.run(["mizar", "host", "drops", "--all", "--host", "h2", "-o", "json"], check=True, stdout=subprocess.PIPE)
    return {c["name"]: int(c["packets"]) for c in json.loads(out.stdout)}


def each(make):
    return [make(i) for i in range(5)]


def streams():
    """What becomes one, and what keeps it from that."""
    for ipv6 in (False, True):
        got, _ = sizes(f"a stream, IPv6 {ipv6}", each(lambda i: tunnel(frame(ip(6, tcp(i, ipv6=ipv6), ipv6=ipv6)))), [MERGED])
        assert got == [b"".join(PIECES)], "the stream's bytes are in another order"
    plain = each(lambda i: frame(ip(6, tcp(i))))
    sizes("a wrong checksum", each(lambda i: tunnel(frame(ip(6, tcp(i, damage=i == 2))))), [2 * SIZE, SIZE, 2 * SIZE])
    got = sizes("two tenants", each(lambda i: tunnel(plain[i], vni=VNI + i % 2)), [SIZE] * 3, [SIZE] * 2)
    assert not {g[:1] for g in got[0]} & {g[:1] for g in got[1]}, "bytes of the other tenant"
    sizes("reserved bits", each(lambda i: tunnel(plain[i], reserved=i % 2)), [SIZE] * 5)
    sizes("source ports", each(lambda i: tunnel(plain[i], port=40000 + i % 2)), [SIZE] * 5)
    sizes("hop limits", each(lambda i: tunnel(plain[i], ttl=64 - i % 2)), [SIZE] * 5)
    sizes("MACs", each(lambda i: tunnel(frame(ip(6, tcp(i)), last=i % 2))), [SIZE] * 5)
    sizes("congestion", each(lambda i: tunnel(frame(ip(6, tcp(i), tos=2)), tos=3 if i == 2 else 2)), [2 * SIZE, SIZE, 2 * SIZE])
    option = struct.pack("!HBB", 0x100, 1, 1) + bytes(4)
    sizes("equal options", each(lambda i: tunnel(plain[i], options=option)), [MERGED] if KIND == "geneve" else [SIZE] * 5)
    sizes("other options", each(lambda i: tunnel(plain[i], options=option[:7] + bytes([i % 2]))), [SIZE] * 5)


def datagrams():
    for ipv6 in (False, True):
        got, _ = sizes("datagrams", each(lambda i: tunnel(frame(ip(17, udp(i, ipv6), ipv6=ipv6)))), [SIZE] * 5)
        assert got == PIECES, "datagrams are in another order"


def hostile():
    """A super-packet of what is behind forged options is not what its first inner packet says, nor if that lies about its length."""
    one = frame(ip(6, tcp(0)))
    lie = frame(ip(6, tcp(0), size=len(one) - 14 + 4 * (len(one) + 2)))
    for name, inner, single in (("forged options", one, [SIZE] * 5), ("forged options, a length that lies", lie, [])):
        before = drops()["inner_malformed"]
        sizes(name, each(lambda i, inner=inner: forged(i, inner)), single if KIND == "geneve" else [])
        assert drops()["inner_malformed"] > before or (KIND == "geneve" and single), f"{name}: no drop was counted"


def elsewhere():
    """To another address of the host the kernel's tunnel takes them, and the agent what comes out of that: the host gets nothing."""
    before = drops()["no_port"]
    to_host = b"\xff" * 6 + MACS[6:] + b"\x08\0" + ip(17, summed(6, 17, struct.pack("!HHHH", 1, 5009, 16, 0) + b"injected", ends=(A, "172.31.0.2")),
                                                       ends=(A, "172.31.0.2"))
    enter("h2")
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", 5009))
    s.settimeout(0.5)
    under.send(tunnel(to_host, to="172.31.0.102", head=None if KIND == "geneve" else b"\x08\0\0\0"))
    try:
        sys.exit(f"the host got {s.recv(100)} out of a tunnel")
    except TimeoutError:
        pass
    assert drops()["no_port"] > before, "no drop was counted"


H1, H2 = mac("h1"), mac("h2")
under, b, other = packet_socket("h1", "under0"), packet_socket("default-b", "eth0"), packet_socket("other-b", "eth0")
other.settimeout(0.02)  # after b: what arrives has arrived
streams()
datagrams()
hostile()
elsewhere()
print("all as told")
