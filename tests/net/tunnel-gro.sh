#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: default/a           h2: default/b, other/b; bounces
#
# Frames of the MTU, as of NICs: h2 merges them before they are decapsulated. Streams arrive whole, in few packets; datagrams one by
# one, also where the NIC merges them; what does not belong together stays apart (merged.py). Nothing comes out of the tunnel device.
. "$(dirname "$0")/common.sh"

lab --hosts 2
manifest <<-M
	{apiVersion: mizar.com/v1, kind: Droplet, metadata: {name: h1}, spec: {address: 172.31.0.1, unschedulable: true}}
	---
	{apiVersion: mizar.com/v1, kind: VPC, metadata: {name: v}, spec: {vni: 7000, dividers: 1}}
	---
	{apiVersion: mizar.com/v1, kind: VPC, metadata: {name: v, namespace: other}, spec: {vni: 7001, dividers: 1}}
	---
	{apiVersion: mizar.com/v1, kind: Network, metadata: {name: n}, spec: {vpc: v, cidrs: [10.0.1.0/24, "fd00:1::/64"], bouncers: 1}}
	---
	{apiVersion: mizar.com/v1, kind: Network, metadata: {name: n, namespace: other}, spec: {vpc: v, cidrs: [10.0.1.0/24, "fd00:1::/64"], bouncers: 1}}
	---
	{apiVersion: mizar.com/v1, kind: Endpoint, metadata: {name: a}, spec: {network: n, addresses: [10.0.1.2, "fd00:1::2"]}}
	---
	{apiVersion: mizar.com/v1, kind: Endpoint, metadata: {name: b}, spec: {network: n, addresses: [10.0.1.3, "fd00:1::3"]}}
	---
	{apiVersion: mizar.com/v1, kind: Endpoint, metadata: {name: b, namespace: other}, spec: {network: n, addresses: [10.0.1.3, "fd00:1::3"]}}
M
for e in default/a:h1 default/b:h2 other/b:h2; do endpoint ${e%:*} ${e#*:}; done
kind=$(mizar host status --host h2 | sed -n 's/^Tunnel GRO *\([a-z]*\), device mzgro6081.*/\1/p')
[ -n "$kind" ] || fail "nothing merges: $(mizar host status --host h2 | grep GRO)"
on() { ip netns exec "$MIZAR_LAB-$1" "${@:2}"; }
for host in h1 h2; do for end in net:$host $host:under0; do on ${end%:*} ethtool -K ${end#*:} tso off gso off || fail "ethtool"; done; done
on h2 ethtool -K under0 gro on || fail "ethtool"

amount() { mizar host stats --all --host h2 -o json | python3 -c '
import json, sys
print(*next((c["packets"], c["bytes"]) for c in json.load(sys.stdin) if c["name"] == "deliver"))'; }
for address in 10.0.1.3 fd00:1::3; do
	read -r packets bytes <<<"$(amount)"
	transfer default/a default/b $address 5000000
	read -r packets_now bytes_now <<<"$(amount)"
	size=$(((bytes_now - bytes) / (packets_now - packets)))
	[ $size -gt 3000 ] || fail "packets of $size bytes were delivered: nothing was merged"
done
on h2 sh -c 'echo 100000000 >/sys/class/net/under0/gro_flush_timeout'
on h2 ethtool -K under0 rx-udp-gro-forwarding on || fail "ethtool"
on h2 ip address add 172.31.0.102/24 dev under0
"$(dirname "$0")/merged.py" $MIZAR_LAB $kind || fail "merged as it should not be"
[ "$(on h2 cat /sys/class/net/mzcut6081/statistics/tx_packets)" = 10 ] || fail "datagrams were not merged, or not cut"
