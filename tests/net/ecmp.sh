#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	acme/web-1 - h1 under0 .1.2 ----- .1.1 router .2.1 ----- under0 .2.2 h2 - acme/web-2
#	                under1 .9.2 ----- .9.1
#
# Two ways out of h1: flows are spread over both, by weight. One dies: all flows take the other.
. "$(dirname "$0")/common.sh"

lab --hosts 2 --routed
mizar apply -f "$(dirname "$0")/../../examples/two-tenants.yaml" >/dev/null || fail "apply"
endpoint acme/web-1 h1
endpoint acme/web-2 h2
len=24
[ "${MIZAR_UNDERLAY:-ipv4}" = ipv4 ] || len="64 nodad"
on() { mizar lab exec "$@" || fail "$*"; }
on net -- ip link add h1b type veth peer name under1 netns $MIZAR_LAB-h1
on net -- ip addr add $(under 9.1)/$len dev h1b
on net -- ip link set h1b up
on h1 -- ip addr add $(under 9.2)/$len dev under1
on h1 -- ip link set under1 up
on h1 -- ip route replace default nexthop via $(under 1.1) weight 1 nexthop via $(under 9.1) weight 3

# ways N: to h2 there are N.
ways() { mizar host tables nexthop --host h1 -o json | python3 -c '
import json, sys
sys.exit(not all(len(r["ways"]) == int(sys.argv[1]) for r in json.load(sys.stdin)))' "$1"; }
sent() { mizar lab exec h1 -- ip -s -j link show $1 | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["stats64"]["tx"]["packets"])'; }
# flows: 256 TCP connections at once, each with an answer; $first and $second are what each device sent meanwhile.
flows() {
	first=$(sent under0) second=$(sent under1)
	within acme/web-1 python3 -c '
import socket
socks = [socket.create_connection(("10.0.1.12", 5001), 5) for _ in range(256)]
for s in socks: s.sendall(b"x"); s.settimeout(5)
assert all(s.recv(1) == b"x" for s in socks)' || fail "flows were lost"
	first=$(($(sent under0) - first)) second=$(($(sent under1) - second))
}
background acme/web-2 python3 -c '
import socketserver
class H(socketserver.BaseRequestHandler):
    def handle(self): self.request.sendall(self.request.recv(1))
class S(socketserver.ThreadingTCPServer): request_queue_size = 300
S(("", 5001), H).serve_forever()'
eventually listening acme/web-2 5001
eventually ways 2
flows
# A quarter, by chance: less than an eighth or more than three has one run in 100 000 (binomial).
[ $((first * 7)) -gt $second ] && [ $((first * 5)) -lt $((second * 3)) ] || fail "$first packets by the first way, $second by the second"

on net -- ip link set h1b down
eventually ways 1
flows
[ $second -lt 10 ] || fail "$second packets by the dead way"
