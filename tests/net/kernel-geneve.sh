#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	near --- h1 ====== Geneve ====== under0 (172.31.0.9) --- far's eth0, type geneve, remote h2
#
# The kernel's own Geneve as a peer (docs/interop.md): ping, TCP and UDP both ways over both families, between two networks;
# first as super-packets from end to end, then as frames on a wire. Runs where the kernel has geneve: tests/net/debian-kernel.sh.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/peer.sh"

near=$MIZAR_LAB-default-near ns=$MIZAR_LAB-default-far
peer
ip -n $MIZAR_LAB-peer address add $peer_address/24 dev under0
ip -n $MIZAR_LAB-peer link add eth0 type geneve id 7000 remote 172.31.0.2 || fail "no geneve: modprobe geneve"
ip netns add $ns && namespaces+=($ns)
ip -n $MIZAR_LAB-peer link set eth0 netns $ns
# What comes out of the tunnel is for the virtual MAC: so the device has it, and the gateway another.
ip -n $ns link set eth0 address $virtual_mac mtu 1410 up
ip -n $ns address add 10.0.2.9/24 dev eth0
ip -n $ns address add fd00:2::9/64 dev eth0 nodad
for gateway in 10.0.2.1 fd00:2::1; do
	ip -n $ns neigh add $gateway lladdr 02:00:00:00:00:01 dev eth0 nud permanent
	ip -n $ns route add default via $gateway
done

exchange() {
	for pair in "near far 10.0.2.9" "far near 10.0.1.2" "near far fd00:2::9" "far near fd00:1::2"; do
		read -r from to address <<<"$pair"
		reaches default/$from $address
		transfer default/$from default/$to $address 3000000
		datagram default/$from default/$to $address 1300
	done
}
passed() { echo $(($(count h1 stats transit) + $(count h1 stats agent))); }

ip netns exec $MIZAR_LAB-net ethtool -K peer tx on tso on gso on tx-udp_tnl-segmentation on tx-udp_tnl-csum-segmentation on >/dev/null
before=$(passed)
exchange
whole=$(($(passed) - before))
complete $MIZAR_LAB-net peer
complete $MIZAR_LAB-peer under0
exchange
wire=$(($(passed) - before - whole))
echo "4 x 3 MB: $whole packets whole, $wire as on a wire"
[ $whole -lt $wire ] || fail "super-packets were cut"
