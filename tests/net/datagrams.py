#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Datagrams with known bytes, for the net tests.

    datagrams.py receive FAMILY PORT SIZE...    waits for UDP datagrams of these sizes, in any order, whole
    datagrams.py super ADDRESS PORT SIZE COUNT  sends COUNT datagrams of SIZE bytes by one UDP_SEGMENT call
    datagrams.py fragments IFNAME FROM TO PORT  sends datagrams in fragments: in order, reversed, interleaved
    datagrams.py watch IFNAME                   until SIGTERM; then what came in: packets, largest, wrong checksums
"""
import ipaddress
import signal
import socket
import struct
import sys

UDP_SEGMENT = 103
PACKET_AUXDATA, SOL_PACKET = 8, 263
TP_STATUS_CSUMNOTREADY = 8
FRAGMENTED = 3000  # bytes of data in each datagram that goes in fragments
CHUNK = 1000       # bytes of each fragment


def data(size):
    return bytes(i * 7 & 255 for i in range(size))


def receive(family, port, *sizes):
    s = socket.socket(socket.AF_INET6 if family == "6" else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    s.bind(("::" if family == "6" else "0.0.0.0", int(port)))
    s.settimeout(5)
    wanted = sorted(int(size) for size in sizes)
    got = []
    try:
        while len(got) < len(wanted):
            d = s.recv(65536)
            assert d == data(len(d)), "wrong bytes in a datagram of %d" % len(d)
            got.append(len(d))
    except TimeoutError:
        pass
    assert sorted(got) == wanted, "got %d datagrams of %s bytes" % (len(got), sorted(set(got)))


def super_packet(address, port, size, count):
    size, count = int(size), int(count)
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((address, int(port)))
    s.setsockopt(socket.SOL_UDP if hasattr(socket, "SOL_UDP") else 17, UDP_SEGMENT, size)
    assert s.send(data(size) * count) == size * count


def checksum(b):
    total = int.from_bytes(b + b"\0" * (len(b) & 1), "big") % 0xffff  # the ones' complement sum, but 0 for 0xffff
    return ~(total or 0xffff) & 0xffff


def datagram(src, dst, port, n):
    udp = struct.pack("!HHHH", 40000 + n, port, 8 + FRAGMENTED, 0) + data(FRAGMENTED)
    pseudo = src.packed + dst.packed + struct.pack("!II", len(udp), 17)
    return udp[:6] + struct.pack("!H", checksum(pseudo + udp)) + udp[8:]


def pieces(src, dst, port, n):
    udp = datagram(src, dst, port, n)
    for off in range(0, len(udp), CHUNK):
        part, more = udp[off:off + CHUNK], off + CHUNK < len(udp)
        if src.version == 6:
            header = struct.pack("!BBHI", 17, 0, off | more, 7000 + n)
            yield struct.pack("!IHBB", 6 << 28, len(header) + len(part), 44, 64) + src.packed + dst.packed + header + part
        else:
            flags = off // 8 | (0x2000 if more else 0)
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(part), 7000 + n, flags, 64, 17, 0) + src.packed + dst.packed
            yield ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + part


def fragments(ifname, src, dst, port):
    src, dst = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    a, b, c, d = ([*pieces(src, dst, int(port), n)] for n in range(4))
    order = a + b[::-1] + [p for pair in zip(c, d[::-1]) for p in pair]
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((ifname, 0))
    mac = open("/sys/class/net/%s/address" % ifname).read().strip()
    head = bytes.fromhex("026d7a000001" + mac.replace(":", "")) + (b"\x86\xdd" if src.version == 6 else b"\x08\x00")
    for packet in order:
        s.send(head + packet)


def is_right(packet):
    """The checksum of TCP or UDP behind an IP header without options."""
    if packet[0] >> 4 == 6:
        size, proto, addresses, off = struct.unpack("!H", packet[4:6])[0], packet[6], packet[8:40], 40
    else:
        size, proto, addresses, off = struct.unpack("!H", packet[2:4])[0] - 20, packet[9], packet[12:20], 20
        if checksum(packet[:20]):
            return False
        if packet[6] & 0x3f or packet[7]:
            return True  # a fragment
    if proto not in (6, 17):
        return True
    return checksum(addresses + struct.pack("!II", size, proto) + packet[off:off + size]) == 0


def watch(ifname):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
    s.bind((ifname, 3))
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    n = largest = wrong = partial = 0

    def end(*_):
        print("%d %d %d %d" % (n, largest, wrong, partial), flush=True)
        sys.exit(0)
    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    while True:
        packet, aux, _, sender = s.recvmsg(65600, 256)
        if sender[2] == 4 or packet[0] >> 4 not in (4, 6):
            continue
        n += 1
        largest = max(largest, len(packet))
        status = next((struct.unpack("I", d[:4])[0] for level, kind, d in aux if level == SOL_PACKET), 0)
        if status & TP_STATUS_CSUMNOTREADY:
            partial += 1
        elif not is_right(packet):
            wrong += 1


verbs = {"receive": receive, "super": super_packet, "fragments": fragments, "watch": watch}
verbs[sys.argv[1]](*sys.argv[2:])
