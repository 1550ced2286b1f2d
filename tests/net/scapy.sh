#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	near --- h1 ====== Geneve ====== under0 (172.31.0.9) [ scapy ]
#
# scapy as a peer: what RFC 8926 allows arrives byte for byte, directly and by a bouncer, with options of any number, order and
# length; what it does not is dropped under its name; and what leaves our tunnels, scapy reads and builds again to the same bytes.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/peer.sh"

peer
ip -n $MIZAR_LAB-peer address add $peer_address/24 dev under0
mac() { ip netns exec "$1" cat "/sys/class/net/$2/address"; }
for host in 1 2; do ip netns exec $MIZAR_LAB-peer ping -n -q -c 1 -W 1 172.31.0.$host >/dev/null || fail "no h$host"; done
ip netns exec $MIZAR_LAB-peer "$(dirname "$0")/crafted.py" $MIZAR_LAB "$(mac $MIZAR_LAB-h1 under0)" "$(mac $MIZAR_LAB-h2 under0)" \
	"$(mac $MIZAR_LAB-default-near eth0)" || fail "a packet is not as told"
