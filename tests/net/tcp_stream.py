#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A TCP connection with known bytes, for the net tests.

    tcp_stream.py receive PORT             takes one connection; at its end: bytes that came, and the longest pause in ms
    tcp_stream.py send ADDRESS PORT RATE   RATE bytes a second until SIGTERM; then: bytes that were sent
"""
import signal
import socket
import sys
import time

SO_MAX_PACING_RATE = 47
BLOCK = bytes(range(251)) * 64  # a prime: no buffer's size hides a hole


def receive(port):
    listener = socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True)
    s, _ = listener.accept()
    n, longest, last = 0, 0, time.monotonic()
    while data := s.recv(len(BLOCK)):
        now = time.monotonic()
        longest, last = max(longest, now - last), now
        at = n % 251
        assert data == (BLOCK + BLOCK)[at:at + len(data)], f"wrong bytes after {n}"
        n += len(data)
    print(n, round(1000 * longest), flush=True)


def send(address, port, rate):
    over = []
    signal.signal(signal.SIGTERM, lambda *_: over.append(True))
    s = socket.create_connection((address, int(port)), 10)
    s.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, int(rate))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 17)
    s.settimeout(10)
    n = 0
    while not over:
        n += s.send(BLOCK[n % 251:])
    s.close()
    print(n, flush=True)


verbs = {"receive": receive, "send": send}
verbs[sys.argv[1]](*sys.argv[2:])
