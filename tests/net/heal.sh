#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: src      h2: dst      h3, h4: bounce and divide
#	     |            |          |
#	  ---+------------+----------+---  underlay
#
# A bouncer comes, another takes its place, one goes: under three streams that keep to the bouncers no packet is lost. A host that starts anew
# with empty tables, be it the sender's, the receiver's or the bouncer's, heals without a word from anybody. The role of a dead host goes to another.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/streams.sh"

lab --hosts 4
only h3 h4
for tenant in t detour; do
	vpc $tenant "dividers: 1, directPath: $([ $tenant = t ] && echo true || echo false)"
	network $tenant a 1 1
	for e in src:2:h1 dst:3:h2; do
		IFS=: read -r name address host <<<$e
		mizar -n $tenant create endpoint $name --network a --addresses 10.0.1.$address,fd00:1::$address >/dev/null || fail "create $name"
		endpoint $tenant/$name $host
	done
done
bouncers() { mizar -n $1 get network a -o json | sed -n '/"bouncers": \[/,/\]/s/.*"\(h[0-9]*\)".*/\1/p' | sort | xargs; }
bounced_by() { [ "$(bouncers detour)" = "$1" ]; }

streams detour/src detour/dst 10.0.1.3
network detour a 1 2
eventually bounced_by "h3 h4"
moving h3 h4 -- sleep 0.3
network detour a 1 1
one() { [[ "$(bouncers detour)" =~ ^h[34]$ ]]; }
eventually one
old=$(bouncers detour) new=h$((7 - ${old#h}))
only $new
mizar delete bouncer detour-a-$old >/dev/null || fail "delete bouncer"
eventually bounced_by $new
standing $old -- moving $new -- sleep 0.2
streams_end "bouncers come and go"

# reboot HOST: empty tables, then a mizard.
reboot() {
	mizar lab kill $1 && mizar host uninstall --host $1 || fail "uninstall $1"
	lab --hosts 4
}
again() { within $1/src ping -n -q -c 1 -W 0.2 10.0.1.3 >/dev/null; }
bouncer=$(bouncers t)
only h3 h4
for host in h1 h2 $bouncer; do
	reboot $host
	eventually again t
	eventually again detour
	reaches t/src fd00:1::3
	standing h3 h4 -- reaches t/src 10.0.1.3
done

# The bouncer dies, and nobody else is one.
numbered detour/src detour/dst 10.0.1.3
old=$(bouncers detour) new=h$((7 - ${old#h}))
mizar lab kill $old && mizar lab exec $old -- ip link set under0 down || fail "$old lives on"
goes_on_by() { [ "$(bouncers detour)" = $1 ] && again detour; }
eventually goes_on_by $new
kill $udp
wait $udp
echo "a dead bouncer: $(heard lost) of $(heard sent) lost, longest gap $(heard longest_gap_ms) ms"
