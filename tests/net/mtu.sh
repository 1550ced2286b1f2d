#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: acme/web-1        h2: acme/web-2
#
# The largest packets that the endpoints' MTU allows get through, in both families. Endpoints that
# raise their MTU lose super-packets whose segments do not fit the wire, under a name.
. "$(dirname "$0")/common.sh"

lab --hosts 2
mtu=$((${MIZAR_MTU:-1500} - 90))
[ "${MIZAR_UNDERLAY:-ipv4}" = ipv4 ] || mtu=$((mtu - 20))
mizar apply -f "$(dirname "$0")/../../examples/two-tenants.yaml" >/dev/null || fail "apply"
endpoint acme/web-1 h1
endpoint acme/web-2 h2

# whole SIZE ADDRESS: one unfragmented ping with so many bytes of data.
whole() { within acme/web-1 ping -n -q -c 1 -W 1 -M do -s "$1" "$2" >/dev/null; }
whole $((mtu - 28)) 10.0.1.12 || fail "an IPv4 packet of the MTU's size does not get through"
whole $((mtu - 48)) fd00:10:1::12 || fail "an IPv6 packet of the MTU's size does not get through"

# A super-packet passes the device of the host's side, whose MTU stays: its segments do not fit.
for n in 1 2; do within acme/web-$n ip link set eth0 mtu $((mtu + 90)); done
before=$(count h1 drops too_big)
background acme/web-2 nc -l -p 5001 </dev/null >/dev/null
eventually listening acme/web-2 5001
head -c 1000000 /dev/zero | within acme/web-1 timeout 2 nc -N -w 1 10.0.1.12 5001
[ "$(count h1 drops too_big)" -gt "$before" ] || fail "super-packets were lost without a name"
