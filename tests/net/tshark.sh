#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: t/src (a)      h2: t/dst (b), t/mate (a)      h3: bounces and divides
#
# All that travels between hosts is captured at the ports of h1 and h3, in and out, and dissected by tshark: each field of the outer headers
# and of the options as docs/wire-format.md says, every checksum right, nothing malformed. On the usual port, and on another.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/peer.sh"

lab --hosts 3
for n in 1 2; do printf -- '---\n{apiVersion: mizar.com/v1, kind: Droplet, metadata: {name: h%d}, spec: {address: "%s", unschedulable: true}}\n' $n "$(under 0.$n)"; done | manifest
manifest <<M
{apiVersion: mizar.com/v1, kind: VPC, metadata: {name: v, namespace: t}, spec: {vni: 16777215, dividers: 1, divide: true}}
---
{apiVersion: mizar.com/v1, kind: Network, metadata: {name: a, namespace: t}, spec: {vpc: v, cidrs: [10.0.1.0/24, "fd00:1::/64"], bouncers: 1}}
---
{apiVersion: mizar.com/v1, kind: Network, metadata: {name: b, namespace: t}, spec: {vpc: v, cidrs: [10.0.2.0/24, "fd00:2::/64"], bouncers: 1}}
---
{apiVersion: mizar.com/v1, kind: Endpoint, metadata: {name: src, namespace: t}, spec: {network: a, addresses: [10.0.1.2, "fd00:1::2"]}}
---
{apiVersion: mizar.com/v1, kind: Endpoint, metadata: {name: mate, namespace: t}, spec: {network: a, addresses: [10.0.1.3, "fd00:1::3"]}}
---
{apiVersion: mizar.com/v1, kind: Endpoint, metadata: {name: dst, namespace: t}, spec: {network: b, addresses: [10.0.2.2, "fd00:2::2"]}}
M
endpoint t/src h1
for name in mate dst; do endpoint t/$name h2; done
for ep in src mate dst; do within t/$ep sysctl -qw net.ipv4.tcp_ecn=1; done
for n in 1 2 3; do complete $MIZAR_LAB-h$n under0; done
file=/run/mizar-lab/$MIZAR_LAB/capture

# dissected PORT COMMAND...: what the command causes is whole. $seen is what kinds there were.
dissected() {
	(exec ip netns exec $MIZAR_LAB-net dumpcap -q -B 16 -f "udp port $1" -i h1 -i h3 -w $file) 2>$file.log &
	local capture=$!
	processes+=($capture)
	eventually grep -q '^File:' $file.log
	"${@:2}"
	sleep 0.2 # the last packets are in the kernel's buffer
	kill -INT $capture && wait $capture
	seen=$("$(dirname "$0")/dissect.py" $file $1 16777215 2>&1) || fail "$seen"
	echo "port $1: $seen"
}
everything() {
	for pair in dst/10.0.2.2 mate/10.0.1.3 dst/fd00:2::2 mate/fd00:1::3; do
		within t/src ping -n -q -c 2 -i 0.02 -W 1 -Q 0xb8 "${pair#*/}" >/dev/null || fail "ping $pair"
		transfer t/src t/${pair%/*} "${pair#*/}" 300000
		datagram t/src t/${pair%/*} "${pair#*/}" 1300
	done
}
dissected 6081 everything
for kind in ip/{icmp,tcp,udp} ipv6/{icmpv6,tcp,udp} "ttl 63" "ttl 64" RTS HERE "tos 0xb8" "tos 0x2" "largest: 1460"; do
	[[ $seen == *"$kind"* ]] || fail "the capture has no $kind"
done

[ "${MIZAR_UNDERLAY:-ipv4} $MIZAR_TRANSIT" = "ipv4 tc" ] || exit 0 # the port is the same matter for all
for n in 1 2 3; do
	mizard_instead h$n --port 6082
	eventually says h$n ": connected"
done
dissected 6082 reaches t/src 10.0.2.2
[[ $seen == *"ip/icmp"* ]] || fail "nothing on the other port: $seen"
