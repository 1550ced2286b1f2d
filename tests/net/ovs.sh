#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	near --- h1 ====== Geneve ====== br-phy (172.31.0.9) [ Open vSwitch ] br-int --- far
#
# Open vSwitch's userspace datapath as a peer (docs/interop.md): ping, TCP and UDP both ways over both families, between two
# networks. Packets come to the peer from bouncers and dividers; it sends IPv4 to the endpoint's host, IPv6 to a bouncer.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/peer.sh"

peer
far ep0
dir=/run/mizar-lab/$MIZAR_LAB/ovs
export OVS_RUNDIR=$dir OVS_LOGDIR=$dir OVS_DBDIR=$dir
server() { # server PROGRAM [ARGUMENT...]: in the peer's namespace, with files of its own
	(exec ip netns exec $MIZAR_LAB-peer "$@" --unixctl=$dir/$1.ctl --pidfile=$dir/$1.pid) </dev/null >$dir/$1.log 2>&1 &
	processes+=($!)
}
vsctl() { ovs-vsctl --db=unix:$dir/db --timeout=10 "$@" || fail "ovs-vsctl $*: $(cat $dir/*.log)"; }

mkdir $dir
ovsdb-tool create $dir/conf.db /usr/share/openvswitch/vswitch.ovsschema || fail "ovsdb-tool"
server ovsdb-server $dir/conf.db --remote=punix:$dir/db
eventually test -S $dir/db
vsctl --no-wait init
server ovs-vswitchd unix:$dir/db
vsctl add-br br-phy -- set bridge br-phy datapath_type=netdev -- add-port br-phy under0 \
	-- add-br br-int -- set bridge br-int datapath_type=netdev fail-mode=secure \
	-- add-port br-int ep0 -- set interface ep0 ofport_request=1 \
	-- add-port br-int geneve -- set interface geneve type=geneve ofport_request=2 options:remote_ip=flow options:key=7000
ip -n $MIZAR_LAB-peer address add $peer_address/24 dev br-phy
ip -n $MIZAR_LAB-peer link set br-phy up
ovs-ofctl add-flows unix:$dir/br-int.mgmt - <<-F || fail "ovs-ofctl"
	in_port=1,ip,actions=set_field:172.31.0.1->tun_dst,output:2
	in_port=1,ipv6,actions=set_field:172.31.0.2->tun_dst,output:2
	in_port=2,actions=set_field:$far_mac->eth_dst,output:1
F

# It loses packets to hosts whose MAC it has yet to ask for.
answers() { within default/far ping -n -q -c 1 -W 0.2 "$1" >/dev/null; }
for address in 10.0.1.2 fd00:1::2; do eventually answers $address; done
for pair in "near far 10.0.2.9" "far near 10.0.1.2" "near far fd00:2::9" "far near fd00:1::2"; do
	read -r from to address <<<"$pair"
	reaches default/$from $address
	transfer default/$from default/$to $address
	datagram default/$from default/$to $address 1300
done
