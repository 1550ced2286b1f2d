#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: acme/web-1        h2: acme/web-2
#
# The largest packets that the endpoints' MTU allows get through, in both families. Endpoints that raise their
# MTU are told what fits, also of super-packets and across hosts, and TCP goes on with that.
. "$(dirname "$0")/common.sh"

lab --hosts 2
mtu=$((${MIZAR_MTU:-1500} - 90))
[ "${MIZAR_UNDERLAY:-ipv4}" = ipv4 ] || mtu=$((mtu - 20))
mizar apply -f "$(dirname "$0")/../../examples/two-tenants.yaml" >/dev/null || fail "apply"
endpoint acme/web-1 h1
endpoint acme/web-2 h2

# whole SIZE ADDRESS: one unfragmented ping with so many bytes of data; what ping says goes to $said.
whole() { said=$(within acme/web-1 ping -n -c 1 -W 1 -M do -s "$1" "$2" 2>&1); }
fits() { local mtu; mtu=$(within acme/web-1 ip route get "$1"); [[ $mtu == *"mtu $2"* ]] || fail "$1: not MTU $2, but $mtu"; }
whole $((mtu - 28)) 10.0.1.12 || fail "an IPv4 packet of the MTU's size does not get through"
whole $((mtu - 48)) fd00:10:1::12 || fail "an IPv6 packet of the MTU's size does not get through"

# Larger than the wire takes: the agent says so, for its gateway.
for n in 1 2; do within acme/web-$n ip link set eth0 mtu $((mtu + 90)); done
whole $((mtu + 50 - 28)) 10.0.1.12 && fail "more than the wire takes got through"
[[ $said == *"From 10.0.1.1 "*"mtu = $mtu"* ]] || fail "the gateway said: $said"
for address in 10.0.1.12 fd00:10:1::12; do transfer acme/web-1 acme/web-2 $address; done
fits 10.0.1.12 $mtu
fits fd00:10:1::12 $mtu
[ "$(count h1 drops too_big)" -gt 0 ] || fail "nothing was too big"

# An endpoint that takes less than its neighbours: its host says so, in its name.
within acme/web-2 ip link set eth0 mtu 1300
narrow() { mizar host tables local --host h2 -o json | grep '"mtu": *1300' >/dev/null; }
eventually narrow
whole $((1380 - 28)) 10.0.1.12 && fail "1380 bytes got through"
[[ $said == *"From 10.0.1.12 "*"mtu = 1300"* ]] || fail "web-2's host said: $said"
whole $((1380 - 48)) fd00:10:1::12 && fail "1380 bytes got through"
fits 10.0.1.12 1300
fits fd00:10:1::12 1300
