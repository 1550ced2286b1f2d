# SPDX-License-Identifier: Apache-2.0
"""What the programs share that speak as a foreign peer, by scapy: tests/net/peer.sh."""
import ctypes
import json
import logging
import os
import socket
import subprocess
import sys
import time

logging.getLogger("scapy").setLevel(logging.ERROR) # it misses routes that it does not need

VIRTUAL_MAC = "02:6d:7a:00:00:01"


def packet_socket(device):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((device, 0))
    s.settimeout(3)
    return s


def enter(namespace):
    with open(f"/run/netns/{namespace}") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0):
            sys.exit(f"{namespace}: {os.strerror(ctypes.get_errno())}")


def receive(s, is_wanted):
    """The next frame that came in and is wanted."""
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        try:
            frame, address = s.recvfrom(65536)
        except TimeoutError:
            break
        if address[2] != socket.PACKET_OUTGOING and is_wanted(frame):
            return frame
    raise AssertionError("nothing arrives")


def counted(host, kind):
    """What the host has counted, by name; kind: stats or drops."""
    out = subprocess.run(["mizar", "host", kind, "--all", "--host", host, "-o", "json"], check=True, stdout=subprocess.PIPE)
    return {c["name"]: int(c["packets"]) for c in json.loads(out.stdout)}
