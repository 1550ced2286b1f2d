#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: t/a, u/e; bounces for u/x      h2: t/b, u/f; bounces for u/y
#	   |                                  |
#	---+--------------+---------------+---+---  underlay
#	                  |               |
#	    h3, h4: both bounce for t/n, and both divide for u
#
# The controller is gone, and packets keep to the bouncers. A link is cut, of the host that a flow takes: less than a second of
# the flow is lost, the sender says who is dead, and goes back, without a loss, when the host is back. As bouncer by IPv4, as divider by IPv6.
. "$(dirname "$0")/common.sh"

lab --hosts 4
only() { # only HOST...: new bouncers and dividers go there
	local i
	for i in 1 2 3 4; do
		printf -- '---\n{apiVersion: mizar.com/v1, kind: Droplet, metadata: {name: h%d}, spec: {address: "%s", unschedulable: %s}}\n' \
			$i "$(under 0.$i)" "$([[ " $* " == *" h$i "* ]] && echo false || echo true)"
	done | manifest
}
made() { # made TENANT KIND NAME SPEC: and Provisioned
	manifest <<<"{apiVersion: mizar.com/v1, kind: $2, metadata: {name: $3, namespace: $1}, spec: {$4}}"
	mizar -n $1 wait ${2,,} $3 --for Provisioned --timeout 5 >/dev/null || fail "$2 $3 of $1"
}
only h3 h4
made t VPC v 'dividers: 2, directPath: false'
made u VPC v 'dividers: 2, directPath: false, divide: true'
made t Network n 'vpc: v, cidrs: [10.0.1.0/24], bouncers: 2'
only h1; made u Network x 'vpc: v, cidrs: ["fd20:1::/64"], bouncers: 1'
only h2; made u Network y 'vpc: v, cidrs: ["fd20:2::/64"], bouncers: 1'
for e in t/a,n,10.0.1.2,h1 t/b,n,10.0.1.3,h2 u/e,x,fd20:1::2,h1 u/f,y,fd20:2::2,h2; do
	IFS=, read -r name network address host <<<"$e"
	mizar -n ${name%/*} create endpoint ${name#*/} --network $network --addresses $address >/dev/null || fail "create $name"
	endpoint $name $host
done
mizar lab kill ctl || fail "kill"

state_is() { mizar host peers --host h1 | awk -v a="$(under 0.${1#h})" -v s="$2" '$1 == a && $2 == s { found = 1 } END { exit !found }'; }
forwards() { # forwards HOST: the flow goes by it
	local before; before=$(count $1 stats forward); sleep 0.1
	[ $(($(count $1 stats forward) - before)) -gt 50 ]
}
value() { sed -n "s/.*[{ ]\"$1\": \([0-9]*\).*/\1/p" /run/mizar-lab/$MIZAR_LAB/udp; }
survives() { # survives FROM TO ADDRESS
	local by=h3
	"$programs/../../bench/udp_sequence" "$MIZAR_LAB-${1/\//-}" "$3" "$MIZAR_LAB-${2/\//-}" </dev/null >/run/mizar-lab/$MIZAR_LAB/udp &
	local udp=$!; processes+=($udp)
	eventually state_is h3 alive
	eventually state_is h4 alive
	sleep 0.2; forwards $by || by=h4
	mizar lab exec net -- ip link set $by down
	eventually state_is $by dead
	sleep 1
	mizar lab exec net -- ip link set $by up
	eventually state_is $by alive
	eventually forwards $by
	kill $udp && wait $udp || fail "udp_sequence"
	echo "$by was dead: of $(value sent) packets $(value lost) lost, longest gap $(value longest_gap_ms) ms"
	# What was lost was lost in that gap: a packet is a millisecond.
	[ "$(value longest_gap_ms)" -lt 1000 ] && [ "$(value lost)" -lt $(($(value longest_gap_ms) + 50)) ] || fail "$(cat /run/mizar-lab/$MIZAR_LAB/udp)"
}
survives t/a t/b 10.0.1.3
survives u/e u/f fd20:2::2
