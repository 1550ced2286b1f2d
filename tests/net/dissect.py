#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What tshark makes of captured tunnel packets: FILE PORT VNI. Says what it saw, or what is wrong in which frame."""
import subprocess
import sys

FILE, PORT, VNI = sys.argv[1:]
SIZES = {"ip": 20, "ipv6": 40}
ERROR = 0x800000  # PI_ERROR of Wireshark; its warnings tell of TCP that has to repeat itself
FIELDS = """frame.number frame.len frame.protocols eth.src ip.len ipv6.plen ip.ttl ipv6.hlim ip.dsfield ipv6.tclass ip.flags.df
    ip.checksum.status udp.srcport udp.dstport udp.length udp.checksum udp.checksum.status tcp.checksum.status icmp.checksum.status
    icmpv6.checksum.status geneve.version geneve.flags geneve.reserved geneve.proto_type geneve.vni geneve.options
    _ws.malformed _ws.expert.severity _ws.expert.message""".split()
# Frames are captured on their way in and out: TCP's numbers repeat, and say nothing.
OPTIONS = [f"-dudp.port=={PORT},geneve", "-otcp.analyze_sequence_numbers:FALSE"]
# A checksum of 0 is a tunnel's right over IPv6 too (RFC 6935), if both ends agree.
OPTIONS += ["-oudp.ignore_ipv6_zero_checksum:TRUE"]
OPTIONS += [f"-o{layer}.check_checksum:TRUE" for layer in ("ip", "tcp", "udp")]
# Payloads are random: nobody may find a protocol in them by guessing.
GUESSES = subprocess.run(["tshark", "-G", "heuristic-decodes"], capture_output=True, text=True, check=True).stdout
OPTIONS += [f"--disable-protocol={line.split()[1]}" for line in GUESSES.splitlines() if line.split()[0] in ("udp", "tcp")]
# Class, type, and words of data, as include/mizar/wire.h has them.
OPTIONS_OF = {"ff4d0108": "RTS", "ff4d8205": "STALE", "ff4d830d": "HERE"}
ECHO = "ff4d8602"
CONTROL = 0xc0 # O and C bits
RETURNED = 0x88b5
# Linux writes no sum of 0: skb_checksum_help() makes 0xffff of it (CSUM_MANGLED_0) in every protocol, since UDP has to. That is as
# good, in one's complement. tshark calls it bad in TCP, one packet in 65536.
OTHER_ZERO = "TCP Checksum 0xffff instead of 0x0000 (see RFC 1624)"


def frames():
    command = ["tshark", "-n", "-r", FILE, *OPTIONS, "-Tfields", "-Eoccurrence=a", "-Eaggregator=|"]
    done = subprocess.run(command + [f"-e{f}" for f in FIELDS], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    for line in done.stdout.splitlines():
        yield dict(zip(FIELDS, ([v for v in value.split("|") if v] for value in line.split("\t"))))


def number(text):
    return int(text, 0)


def check(f, seen):
    """Everything that can be said of one frame; all that differs between frames goes into `seen`."""
    stack = f["frame.protocols"][0].split(":")
    outer = stack[2]
    if not number(f["geneve.vni"][0]): # from a socket of mizard's, and back to it
        assert f["geneve.options"][0][:8] == ECHO and number(f["geneve.flags"][0]) == CONTROL, "echo"
        return
    size = int(f["ip.len"][0]) if outer == "ip" else int(f["ipv6.plen"][0]) + SIZES[outer]
    option = check_outer(f, stack, outer, size)
    if number(f["geneve.flags"][0]):
        assert option in ("STALE", "HERE"), "control packet" # what comes behind says nothing
        seen.add(option)
        return
    assert option in ("", "RTS"), f"{option} on a packet with data"
    if number(f["geneve.proto_type"][0]) == RETURNED: # as it was, and looked at on its way there
        seen.add("given back")
        return
    assert not f["_ws.malformed"], "malformed"
    assert all(int(s) < ERROR for s in f["_ws.expert.severity"]), f["_ws.expert.message"]
    check_inner(f, stack, outer, seen)
    seen.update({f"size {size - (36 if option else 0)}"} | ({option} if option else set()))


def check_outer(f, stack, outer, size):
    """Gives the name of the option, or nothing."""
    assert stack[:5] == ["eth", "ethertype", outer, "udp", "geneve"], stack
    assert int(f["frame.len"][0]) == 14 + size <= 1514, "length of the frame"
    assert int(f["udp.length"][0]) == size - SIZES[outer], "UDP length"
    assert f["udp.dstport"][0] == PORT and int(f["udp.srcport"][0]) >= 32768, "UDP ports"
    assert number(f["udp.checksum"][0]) == 0, "outer UDP checksum"
    assert f["geneve.version"][0] == "0" and not number(f["geneve.reserved"][0]), "Geneve header"
    assert number(f["geneve.proto_type"][0]) in (0x6558, RETURNED) and number(f["geneve.vni"][0]) == int(VNI), "protocol, VNI"
    assert outer != "ip" or f["ip.flags.df"][0] in ("1", "True"), "DF"
    if not f["geneve.options"]:
        return ""
    head, data = f["geneve.options"][0][:8], f["geneve.options"][0][8:]
    assert head in OPTIONS_OF and len(data) == 8 * (int(head[6:], 16) & 0x1f), f"option {head}"
    assert number(f["geneve.flags"][0]) == (CONTROL if OPTIONS_OF[head] != "RTS" else 0), "O and C bits"
    return OPTIONS_OF[head]


def check_inner(f, stack, outer, seen):
    inner = stack[stack.index("geneve") + 3]
    layer = stack[stack.index(inner, stack.index("geneve")) + 1]
    tos = {"ip": f["ip.dsfield"], "ipv6": f["ipv6.tclass"]}
    ttl = {"ip": f["ip.ttl"], "ipv6": f["ipv6.hlim"]}
    outer_tos, outer_ttl = tos[outer][0], int(ttl[outer][0])
    assert number(outer_tos) == number(tos[inner][-1]), "DSCP and ECN are not those of the inner packet"
    assert f["eth.src"][1].startswith("02:00:00:"), "inner source MAC" # with the uid of the network that it was judged for, or 0
    # 1: good. The outer UDP checksum is absent (3), the inner one stands behind it.
    assert set(f["ip.checksum.status"]) <= {"1"}, "IPv4 checksum"
    status = ["1"] if OTHER_ZERO in f["_ws.expert.message"] else f[f"{layer}.checksum.status"]
    assert status == (["3", "1"] if layer == "udp" else ["1"]), f"checksum of {layer}: {status}"
    seen.update({f"{inner}/{layer}", f"ttl {outer_ttl}", f"tos {number(outer_tos):#x}"})


seen = set()
n = 0
for frame in frames():
    n += 1
    try:
        check(frame, seen)
    except (AssertionError, IndexError, ValueError, KeyError) as error:
        sys.exit(f"frame {n}: {error!r}: {frame}")
print(n, "frames:", *sorted(s for s in seen if not s.startswith("size")))
print("largest:", max((int(s[5:]) for s in seen if s.startswith("size")), default=0))
