#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: acme/web-1, acme/web-3        h2: acme/web-2
#
# Super-packets of TCP and UDP, on one host, whole between hosts, and over NICs that cut them and know nothing of
# checksums: right segments with right checksums. Fragments in any order.
. "$(dirname "$0")/common.sh"
datagrams=$(dirname "$(realpath "$0")")/datagrams.py

lab --hosts 2
mizar apply -f "$(dirname "$0")/../../examples/two-tenants.yaml" >/dev/null || fail "apply"
for e in web-1:h1 web-3:h1 web-2:h2; do endpoint acme/${e%:*} ${e#*:}; done

# udp TO ADDRESS: 20 datagrams of 1300 bytes from one call of web-1, then fragments in every order.
udp() { # TO ADDRESS FROM
	local family=4
	[[ $2 != *:* ]] || family=6
	background "$1" "$datagrams" receive $family 5002 $(printf '1300 %.0s' $(seq 20)) 3000 3000 3000 3000 </dev/null
	eventually bound "$1"
	within acme/web-1 "$datagrams" super "$2" 5002 1300 20 || fail "UDP_SEGMENT to $2"
	within acme/web-1 "$datagrams" fragments eth0 "$3" "$2" 5002 || fail "fragments to $2"
	wait $! || fail "datagrams to $2"
}
bound() { within "$1" ss -Hlun 'sport = :5002' | grep . >/dev/null; }

# everything: to web-3 on the same host, and to web-2.
everything() {
	udp acme/web-3 10.0.1.13 10.0.1.11
	udp acme/web-3 fd00:10:1::13 fd00:10:1::11
	udp acme/web-2 10.0.1.12 10.0.1.11
	udp acme/web-2 fd00:10:1::12 fd00:10:1::11
	for address in 10.0.1.12 fd00:10:1::12; do transfer acme/web-1 acme/web-2 $address; done
}
everything

# Now as a real wire does it.
for host in h1 h2; do
	ip netns exec $MIZAR_LAB-$host ethtool -K under0 tx off tso off gso off tx-udp-segmentation off \
		tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off >/dev/null || fail "ethtool"
done
seen=/run/mizar-lab/$MIZAR_LAB/seen
background acme/web-2 "$datagrams" watch eth0 </dev/null >"$seen"
watcher=$!
ready() { grep ready "$seen" >/dev/null; }
eventually ready
everything
kill $watcher; wait $watcher
read -r n largest wrong partial < <(tail -1 "$seen")
[ "$n" -gt 1000 ] || fail "only $n packets seen"
[ "$largest" -le 1410 ] || fail "a packet of $largest bytes came in"
[ "$wrong" = 0 ] && [ "$partial" = 0 ] || fail "$wrong wrong checksums, $partial unfinished ones, of $n"

# What mizard finds out about this kernel, when it starts.
mizard_instead h1 --offload-test on
tested() { mizar host status --host h1 2>/dev/null | grep "^Offloads .*TCP.* pass" >/dev/null; }
eventually tested
