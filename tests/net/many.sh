#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# One manifest of 2000 endpoints on two hosts: applied whole, listed whole, every row where it belongs, and none left when the
# manifest is deleted.
. "$(dirname "$0")/common.sh"

n=2000
lab --hosts 2
file=/run/mizar-lab/$MIZAR_LAB/many.yaml
python3 - >"$file" <<P
print('{apiVersion: mizar.com/v1, kind: VPC, metadata: {name: v}, spec: {}}')
print('---\n{apiVersion: mizar.com/v1, kind: Network, metadata: {name: n}, spec: {vpc: v, cidrs: [10.20.0.0/16, "fd20::/64"], bouncers: 2}}')
for i in range($n):
    print('---\n{apiVersion: mizar.com/v1, kind: Endpoint, metadata: {name: e%d}, spec: {network: n, droplet: h%d}}' % (i, 1 + i % 2))
P
timed() { local begin=$(date +%s%N); "${@:2}" || fail "$1"; echo "$1: $((($(date +%s%N) - begin) / 1000000)) ms"; }
apply() { [ "$(mizar apply -f "$file" --timeout 30 | grep -c "$1")" = $((n + 2)) ]; }
all_provisioned() { [ "$(mizar get endpoints | grep -c ' Provisioned ')" = $n ]; }
holds() { [ "$(rows "$1" endpoint),$(rows "$1" location)" = "$2" ]; }
remove() { mizar delete -f "$file" --wait --timeout 60 >/dev/null; }

timed "apply of $n" apply created
timed "provisioned" eventually all_provisioned
timed "the same again" apply unchanged
for host in h1 h2; do eventually holds $host $((n / 2)),$((2 * n)); done
[ "$(mizar get endpoints -o json | python3 -c 'import json, sys; print(len({a for e in json.load(sys.stdin)["items"] for a in e["spec"]["addresses"]}))')" = $((2 * n)) ] ||
	fail "addresses are not all different"
timed "delete" remove
for host in h1 h2; do eventually holds $host 0,0; done
