#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	acme/web-1 - h1 .1.2 --- .1.1 router .2.1 --- .2.2 h2 - acme/web-2
#
# The router changes its MAC while packets flow: they go on. Nobody knows the router's MAC, and no mizard is there to learn it:
# the kernel is asked with the first packet, and no packet is lost.
. "$(dirname "$0")/common.sh"

lab --hosts 2 --routed
mizar apply -f "$(dirname "$0")/../../examples/two-tenants.yaml" >/dev/null || fail "apply"
endpoint acme/web-1 h1
endpoint acme/web-2 h2
router=$(under 1.1) len=24
[ "${MIZAR_UNDERLAY:-ipv4}" = ipv4 ] || len="64 nodad"
on() { mizar lab exec "$@" || fail "$*"; }
has_row() { [ "$(rows h1 nexthop)" = 1 ]; }
has_no_row() { [ "$(rows h1 nexthop)" = 0 ]; }
eventually has_row

on net -- sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/arp_notify; echo 1 >/proc/sys/net/ipv6/conf/all/ndisc_notify'
pings=/run/mizar-lab/$MIZAR_LAB/pings
background acme/web-1 ping -n -q -c 400 -i 0.005 -W 1 10.0.1.12 </dev/null >$pings
for n in 1 2 3; do
	sleep 0.4
	on net -- ip link set h1 address 02:00:00:00:99:0$n
done
wait $!
[ "$(sed -n 's/.* \([0-9]*\) received.*/\1/p' $pings)" -ge 200 ] || fail "packets did not go on: $(cat $pings)"
mizar host tables nexthop --host h1 | grep -q 02:00:00:00:99:03 || fail "the row has another MAC"

on net -- ip addr del $router/${len% *} dev h1
on h1 -- ip neigh flush dev under0
eventually has_no_row
mizar lab kill h1
on h1 -- sh -c "ip neigh del $router dev under0 2>/dev/null; true"
on net -- ip addr add $router/$len dev h1
before=$(count h1 stats resolve)
within acme/web-1 ping -n -q -c 10 -i 0.02 -W 2 10.0.1.12 >$pings || fail "no answer: $(cat $pings)"
grep -q " 0% packet loss" $pings || fail "packets were lost: $(cat $pings)"
[ "$(count h1 stats resolve)" -ge $((before + 10)) ] || fail "the kernel was not asked"
