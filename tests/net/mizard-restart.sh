#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: acme/web-1        h2: acme/web-2        (h3)
#
# mizard is killed on every host while a ping runs at 100 a second: none is lost. It starts again, keeps its rows, and only
# what changed meanwhile travels.
. "$(dirname "$0")/common.sh"

lab --hosts 3
mizar apply -f "$(dirname "$0")/../../examples/two-tenants.yaml" >/dev/null || fail "apply"
endpoint acme/web-1 h1
endpoint acme/web-2 h2
reaches acme/web-1 10.0.1.12

within acme/web-1 ping -n -q -i 0.01 -c 400 -W 1 10.0.1.12 >/run/mizar-lab/$MIZAR_LAB/ping &
pinging=$!
for host in h1 h2 h3; do mizar lab kill $host || fail "kill $host"; done
reaches acme/web-1 fd00:10:1::12
rows=$(rows h1 droplet)
mizar -n acme delete endpoint web-3 >/dev/null || fail "delete"
mizar lab up --name $MIZAR_LAB --hosts 3 >&2 || fail "lab up again"
wait $pinging || fail "ping"
grep -q ' 0% packet loss' /run/mizar-lab/$MIZAR_LAB/ping || fail "lost: $(cat /run/mizar-lab/$MIZAR_LAB/ping)"

# A machine on which mizard takes 10 s to start: its roles were given to others by then, and it is told of that.
moved_away() { says ctl "placed elsewhere"; }
[ "$(rows h1 droplet)" = "$rows" ] || fail "droplet rows changed: $(rows h1 droplet), not $rows"
for host in h1 h2 h3; do
	received=$(mizar host status --host $host -o json | python3 -c 'import json, sys; print(int(json.load(sys.stdin).get("rowsReceived", 0)))')
	[ "$received" -le 4 ] || moved_away || fail "$host was sent $received rows after its restart"
done
reaches acme/web-1 10.0.1.12
transfer acme/web-1 acme/web-2 fd00:10:1::12
