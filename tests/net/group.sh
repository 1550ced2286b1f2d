#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: a 10.5.0.7, fd00:5::7      h2: b 192.168.9.9, fd00:9::9      h3: c 10.1.0.2 (subnet)
#	         network g (group)              network g                    network s
#
# A group's members have any addresses of the VPC: they reach each other on their host, across hosts, and
# endpoints of another network, both ways; an address that nobody has is a named drop.
. "$(dirname "$0")/common.sh"

lab --hosts 3
manifest <<M
{apiVersion: mizar.com/v1, kind: VPC, metadata: {name: v, namespace: t}}
---
{apiVersion: mizar.com/v1, kind: Network, metadata: {name: g, namespace: t}, spec: {vpc: v, kind: group}}
---
apiVersion: mizar.com/v1
kind: Network
metadata: {name: s, namespace: t}
spec: {vpc: v, cidrs: [10.1.0.0/24, "fd00:1::/64"]}
M
mizar -n t create endpoint a --network g --addresses 10.5.0.7,fd00:5::7 >/dev/null || fail "create a"
mizar -n t create endpoint b --network g --addresses 192.168.9.9,fd00:9::9 >/dev/null || fail "create b"
mizar -n t create endpoint c --network s --addresses 10.1.0.2,fd00:1::2 >/dev/null || fail "create c"
endpoint t/a h1
endpoint t/b h2
endpoint t/c h3

for address in 192.168.9.9 fd00:9::9 10.1.0.2 fd00:1::2; do reaches t/a $address; done
for address in 10.5.0.7 fd00:5::7 192.168.9.9 fd00:9::9; do reaches t/c $address; done
transfer t/a t/b fd00:9::9
reaches_not t/a 10.5.0.8
mizar -n t delete endpoint b >/dev/null || fail "delete b"
forgotten() { ! mizar host tables member --host "$1" | grep -q 192.168.9.9; }
for host in h1 h2 h3; do eventually forgotten $host; done
