#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1 --- router --- h2: the link to h2 shrinks to MTU 1400 in the middle of the test
#	        |
#	       h3
#
# What does not fit comes back as an ICMP error, and its sender goes on with less: inside endpoints that know
# nothing of a smaller link on the underlay, in both families. Traceroute sees the gateway, then the destination.
. "$(dirname "$0")/common.sh"

lab --hosts 3 --routed
mizar apply -f "$(dirname "$0")/../../examples/two-tenants.yaml" >/dev/null || fail "apply"
endpoint acme/web-1 h1
endpoint acme/web-2 h2
endpoint acme/db-1 h2

# The way that a packet takes: the gateway, if the destination is in another network, and the destination.
hops() { within acme/web-1 traceroute -n -q 1 -w 2 "$@" | awk 'NR > 1 {printf "%s ", $2}'; }
for method in -U -I; do
	[ "$(hops $method 10.0.2.11)" = "10.0.1.1 10.0.2.11 " ] || fail "traceroute $method: $(hops $method 10.0.2.11)"
	[ "$(hops $method 10.0.1.12)" = "10.0.1.12 " ] || fail "traceroute $method to a neighbour: $(hops $method 10.0.1.12)"
	[ "$(hops -6 $method fd00:10:2::11)" = "fd00:10:1::1 fd00:10:2::11 " ] || fail "traceroute -6 $method"
done

transfer acme/web-1 acme/web-2 10.0.1.12
shrunk=$(mizar lab exec net -- ip -o address show to 172.31.2.1 | awk '{print $2}')
mizar lab exec net -- ip link set "$shrunk" mtu 1400 || fail "no port towards h2"
for address in 10.0.1.12 fd00:10:1::12; do transfer acme/web-1 acme/web-2 $address; done
heard() { mizar host tables nexthop --host $1 -o json | grep '"pathMtu": *1400' >/dev/null; }
heard h1 || heard h2 || heard h3 || fail "no host heard of the path's MTU"
within acme/web-1 ip route get 10.0.1.12 | grep "mtu 1310" >/dev/null ||
	fail "web-1 was not told: $(within acme/web-1 ip route get 10.0.1.12)"
