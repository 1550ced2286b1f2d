# SPDX-License-Identifier: Apache-2.0
# A host that runs another Geneve: what the tests with foreign peers share. Sourced after common.sh.
#
#	      h1: default/near 10.0.1.2     h2: bounces and divides     peer: default/far 10.0.2.9
#	          |                             |                             |
#	      ----+-----------------------------+--------------- br0 ---------+----  underlay
#
# For Mizar the peer is a droplet without a mizard, and far an endpoint that is placed there.

peer_address=172.31.0.9
far_mac=02:00:00:00:00:09
virtual_mac=02:6d:7a:00:00:01 # MZ_VIRTUAL_MAC

# peer [HOSTS [BOUNCER]]: the lab, its objects, and the peer's namespace with its device under0. BOUNCER of far's network: h2, or this one.
peer() {
	local net=$MIZAR_LAB-net ns=$MIZAR_LAB-peer
	lab --hosts ${1:-2}
	only h2
	manifest <<-M
	{apiVersion: mizar.com/v1, kind: Droplet, metadata: {name: peer}, spec: {address: $peer_address, unschedulable: true}}
	---
	{apiVersion: mizar.com/v1, kind: VPC, metadata: {name: v}, spec: {vni: 7000, dividers: 1}}
	---
	{apiVersion: mizar.com/v1, kind: Network, metadata: {name: a}, spec: {vpc: v, cidrs: [10.0.1.0/24, "fd00:1::/64"], bouncers: 1}}
	M
	mizar wait network a --for Provisioned --timeout 5 >/dev/null || fail "network a"
	only ${2:-h2}
	manifest <<-M
	{apiVersion: mizar.com/v1, kind: Network, metadata: {name: b}, spec: {vpc: v, cidrs: [10.0.2.0/24, "fd00:2::/64"], bouncers: 1}}
	---
	{apiVersion: mizar.com/v1, kind: Endpoint, metadata: {name: near}, spec: {network: a, addresses: [10.0.1.2, "fd00:1::2"]}}
	---
	{apiVersion: mizar.com/v1, kind: Endpoint, metadata: {name: far}, spec: {network: b, droplet: peer, addresses: [10.0.2.9, "fd00:2::9"]}}
	M
	endpoint default/near h1
	ip netns add $ns && namespaces+=($ns)
	ip link add peer netns $net type veth peer name under0 netns $ns || fail "no way to the peer"
	ip -n $net link set peer master br0 up
	ip -n $ns link set under0 up
	complete $net peer
}

# complete NAMESPACE DEVICE: frames leave it as on a wire, in segments and with their checksums.
complete() {
	ip netns exec "$1" ethtool -K "$2" tx off tso off gso off tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off \
		>/dev/null || fail "ethtool"
}

# far DEVICE: the peer's endpoint, behind this device of the peer. Its neighbours are static: no ARP crosses the tunnel.
far() {
	local ns=$MIZAR_LAB-default-far
	ip netns add $ns && namespaces+=($ns)
	ip link add "$1" netns $MIZAR_LAB-peer type veth peer name eth0 netns $ns || fail "no way to far"
	ip -n $MIZAR_LAB-peer link set "$1" up
	ip -n $ns link set eth0 address $far_mac mtu 1410 up
	complete $ns eth0
	ip -n $ns address add 10.0.2.9/24 dev eth0
	ip -n $ns address add fd00:2::9/64 dev eth0 nodad
	for gateway in 10.0.2.1 fd00:2::1; do
		ip -n $ns neigh add $gateway lladdr $virtual_mac dev eth0 nud permanent
		ip -n $ns route add default via $gateway
	done
}

# datagram FROM TO ADDRESS SIZE: a UDP datagram arrives byte for byte.
datagram() {
	local dir=/run/mizar-lab/$MIZAR_LAB family=-4
	[[ $3 != *:* ]] || family=-6
	head -c "$4" /dev/urandom >$dir/sent
	background "$2" nc $family -u -l -W 1 -p 5002 </dev/null >$dir/received
	local listener=$!
	eventually bound "$2" 5002
	within "$1" nc -u -q 0 "$3" 5002 <$dir/sent || fail "UDP from $1"
	eventually cmp -s $dir/sent $dir/received
	wait $listener
}
bound() { within "$1" ss -Hlun "sport = :$2" | grep -q .; }
