#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: scanner, src      h2: dst, and 20 others      h3: bounces, and divides      h4: bounces for b
#
# An endpoint sends to 10 000 addresses as fast as it can, of its own network (t), or of another one of a VPC that divides (w): most of it
# is stopped on its own host, no row is made for what does not exist, and the two that talk meanwhile lose nothing. Then it keeps sending to
# nobody: that does not leave its host, but for a question a second.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/streams.sh"

lab --hosts 4
address() { mizar -n $tenant get endpoint $1 -o json | awk -F'"' '/"10\.[12]\./ { print $2; exit }'; }
# send FIRST N [SECONDS]: to N addresses of the network, again and again for so long.
send() {
	within $tenant/scanner /usr/bin/python3 -c '
import socket, sys, time
s, end, first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), time.monotonic() + float(sys.argv[4]), int(sys.argv[2])
while True:
	for n in range(first, first + int(sys.argv[3])):
		try: s.sendto(b"?", ("10.%s.%d.%d" % (sys.argv[1], n >> 8, n & 255), 9))
		except OSError: pass # what an ICMP error said of an earlier one
	if time.monotonic() > end: break
	time.sleep(0.01)' $net "$1" "$2" "${3:-0}"
}

for tenant in t w; do
	[ $tenant = t ] && net=1 far=a divide=false || net=2 far=b divide=true
	only h3
	vpc $tenant "dividers: 1, divide: $divide"
	for name in a:1 b:2; do
		manifest <<-M
		{apiVersion: mizar.com/v1, kind: Network, metadata: {name: ${name%:*}, namespace: $tenant},
		 spec: {vpc: v, cidrs: [10.${name#*:}.0.0/16], bouncers: 1}}
		M
		mizar -n $tenant wait network ${name%:*} --for Provisioned --timeout 5 >/dev/null || fail "network"
		only h4
	done
	manifest <<-M
	$(for e in src:a:h1 scanner:a:h1 dst:$far:h2 $(seq -f other%g:$far:h2 20); do
		IFS=: read -r name network host <<<$e
		echo "---"
		echo "{apiVersion: mizar.com/v1, kind: Endpoint, metadata: {name: $name, namespace: $tenant}, spec: {network: $network, droplet: $host}}"
	done)
	M
	for e in src:h1 scanner:h1 dst:h2; do endpoint $tenant/${e%:*} ${e#*:}; done
	# One neighbour for all: the kernel has room for 1024.
	within $tenant/scanner ip route replace 10.1.0.0/16 via 10.1.0.1 dev eth0 onlink || fail "route"

	streams $tenant/src $tenant/dst $(address dst)
	sleep 0.3
	limited=$(count h1 drops new_limit) begin=$(date +%s%N)
	passing h3 h4 -- send 0 10000
	took=$((($(date +%s%N) - begin) / 1000000))
	limited=$(($(count h1 drops new_limit) - limited)) learned=$(rows h1 learned)
	echo "10000 addresses in $took ms: $limited stopped on h1, ${passed[*]} packets at the bouncers, $learned rows"
	# 1000 at once, 1000 a second; the bouncer and those that it sent them to have a word each, a divider gets it back, and has the stream.
	[ $limited -gt 0 ] && [ $((limited + 1000 + 2 * took)) -ge 9000 ] || fail "too few were stopped"
	[ ${passed[0]} -le $((2400 + 9 * took)) ] && [ ${passed[1]} -le $((1200 + 3 * took)) ] || fail "too many packets at the bouncers"
	[ $learned -le 60 ] || fail "$learned rows"
	[ "$(count h1 stats learn_full)" = 0 ] || fail "the table was full"
	streams_end "while another one scans"
	sleep 1
	passing h3 h4 -- send 20000 200 0.5
	echo "200 addresses for half a second: ${passed[*]} packets at the bouncers"
	[ $((passed[0] + passed[1])) -le 1500 ] || fail "too many packets at the bouncers"
done
