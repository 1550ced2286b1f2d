#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A host whose tables are full says so, everywhere where an operator would look; what fits goes on, and what did not fit comes
# by itself when there is room.
. "$(dirname "$0")/common.sh"

lab --hosts 2
mizar lab kill h2 # h1 bounces and divides for all
mizard_instead h1 --table-limit 6
eventually says h1 ": connected"
manifest <<-M
	apiVersion: mizar.com/v1
	kind: VPC
	metadata: {name: v}
	spec: {dividers: 1}
	---
	apiVersion: mizar.com/v1
	kind: Network
	metadata: {name: n}
	spec: {vpc: v, cidrs: [10.0.1.0/24], bouncers: 1}
M
mizar wait droplet h1 --for Failed --timeout 30 >/dev/null & # told as it happens
for i in 1 2 3 4 5 6; do mizar create endpoint e$i --network n --droplet h1 --wait >/dev/null || fail "create e$i"; done
mizar create endpoint e7 --network n --droplet h1 >/dev/null || fail "create e7"
phase() { mizar wait "$1" "$2" --for "$3" --timeout 20 >/dev/null || fail "$1 $2 is not $3: $(mizar describe "$1" "$2")"; }
said_of() { mizar describe "$1" "$2" | grep -qF "$3" || fail "$1 $2 does not say it: $(mizar describe "$1" "$2")"; }
full="the table is full; this host holds too many rows of it"

phase endpoint e7 Failed
wait $! || fail "droplet h1 is not Failed: $(mizar describe droplet h1)"
bouncer=$(mizar get bouncers -o name)
phase bouncer "${bouncer#*/}" Failed
said_of endpoint e7 "host h1 refused a row of table endpoint"
said_of endpoint e7 "$full"
said_of droplet h1 "$full"
said_of bouncer "${bouncer#*/}" "host h1 refused a row of table location"
says h1 "$full" || fail "mizard's log does not say it"
ip netns add $MIZAR_LAB-box && namespaces+=($MIZAR_LAB-box)
refused 1 "$full" mizar attach e7 --host h1 --netns $MIZAR_LAB-box
[ "$(ip -n $MIZAR_LAB-box -br link | wc -l)" = 1 ] || fail "a device is left"
[ "$(rows h1 endpoint),$(rows h1 location)" = 6,6 ] || fail "rows: $(rows h1 endpoint),$(rows h1 location)"
endpoint default/e6 h1 # one that fits

mizar delete endpoint e1 >/dev/null || fail "delete"
phase endpoint e7 Provisioned
phase droplet h1 Provisioned
phase bouncer "${bouncer#*/}" Provisioned
endpoint default/e7 h1
reaches default/e7 "$(mizar get endpoint e6 -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["spec"]["addresses"][0])')"

# Of any table, also that of scopes: this host has two of its own, and three more with an endpoint.
mizard_instead h2 --table-limit 2
phase droplet h2 Provisioned
mizar create endpoint far --network n --droplet h2 >/dev/null || fail "create"
phase droplet h2 Failed
said_of droplet h2 "refused a row of table scope"
said_of droplet h2 "$full"
mizar delete endpoint far >/dev/null || fail "delete"
phase droplet h2 Provisioned
