#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1 172.31.1.2 --- .1 router .1 --- 172.31.2.2 h2
#	                       .1
#	                       |
#	                  172.31.3.2 h3
#
# Hosts on subnets of their own behind a router: the outer Ethernet header names the router, and everything
# works as on one segment, also after the router got another MAC.
. "$(dirname "$0")/common.sh"

lab --hosts 3 --routed
mizar apply -f "$(dirname "$0")/../../examples/two-tenants.yaml" >/dev/null || fail "apply"
endpoint acme/web-1 h1
endpoint acme/web-2 h2
endpoint acme/db-1 h3

for address in 10.0.1.12 fd00:10:1::12 10.0.2.11 fd00:10:2::11; do reaches acme/web-1 $address; done
transfer acme/web-1 acme/web-2 10.0.1.12
router=$(under 1.1)
mac=$(mizar lab exec h1 -- ip neigh show $router | sed -n 's/.*lladdr \([^ ]*\).*/\1/p')
for host in h1 h2 h3; do
	mizar host tables nexthop --host $host | grep -q . || fail "$host has no next hops"
done
mizar host tables nexthop --host h1 | grep -q "$mac" || fail "h1's next hops are not the router ($mac)"

# The router's port towards h1 gets another MAC, which the router announces: h1 follows.
for announce in ipv4/conf/all/arp_notify ipv6/conf/all/ndisc_notify; do
	mizar lab exec net -- sh -c "echo 1 >/proc/sys/net/$announce" || fail "$announce"
done
device=$(mizar lab exec net -- ip -o address show to $router | awk '{print $2}')
mizar lab exec net -- ip link set "$device" address 02:00:00:00:99:01 || fail "no port towards h1"
follows() { mizar host tables nexthop --host h1 | grep -q 02:00:00:00:99:01; }
again() { within acme/web-1 ping -n -q -c 1 -W 1 10.0.1.12 >/dev/null; }
mizar lab exec h1 -- ping -n -q -c 1 -W 1 $router >/dev/null
eventually again
eventually follows
