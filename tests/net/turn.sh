#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	  far: v/a                near: v/b
#	     |                      |
#	  ---+-----------+----------+---  underlay
#	                 |
#	     bouncer of the network, nobody's host
#
# What only bounces turns round where the host's status says: TCP by the bouncer arrives whole, in both families, and under XDP
# every packet that was forwarded was turned round by the NIC's driver. The other way is chosen by a restart, without a loss.
. "$(dirname "$0")/common.sh"

lab --hosts 3
manifest <<M
{apiVersion: mizar.com/v1, kind: VPC, metadata: {name: v, namespace: v}, spec: {directPath: false}}
---
{apiVersion: mizar.com/v1, kind: Network, metadata: {name: n, namespace: v}, spec: {vpc: v, cidrs: [10.0.1.0/24, "fd20::/64"], bouncers: 1}}
M
bouncer=$(mizar -n v get network n -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["status"]["bouncers"][0])')
read -r far near <<<"$(echo h1 h2 h3 | sed "s/$bouncer//")"
mizar -n v create endpoint a --network n --addresses 10.0.1.11,fd20::11 >/dev/null || fail "create a"
mizar -n v create endpoint b --network n --addresses 10.0.1.12,fd20::12 >/dev/null || fail "create b"
endpoint v/a "$far"
endpoint v/b "$near"
transit() { mizar host status --host "$bouncer" -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["transit"])'; }

[ "$(transit)" = "$MIZAR_TRANSIT" ] || fail "transit by $(transit)"
# 2 x 20 MB, in super-packets of 64 KB at most.
for address in 10.0.1.12 fd20::12; do transfer v/a v/b $address; done
forwarded=$(count "$bouncer" stats forward) turned=$(count "$bouncer" stats turn)
[ "$forwarded" -gt 600 ] || fail "the bouncer forwarded $forwarded"
# The first ones may come before their next hop is known: tc has the kernel resolve it; so it does for answers to echoes.
resolved=$(count "$bouncer" stats resolve)
if [ "$MIZAR_TRANSIT" = tc ]; then
	[ "$turned" = 0 ] || fail "$turned of $forwarded by XDP"
else
	[ "$turned" -le "$forwarded" ] && [ "$turned" -ge $((forwarded - resolved)) ] || fail "$turned of $forwarded by XDP, $resolved resolved"
fi
[ "$MIZAR_TRANSIT" = tc ] || [ "$turned" -gt 2000 ] || fail "only $turned by XDP"

other=$([ "$MIZAR_TRANSIT" = xdp ] && echo tc || echo auto)
within v/a ping -n -q -i 0.01 -c 300 -W 1 10.0.1.12 >/run/mizar-lab/$MIZAR_LAB/ping &
pinging=$!
mizard_instead "$bouncer" --transit "$other"
restarted() { [ "$(transit 2>/dev/null)" = tc ]; }
eventually restarted
wait $pinging || fail "ping"
grep -q ' 0% packet loss' /run/mizar-lab/$MIZAR_LAB/ping || fail "lost: $(cat /run/mizar-lab/$MIZAR_LAB/ping)"
[ -z "$(ip -n $MIZAR_LAB-$bouncer -o link show under0 | grep xdp)" ] || fail "XDP is left on the device"
