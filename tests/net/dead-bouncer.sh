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
. "$(dirname "$0")/streams.sh"

lab --hosts 4
only h3 h4
vpc t 'dividers: 2, directPath: false'
vpc u 'dividers: 2, directPath: false, divide: true'
network t n 1 2
only h1; network u x 1
only h2; network u y 2
for e in t/a:n:1.2:h1 t/b:n:1.3:h2 u/e:x:1.2:h1 u/f:y:2.2:h2; do
	IFS=: read -r name network address host <<<"$e"
	mizar -n ${name%/*} create endpoint ${name#*/} --network $network --addresses 10.0.$address,fd00:${address/./::} >/dev/null || fail "create $name"
	endpoint $name $host
done
mizar lab kill ctl || fail "kill"

is() { mizar host peers --host h1 | awk -v a="$(under 0.${1#h})" -v s="$2" '$1 == a && $2 == s { found = 1 } END { exit !found }'; }
forwards() { # forwards HOST: the flow goes by it
	local before
	before=$(count $1 stats forward)
	sleep 0.1
	[ $(($(count $1 stats forward) - before)) -gt 50 ]
}
survives() { # survives FROM TO ADDRESS
	local by=h3 gap
	eventually is h3 alive
	eventually is h4 alive
	numbered "$@"
	sleep 0.2
	forwards $by || by=h4
	mizar lab exec net -- ip link set $by down
	eventually is $by dead
	sleep 1
	mizar lab exec net -- ip link set $by up
	eventually is $by alive
	eventually forwards $by
	kill $udp && wait $udp || fail "udp_sequence"
	gap=$(heard longest_gap_ms)
	gap=${gap%.*}
	echo "$by was dead: of $(heard sent) packets $(heard lost) lost, longest gap $gap ms"
	# What was lost was lost in that gap: a packet is a millisecond.
	[ "$gap" -lt 1000 ] && [ "$(heard lost)" -lt $((gap + 50)) ] || fail "$(cat $state/udp)"
}
survives t/a t/b 10.0.1.3
survives u/e u/f fd00:2::2
