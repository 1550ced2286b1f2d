#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: acme/web-1 == VXLAN of their own == h2: acme/web-2
#
# Endpoints run tunnels themselves (Kubernetes in virtual machines does), over NICs that cut into
# segments before the wire, as all but these veth devices do: TCP through them is whole.
. "$(dirname "$0")/common.sh"

lab --hosts 3
mizar apply -f "$(dirname "$0")/../../examples/two-tenants.yaml" >/dev/null || fail "apply"
endpoint acme/web-1 h1
endpoint acme/web-2 h2
for host in h1 h2 h3; do
	ip netns exec $MIZAR_LAB-$host ethtool -K under0 tx off tso off gso off \
		tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off >/dev/null || fail "ethtool"
done

# tunnel FROM TO CHECKSUM: one end of it.
tunnel() {
	within acme/web-$1 ip link add vxlan7 type vxlan id 7 dstport 4789 \
		local 10.0.1.1$1 remote 10.0.1.1$2 $3 || fail "vxlan"
	within acme/web-$1 ip addr add 192.168.7.$1/24 dev vxlan7
	within acme/web-$1 ip link set vxlan7 mtu 1340 up
}
for checksum in noudpcsum udpcsum; do
	tunnel 1 2 $checksum
	tunnel 2 1 $checksum
	transfer acme/web-1 acme/web-2 192.168.7.2
	for n in 1 2; do within acme/web-$n ip link del vxlan7; done
done
