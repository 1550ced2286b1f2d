#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: src      h2: dst, stays      h3: bounces, divides      h4
#	     |            |                    |                    |
#	  ---+------------+--------------------+--------------------+---  underlay
#
# dst moves to h4, to the sender's host, to the bouncer's, and back, with its addresses and under three streams: no packet is lost, and the host
# that it left sends after it and tells. Deleted and made again elsewhere, its old place never sees a packet more. By XDP the VPC divides.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/streams.sh"

lab --hosts 4
only h3
vpc t "dividers: 1, divide: $([ $MIZAR_TRANSIT = xdp ] && echo true || echo false)"
network t a 1
network t b 2
make() { mizar -n t create endpoint $1 --network $2 --addresses 10.0.$3,fd00:${3/./::} >/dev/null || fail "create $1"; }
make src a 1.2
make dst b 2.3
make stays b 2.4
for e in src:h1 dst:h2 stays:h2; do endpoint t/${e%:*} ${e#*:}; done
n=0
move() { # move HOST: the guest gets its new device while it has the old one
	mizar -n t endpoint migrate dst --to $1 >/dev/null || fail "migrate to $1"
	mizar -n t attach dst --host $1 --netns $MIZAR_LAB-t-dst --ifname to$((++n)) >/dev/null || fail "attach on $1"
	mizar -n t wait endpoint dst --for Provisioned --timeout 10 >/dev/null || fail "dst did not come to $1"
	eventually is_on t/dst $1
}

# Who never answers must be heard of by the old host.
numbered t/src t/dst 10.0.2.3
sleep 0.3
move h4
sleep 0.3
all_arrives "one way, migrated"
told=$(($(count h2 stats moved) + $(count h2 stats give_back)))
[ $told -gt 0 ] || fail "h2 neither sent on nor gave back"
if [ $MIZAR_TRANSIT = tc ]; then # where the VPC divides, the sender takes back what comes too late
	for counter in moved stale; do [ "$(count h2 stats $counter)" -gt 0 ] || fail "h2: $counter does not move"; done
	[ "$(count h1 stats heed_stale)" -gt 0 ] || fail "h1 did not heed the STALE"
fi

streams t/src t/dst 10.0.2.3
sleep 0.2
for to in h1 h3 h2; do
	move $to
	sleep 0.3 # the streams at their new place
done
[ "$(within t/dst ip -o link show | grep -c 'to[0-9]')" = 1 ] || fail "the guest's devices: $(within t/dst ip -br link)"
streams_end "three migrations"
reaches t/src fd00:2::3

# Deleted: src's host hears of it. Made again: what was its old place gets nothing.
ip netns add $MIZAR_LAB-t-again && namespaces+=($MIZAR_LAB-t-again)
"$programs/../../bench/udp_sequence" $MIZAR_LAB-t-src 10.0.2.3 $MIZAR_LAB-t-{dst,again} >$state/udp &
udp=$!
processes+=($udp)
stopped() { passing h2 h3 -- sleep 0.1; [ "${passed[*]}" = "0 0" ]; }
mizar -n t delete endpoint dst --wait >/dev/null || fail "delete"
eventually stopped
[ "$(count h1 drops nobody)" -gt 0 ] || fail "src's host has not heard that nobody is there"
make again b 2.3
endpoint t/again h4
arrives() { passing h4 -- sleep 0.1; [ $passed -gt 20 ]; }
eventually arrives
standing h2 -- moving h4 -- sleep 0.2
kill $udp
wait $udp || fail "udp_sequence"
python3 - $state/udp <<'P' || fail "after it was made again: $(cat $state/udp)"
import json, sys
old, new = json.load(open(sys.argv[1]))["places"]
sys.exit(not (old["received"] and new["received"] and old["last"] < new["first"]))
P
