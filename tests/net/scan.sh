#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: scanner, src      h2: dst, and 20 others      h3: bounces and divides
#
# An endpoint sends to 10 000 addresses as fast as it can: most of it is stopped on its own host, no row is made for what does not exist, and
# the two that talk meanwhile lose nothing.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/streams.sh"

lab --hosts 3
only h3
vpc t "dividers: 1"
manifest <<M
{apiVersion: mizar.com/v1, kind: Network, metadata: {name: a, namespace: t}, spec: {vpc: v, cidrs: [10.1.0.0/16], bouncers: 1}}
$(for e in src:h1 scanner:h1 dst:h2 $(seq -f other%g:h2 20); do
	printf -- '---\n{apiVersion: mizar.com/v1, kind: Endpoint, metadata: {name: %s, namespace: t}, spec: {network: a, droplet: %s}}\n' ${e/:/ }
done)
M
for e in src:h1 scanner:h1 dst:h2; do endpoint t/${e%:*} ${e#*:}; done
address() { mizar -n t get endpoint $1 -o json | awk -F'"' '/"10\.1\./ { print $2; exit }'; }
# One neighbour for all: the kernel has room for 1024.
within t/scanner ip route replace 10.1.0.0/16 via 10.1.0.1 dev eth0 onlink || fail "route"
scan() {
	within t/scanner /usr/bin/python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(10000):
	try: s.sendto(b"?", ("10.1.%d.%d" % (n >> 8, n & 255), 9))
	except OSError: pass # what an ICMP error said of an earlier one'
}

streams t/src t/dst $(address dst)
sleep 0.3
limited=$(count h1 drops new_limit) begin=$(date +%s%N)
passing h3 -- scan
took=$((($(date +%s%N) - begin) / 1000000))
limited=$(($(count h1 drops new_limit) - limited)) learned=$(rows h1 learned)
echo "10000 addresses in $took ms: $limited stopped on h1, $passed packets at the bouncer, $learned rows"
# 1000 at once, 1000 a second; the bouncer and those that it sent them to have a word each.
[ $limited -gt 0 ] && [ $((limited + 1000 + 2 * took)) -ge 9000 ] || fail "too few were stopped"
[ $passed -le $((1200 + 3 * took)) ] || fail "too many packets at the bouncer"
[ $learned -le 60 ] || fail "$learned rows"
[ "$(count h1 stats learn_full)" = 0 ] || fail "the table was full"
standing h3 -- reaches t/src $(address dst)
streams_end "while another one scans"
