#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A host's own traffic passes Mizar untouched: ping and TCP between hosts, other UDP ports, the tunnel's port at an address that is
# not the tunnel address (where no device merges tunnel packets: that one has the port). Tunnel packets from an unknown host are
# dropped by name, and reach no socket.
. "$(dirname "$0")/common.sh"

lab --hosts 2 --mizard-options "--tunnel-gro off"
h2=$(under 0.2) other=$(under 0.102) stranger=$(under 0.77) len=24
[ "${MIZAR_UNDERLAY:-ipv4}" = ipv4 ] || len="64 nodad"
on() { local host=$1; shift; mizar lab exec "$host" -- "$@"; }

# udp ADDRESS PORT: whether a datagram from h1 arrives in a socket on h2.
udp() {
	on h2 timeout 2 nc -u -l -W 1 "$1" "$2" >/run/mizar-lab/$MIZAR_LAB/got 2>/dev/null &
	local listener=$!
	eventually bound "$2"
	echo hello | on h1 nc -u -w 1 -q 0 "$1" "$2"
	wait $listener
	grep -q hello /run/mizar-lab/$MIZAR_LAB/got
}
bound() { on h2 ss -Hlun "sport = :$1" | grep -q .; }

on h1 ping -n -q -c 3 -i 0.05 -W 1 $h2 >/dev/null || fail "hosts do not ping each other"
udp $h2 6082 || fail "another UDP port does not reach the host"
on h2 ip address add $other/$len dev under0
udp $other 6081 || fail "the tunnel's port at another address does not reach the host"

# To the tunnel's own address and port: consumed, never handed to a socket.
before=$(count h2 drops outer_malformed)
udp $h2 6081 && fail "a socket got what was sent to the tunnel's port"
[ "$(count h2 drops outer_malformed)" -gt "$before" ] || fail "no drop was counted"

# From an address that is no droplet.
on h1 ip address add $stranger/$len dev under0
before=$(count h2 drops unknown_host)
printf '\0\0\145\130\0\0\1\0' | on h1 nc -u -w 1 -q 0 -s $stranger $h2 6081

dropped() { [ "$(count h2 drops unknown_host)" -gt "$before" ]; }
eventually dropped
