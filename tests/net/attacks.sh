#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: near 10.0.1.2     h2: bounces for 10.0.1.0/24, divides     h3: dst 10.0.1.3, bounces for 10.0.2.0/24     peer: hostile, has far 10.0.2.9
#	     |                                |                                        |                               |
#	  ---+--------------------------------+----------------------------------------+-------------------------------+---  underlay
#
# A droplet that lies, and a stranger, try to draw to themselves what near and dst say to each other: by introductions, answers, notices and
# packets given back that are forged, replayed or old, and by floods. Nothing of it is learned, each is counted by its name, and near and dst
# notice nothing (docs/security.md).
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/streams.sh"
. "$(dirname "$0")/peer.sh"

peer 3 h3
mizar create endpoint dst --network a --addresses 10.0.1.3,fd00:1::3 >/dev/null || fail "create dst"
mizar create endpoint mate --network b --addresses 10.0.2.3,fd00:2::3 >/dev/null || fail "create mate"
for name in dst mate; do endpoint default/$name h3; done
ip -n $MIZAR_LAB-peer address add $peer_address/24 dev under0
mac() { ip netns exec "$1" cat "/sys/class/net/$2/address"; }
for host in 1 2 3; do ip netns exec $MIZAR_LAB-peer ping -n -q -c 1 -W 1 172.31.0.$host >/dev/null || fail "no h$host"; done

streams default/near default/dst 10.0.1.3
ip netns exec $MIZAR_LAB-peer "$here/attacks.py" $MIZAR_LAB "$(mac $MIZAR_LAB-default-near eth0)" \
	"$(mac $MIZAR_LAB-h1 under0)" "$(mac $MIZAR_LAB-h2 under0)" "$(mac $MIZAR_LAB-h3 under0)" || fail "an attack is not as told"
streams_end "under attack"
