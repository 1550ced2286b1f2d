#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
What a hostile droplet tries: LAB NEAR-MAC H1-MAC H2-MAC H3-MAC. Runs in the peer's namespace (tests/net/attacks.sh), and sends from under0 as
the droplet `peer`, which has the endpoint far; or as a stranger. Each attempt is counted under its name, once, and changes no location.
"""
import ipaddress
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # nothing of root's in the source tree
from peer import VIRTUAL_MAC, counted, enter, packet_socket, receive

from scapy.config import conf
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

LAB, NEAR_MAC, *MACS = sys.argv[1:]
H1, H2, H3, PEER, STRANGER = (f"172.31.0.{n}" for n in (1, 2, 3, 9, 77))
MAC_OF = dict(zip((H1, H2, H3), MACS))
NEAR, DST, MATE, FAR = "10.0.1.2", "10.0.1.3", "10.0.2.3", "10.0.2.9"
VNI, PORT, CLASS = 7000, 6081, 0xff4d
ETHERNET, RETURNED = 0x6558, 0x88b5
NOBODY = 1
REFUSALS = ("rts_source", "rts_host", "rts_generation", "rts_old", "learn_full", "give_back")
UNKNOWN = bytes(8) # a cookie that nobody gave
conf.ipv6_enabled = False # scapy shall not look at devices


def mapped(address):
    return bytes(10) + b"\xff\xff" + ipaddress.ip_address(address).packed


def rts(host, generation, cookie=UNKNOWN):
    return option(0x01, mapped(host) + struct.pack("!II", generation, 0) + cookie)


def here(address, peer, cookie, generation, flags=0):
    return option(0x83, mapped(address) + mapped(peer) + cookie + struct.pack("!III", generation, 0, flags))


def stale(address, generation):
    return option(0x82, mapped(address) + struct.pack("!I", generation))


def echo(nonce):
    return option(0x86, nonce)


def option(kind, data):
    return GeneveOptions(classid=CLASS, type=kind, length=len(data) // 4, data=data)


def outer(host, src=PEER, sport=40000, vni=VNI, opts=(), **geneve):
    opts = list(opts)
    head = GENEVE(**{"vni": vni, "proto": ETHERNET, "options": opts, "optionlen": sum(1 + o.length for o in opts),
                     "critical": any(o.type & 0x80 for o in opts), **geneve})
    return (Ether(dst=MAC_OF[host], src="02:00:00:00:00:99") / IP(src=src, dst=host, flags="DF") /
            UDP(sport=sport, dport=PORT, chksum=0) / head)


def control(host, opt, **kind):
    return bytes(outer(host, opts=[opt], oam=1, **kind))


def data(host, src, dst, **kind):
    inner = Ether(dst=VIRTUAL_MAC, src="0a:00:00:00:00:99") / IP(src=src, dst=dst) / UDP(dport=5003) / Raw(bytes(64))
    kind = {"sender": PEER, **kind}
    return bytes(outer(host, src=kind.pop("sender"), **kind) / inner)


def refusals(host):
    out = {n: v for n, v in counted(host, "drops").items() if n not in ("multicast", "link_local")}
    return {**out, **{n: v for n, v in counted(host, "stats").items() if n in REFUSALS}}


def sent_counts(name, address, frame, expected, count=refusals):
    host = "h" + address[-1]
    before = count(host)
    under.send(frame)
    deadline = time.monotonic() + 3
    while (after := count(host)) == before and time.monotonic() < deadline:
        pass
    changed = {n: after[n] - before[n] for n in after if after[n] != before[n]}
    if changed != expected:
        sys.exit(f"{name}: counted {changed}, not {expected}; sent {frame.hex()}")
    print(f"{name}: {', '.join(expected)}")


def has_learned(host, address, at):
    out = subprocess.run(["mizar", "host", "tables", "learned", "--host", host], check=True, stdout=subprocess.PIPE, text=True).stdout
    return any(address in line.split() and at in line.split() for line in out.splitlines())


def is_data_to_far(frame):
    read = Ether(frame)
    return GENEVE in read and read[GENEVE].options and read[GENEVE].options[0].type == 1


def introduced():
    """What h1 asks the peer, which has far indeed: generation of near, and the cookie."""
    near.send(bytes(Ether(dst=VIRTUAL_MAC, src=NEAR_MAC) / IP(src=NEAR, dst=FAR) / UDP(dport=9) / Raw(bytes(8))))
    asked = Ether(receive(under, is_data_to_far))[GENEVE].options[0].data
    assert asked[:16] == mapped(H1), asked.hex()
    return struct.unpack("!I", asked[16:20])[0], asked[24:32]


def attempts(generation, cookie):
    """(what, to, frame, what is counted)"""
    for name, src in (("a stranger's", STRANGER), ("as h1 itself, a", H1)):
        for what, opt in (("HERE", here(DST, NEAR, UNKNOWN, 9)), ("STALE", stale(DST, 2**30)), ("echo", echo(UNKNOWN))):
            yield f"{name} {what}", H1, control(H1, opt, src=src), "unknown_host"
        yield f"{name} RTS", H1, data(H1, DST, NEAR, sender=src, opts=[rts(src, 9)]), "unknown_host"
        yield f"{name} given back", H1, data(H1, NEAR, DST, sender=src, proto=RETURNED), "unknown_host"
    yield "an RTS that nobody vouched for", H1, data(H1, DST, NEAR, opts=[rts(H3, 9)]), "rts_source"
    yield "dst is said to be here", H2, data(H2, DST, NEAR, opts=[rts(PEER, 9)]), "rts_host"
    yield "dst is said to be there", H2, data(H2, DST, NEAR, opts=[rts(H3, 9)]), "rts_host"
    yield "far of another generation", H3, data(H3, FAR, NEAR, opts=[rts(PEER, 2**30)]), "rts_generation"
    yield "a bouncer that does not know the source", H2, data(H2, MATE, NEAR, opts=[rts(PEER, 9)]), "rts_source"
    yield "a HERE that nobody asked for", H1, control(H1, here(DST, NEAR, UNKNOWN, 9)), "here_cookie"
    yield "the cookie of another", H1, control(H1, here(DST, NEAR, cookie, 9)), "here_cookie"
    yield "nobody has dst", H1, control(H1, here(DST, NEAR, cookie, 0, NOBODY)), "here_cookie"
    yield "nobody has far", H1, control(H1, here(FAR, NEAR, cookie, 0, NOBODY)), "here_cookie"
    yield "dst is gone", H1, control(H1, stale(DST, 2**30)), "stale_sender"
    yield "dst was not here", H1, data(H1, NEAR, DST, proto=RETURNED), "stale_sender"
    yield "HERE of another VPC", H1, control(H1, here(DST, NEAR, cookie, 9), vni=VNI + 1), "no_vpc"
    yield "STALE of another VPC", H1, control(H1, stale(DST, 9), vni=VNI + 1), "stale_sender"
    yield "an RTS of another VPC", H1, data(H1, DST, NEAR, vni=VNI + 1, opts=[rts(PEER, 9)]), "give_back"
    yield "a HERE that is cut", H1, control(H1, option(0x83, bytes(40))), "geneve_options"
    yield "a HERE and a STALE", H1, bytes(outer(H1, opts=[here(DST, NEAR, cookie, 9), stale(DST, 9)], oam=1)), "geneve_control"
    yield "an echo that would never end", H1, control(H1, echo(UNKNOWN), src=PEER, sport=PORT), "geneve_control"


def about_far(cookie):
    """Of its own endpoint the peer may speak, with the cookie: but not of times gone by, nor for somebody else."""
    def stats(host):
        return {n: v for n, v in counted(host, "stats").items() if n in ("learn", "heed_stale")}
    sent_counts("far is here", H1, control(H1, here(FAR, NEAR, cookie, 100)), {"learn": 1}, stats)
    sent_counts("far was here", H1, control(H1, here(FAR, NEAR, cookie, 99)), {"here_generation": 1})
    sent_counts("far was gone", H1, control(H1, stale(FAR, 50)), {"stale_generation": 1})
    sent_counts("to be passed on", H1, data(H1, "10.0.1.77", FAR, proto=RETURNED), {"stale_sender": 1})
    sent_counts("far is gone", H1, control(H1, stale(FAR, 101)), {"heed_stale": 1}, stats)


def flood():
    """An introduction a packet: answered now and then."""
    before = counted("h1", "stats")
    begin = time.monotonic()
    frame = data(H1, FAR, NEAR, opts=[rts(PEER, 100)])
    for _ in range(3000):
        under.send(frame)
    took = time.monotonic() - begin
    time.sleep(0.2)
    after = counted("h1", "stats")
    answered, limited = (after[n] - before[n] for n in ("here", "here_limit"))
    print(f"3000 introductions in {took:.2f} s: {answered} answered, {limited} not")
    assert limited > 1000 and answered <= 2 * (2 + took / 0.002), "answers are not limited"


under = packet_socket("under0")
enter(f"{LAB}-default-near")
near = packet_socket("eth0")
generation, cookie = introduced()
for name, host, frame, counter in attempts(generation, cookie):
    sent_counts(name, host, frame, {counter: 1})
about_far(cookie)
flood()
assert not has_learned("h1", MATE, PEER) and not has_learned("h1", DST, PEER), "near was misled"
assert has_learned("h1", DST, H3) and has_learned("h3", NEAR, H1), "near and dst have lost each other"
