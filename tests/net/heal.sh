#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: src      h2: dst      h3, h4: bounce and divide
#	     |            |          |
#	  ---+------------+----------+---  underlay
#
# A bouncer comes, another takes its place, one goes: under three streams that keep to the bouncers no packet is lost. Nor is one where a VPC divides,
# as its divider and the bouncers of both networks do the same, be the sender on a host of its own or on one that comes and goes.
# A host that starts anew with empty tables, be it the sender's, the receiver's or the bouncer's, heals without a word from anybody. The role of a
# dead host goes to another.
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
used() { mizar -n $1 get $2 $3 -o json | sed -n "/\"$4\": \[/,/\]/s/.*\"\(h[0-9]*\)\".*/\1/p" | sort | xargs; } # used TENANT KIND NAME ROLE
are() { [[ "$(used ${*:2})" =~ ^($1)$ ]]; }
bouncers() { used $1 network a bouncers; }
gone() { ! mizar get "$@" >/dev/null 2>&1; }

streams detour/src detour/dst 10.0.1.3
network detour a 1 2
eventually are "h3 h4" detour network a bouncers
moving h3 h4 -- sleep 0.3
network detour a 1 1
eventually are "h3|h4" detour network a bouncers
old=$(bouncers detour) new=h$((7 - ${old#h}))
only $new
mizar delete bouncer detour-a-$old >/dev/null || fail "delete bouncer"
eventually gone bouncer detour-a-$old
standing $old -- moving $new -- sleep 0.2
streams_end "bouncers come and go"

# changes KIND NAME ROLE COMMAND, of two tenants at once: one more, one less, and the last one gives its place to another. COMMAND N: asks for so many.
both() { are "$1" walled $2 $3 $4 && are "$1" open $2 $3 $4; }
changes() {
	local tenant last
	$4 2
	eventually both "h3 h4" $1 $2 $3
	$4 1
	eventually both "h3|h4" $1 $2 $3
	for tenant in walled open; do
		last+=" $tenant-$2-$(used $tenant $1 $2 $3)"
	done
	mizar delete ${3%s} $last >/dev/null || fail "delete $last"
	for tenant in $last; do eventually gone ${3%s} $tenant; done
	eventually both "h3|h4" $1 $2 $3
}
divided() { vpc walled "dividers: $1, divide: true, directPath: false"; vpc open "dividers: $1, divide: true"; }
bounced() { for tenant in walled open; do network $tenant $network ${network#n} $1; done; }
only h3 h4
divided 1
for network in n1 n2; do bounced 1; done
declare -A flows
for tenant in walled open; do
	for e in far:n1:1.2:h1 near:n1:1.3:h3 dst:n2:2.2:h2 also:n2:2.3:h2; do
		IFS=: read -r name network address host <<<$e
		mizar -n $tenant create endpoint $name --network $network --addresses 10.0.$address >/dev/null || fail "create $name"
		endpoint $tenant/$name $host
	done
	for flow in far:dst:2 near:also:3; do
		IFS=: read -r src dst address <<<$flow
		mkdir $state/$tenant-$src
		state=$state/$tenant-$src numbered $tenant/$src $tenant/$dst 10.0.2.$address
		flows[$tenant-$src]=$udp
	done
done
changes vpc v dividers divided
for network in n1 n2; do changes network $network bouncers bounced; done
for name in ${!flows[*]}; do
	udp=${flows[$name]} state=$state/$name all_arrives "$name: dividers and bouncers come and go"
done

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
goes_on_by() { are $1 detour network a bouncers && again detour; }
eventually goes_on_by $new
kill $udp
wait $udp
echo "a dead bouncer: $(heard lost) of $(heard sent) lost, longest gap $(heard longest_gap_ms) ms"
