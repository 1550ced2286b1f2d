#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: far (n1), near (n2)      h2: dst (n2)      h3: bounces, divides      h4: there (n2)
#	         |                        |                    |                      |
#	  -------+------------------------+--------------------+----------------------+---  underlay
#
# A VPC that divides, and streams to an endpoint from another network and from its own. It migrates, to an empty host, to the divider's, to that of
# the senders, and back: no packet is lost. Streams from it would be: the kernel loses what is sent by the device of the old host as it goes.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/streams.sh"

lab --hosts 4
only h3
vpc t "dividers: 1, divide: true"
for n in 1 2; do network t n$n $n; done
for e in far:1:2:h1 near:2:2:h1 dst:2:3:h2 there:2:4:h4; do
	IFS=: read -r name n address host <<<$e
	mizar -n t create endpoint $name --network n$n --addresses 10.0.$n.$address >/dev/null || fail "create $name"
	endpoint t/$name $host
done
n=0
declare -A flows=()
for src in far near there; do
	mkdir $state/$src
	state=$state/$src numbered t/$src t/dst 10.0.2.3 --port 521$((n++))
	flows[$src]=$udp
done
sleep 0.3
for host in h4 h3 h1 h2; do
	mizar -n t endpoint migrate dst --to $host >/dev/null || fail "migrate to $host"
	mizar -n t attach dst --host $host --netns $MIZAR_LAB-t-dst --ifname to$((++n)) >/dev/null || fail "attach on $host"
	eventually is_on t/dst $host
	sleep 0.2
done
for src in ${!flows[*]}; do
	udp=${flows[$src]} state=$state/$src all_arrives "$src to dst, migrated"
done
[ "$(count h1 stats give_back)" -gt 0 ] || [ "$(count h4 stats give_back)" -gt 0 ] || fail "no old host gave anything back"
