#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Five roles: source, destination, bouncer of the source's network, bouncer of the destination's network,
# divider. Every way to put five roles on hosts (52 partitions of a set of five) must carry a packet there and
# back, over both families; and then go without the bouncers, and without the divider where it need not be passed. A partition is written as five host numbers: 11213 = source, destination and the
# destination's bouncer on h1, ...
#
# One VPC per partition. While its objects are made, all hosts but the wanted one are unschedulable, so that the
# controller places each role where the partition says.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/streams.sh"

partitions() { # all restricted growth strings of length 5
	python3 - <<'P'
def grow(s, m):
    if len(s) == 5:
        print("".join(map(str, s)))
        return
    for i in range(1, m + 2):
        grow(s + [i], max(m, i))
grow([1], 1)
P
}

both() { for address in 10.0.2.2 fd00:2::2; do reaches $tenant/src $address; done; }
straight() { passing $off_way -- both; [[ "${passed[*]}" =~ ^[0\ ]*$ ]]; }

lab --hosts 5
n=0
those=1~1 # where the stages are the same, every fourth; others by XDP than over IPv6
[ "${MIZAR_TRANSIT:-tc}" = tc ] || those=3~4
[ "${MIZAR_UNDERLAY:-ipv4}" = ipv4 ] || those=1~4
for partition in $(partitions | sed -n "${those}p"); do
	read -r src dst near far divider <<<"$(sed 's/./h& /g' <<<$partition)"
	tenant=p$partition
	only $divider
	divide=$([ $((n % 2)) = 0 ] && echo true || echo false)
	vpc $tenant "dividers: 1, divide: $divide"
	only $near; network $tenant a 1
	only $far; network $tenant b 2
	mizar -n $tenant create endpoint src --network a --addresses 10.0.1.2,fd00:1::2 >/dev/null || fail "create src"
	mizar -n $tenant create endpoint dst --network b --addresses 10.0.2.2,fd00:2::2 >/dev/null || fail "create dst"
	endpoint $tenant/src $src
	endpoint $tenant/dst $dst
	both
	off_way=$(echo h1 h2 h3 h4 h5 | sed "s/$src\|$dst//g")
	[ $divide = false ] || off_way=${off_way/$divider/}
	straight || fail "$partition: passed $off_way: ${passed[*]}"
	for end in src dst; do
		mizar -n $tenant detach $end --host ${!end} >/dev/null || fail "detach $end"
		ip netns del "$MIZAR_LAB-$tenant-$end"
	done
	namespaces=()
	n=$((n + 1))
done
[ $n = $((52 / ${those#*~})) ] || fail "$n partitions, not $((52 / ${those#*~}))"
echo "$n co-locations"
